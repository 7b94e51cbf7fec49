"""One JupyterLab server on loopback, with a configuration of its own and nbgrader's extensions."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

BIN = Path(sys.executable).parent
START_SECONDS = 120
STOP_SECONDS = 20
SETTINGS = {"@jupyterlab/apputils-extension/notification": {"fetchNews": "false"}}
"""Without it, JupyterLab asks at its first start whether it may fetch news."""


class JupyterServer:
    """A server that shows one folder.

    Args:
        root: the folder, a course.
        home: a folder for the server's own files: configuration, workspaces, log.
    """

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.log = home / "server.log"
        self.token = secrets.token_hex(16)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        settings = home / "settings"
        for name, value in SETTINGS.items():
            path = settings / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(value), encoding="utf-8")
        command = [
            *(str(BIN / "jupyter"), "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
            f"--port={self.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={root}",
            f"--IdentityProvider.token={self.token}",
            f"--LabApp.user_settings_dir={settings}",
            f"--LabApp.workspaces_dir={home / 'workspaces'}",
            "--LabApp.expose_app_in_browser=True",
        ]
        own = {name: str(home / name.lower()) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR")}
        own |= {name: str(home / name.lower()) for name in ("JUPYTER_DATA_DIR",)}
        own |= {"JUPYTER_RUNTIME_DIR": str(home / "runtime"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=root,
                env={**os.environ, **own},
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, path: str, **options: str) -> str:
        """The address of a page, with the token in it."""
        told = "".join(f"&{name}={quote(value)}" for name, value in options.items())
        return f"{self.origin}/{quote(path)}?token={self.token}{told}"

    def ask(self, path: str, method: str = "GET") -> Any:
        """Ask Jupyter's REST interface."""
        request = urllib.request.Request(
            f"{self.origin}/{path}",
            method=method,
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def wait(self) -> None:
        """Wait until it answers."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            try:
                self.ask("api/status")
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)  # polling, with an end: the server tells nobody that it is there
            else:
                return
        raise AssertionError(f"no server after {START_SECONDS} s:\n{self.log.read_text()}")

    def stop_kernels(self) -> None:
        """End what notebooks have started."""
        for session in self.ask("api/sessions"):
            self.ask(f"api/sessions/{session['id']}", "DELETE")

    def stop(self) -> None:
        """End the server, which ends its kernels first."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS)
