"""Start the fork server: ``python -I -S <this file> <number of the control socket>``.

With ``-I -S`` neither the environment nor a ``.pth`` file of an environment adds to the import
path, so that an editable install of the grader is not importable here.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

NAME = "deltarule_child"
"""The name under which this folder is a package in the child."""


def load_package() -> None:
    """Make this folder importable as a package without putting it on the import path."""
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is not a package")
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    load_package()
    importlib.import_module(f"{NAME}.fork_server").main(int(sys.argv[1]))
