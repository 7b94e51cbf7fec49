"""Execute a notebook in a fresh kernel, so that its outputs and plots can be kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deltarule.errors import MachineryError

__all__ = ["execute"]


def execute(notebook: Any, folder: Path, *, name: str, cell_seconds: float = 600) -> Any:
    """Run all cells of ``notebook`` in ``folder`` and return it with its outputs.

    Cells that carry ``metadata.deltarule.skip`` are left unexecuted.

    Args:
        notebook: an ``nbformat`` notebook; changed in place.
        folder: the kernel's working directory.
        name: how an error names the notebook.
        cell_seconds: the time limit of one cell in seconds.

    Raises:
        MachineryError: a cell raised, or took too long; says which and why.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    skipped = {}
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.metadata.get("deltarule", {}).get("skip"):
            skipped[index] = cell.source
            cell.source = ""  # nbclient passes empty cells over
    client = NotebookClient(
        notebook,
        timeout=cell_seconds,
        km=_kernel_manager(notebook),
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,
        record_timing=False,
    )
    try:
        with _quiet_frozen_modules():
            client.execute(cleanup_kc=True)  # nbclient leaves a kernel of ours running
    except CellExecutionError as error:
        raise MachineryError(f"{name} does not run:\n{error}") from None
    except (CellTimeoutError, DeadKernelError, RuntimeError) as error:
        raise MachineryError(f"{name} does not run: {error}") from None
    finally:
        for index, source in skipped.items():
            notebook.cells[index].source = source
    notebook.metadata["language_info"] = {"name": "python"}  # no kernel version: it only ages
    return notebook


def _kernel_manager(notebook: Any) -> Any:
    """A manager of a local kernel, encrypted where the platform can: then it is silent, too."""
    import zmq
    from jupyter_client.manager import AsyncKernelManager

    name = notebook.metadata.get("kernelspec", {}).get("name", "python3")
    manager = AsyncKernelManager(kernel_name=name)
    if zmq.has("curve"):
        manager.transport_encryption = "auto"
    return manager


@contextmanager
def _quiet_frozen_modules() -> Iterator[None]:
    """Keep the debugger that every kernel starts from writing a warning into the outputs."""
    before = os.environ.get("PYDEVD_DISABLE_FILE_VALIDATION")
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYDEVD_DISABLE_FILE_VALIDATION"]
        else:
            os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = before
