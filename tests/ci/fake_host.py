"""A server that keeps statuses, issues and comments as GitHub and GitLab do, and who sent them."""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

ROUTES = (
    ("statuses", r"/repos/(?P<repo>[^/]+/[^/]+)/(?:statuses/|commits/)(?P<at>\w+)(?:/statuses)?"),
    ("comments", r"/repos/(?P<repo>[^/]+/[^/]+)/issues/(?P<at>\d+)/comments"),
    ("issues", r"/repos/(?P<repo>[^/]+/[^/]+)/(?P<at>)issues"),
    ("statuses", r"/projects/(?P<repo>[^/]+)/(?:repository/commits|statuses)/(?P<at>\w+)"
     r"(?:/statuses)?"),
    ("comments", r"/projects/(?P<repo>[^/]+)/issues/(?P<at>\d+)/notes"),
    ("issues", r"/projects/(?P<repo>[^/]+)/(?P<at>)issues"),
)  # fmt: skip


class FakeHost:
    """A context manager.

    ``kept[kind][repository]`` has what was posted, ``tokens`` who asked. Repositories and kinds in
    ``refused`` are answered with 403.
    """

    def __init__(self):
        self.kept = defaultdict(lambda: defaultdict(list))
        self.tokens = set()
        self.refused = set()

    def __enter__(self):
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._answer(None)

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                self._answer(json.loads(self.rfile.read(length)))

            def _answer(self, record):
                host.tokens.add(self.headers["Authorization"])
                code, answer = host.answer(urlsplit(self.path).path, record)
                self.send_response(code)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def answer(self, path, record):
        for kind, pattern in ROUTES:
            found = re.fullmatch(pattern, path)
            if found:
                repository = unquote(found["repo"])
                if {repository, kind} & self.refused:
                    return 403, {"message": "no"}
                kept = self.kept[kind][repository]
                if record is None:
                    return 200, [one for one in kept if one["at"] == found["at"]]
                number = len(kept) + 1
                kept.append({"at": found["at"], "number": number, "iid": number, **record})
                return 201, kept[-1]
        return 404, {"message": path}
