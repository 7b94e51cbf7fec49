"""A GitHub step summary, which is Markdown: points in a table, messages and hints below it.

The same text is posted as a comment and read in a GitLab job. Part of it was written by a student's
code (an exception's text, a file's name), so every text that is put in is made literal: whatever
Markdown, HTML or GitHub would act on becomes a character reference, which none of them takes for
markup (CommonMark, section 2.5). ``@`` and ``#`` are parted from what follows, since GitHub looks
for mentions in the finished page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from deltarule.grading.messages import plain_message
from deltarule.grading.results import Result, TestResult

__all__ = ["LONGEST_SUMMARY", "class_summary", "counted", "literal", "summary"]

LONGEST_SUMMARY = 50_000
"""Characters after which messages are left out: a comment on GitHub holds 65,536."""

LONGEST_MESSAGE = 600
"""Characters of one message; the whole one stands in the result."""

OUTCOMES = {
    "passed": "✅ passed",
    "partial": "🟨 partial",
    "failed": "❌ failed",
    "error": "💥 error",
    "skipped": "⬜ skipped",
}

_TELLING = re.compile(
    r"(?i)(?<=www)\."  # begins a link
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis, unless it stands inside of a word
    r"|[^\w\s.,;()'\"/=+?%\x80-\U0010ffff-]"
)
_APART = "\u200b"
"""A space of no width."""


def literal(text: str) -> str:
    """A text as one line of Markdown that shows exactly this text, whatever it says."""
    one_line = " ".join(plain_message(text).split())
    return _TELLING.sub(_reference, one_line)


def _reference(found: re.Match[str]) -> str:
    return f"&#{ord(found.group())};" + (_APART if found.group() in "@#" else "")


def summary(result: Result) -> str:
    """One submission."""
    earned = f"{result.score:g} of {result.max_score:g} points"
    lines = [f"## {literal(result.assignment)}: {earned}", "", *_table(result)]
    room = LONGEST_SUMMARY - sum(map(len, lines))
    alike = _alike(result)
    for number, tests in enumerate(alike):
        written = _explained(result, tests)
        room -= sum(map(len, written))
        if room < 0:
            lines += ["", f"{len(alike) - number} more messages stand in the result itself."]
            break
        lines += written
    lines += _by_hand(result)
    for note in result.notes[:20]:
        lines += ["", f"Note: {literal(note[:LONGEST_MESSAGE])}"]
    return "\n".join(lines) + "\n"


def class_summary(assignment: str, results: Sequence[Result]) -> str:
    """A class: a row for each student, and which tests did not pass."""
    passed = sum(result.everything_passed for result in results)
    lines = [
        f"## {literal(assignment)}: {counted(len(results))}",
        "",
        f"{passed} passed every automatic test.",
        "",
        "| student | points | not passed |",
        "|:--|--:|:--|",
    ]
    room = LONGEST_SUMMARY
    for number, result in enumerate(results):
        wrong = [result.title(test) for test in result.automatic if test.status != "passed"]
        points = f"{result.score:g} / {result.max_score:g}"
        row = f"| {literal(result.student)} | {points} | {', '.join(map(literal, wrong))} |"
        room -= len(row)
        if room < 0:
            lines += ["", f"{len(results) - number} more students stand in the results themselves."]
            break
        lines.append(row)
    return "\n".join(lines) + "\n"


def counted(number: int) -> str:
    """How many submissions, in words that fit the number."""
    return f"{number} submission" + ("s" if number != 1 else "")


def _table(result: Result) -> Iterator[str]:
    yield from ("| test | points | outcome |", "|:--|--:|:--|")
    for test in result.automatic:
        points = f"{test.score or 0:g} / {test.points:g}"
        yield f"| {literal(result.title(test))} | {points} | {OUTCOMES[test.status]} |"


def _alike(result: Result) -> list[list[TestResult]]:
    """The tests that did not pass; those that have the same to say are told together."""
    found: dict[str, list[TestResult]] = {}
    for test in result.automatic:
        if test.status != "passed":
            found.setdefault(test.advice, []).append(test)
    return list(found.values())


def _explained(result: Result, tests: Sequence[TestResult]) -> list[str]:
    """What tests have to say: their message, and what a diagnosis adds."""
    first = tests[0]
    names = ", ".join(f"**{literal(result.title(test))}**" for test in tests)
    lines = ["", f"{names}: {literal(first.message[:LONGEST_MESSAGE]) or 'did not pass'}"]
    if first.diagnosis is not None:
        explained = literal(first.diagnosis.get("explanation", ""))
        hint = f"*{literal(first.diagnosis['hint'])}*"
        lines += ["", f"> {explained} {hint}".replace(">  ", "> ")]
    return lines


def _by_hand(result: Result) -> list[str]:
    waiting = [literal(result.title(test)) for test in result.manual if test.score is None]
    return ["", f"Graded by hand: {', '.join(waiting)}."] if waiting else []
