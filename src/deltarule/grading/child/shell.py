"""IPython without a kernel: the shell in which cells run, and what it records of them.

The shell behaves as a kernel that nobody can type to: magics, shell escapes, ``await`` at the top
level, ``display`` with updates, figures at the end of a cell, ``input()`` that raises.
"""

from __future__ import annotations

import asyncio
import builtins
import getpass
import inspect
import os
import sys
import tempfile
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from IPython.core import page
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell

from .recorder import Recorder, Stream

__all__ = ["Shell", "make_shell", "run_source", "take_streams"]

HERE = str(Path(__file__).resolve().parent)
"""Frames of this folder are not shown to students."""

LONGEST_MESSAGE = 2000
LEAST_ERROR = 1 << 16
"""Characters of an error that are recorded however little output is allowed."""

NO_INPUT = "raw_input was called, but this frontend does not support input requests."
NO_PASSWORD = "getpass was called, but this frontend does not support input requests."


class _Hook(DisplayHook):  # type: ignore[misc]
    """Records the value of a cell's last expression."""

    def write_output_prompt(self) -> None:
        """There is none."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
        self.shell.recorder.bundle("result", format_dict, md_dict, count=self.prompt_count)

    def finish_displayhook(self) -> None:
        self._is_active = False


class _Publisher(DisplayPublisher):  # type: ignore[misc]
    """Records what cells display."""

    def publish(
        self,
        data: dict[str, Any],
        metadata: Any = None,
        *_: Any,
        transient: Any = None,
        update: bool = False,
        **__: Any,
    ) -> None:
        self._validate_data(data, metadata)
        kind = "update" if update else "display"
        self.shell.recorder.bundle(kind, data, metadata, transient=transient or {})

    def clear_output(self, wait: bool = False) -> None:
        self.shell.recorder.sync()
        self.shell.recorder.put({"kind": "clear", "wait": bool(wait)})


class _Compiler(CachingCompiler):  # type: ignore[misc]
    """Names each cell as a kernel does: tracebacks are drawn differently for other names."""

    named: Callable[[str], str] | None = None

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        if self.named is None:
            return str(super().get_code_name(raw_code, transformed_code, number))
        return self.named(raw_code)


class Shell(InteractiveShell):  # type: ignore[misc]
    """The shell of one submission."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self.recorder = Recorder()
        self.cell = ""
        self.files: dict[str, str] = {}
        self.raised: BaseException | None = None
        self.transformed: tuple[str, str] | None = None
        super().__init__(*args, **more)
        self.compile.named = self._name

    def _name(self, source: str) -> str:
        """The file name of a cell, told to the grader so that it can find lines by it."""
        number = zlib.crc32(f"{self.cell}\n{source}".encode("utf-8", "replace"))
        folder = Path(tempfile.gettempdir(), f"ipykernel_{os.getpid()}")
        name = str(folder / f"{number}.py")
        self.files[name] = self.cell
        # Otherwise each traceback goes through all modules for it, several times: 100 ms.
        inspect.modulesbyfile[name] = "__main__"
        self.recorder.put({"kind": "file", "name": name, "cell": self.cell})
        return name

    def transform_cell(self, raw_cell: str) -> str:
        """A cell as plain Python; the one that is about to be run was transformed before."""
        ready, self.transformed = self.transformed, None
        if ready is not None and ready[0] is raw_cell:
            return ready[1]
        return str(super().transform_cell(raw_cell))

    def init_virtualenv(self) -> None:
        """The import path is given."""

    def init_history(self) -> None:
        """In memory only: a file would be shared, and is written by a thread."""
        self.history_manager = HistoryManager(shell=self, parent=self, enabled=False)

    def init_hooks(self) -> None:
        """Help that would be paged is not shown in a notebook that nobody looks at."""
        super().init_hooks()
        self.set_hook("show_in_pager", page.as_hook(lambda *_, **__: None), 99)

    def _format_exception_for_storage(self, *_: Any, **__: Any) -> dict[str, Any]:
        """For a history that is not kept; drawing a traceback once is enough."""
        return {}

    def enable_gui(self, gui: Any = None) -> None:
        """There is none."""

    def ask_exit(self) -> None:
        """``exit()`` leaves nothing: the cells that follow are run."""

    def system_piped(self, cmd: str) -> None:
        """A shell escape; without terminals its output comes through descriptors 1 and 2."""
        try:
            os.close(os.openpty()[0])
        except OSError:
            super().system_raw(cmd)
        else:
            super().system_piped(cmd)

    system = system_piped

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        self.raised = evalue
        try:
            text = str(evalue)
        except Exception:  # noqa: BLE001 - a student's __str__ may raise anything
            text = "<exception str() failed>"
        self.recorder.sync()
        left = max(self.recorder.most, LEAST_ERROR)
        record = {
            "kind": "error",
            "ename": str(etype.__name__),
            "evalue": text[:left],
            "traceback": [str(line)[:left] for line in stb if HERE not in str(line)],
        }
        self.recorder.put(record)


