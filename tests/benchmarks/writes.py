"""How quickly documents get to a server, when the server costs nothing.

    python -m tests.benchmarks.writes [--leaves 20000] [--json]

A process of its own stands in for the server: it counts points and forgets them, but keeps what
is written of documents and of the collection. No model takes part; what making vectors up takes
is taken off. `own_seconds` is the processor time of the ingesting process. Figures whose names
begin with `grpc_` are those of the same documents by gRPC, the others by REST.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from qdrant_client import grpc as wire

from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from tests.benchmarks.lanes import FakeEmbedding, _document
from tests.benchmarks.synthetic import Corpus, FakeVectors
from tests.store import stand_in
from tests.store.grpc_door import GrpcDoor

# A write of more bytes is one of nodes; what is written of a document is smaller.
_NODES = 40_000
# A payload's `kind`, as a value of protobuf's that is a string.
_LEAF = b'"\x04leaf'
_DONE_BY_GRPC = wire.PointsOperationResponse(
    result=wire.UpdateResult(operation_id=1, status=wire.UpdateStatus.Completed)
).SerializeToString()
_DONE = b'{"result":{"operation_id":1,"status":"completed"},"status":"ok","time":0.001}'


class _Counting(stand_in._Handler):
    """Counts nodes, and has the stand-in serve the rest."""

    def _handle(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        if self.command != "PUT" or size < _NODES:
            super()._handle()
            return
        body = self.rfile.read(size)
        self.server.nodes += body.count(b'"kind":"leaf"')
        self._send(200, _DONE)

    do_PUT = _handle  # noqa: N815


class _CountingDoor(GrpcDoor):
    """The same by gRPC."""

    nodes = 0

    def serve(self, method: str, request: bytes, context: Any) -> bytes:
        if not method.endswith("/Upsert") or len(request) < _NODES:
            return super().serve(method, request, context)
        self.nodes += request.count(_LEAF)
        return _DONE_BY_GRPC


def figures(leaves: int, *, by_grpc: bool = False) -> dict[str, float]:
    """One ingestion."""
    documents = [_document(text) for text in Corpus(leaves).documents()]
    vectors = FakeVectors(384)
    command = [sys.executable, "-m", "tests.benchmarks.writes", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdin is not None
        url, port = child.stdout.readline().split()
        settings = load_settings(
            index=url.decode(),
            qdrant_grpc=by_grpc,
            qdrant_grpc_port=int(port) if by_grpc else None,
        )
        index = HierarchicalIndex(settings, embedding=FakeEmbedding(vectors))
        index.store.probes.of(index.embedding)
        vectors.seconds = 0.0
        busy, started = time.process_time(), time.perf_counter()
        report = index.ingest(documents)
        own, wall = time.process_time() - busy, time.perf_counter() - started
        index.close()
        child.stdin.close()
        counted = int(child.stdout.read() or 0)
    if counted < 0.9 * report.leaves:
        raise SystemExit(f"{counted} of {report.leaves} leaves arrived")
    return {
        "leaves": report.leaves,
        "leaves_per_second": report.leaves / (wall - vectors.seconds),
        "own_seconds": own - vectors.seconds,
        "own_seconds_for_20000": (own - vectors.seconds) * 20_000 / report.leaves,
        "embedding_seconds": vectors.seconds,
    }


def _serve() -> None:
    """Be the server until nobody is interested any more; then say how many leaves came."""
    stand_in._Handler = _Counting  # type: ignore[misc]
    with (
        tempfile.TemporaryDirectory() as scratch,
        stand_in.StandIn(Path(scratch) / "index") as server,
        _CountingDoor(server) as door,
    ):
        inner: Any = server._http
        inner.nodes = 0
        print(server.url, door.port, flush=True)
        sys.stdin.read()
        print(inner.nodes + door.nodes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leaves", type=int, default=20_000)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.serve:
        _serve()
        return
    found = figures(options.leaves)
    found |= {
        f"grpc_{name}": value for name, value in figures(options.leaves, by_grpc=True).items()
    }
    for name, value in found.items():
        print(f"{name:35} {value:>12,.2f}")
    if options.json:
        print(json.dumps({name: round(value, 3) for name, value in found.items()}))


if __name__ == "__main__":
    main()
