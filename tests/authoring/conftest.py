"""What the specifications of the authoring share: a small source, and what becomes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deltarule.authoring import Notebook, master, parse, solution, student
from deltarule.errors import AuthoringError, Problem


@dataclass(frozen=True)
class Compiled:
    """One source, parsed, with the three notebooks that are made from it."""

    notebook: Notebook
    warnings: tuple[Problem, ...]

    @property
    def master(self) -> Any:
        return master(self.notebook)

    @property
    def student(self) -> Any:
        return student(self.notebook)

    @property
    def solution(self) -> Any:
        return solution(self.notebook)

    def texts(self, version: str) -> list[str]:
        return [cell.source for cell in getattr(self, version).cells]

    @property
    def roles(self) -> list[str]:
        return [f"{cell.kind} {cell.role}" for cell in self.notebook.cells]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Where the source of a test is written."""
    return tmp_path / "lab.md"


@pytest.fixture
def compiled(source: Path) -> Callable[..., Compiled]:
    """Compile a text as a course source, or leniently with ``strict=False``."""

    def compile_text(text: str, *, strict: bool = True) -> Compiled:
        source.write_text(text, encoding="utf-8")
        notebook, report = parse(source, strict=strict)
        return Compiled(notebook, tuple(report.warnings))

    return compile_text


@pytest.fixture
def problems_of(compiled: Callable[..., Compiled]) -> Callable[..., tuple[Problem, ...]]:
    """The mistakes that compiling a text reports; a text without any fails the test."""

    def collect(text: str, *, strict: bool = True) -> tuple[Problem, ...]:
        with pytest.raises(AuthoringError) as raised:
            compiled(text, strict=strict)
        return raised.value.problems

    return collect
