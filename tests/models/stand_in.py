"""A small server that speaks enough of OpenAI's API, and fails in every way one can."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

DIMENSION = 3
# A status, what is said (a sentence, or a whole body), and headers.
Refused = tuple[int, Any] | tuple[int, Any, dict[str, str]]
WORDS = ["All", " is", " well."]


class StandIn:
    """Answers chats with `WORDS` and texts with their length as a vector.

    Args:
        tls: Speak TLS, with this certificate.

    Attributes:
        behaviour: "well", or how it fails: a status as text ("401"), "garbage" (not JSON),
            "odd" (JSON of another shape), "silent" (never answers), "dies" (closes the
            connection in the middle of a stream, or before an answer).
        failures: After so many failures it behaves well; None for never.
        window: Texts of more characters are refused, as llama.cpp does it.
        pause: Seconds for each request.
        seen: The bodies of requests, in order.
        keys: Their bearer tokens.
        most_at_once: The most requests that were in flight together.
        refuse: Called with a body; a status, words and headers to refuse it with, or None.
        words: What it answers.
        thoughts: What it tells before as `reasoning_content`.
        finish: Why its answers end.
        paths: Those of requests, with their queries, in order.
        headers: Those of requests, in order.
        ports: Of whom each request came from: a connection has one of its own.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.behaviour = "well"
        self.failures: int | None = None
        self.window = 10_000
        self.pause = 0.0
        self.seen: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.most_at_once = 0
        self.refuse: Callable[[dict[str, Any]], Refused | None] = lambda body: None
        self.words = list(WORDS)
        self.thoughts: list[str] = []
        self.finish: str | None = None
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.ports: list[int] = []
        self.lock = threading.Lock()
        self.in_flight = 0
        self.done = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}/v1"

    @property
    def texts(self) -> list[str]:
        """Every text it was asked to embed."""
        return [text for body in self.seen for text in body.get("input", [])]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.done.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def enter_request(self) -> str:
        """Count a request and say how to treat it."""
        with self.lock:
            self.in_flight += 1
            self.most_at_once = max(self.most_at_once, self.in_flight)
            if self.behaviour != "well" and self.failures is not None:
                if self.failures == 0:
                    return "well"
                self.failures -= 1
            return self.behaviour


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet: who gives up waiting hangs up, and that is what some tests are about."""


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            stand_in.paths.append(self.path)
            self.json(200, {"object": "list", "data": [model("small"), model("large")]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self.path.startswith("/v1/"):
                return self.json(404, {"detail": "Not Found"})
            stand_in.paths.append(self.path)
            stand_in.ports.append(self.client_address[1])
            stand_in.headers.append({n.lower(): v for n, v in self.headers.items()})
            stand_in.seen.append(body)
            stand_in.keys.append(self.headers["Authorization"].removeprefix("Bearer "))
            treatment = stand_in.enter_request()
            try:
                time.sleep(stand_in.pause)
                refused = stand_in.refuse(body)
                if refused is not None:
                    self.refused(*refused)
                else:
                    self.answer(treatment, body)
            finally:
                with stand_in.lock:
                    stand_in.in_flight -= 1
            return None

        def refused(self, status: int, said: Any, headers: dict[str, str] | None = None) -> None:
            body = {"error": {"message": said}} if isinstance(said, str) else said
            self.reply(status, json.dumps(body).encode(), "application/json", headers)

        def answer(self, treatment: str, body: dict[str, Any]) -> None:
            if treatment.isdigit():
                said = f"no, not with {stand_in.keys[-1]}\nand a second line"
                self.json(int(treatment), {"error": {"message": said}})
            elif treatment == "garbage":
                self.reply(200, b"<html>Welcome to nginx!</html>", "text/html")
            elif treatment == "odd":
                self.json(200, {"result": "fine"})
            elif treatment == "silent":
                stand_in.done.wait(10)
                self.close_connection = True
            elif "messages" in body and body.get("stream"):
                self.stream(dies=treatment == "dies")
            elif treatment == "dies":
                self.close_connection = True
            elif "messages" in body:
                self.json(200, chat(stand_in))
            else:
                self.embed(body["input"])

        def embed(self, texts: list[str]) -> None:
            for text in texts:
                if len(text) > stand_in.window:
                    said = f"input ({len(text)} tokens) is too large to process"
                    return self.json(500, {"error": {"message": said}})
            data = [
                {"object": "embedding", "index": place, "embedding": [len(text), 0.0, 1.0]}
                for place, text in enumerate(texts)
            ]
            # Backwards: an order is promised by `index` only.
            return self.json(200, {"object": "list", "model": "m", "data": data[::-1]})

        def stream(self, dies: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for thought in stand_in.thoughts:
                self.event(chunk([{"index": 0, "delta": {"reasoning_content": thought}}]))
            for word in stand_in.words:
                self.event(chunk([{"index": 0, "delta": {"content": word}}]))
                if dies:
                    self.close_connection = True
                    return
            if stand_in.finish:
                last = {"index": 0, "delta": {}, "finish_reason": stand_in.finish}
                self.event(chunk([last]))
            self.event(chunk([], usage=USAGE))
            self.piece(b"data: [DONE]\n\n")
            self.piece(b"")

        def event(self, value: dict[str, Any]) -> None:
            self.piece(b"data: " + json.dumps(value).encode() + b"\n\n")

        def piece(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

        def json(self, status: int, value: dict[str, Any]) -> None:
            self.reply(status, json.dumps(value).encode(), "application/json")

        def reply(
            self, status: int, data: bytes, kind: str, headers: dict[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    return Handler


USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "tests"}


def chat(stand_in: StandIn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(stand_in.words) or None}
    if stand_in.thoughts:
        message["reasoning_content"] = "".join(stand_in.thoughts)
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": stand_in.finish or "stop"}],
        "usage": USAGE,
    }


def chunk(choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    kind = "chat.completion.chunk"
    return {"id": "1", "object": kind, "created": 0, "model": "m", "choices": choices, **more}
