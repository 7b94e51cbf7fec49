"""Mutants: the reference solution with one small mistake in a homework region.

::

    source cell ──ast──► tree ──one node replaced──► text with the change where the node stood
                                      │
                                      └── same tree as another? then it is the same mutant

The text is changed only where the node stands, so that a diff shows the mistake and nothing else.
A mutant's id, ``NeuralNetwork.backward:drop-statement:3f2a91``, is made of what is changed, not of
where: it survives edits elsewhere, and can stand in a header under ``survivors:``.
"""

from __future__ import annotations

import ast
import copy
import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from deltarule.authoring import Cell, Notebook
from deltarule.authoring.cells import Homework
from deltarule.authoring.syntax import compiles, transformed
from deltarule.proving.operators import OPERATORS, Surroundings
from deltarule.proving.statements import statement_changes
from deltarule.proving.surroundings import Attributes, attributes_of, names_of, objects_of

__all__ = ["Mutant", "mutants_of"]


@dataclass(frozen=True)
class Mutant:
    """One wrong solution.

    Attributes:
        id: stable; see the module.
        task: what the region's stub calls the task.
        operator: the name of the operator, or ``bank``.
        cell: the id of the cell that is changed.
        line: the line of the source file with the change.
        original: the text of the solution cell.
        text: the text of the mutant's cell.
        misconception: of the bank, or "".
    """

    id: str
    task: str
    operator: str
    cell: str
    line: int
    original: str
    text: str
    misconception: str = ""

    @property
    def diff(self) -> str:
        """The change, as a unified diff without context."""
        lines = difflib.unified_diff(
            self.original.split("\n"), self.text.split("\n"), n=0, lineterm=""
        )
        return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def mutants_of(notebook: Notebook) -> list[Mutant]:
    """Every mutant of every homework region in code, each once."""
    attributes = attributes_of(
        cell.solution for cell in notebook.cells if cell.kind == "code" and compiles(cell.solution)
    )
    found: list[Mutant] = []
    for cell in notebook.cells:
        if cell.kind == "code" and cell.homework:
            found += _of_cell(cell, attributes)
    taken: dict[str, int] = {}
    unique = []
    for mutant in found:
        again = taken[mutant.id] = taken.get(mutant.id, 0) + 1
        unique.append(mutant if again == 1 else replace(mutant, id=f"{mutant.id}-{again}"))
    return unique


def _of_cell(cell: Cell, attributes: Attributes) -> Iterator[Mutant]:
    lines = [line.text for line in cell.solution_lines]
    original = "\n".join(lines)
    python = transformed(original)
    if not compiles(original) or python.rstrip("\n") != original.rstrip("\n"):
        return  # magics: their columns are not the author's
    source = _Source(original)
    seen = {source.dump()}
    numbers = [line.number for line in cell.solution_lines]
    for region, first, last in _rows(cell):
        for change in source.changes(first, last, attributes):
            if change.tree in seen:
                continue
            seen.add(change.tree)
            yield Mutant(
                f"{region.task}:{change.operator}:{change.digest}",
                region.task,
                change.operator,
                cell.name,
                numbers[change.row - 1],
                original,
                change.text,
            )


def _rows(cell: Cell) -> Iterator[tuple[Homework, int, int]]:
    """Every homework region with its first and last row in the solution's text, from 1."""
    row = 1
    for part in cell.parts:
        if isinstance(part, Homework):
            yield part, row, row + len(part.lines) - 1
        row += len(part.lines)


@dataclass(frozen=True)
class _Change:
    """A changed text, with its tree, and the row and name of the change."""

    operator: str
    row: int
    text: str
    tree: str
    digest: str