def make_shell() -> Shell:
    """The shell; there is one in a process."""
    shell: Shell = Shell.instance(
        displayhook_class=_Hook, display_pub_class=_Publisher, compiler_class=_Compiler
    )
    shell.display_formatter.format(1)
    _warm_tracebacks(shell)
    return shell


def _warm_tracebacks(shell: Shell) -> None:
    """Draw a first one: that imports what draws them, and looks every module up once."""
    source = "def fail():\n    raise ValueError\nfail()\n"
    try:
        exec(compile(source, shell.compile.cache(source, 0, source), "exec"), {})
    except ValueError:
        shell.InteractiveTB.structured_traceback(*sys.exc_info())


def take_streams(shell: Shell) -> None:
    """Put the shell's streams in place of the process's, and let nobody ask for input."""
    recorder = shell.recorder
    sys.stdout = sys.__stdout__ = Stream(recorder, "stdout", 1)  # type: ignore[misc, assignment]
    sys.stderr = sys.__stderr__ = Stream(recorder, "stderr", 2)  # type: ignore[misc, assignment]
    builtins.input = _no_input
    getpass.getpass = _no_password


def _no_input(*_: Any) -> NoReturn:
    raise StdinNotImplementedError(NO_INPUT)


def _no_password(*_: Any, **__: Any) -> NoReturn:
    raise StdinNotImplementedError(NO_PASSWORD)


def run_source(
    shell: Shell, loop: asyncio.AbstractEventLoop, cell: str, source: str
) -> dict[str, Any] | None:
    """Run a cell; what it raised as type, message, cell and line, or None."""
    shell.cell, shell.raised = cell, None
    shell.recorder.begin()
    result = loop.run_until_complete(_run(shell, source))
    shell.recorder.sync()
    error = result.error_before_exec or result.error_in_exec or shell.raised
    return None if error is None else _told(shell, error)


async def _run(shell: Shell, source: str) -> Any:
    """One cell, with the loop running around it as in a kernel."""
    failed = None
    try:
        transformed = shell.transform_cell(source)
    except Exception:  # noqa: BLE001 - shown by the shell, as a kernel does
        transformed, failed = source, sys.exc_info()
    if shell.should_run_async(source, transformed_cell=transformed, preprocessing_exc_tuple=failed):
        result = None
        try:
            result = await shell.run_cell_async(
                source,
                store_history=True,
                transformed_cell=transformed,
                preprocessing_exc_tuple=failed,
            )
        finally:
            shell.events.trigger("post_execute")
            shell.events.trigger("post_run_cell", result)
    else:
        shell.transformed = None if failed else (source, transformed)
        result = shell.run_cell(source, store_history=True)
    for _ in range(3):  # tasks that were made get their first turns, as between two cells
        await asyncio.sleep(0)
    return result


def _told(shell: Shell, error: BaseException) -> dict[str, Any]:
    cell, line = "", 0
    if isinstance(error, SyntaxError):
        cell, line = shell.cell, error.lineno or 0
    for frame, number in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        if name in shell.files:
            cell, line = shell.files[name], number
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - a student's __str__ may raise anything
        message = ""
    return {
        "type": type(error).__name__[:200],
        "message": message[:LONGEST_MESSAGE],
        "cell": cell,
        "line": line,
        "errno": error.errno if isinstance(error, OSError) else None,
    }
