"""Which tests need the student's process, told from their source before any submission is opened.

Most tests call functions and compare values; they are judged on the trusted side. A test that
patches a module, looks at figures, files or printed text, or asks the shell would look at the
grader's own process there, and pass or fail for the wrong reason. Such a test is run in the fork.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

__all__ = ["needs_fork"]

NAMES = {
    "globals": "looks at all names of the notebook",
    "locals": "looks at all names of the notebook",
    "vars": "looks at all names of the notebook",
    "dir": "looks at all names of the notebook",
    "get_ipython": "asks the shell",
    "open": "reads or writes a file",
    "redirect_stdout": "reads what is printed",
    "redirect_stderr": "reads what is printed",
    "exec": "runs source text",
    "eval": "runs source text",
}
MODULES = {
    "os": "looks at the machine",
    "sys": "looks at the interpreter",
    "subprocess": "starts a program",
    "pathlib": "looks at files",
    "glob": "looks at files",
    "shutil": "looks at files",
    "time": "measures time",
    "timeit": "measures time",
    "inspect": "reads source text",
    "ast": "reads source text",
    "mock": "replaces parts of a module",
    "unittest": "replaces parts of a module",
    "contextlib": "may redirect what is printed",
    "gc": "looks at the interpreter",
}
FIGURES = frozenset({"gcf", "gca", "get_fignums"})


def needs_fork(source: str, imports: Iterable[str] = ()) -> str:
    """Why a test cell must be run in the student's process, or "".

    Args:
        source: the whole cell.
        imports: import statements of the instructor's notebook, which the cell may rely on.
    """
    if any(line.lstrip().startswith(("%", "!")) for line in source.splitlines()):
        return "uses the shell"
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return "is more than plain Python"
    modules = _modules([*(ast.parse(statement) for statement in imports), tree])
    bound = set(modules) | {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    bound |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    return next(filter(None, (_reason(node, modules, bound) for node in ast.walk(tree))), "")


def _modules(trees: Iterable[ast.Module]) -> dict[str, str]:
    """The module behind each imported name."""
    found = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    found[name] = alias.name if alias.asname else name
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _reason(node: ast.AST, modules: dict[str, str], bound: set[str]) -> str:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if node.id in NAMES and node.id not in bound - set(modules):
            return NAMES[node.id]
        return MODULES.get(modules.get(node.id, "").partition(".")[0], "")
    if isinstance(node, ast.Attribute):
        root = _root(node)
        if not isinstance(node.ctx, ast.Load) and root in modules:
            return "replaces parts of a module"
        if node.attr in FIGURES and modules.get(root, "").startswith("matplotlib"):
            return "looks at figures"
    if isinstance(node, ast.ClassDef):
        bases = {_root(base) for base in node.bases}
        if bases - bound - set(vars(builtins)):
            return "derives from a class of the notebook"
    if isinstance(node, ast.Global):
        return "changes names of the notebook"
    return ""


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
