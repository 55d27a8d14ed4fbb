"""A small hub: files by repository, with the headers of the real one, and its refusals.

As the real one does it, a request for a file is answered with a redirect to where its bytes are,
and the redirect tells their number, their SHA-256 and the commit.
"""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

COMMIT = "c" * 40


class HubStandIn:
    """Serves `files`, by "owner/repository/name".

    Attributes:
        files: what there is.
        lies: files that are served with other bytes than their hash tells.
        gated: repositories that want the token `token`.
        token: what lets one in; None refuses every token.
        breaks_after: bytes after which the connection is closed, once for each number.
        ignores_ranges: sends all of a file, whatever part is asked for.
        hashless: tells no hash, as for small files.
        promises: the size that it tells, if not the real one.
        status: refuses everything with it.
        requests: method, path, range and authorization of every request.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.lies: set[str] = set()
        self.gated: set[str] = set()
        self.token: str | None = None
        self.breaks_after: list[int] = []
        self.ignores_ranges = False
        self.hashless = False
        self.promises: int | None = None
        self.status: int | None = None
        self.requests: list[tuple[str, str, str | None, str | None]] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def ranges(self) -> list[str | None]:
        """The ranges of the requests for bytes, in order."""
        return [
            asked
            for method, path, asked, _ in self.requests
            if method == "GET" and path.startswith("/cdn/")
        ]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet: some tests are about connections that are cut."""


def _handler(hub: HubStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            allowed = self.headers["Authorization"]
            hub.requests.append((self.command, self.path, self.headers["Range"], allowed))
            if hub.status is not None:
                return self.refuse(hub.status, "")
            if self.path.startswith("/cdn/"):
                return self.send_bytes(self.path.removeprefix("/cdn/"))
            owner, repository, _resolve, _revision, *name = self.path[1:].split("/")
            folder = f"{owner}/{repository}"
            if not any(path.startswith(folder + "/") for path in hub.files):
                # So that nobody can tell private ones from those that don't exist.
                return self.refuse(401, "RepoNotFound")
            if folder in hub.gated and allowed != f"Bearer {hub.token}":
                return self.refuse(401, "GatedRepo")
            path = f"{folder}/{'/'.join(name)}"
            if path not in hub.files:
                return self.refuse(404, "EntryNotFound")
            data = hub.files[path]
            self.send_response(302)
            self.send_header("Location", f"{hub.url.replace('127.0.0.1', 'localhost')}/cdn/{path}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Size", str(hub.promises or len(data)))
            tag = "a" * 40 if hub.hashless else hashlib.sha256(data).hexdigest()
            self.send_header("X-Linked-Etag", f'"{tag}"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None

        def refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def send_bytes(self, path: str) -> None:
            data = hub.files[path]
            if path in hub.lies:
                data = bytes(len(data))
            start = 0
            asked = self.headers["Range"]
            if asked and not hub.ignores_ranges:
                start = int(asked.removeprefix("bytes=").partition("-")[0])
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            piece = data[start:]
            if hub.breaks_after:
                piece = piece[: hub.breaks_after.pop(0)]
                self.close_connection = True
            self.wfile.write(piece)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
