"""What `from deltarule.engine import ...` promises."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import deltarule.engine as engine

FOLDER = Path(engine.__file__).parent


def test_every_public_name_exists_once():
    assert all(hasattr(engine, name) for name in engine.__all__)
    assert len(set(engine.__all__)) == len(engine.__all__)


def test_every_imported_name_is_declared():
    tree = ast.parse((FOLDER / "__init__.py").read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == set(engine.__all__)


def test_engine_needs_numpy_and_the_standard_library_only():
    allowed = {*sys.stdlib_module_names, "numpy"}
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, path.name
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module.split(".")[0] in allowed, path.name


def test_importing_the_engine_does_not_import_torch():
    program = "import sys, deltarule.engine; sys.exit('torch' in sys.modules)"
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(FOLDER.parents[1])},
        check=False,
    )
    assert finished.returncode == 0
