"""A server that answers byte by byte what a script says: for endpoints with habits of their own."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What goes back.

    Attributes:
        status: HTTP's
        pieces: of the body, each written by itself
        kind: its content type
        headers: others
    """

    status: int = 200
    pieces: tuple[bytes, ...] = ()
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[str, Body], Reply]


def said(body: Any, status: int = 200, kind: str = "application/json", **headers: str) -> Reply:
    """A whole body: a value as JSON, a text as it is."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, (data,), kind, named)


def events(*values: Any, done: bool = True, lead: str = "data: ", kind: str = "") -> Reply:
    """A stream of events: a value as JSON, a text as the line that it is."""
    lines = [v if isinstance(v, str) else lead + json.dumps(v, ensure_ascii=False) for v in values]
    end = [f"{lead}[DONE]"] if done else []
    pieces = tuple(f"{line}\n\n".encode() for line in [*lines, *end])
    return Reply(200, pieces, kind or "text/event-stream")


def chunk(delta: Any, finish: Any = None, **more: Any) -> Body:
    """A piece of an answer as OpenAI streams it."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    kind = "chat.completion.chunk"
    return {"id": "c", "object": kind, "created": 1, "model": "m", "choices": [choice], **more}


def chunks(texts: Iterable[str], finish: Any = "stop") -> list[Body]:
    """Pieces of an answer, and its end."""
    return [*(chunk({"content": text}) for text in texts), chunk({}, finish)]


def whole(content: Any, finish: Any = "stop", **message: Any) -> Body:
    """An answer as OpenAI gives it whole."""
    said = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "message": said, "finish_reason": finish}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    kind = "chat.completion"
    return {
        "id": "c", "object": kind, "created": 1, "model": "m", "choices": [choice], "usage": usage,
    }  # fmt: skip


class Scripted:
    """Loopback server of a script.

    `seen` has the paths and bodies that it was sent, `headers` what came with them.
    """

    def __init__(self) -> None:
        self.script: Script = lambda path, body: said(whole("All is well."))
        self.seen: list[tuple[str, Body]] = []
        self.headers: list[dict[str, str]] = []
        self._server = _Quiet(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who has heard enough hangs up."""


def _handler(server: Scripted) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.reply(server.script(self.path, {}))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.seen.append((self.path, body))
            server.headers.append(dict(self.headers))
            self.reply(server.script(self.path, body))

        def reply(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.kind, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in filter(None, reply.pieces):
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    return Handler
