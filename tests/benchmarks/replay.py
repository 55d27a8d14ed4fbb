"""Answers of the stand-in, recorded, and given again byte for byte by a process of its own."""

import json
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import orjson

from tests.store import stand_in

_ABOUT = b'{"title":"qdrant - vector search engine","version":"1.18.3"}'
# What a server leaves out of a point where there is none; the stand-in says null.
_UNSAID = ("vector", "shard_key", "order_value")


def _key(body: Any) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


class Recording:
    """Requests and what was answered.

    Args:
        folder: where it is kept for the other process.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "answers.pickle"
        self.rest: dict[bytes, bytes] = {}
        self.grpc: dict[bytes, bytes] = {}

    def size(self, body: Any) -> int:
        """Bytes of the answer to a request."""
        return len(self.rest.get(_key(body), b""))

    @contextmanager
    def of(self, server: Any, door: Any) -> Iterator[None]:
        """Record what a stand-in and its gRPC door answer."""
        answer, serve = stand_in._answer, door.serve

        def answering(there: Any, method: str, path: str, body: Any) -> tuple[int, bytes]:
            status, answered = answer(there, method, path, body)
            if there is server and path.endswith("/query/batch"):
                self.rest[_key(body)] = _as_a_server(answered)
            return status, answered

        def serving(method: str, request: bytes, context: Any) -> bytes:
            answered: bytes = serve(method, request, context)
            self.grpc[request] = answered
            return answered

        stand_in._answer, door.serve = answering, serving
        try:
            yield
        finally:
            stand_in._answer, door.serve = answer, serve

    @contextmanager
    def replayed(self) -> Iterator[tuple[str, int]]:
        """Another process gives the answers again: its URL, and its port for gRPC."""
        self._file.write_bytes(pickle.dumps((self.rest, self.grpc)))
        command = [sys.executable, "-m", "tests.benchmarks.replay", str(self._file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            try:
                rest, by_grpc = json.loads(child.stdout.readline() if child.stdout else "")
                yield f"http://127.0.0.1:{rest}", by_grpc
            finally:
                child.kill()


def _as_a_server(answered: bytes) -> bytes:
    answer = orjson.loads(answered)
    for found in answer["result"]:
        for point in found["points"]:
            for name in _UNSAID:
                if point.get(name, 0) is None:
                    del point[name]
            if point.get("payload", 0) is None:
                del point["payload"]
    return orjson.dumps(answer)


def _serve_rest(answers: dict[bytes, bytes], connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    while True:
        while b"\r\n\r\n" not in waiting:
            came = connection.recv(1 << 16)
            if not came:
                return
            waiting += came
        head, _, body = waiting.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields.get(b"content-length", b"0"))
        while len(body) < length:
            body += connection.recv(1 << 16)
        body, waiting = body[:length], body[length:]
        answer = answers[_key(orjson.loads(body))] if body else _ABOUT
        header = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        connection.sendall(header % len(answer) + answer)


class _Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers

    def service(self, _details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda request, _: self._answers[request])


def main() -> None:
    rest, by_grpc = pickle.loads(Path(sys.argv[1]).read_bytes())
    calls = grpc.server(futures.ThreadPoolExecutor(2), handlers=(_Calls(by_grpc),))
    port = calls.add_insecure_port("127.0.0.1:0")
    calls.start()
    listening = socket.create_server(("127.0.0.1", 0))
    print(json.dumps([listening.getsockname()[1], port]), flush=True)
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_serve_rest, args=(rest, connection), daemon=True).start()


if __name__ == "__main__":
    main()
