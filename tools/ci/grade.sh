#!/usr/bin/env bash
# Grade in a pipeline: ASSIGNMENT, and either NOTEBOOK with STUDENT or SUBMITTED, into RESULTS.
# Ends as 'deltarule grade' does; with 3 where no result was written, whatever broke.
set -uo pipefail
results=${RESULTS:-results}
mkdir -p "$results"
rm -f "$results/result.json"
options=(--json "$results/result.json" --junit "$results/junit.xml" --summary "$results/summary.md")
if [ -n "${NOTEBOOK:-}" ]; then
  options+=(--notebook "$NOTEBOOK" --student "${STUDENT:-student}")
else
  options+=(--submitted "${SUBMITTED:-submitted}" --summary "$results/summaries/{student}.md")
fi

deltarule grade "$ASSIGNMENT" "${options[@]}"
code=$?
if [ ! -f "$results/result.json" ]; then
  [ "$code" -gt 1 ] || code=3 # Python itself ends with 1, too
  exit "$code"
fi
cat "$results/summary.md" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
exit "$code"
