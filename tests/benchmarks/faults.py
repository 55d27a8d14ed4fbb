"""What the file system and qdrant-client raise, at each call that our code makes into them.

    python -m tests.benchmarks.faults [--into disk|server|grpc] [--only OPERATION] [--every N]
        [--json]

An operation is watched once, for the places where it calls into the file system, or into
qdrant-client and libcurl (see `tests.faults`). Then it is done again for each place, which
fails. Whatever was raised must arrive as one of our errors, in one line, or cost nothing; and
afterwards every document is there, and a deep verification finds nothing.
"""

import argparse
import asyncio
import errno
import itertools
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import pycurl
from llama_index.core.schema import Document
from qdrant_client.client_base import QdrantBase
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from indexes.disks import copy_folder
from indexes.errors import RagError
from indexes.index import HierarchicalIndex
from tests.fakes import WordEmbedding
from tests.faults import Into, Place, failing_at, watched
from tests.store.grpc_door import GrpcDoor
from tests.store.stand_in import StandIn

TEXTS = {name: f"The {name} in the harbour was lit by Ada. " * 12 for name in ("lamp", "bell")}
OPERATIONS = ("ask", "aask", "change", "export", "import_", "verify", "rebuild")

_FILES = {
    "io", "_io", "posix", "os", "pathlib", "shutil", "tempfile", "sqlite3", "posixpath",
    "genericpath", "fcntl", "gzip", "zlib", "subprocess",
}  # fmt: skip


# Of their functions, those that touch a disk, or start a process.
_TOUCH = {
    "open", "fdopen", "read", "read_text", "read_bytes", "readline", "readlines", "write",
    "write_text", "write_bytes", "truncate", "flush", "fsync", "close", "lseek", "seek", "stat",
    "lstat", "exists", "is_dir", "is_file", "mkdir", "makedirs", "iterdir", "glob", "rglob",
    "scandir", "listdir", "unlink", "remove", "rename", "replace", "rmdir", "rmtree", "copy",
    "copytree", "copyfile", "mkdtemp", "mkstemp", "statvfs", "disk_usage", "resolve", "touch",
    "access", "chmod", "utime", "execute", "executemany", "connect", "commit", "acquire",
    "run", "Popen",
}  # fmt: skip


def into_disk(module: str, name: str) -> bool:
    """Calls into the file system, and what is built on it."""
    return name in _TOUCH and (module in _FILES or module.startswith("filelock"))


# Of clients, besides what all of qdrant-client's have.
_MORE = {"info"}
_REQUESTS = {name for name in dir(QdrantBase) if not name.startswith("_")} - {"close", "migrate"}


_BY_CURL = "perform"


def into_server(module: str, name: str) -> bool:
    """Requests through qdrant-client, and those of our shorter way, by libcurl."""
    short = module.startswith("pycurl") and name == _BY_CURL
    ours = module.startswith("qdrant_client.http") and name in ("middleware", "send_inner")
    return short or ours or (module.startswith("qdrant_client.") and name in _REQUESTS | _MORE)


def _of_disk(place: Place) -> Iterator[BaseException]:
    if place[0].endswith("spool.py"):
        yield sqlite3.OperationalError("disk I/O error")
    for code in (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.ESTALE):
        yield OSError(code, os.strerror(code))


def _of_curl() -> Iterator[BaseException]:
    yield pycurl.error(pycurl.E_COULDNT_CONNECT, "refused")
    yield pycurl.error(pycurl.E_OPERATION_TIMEDOUT, "timed out")
    yield pycurl.error(pycurl.E_RECV_ERROR, "reset by peer")
    yield pycurl.error(pycurl.E_SEND_ERROR, "broken pipe")
    yield pycurl.error(pycurl.E_PEER_FAILED_VERIFICATION, "certificate verify failed")
    yield pycurl.error(pycurl.E_PARTIAL_FILE, "1 of 9 bytes")
    yield pycurl.error(pycurl.E_GOT_NOTHING, "Empty reply from server")
    yield pycurl.error(pycurl.E_HTTP2, "Error in the HTTP2 framing layer")


def _of_server(place: Place) -> Iterator[BaseException]:
    if place[2] == _BY_CURL:
        yield from _of_curl()
        return
    request = httpx.Request("POST", "http://127.0.0.1")
    headers = httpx.Headers()
    broken = b'{"status": {"error": "a shard is gone"}}'
    yield ResponseHandlingException(httpx.ConnectError("refused", request=request))
    yield UnexpectedResponse(500, "Internal Server Error", broken, headers)
    yield httpx.ReadTimeout("timed out", request=request)
    yield UnexpectedResponse(403, "Forbidden", b"Forbidden", headers)
    yield ResourceExhaustedResponse("too many requests", 1)
    yield json.JSONDecodeError("Expecting value", "<html>", 0)
    yield AssertionError("Search returned None")
    yield ResponseHandlingException(ValueError("not what was asked for"))


