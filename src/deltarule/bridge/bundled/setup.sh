#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image of the autograder: Python, and the locked
# packages. AUTOGRADER is /autograder there.
set -euo pipefail
root=${AUTOGRADER:-/autograder}
export DEBIAN_FRONTEND=noninteractive

# The first Python that is new enough and can make virtual environments.
suitable() {
  local name
  for name in python3.13 python3.12 python3.11 python3; do
    if command -v "$name" >/dev/null &&
      "$name" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

if ! python=$(suitable); then
  apt-get update
  apt-get install -y --no-install-recommends python3-venv
  suitable >/dev/null || apt-get install -y --no-install-recommends python3.11 python3.11-venv
  python=$(suitable)
fi

"$python" -m venv "$root/venv"
bash "$root/source/install.sh" "$root/venv/bin/python" "$root/source/requirements.lock"

# A trial: it compiles the assignment and tells whether a sandbox holds here.
"$root/source/run_autograder" --try ||
  echo "the autograder cannot grade while its image is built; see the message above" >&2