class _Source:
    """The text of a cell and its tree, in which one node at a time can be exchanged."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.tree = ast.parse(text)
        self.places: dict[ast.AST, tuple[ast.AST, str, int | None]] = {}
        for parent in ast.walk(self.tree):
            for name, value in ast.iter_fields(parent):
                if isinstance(value, ast.AST):
                    self.places[value] = (parent, name, None)
                elif isinstance(value, list):
                    for at, item in enumerate(value):
                        if isinstance(item, ast.AST):
                            self.places[item] = (parent, name, at)

    def dump(self) -> str:
        """The tree, without positions."""
        return ast.dump(self.tree)

    def changes(self, first: int, last: int, attributes: Attributes) -> Iterator[_Change]:
        """All changes of what stands wholly between two rows."""
        nodes = sorted(ast.walk(self.tree), key=lambda node: isinstance(node, ast.stmt))
        for node in nodes:  # expressions first: their changes are the smaller ones
            if not isinstance(node, ast.expr | ast.stmt):
                continue
            if node.lineno < first or (node.end_lineno or node.lineno) > last:
                continue
            function = self.function(node)
            names = names_of(function, last)
            parent, place, _ = self.places[node]
            around = Surroundings(
                names,
                objects_of(function, names),
                attributes.data,
                attributes.methods,
                place == "value" and isinstance(parent, ast.Assign | ast.Return | ast.AnnAssign),
            )
            if isinstance(node, ast.expr) and self._stands_alone(node):
                for name, operator in OPERATORS.items():
                    if name == "other-name" and isinstance(parent, ast.Attribute):
                        continue  # the attribute as a whole has its turn
                    for new in operator(node, around):
                        yield from self._exchange(name, node, new)
            elif isinstance(node, ast.stmt):
                for change in statement_changes(node, getattr(parent, place), around, last):
                    yield from self._rewrite(*change)

    def function(self, node: ast.AST) -> ast.AST:
        """The function that a node stands in, else the whole cell."""
        while node in self.places and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node = self.places[node][0]
        return node

    def statement(self, node: ast.AST) -> ast.AST:
        """The statement that a node is a part of."""
        while not isinstance(node, ast.stmt):
            node = self.places[node][0]
        return node

    def _stands_alone(self, node: ast.AST) -> bool:
        """Whether the node's text can be exchanged: not inside an f-string, no annotation."""
        while node in self.places and not isinstance(node, ast.stmt):
            parent, name, _ = self.places[node]
            if isinstance(node, ast.JoinedStr | ast.FormattedValue) or "annotation" in name:
                return False
            node = parent
        return True

    def _exchange(self, operator: str, node: ast.expr, new: ast.AST) -> Iterator[_Change]:
        """Put ``new`` in the place of ``node``, in parentheses where Python needs them."""
        statement = self.statement(node)
        before = ast.dump(statement)
        with_new = self._tree_with(node, new)
        code = ast.unparse(ast.fix_missing_locations(copy.deepcopy(new)))
        bare = [code[1:-1]] if isinstance(new, ast.Tuple) else []
        for text in (self._splice(node, form) for form in (*bare, code, f"({code})")):
            try:
                found = ast.dump(ast.parse(text))
            except SyntaxError:
                continue
            if found == with_new[0] and compiles(text):
                digest = self._digest(statement, before, with_new[1])
                yield _Change(operator, node.lineno, text, found, digest)
                return

    def _tree_with(self, node: ast.AST, new: ast.AST) -> tuple[str, str]:
        """Dumps of the tree and of the statement with ``new`` in the place of ``node``."""
        parent, name, at = self.places[node]
        statement = self.statement(node)
        if at is None:
            setattr(parent, name, new)
        else:
            getattr(parent, name)[at] = new
        try:
            return ast.dump(self.tree), ast.dump(statement)
        finally:
            if at is None:
                setattr(parent, name, node)
            else:
                getattr(parent, name)[at] = node

    def _splice(self, node: ast.expr, code: str) -> str:
        """The text with ``code`` where the node stands; columns count bytes."""
        end_row, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        head = self.lines[node.lineno - 1].encode()[: node.col_offset].decode()
        tail = self.lines[end_row - 1].encode()[end_column:].decode()
        rows = [*self.lines[: node.lineno - 1], head + code + tail, *self.lines[end_row:]]
        return "\n".join(rows)

    def _rewrite(
        self, operator: str, first: ast.stmt, last_row: int, rows: list[str]
    ) -> Iterator[_Change]:
        """Put ``rows`` in the place of whole rows."""
        text = "\n".join([*self.lines[: first.lineno - 1], *rows, *self.lines[last_row:]])
        if compiles(text):
            changed = "\n".join(row.strip() for row in rows)
            digest = self._digest(first, ast.dump(first), changed)
            yield _Change(operator, first.lineno, text, ast.dump(ast.parse(text)), digest)

    def _digest(self, statement: ast.AST, before: str, after: str) -> str:
        """What is changed into what, and at the how manyth such statement of its function."""
        twins = [s for s in ast.walk(self.function(statement)) if isinstance(s, ast.stmt)]
        same = [s for s in twins if ast.dump(s) == before]
        number = next((n for n, s in enumerate(same) if s is statement), 0)
        key = f"{before}\0{after}\0{number}"
        return hashlib.sha256(key.encode()).hexdigest()[:6]
