"""Hand the preview out over HTTP, to browsers on this machine and to nobody else.

The server listens on the loopback interface, at a port that the system chooses, below a random
word: other users of the machine cannot guess it. A page of another site that had its own name point
at this machine (DNS rebinding) is refused, since only our two names for it are served. What a
source says in HTML cannot run scripts here.

::

    /<word>/                                   the notebooks
    /<word>/lab04/lab04                        one of them
    /<word>/lab04/figures/network.svg          its data and figures, as students find them
    /<word>/.preview/events/lab04/lab04        server-sent events: it, now and at each change
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
import secrets
import socket
from html import escape
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from deltarule.authoring.preview.shown import Preview, Shown
from deltarule.errors import MachineryError, UsageError

__all__ = ["Site"]

LOOPBACK = "127.0.0.1"
NAMES = r"127\.0\.0\.1|localhost"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src * data:; media-src *; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
STATIC = ("preview.css", "preview.js")


class Site:
    """The server of one preview.

    Attributes:
        address: of the page with all notebooks.
    """

    def __init__(self, preview: Preview) -> None:
        self.preview = preview
        self._word = secrets.token_urlsafe(16)
        self._listeners: set[asyncio.Queue[Shown | None]] = set()
        self._server: HTTPServer | None = None
        self.address = ""

    def start(self) -> None:
        """Listen; inside a running event loop.

        Raises:
            MachineryError: no port can be had.
        """
        application = Application(log_function=lambda _: None)
        handlers: list[Any] = [
            (rf"/{self._word}/", _Index, {"site": self}),
            (rf"/{self._word}/\.preview/(\w+\.\w+)", _Static, {"site": self}),
            (rf"/{self._word}/\.preview/events/([^/]+)/([^/]+)", _Events, {"site": self}),
            (rf"/{self._word}/([^/]+)/(.+)", _Content, {"site": self}),
        ]
        application.add_handlers(NAMES, handlers)  # any other name finds nothing
        try:
            bound = bind_sockets(0, LOOPBACK, family=socket.AF_INET)
        except OSError as error:
            raise MachineryError(f"the preview finds no port to listen on: {error}") from error
        self._server = HTTPServer(application)
        self._server.add_sockets(bound)
        port = bound[0].getsockname()[1]
        self.address = f"http://{LOOPBACK}:{port}/{self._word}/"

    def publish(self, changed: list[Shown]) -> None:
        """Tell the browsers what has changed."""
        for listener in self._listeners:
            for one in changed:
                listener.put_nowait(one)

    def tell(self, listener: asyncio.Queue[Shown | None]) -> None:
        """Put what changes from now on into a queue; None says that it is over."""
        self._listeners.add(listener)

    def forget(self, listener: asyncio.Queue[Shown | None]) -> None:
        """No longer tell it."""
        self._listeners.discard(listener)

    async def stop(self) -> None:
        """Close every connection."""
        for listener in self._listeners:
            listener.put_nowait(None)
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()


class _Handler(RequestHandler):
    def initialize(self, site: Site) -> None:
        self.site = site

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Referrer-Policy", "no-referrer")  # the address is a secret
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def shown(self, assignment: str, name: str) -> Shown:
        found = self.site.preview.shown.get((assignment, name))
        if found is None:
            raise HTTPError(404)
        return found


class _Index(_Handler):
    def get(self) -> None:
        every = sorted(self.site.preview.shown)
        if len(every) == 1:
            self.redirect("/".join(map(quote, every[0])))
            return
        rows = "".join(
            f'<li><a href="{quote(assignment)}/{quote(name)}">'
            f"{escape(self.shown(assignment, name).title or name)}</a> "
            f"<code>source/{escape(assignment)}/{escape(name)}.md</code></li>"
            for assignment, name in every
        )
        body = f'<main class="index"><h1>Preview</h1><ul>{rows}</ul></main>'
        self.finish(_page("", "Preview", "", body))


class _Content(_Handler):
    def get(self, assignment: str, path: str) -> None:
        if (assignment, path) in self.site.preview.shown:
            one = self.shown(assignment, path)
            body = (
                f'<main data-notebook="{quote(f"{assignment}/{path}")}">{"".join(one.cells)}</main>'
            )
            title = f"{assignment}: {one.title or path}"
            self.finish(_page("../", title, _problems(one), body))
            return
        course = self.site.preview.course
        try:
            known = course.extra_files(assignment)
        except UsageError:
            known = []
        wanted = course.source / assignment / path
        if wanted not in known:  # what students do not get is not served either
            raise HTTPError(404)
        kind, _ = mimetypes.guess_type(wanted.name)
        self.set_header("Content-Type", kind or "application/octet-stream")
        self.finish(wanted.read_bytes())


class _Static(_Handler):
    def get(self, name: str) -> None:
        if name not in STATIC:
            raise HTTPError(404)
        kind, _ = mimetypes.guess_type(name)
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        self.finish(_static(name) + (_highlighting() if name.endswith(".css") else ""))


class _Events(_Handler):
    def initialize(self, site: Site) -> None:
        super().initialize(site)
        self.listener: asyncio.Queue[Shown | None] = asyncio.Queue()

    async def get(self, assignment: str, name: str) -> None:
        first = self.shown(assignment, name)
        self.set_header("Content-Type", "text/event-stream")
        self.site.tell(self.listener)
        try:
            await self._send(first)
            while (changed := await self.listener.get()) is not None:
                if changed.key == (assignment, name):
                    await self._send(changed)
        except StreamClosedError:
            pass  # the page was closed
        finally:
            self.site.forget(self.listener)

    def on_connection_close(self) -> None:
        self.listener.put_nowait(None)

    async def _send(self, one: Shown) -> None:
        record = {
            "cells": one.cells,
            "problems": _problems(one),
            "files": one.files,
            "version": one.source[:12],
        }
        self.write(f"data: {json.dumps(record)}\n\n")
        await self.flush()


def _page(top: str, title: str, problems: str, body: str) -> str:
    """A whole page; ``top`` leads from it to the page with all notebooks."""
    return (
        _static("page.html")
        .replace("{top}", top)
        .replace("{title}", escape(title))
        .replace("{problems}", problems)
        .replace("{body}", body)
    )


def _problems(one: Shown) -> str:
    """The mistakes as HTML: the first to be seen, the others folded away."""
    if not one.problems:
        return ""
    first, *others = (f"<pre>{escape(problem)}</pre>" for problem in one.problems)
    more = f"and {len(others)} more, which may come from the first"
    folded = f"<details><summary>{more}</summary>{''.join(others)}</details>" if others else ""
    kept = "What you see is the last version without mistakes." if one.cells else ""
    return f"{first}{folded}<p>{kept} The page comes back by itself once this is mended.</p>"


def _static(name: str) -> str:
    return (files("deltarule.authoring.preview") / "static" / name).read_text(encoding="utf-8")


def _highlighting() -> str:
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    return f"\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
