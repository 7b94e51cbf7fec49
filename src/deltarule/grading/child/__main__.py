"""Start the fork server: ``python -I -S <this file> <number of the control socket>``.

With ``-I -S`` neither the environment nor a ``.pth`` file of an environment adds to the import
path, so that an editable install of the grader is not importable here.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

__all__ = ["NAME", "load_package"]

NAME = "deltarule_child"
"""The name under which this folder is a package in the child."""


def load_package(name: str, folder: Path) -> None:
    """Make a folder importable as a package without putting it on the import path.

    Args:
        name: of the package.
        folder: with its ``__init__.py``.

    Raises:
        ImportError: there is no package in it.
    """
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is not a package")
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    load_package(NAME, Path(__file__).resolve().parent)
    importlib.import_module(f"{NAME}.fork_server").main(int(sys.argv[1]))