class Work:
    """An index of two documents, and what can be done with it.

    Args:
        folder: for everything
        server: where the index is; without one it is in the folder
        grpc_port: of the server, where gRPC is spoken
    """

    def __init__(
        self, folder: Path, server: StandIn | None = None, grpc_port: int | None = None
    ) -> None:
        self.folder = folder
        self.server = server
        self.faults = _of_server if server else _of_disk
        self._way: dict[str, Any] = {"qdrant_retries": 0}
        if grpc_port:
            self._way |= {"qdrant_grpc": True, "qdrant_grpc_port": grpc_port}
        self.index = folder / "index"
        self.begin()
        with self.opened() as index:
            index.export_file(folder / "kept.jsonl.gz")
        if server is None:
            copy_folder(self.index, folder / "before")

    def begin(self) -> None:
        """Make all as it was."""
        shutil.rmtree(self.folder / "other", ignore_errors=True)
        if (self.folder / "before").exists():
            shutil.rmtree(self.index, ignore_errors=True)
            copy_folder(self.folder / "before", self.index)
            return
        if self.server is not None:
            self.server.aliases = {}
            for found in self.server.backend.get_collections().collections:
                self.server.backend.delete_collection(found.name)
        with self.opened() as index:
            index.ingest([Document(id_=name, text=text) for name, text in TEXTS.items()])

    def opened(self, name: str = "index") -> HierarchicalIndex:
        """The index; by another name, another."""
        embedding = WordEmbedding()
        if self.server is None:
            return HierarchicalIndex.open(self.folder / name, embedding=embedding)
        return HierarchicalIndex.open(
            self.server.url, collection=name, embedding=embedding, **self._way
        )

    def ask(self) -> None:
        with self.opened() as index:
            assert index.retrieve("Who lit the lamp?", "parent")[0]

    def aask(self) -> None:
        with self.opened() as index:
            assert asyncio.run(index.aretrieve("Who lit the lamp?", "parent"))[0]

    def change(self) -> None:
        with self.opened() as index:
            index.ingest([Document(id_="gull", text="A gull sat on the pier.")])
            index.remove("gull")

    def export(self) -> None:
        with self.opened() as index:
            index.export_file(self.folder / "export.jsonl.gz")

    def import_(self) -> None:
        with self.opened("other") as index:
            index.import_file(self.folder / "kept.jsonl.gz")

    def verify(self) -> None:
        with self.opened() as index:
            assert index.verify(deep=True).clean

    def rebuild(self) -> None:
        with self.opened() as index:
            index.rebuild()

    def wrong(self) -> str:
        """What is wrong afterwards."""
        with self.opened() as index:
            index.ingest([])  # finishes what was cut short
            there = {found.document_id for found in index.documents()}
            if lost := TEXTS.keys() - there:
                return f"lost {sorted(lost)}"
            # On a server nothing is mended unasked: another process may be at work.
            problems = index.verify(deep=True, repair=self.server is not None).unrepaired
            return str(problems[0]) if problems else ""


def sweep(
    work: Work, name: str, into: Into, *, every: int = 1, offset: int = 0
) -> Iterator[tuple[Place, BaseException, str]]:
    """Do an operation with a fault at every n-th place; what became of each.

    Yields:
        The place, the fault, and `told`, `went on`, `not reached`, or whatever should not be.
    """
    operation: Callable[[], None] = getattr(work, name)
    turn = itertools.count()
    places = watched(operation, into)
    for place in places[offset::every]:
        choice = list(work.faults(place))
        fault = choice[0] if place[0].endswith("spool.py") else choice[next(turn) % len(choice)]
        work.begin()
        with failing_at(place, fault, into) as watch:
            became = _said(operation)
        if became == "went on" and not watch.struck:
            became = "not reached"
        try:
            wrong = work.wrong()
        except Exception:  # noqa: BLE001 - it is told, and the rest goes on
            wrong = traceback.format_exc(limit=-4)
        yield place, fault, f"afterwards: {wrong}" if wrong else became


def _said(operation: Callable[[], None]) -> str:
    try:
        operation()
    except RagError as error:
        return "told" if "\n" not in str(error) else f"told in several lines: {error}"
    except Exception:  # noqa: BLE001 - whatever it was, it should have been one of ours
        return f"raised: {traceback.format_exc(limit=-5)}"
    return "went on"


RIGHT = ("told", "went on", "not reached")


@contextmanager
def work_on(into: str) -> Iterator[tuple[Work, Into]]:
    """An index in a folder, or on the stand-in for a server, by REST or gRPC."""
    with tempfile.TemporaryDirectory() as folder:
        if into == "disk":
            yield Work(Path(folder)), into_disk
            return
        with (
            StandIn(Path(folder) / "served") as server,
            GrpcDoor(server) if into == "grpc" else nullcontext() as door,
        ):
            yield Work(Path(folder), server, door.port if door else None), into_server


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", choices=("disk", "server", "grpc"), default="disk")
    parser.add_argument("--only", choices=OPERATIONS)
    parser.add_argument("--every", type=int, default=1, help="only every n-th place")
    parser.add_argument("--offset", type=int, default=0, help="from that one on")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(given)
    found: Counter[str] = Counter()
    with work_on(options.into) as (work, into):
        for name in [options.only] if options.only else OPERATIONS:
            cases = sweep(work, name, into, every=options.every, offset=options.offset)
            for place, fault, became in cases:
                found["cases"] += 1
                found[became if became in RIGHT else "wrong"] += 1
                if became != "told":
                    print(f"{name}: {place}: {fault!r}: {became}", flush=True)
    for kind, count in found.items():
        print(f"{kind:16}{count:6}")
    if options.json:
        print(json.dumps(found))
    sys.exit(bool(found["wrong"]))


if __name__ == "__main__":
    main()
