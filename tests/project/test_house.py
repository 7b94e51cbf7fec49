"""The house rules that a machine can check: who may use whom, and how quick imports are."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import deltarule

PACKAGE = Path(deltarule.__file__).parent
BASE = {"errors", "config"}
ALLOWED = {
    "errors": set(),
    "config": {"errors"},
    "engine": set(),
    "exchange": set(),
    "judging": BASE | {"engine", "exchange"},
    "authoring": BASE,
    "bridge": BASE | {"authoring"},
    "grading": BASE | {"exchange", "judging", "authoring", "bridge"},
    "proving": BASE | {"engine", "exchange", "judging", "authoring", "bridge", "grading"},
    "reporting": BASE | {"bridge", "grading", "proving"},
    "lms": BASE | {"bridge", "grading", "reporting"},
    "demo": BASE | {"authoring", "bridge", "grading", "reporting"},
    "cli": BASE
    | {"authoring", "bridge", "judging", "grading", "proving", "reporting", "lms", "demo"},
    "__main__": {"cli"},
}
OUTSIDE = {
    "engine": {"numpy"},
    "exchange": {"numpy", "pandas", "torch"},
    "judging": {"numpy", "pandas", "torch"},
    "authoring": {"jupytext", "nbformat", "nbclient", "IPython", "yaml", "jupyter_client", "zmq"}
    | {"pypandoc", "typst"}
    | {"watchfiles", "tornado", "nbconvert", "pygments"},  # the live preview
    "bridge": {"nbgrader", "nbformat", "traitlets", "nbconvert", "sqlalchemy", "IPython"}
    | {"pooch", "yaml"},
    "grading": {"numpy", "pandas", "nbgrader", "nbformat", "IPython", "torch", "matplotlib"}
    | {"distributed"},
    "proving": {"numpy", "nbformat"},
    "reporting": {"rich", "jinja2", "numpy", "pygments", "rapidfuzz"},
    "lms": set(),
    "config": {"filelock"},
    "errors": set(),
    "demo": {"nbformat"},
    "cli": {"click", "rich", "nbformat"},
    "__main__": set(),
}


def modules():
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def folder_of(path):
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(path):
    """Every module that a file imports, absolute, wherever in the file the import stands."""
    here = ["deltarule", *path.relative_to(PACKAGE).with_suffix("").parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: -node.level]) if node.level else ""
            name = ".".join(part for part in (base, node.module or "") if part)
            for alias in node.names:
                yield f"{name}.{alias.name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_go_one_way(path):
    folder = folder_of(path)
    assert folder in ALLOWED, f"{folder} is new: say in this test what it may use"
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "deltarule" or len(parts) == 1 or parts[1] == "__version__":
            continue
        if parts[1] != folder:
            assert parts[1] in ALLOWED[folder], f"{path} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_folder_uses_only_its_own_libraries(path):
    for name in imported(path):
        top = name.split(".")[0]
        if top not in sys.stdlib_module_names and top != "deltarule":
            assert top in OUTSIDE[folder_of(path)], f"{path} imports {name}"


def test_the_rule_about_arrows_can_fail(tmp_path):
    bad = PACKAGE / "engine" / "x.py"
    tree = "from deltarule.judging import Sheet\n"
    path = tmp_path / "x.py"
    path.write_text(tree)
    names = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(tree))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert names == ["deltarule.judging.Sheet"]
    assert "judging" not in ALLOWED[folder_of(bad)]


def in_fresh_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout.split()


def test_judging_brings_in_neither_torch_nor_nbgrader():
    loaded = in_fresh_python("import deltarule.judging, sys; print(*sys.modules)")
    assert "numpy" in loaded
    assert not {"torch", "nbgrader", "nbformat", "IPython", "jupytext"} & set(loaded)


def test_the_command_line_imports_nothing_heavy_before_a_command_runs():
    loaded = in_fresh_python("import deltarule.cli, sys; print(*sys.modules)")
    heavy = {"numpy", "torch", "nbgrader", "nbformat", "jupytext", "rich", "IPython", "sqlalchemy"}
    heavy |= {"pooch", "pypandoc", "typst", "watchfiles", "tornado", "nbconvert"}
    heavy |= {"jinja2", "pygments", "rapidfuzz"}
    assert not heavy & set(loaded)


def test_the_nbgrader_configuration_imports_nothing_heavy_by_itself():
    code = "import deltarule.bridge, deltarule.bridge.compiled, sys; print(*sys.modules)"
    loaded = in_fresh_python(code)
    assert not {"numpy", "nbgrader", "nbformat", "jupytext", "IPython"} & set(loaded)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_exported_name_exists(path):
    names = next(
        (
            ast.literal_eval(node.value)
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ),
        [],
    )
    module = ".".join(["deltarule", *path.relative_to(PACKAGE).with_suffix("").parts])
    loaded = __import__(module.removesuffix(".__init__"), fromlist=["*"]) if names else None
    assert [name for name in names if not hasattr(loaded, name)] == []


def test_modules_and_functions_stay_readable():
    for path in modules():
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") < 450, f"{path} is too long"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                size = (node.end_lineno or 0) - node.lineno
                assert size < 75, f"{path}: {node.name} has {size} lines"


def test_no_secret_of_a_machine_stands_in_the_repository(course_root):
    listed = subprocess.run(
        ["git", "ls-files"], cwd=course_root, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout: nothing says which files belong to it")
    pattern = re.compile(r"/(?:root|home|Users)/\w|/tmp/bash")
    for name in listed.stdout.split():
        path = course_root / name
        if path.suffix in {".py", ".md", ".ipynb", ".toml", ".yml", ".lock", ".svg", ".json"}:
            if path == Path(__file__) or not path.is_file():
                continue
            assert not pattern.search(path.read_text(encoding="utf-8")), name
