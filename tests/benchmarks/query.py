"""Where a question's time goes: the engine's, and ours.

    python -m tests.benchmarks.query [--leaves 10000,100000] [--million] [--questions 200] [--json]
    python -m tests.benchmarks.query --server [--json]

In a folder: the engine's own call, the whole question, and the stages of it, median
milliseconds. No model takes part, vectors are made up.

With `--server`, 20,000 leaves: the answers of the stand-in are recorded, and another process gives
them again, byte for byte, by REST and by gRPC. `…_own_ms` is the processor time of this process
for a question (all its threads, median): what a server takes, or a loaded machine adds, is not in
it. `…_wall_ms` is the time that passed, the replaying process's included. `…_bytes` are those of
the answers' bodies. So no server is needed.

An index remembers where leaves stand (`indexes.store.layouts`). The figures are of one that has
seen the leaves that a question leads to; `…_first_…` are of questions that are the first to do so.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from indexes.store.columns import Wire
from indexes.store.edge.wire import EdgeWire
from indexes.store.layouts import Layouts
from indexes.store.remote import Remote, reach
from indexes.store.ways import Ways
from tests.benchmarks.lanes import BUDGET, FakeEmbedding, _document
from tests.benchmarks.replay import Recording
from tests.benchmarks.synthetic import Corpus, FakeVectors
from tests.store import stand_in
from tests.store.grpc_door import GrpcDoor

# A client that nobody holds closes its connections.
_kept: list[Any] = []

PATTERNS = ("regular", "parent")
SERVER_LEAVES = 20_000
_WARM_UP = 10

Figures = dict[str, float]


class _Timed:
    """The engine of a collection, with a watch."""

    def __init__(self, shard: Any) -> None:
        self._shard = shard
        self.seconds = 0.0

    def query_batch(self, batch: Any) -> Any:
        started = time.perf_counter()
        found = self._shard.query_batch(batch)
        self.seconds += time.perf_counter() - started
        return found


class _TimedBackend:
    """An embedded engine whose calls are timed."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.seconds = 0.0

    @contextmanager
    def shard(self, collection: str, doing: str) -> Iterator[_Timed]:
        with self._backend.shard(collection, doing) as shard:
            timed = _Timed(shard)
            yield timed
            self.seconds += timed.seconds


def build(folder: Path, leaves: int) -> tuple[HierarchicalIndex, Corpus]:
    """An index of so many leaves, optimised."""
    corpus, embedding = Corpus(leaves), FakeEmbedding(FakeVectors(384))
    index = HierarchicalIndex(load_settings(index=str(folder)), embedding=embedding)
    index.ingest(_document(text) for text in corpus.documents())
    backend: Any = index.engine.client._client
    backend.optimize(index.store.collection)
    return index, corpus


def use(index: HierarchicalIndex, way: Remote | Wire) -> None:
    """Have an index ask another way."""
    _kept.append(way)
    object.__setattr__(index.engine, "wire", way.wire if isinstance(way, Remote) else way)


def folder_figures(leaves: int, questions: int) -> Figures:
    """The embedded engine at one size."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        index, corpus = build(Path(scratch) / "index", leaves)
        backend: Any = _TimedBackend(index.engine.client._client)
        use(index, EdgeWire(backend))
        for pattern in PATTERNS:
            rows: list[tuple[float, ...]] = []
            for number, question in enumerate(islice(corpus.questions(), questions + _WARM_UP)):
                backend.seconds = 0.0
                started = time.perf_counter()
                _, trace = index.retrieve(question, pattern, budget=BUDGET)
                total = time.perf_counter() - started
                stages = [trace[name].seconds for name in ("embed question", "search", "merge")]
                if number >= _WARM_UP:
                    rows.append((backend.seconds, total, *stages))
            names = ("engine", "total", "embedding", "search", "merge")
            medians = [statistics.median(column) * 1000 for column in zip(*rows, strict=True)]
            key = f"{leaves}_{pattern}"
            figures |= {f"{key}_{n}_ms": ms for n, ms in zip(names, medians, strict=True)}
            figures[f"{key}_ratio"] = statistics.median(row[1] / row[0] for row in rows)
        index.close()
    return figures


def server_figures(questions: int) -> Figures:
    """A server's recorded answers, by REST and by gRPC."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "index"
        index, corpus = build(folder, SERVER_LEAVES)
        index.close()
        recording = Recording(Path(scratch))
        asked = list(islice(corpus.questions(), questions))
        with stand_in.StandIn(folder) as server, GrpcDoor(server) as door:
            settings = load_settings(index=server.url, qdrant_retries=0)
            given = FakeEmbedding(FakeVectors(384))
            index = HierarchicalIndex(settings, embedding=given)
            with recording.of(server, door):
                for ways in _ways(door.port):
                    use(index, reach(server.url, None, ways))
                    for pattern in PATTERNS:
                        _ask(index, pattern, asked, forget=True)
                        _ask(index, pattern, asked)
                        _ask(index, pattern, asked)
            use(index, reach(server.url, None, Ways()))
            figures: Figures = {}
            for pattern in PATTERNS:
                for name, forget in (("first_bytes", True), ("bytes", False)):
                    sizes = _sizes(index, server, recording, pattern, asked, forget=forget)
                    figures[f"rest_{pattern}_{name}"] = statistics.median(sizes)
        with recording.replayed() as (url, port):
            for name, ways in zip(("rest", "grpc"), _ways(port), strict=True):
                use(index, reach(url, None, ways))
                for pattern in PATTERNS:
                    figures |= _timed(index, f"{name}_{pattern}", asked)
        index.close()
    return figures


def _ways(port: int) -> tuple[Ways, Ways]:
    return Ways(), Ways(prefer_grpc=True, grpc_port=port)


def _ask(
    index: HierarchicalIndex, pattern: str, questions: list[str], *, forget: bool = False
) -> None:
    retriever = index.retriever(pattern, budget=BUDGET)
    for question in questions:
        if forget:
            index.store.layouts = Layouts()
        retriever.retrieve(question)


def _sizes(
    index: HierarchicalIndex,
    server: Any,
    recording: Recording,
    pattern: str,
    questions: list[str],
    *,
    forget: bool,
) -> list[int]:
    """Bytes of the bodies of the answers to each question."""
    _ask(index, pattern, questions, forget=forget)
    sizes = []
    for question in questions:
        server.forget()
        _ask(index, pattern, [question], forget=forget)
        sizes.append(sum(map(recording.size, server.bodies)))
    return sizes


def _timed(index: HierarchicalIndex, name: str, questions: list[str]) -> Figures:
    figures: Figures = {}
    pattern = name.partition("_")[2]
    retriever = index.retriever(pattern, budget=BUDGET)
    for forget, what in ((True, "first_"), (False, "")):
        _ask(index, pattern, questions, forget=forget)
        own, wall = [], []
        for question in questions:
            if forget:
                index.store.layouts = Layouts()
            busy, started = time.process_time(), time.perf_counter()
            retriever.retrieve(question)
            own.append(time.process_time() - busy)
            wall.append(time.perf_counter() - started)
        figures[f"{name}_{what}own_ms"] = statistics.median(own) * 1000
        figures[f"{name}_{what}wall_ms"] = statistics.median(wall) * 1000
    return figures


def _in_process(leaves: int, questions: int) -> Figures:
    """Each size in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.query", "--json"]
    command += [f"--one={leaves}", f"--questions={questions}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leaves", default="10000,100000", help="sizes, in a folder")
    parser.add_argument("--million", action="store_true", help="1,000,000 leaves, too")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--server", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures: Figures = {}
    if options.server:
        figures = server_figures(options.questions)
    elif options.one:
        figures = folder_figures(options.one, options.questions)
    else:
        sizes = [int(size) for size in options.leaves.split(",")]
        for size in [*sizes, *([1_000_000] if options.million else [])]:
            figures |= _in_process(size, options.questions)
    for name, value in figures.items():
        print(f"{name:40} {value:>12,.2f}")
    if options.json:
        print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
