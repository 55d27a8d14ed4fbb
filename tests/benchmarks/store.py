"""Our store beside LlamaIndex's stock parts and LangChain's: speed, memory, disk.

    python -m tests.benchmarks.store --leaves 100000 [--dimension 384] [--queries 300]
        [--lanes ours,stock,langchain,stock-hybrid,langchain-hybrid] [--stock-leaves 20000]
        [--url http://127.0.0.1:6333] [--no-settle] [--json]

Each lane runs in a process of its own, one after the other, with the same documents,
vectors and questions. No model takes part: vectors are made up, and what making them
took is taken off the ingestion and shown. A lane is given as many seconds of queries as
`--query-seconds` says, or `--queries` if that is less.

Splitters cut the same text into different numbers of leaves. So ingestion is measured in
leaves of the corpus, `--leaves`, for every lane.

Our engine optimises itself in the background once it is left alone. Queries, memory and
disk are measured right after ingestion (`fresh_…`) and again when that is done; a peer has
no such thing, and its figures are those right after ingestion.

With `--url` the points of all lanes are on that server, in collections named `benchmark-ours`,
`stock` and `langchain`, **which are deleted first**; disk and memory are then this process's
only. Without it the peers' figures are those of qdrant-client's local mode, several times slower
than the same peers on a server.

The peers take many minutes for 100,000 leaves. `--stock-leaves` measures them smaller;
the table and the JSON say what size each lane was measured at, and nothing is
extrapolated.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tests.benchmarks.lanes import LANES, Lane, open_lane
from tests.benchmarks.synthetic import Corpus, FakeVectors, Text

_WARM_UP = 10
_DELETIONS = 5
_ROWS = {
    "leaves": "leaves",
    "documents": "documents",
    "points": "points in the engine",
    "ingest_per_second": "leaves of the corpus ingested/s",
    "embedding_seconds": "  s of made-up vectors, taken off",
    "query_p50_ms": "query, median ms",
    "query_p99_ms": "query, 99% ms",
    "queries": "  queries measured",
    "context_tokens": "  tokens of context, mean",
    "round_trips": "round trips a query",
    "delete_ms": "one document deleted, ms",
    "rss_mb": "memory, MB",
    "rss_anonymous_mb": "  of it not files' pages",
    "rss_start_mb": "  before the first document",
    "rss_peak_mb": "  at the most",
    "disk_mb": "disk, MB",
    "disk_apparent_mb": "  apparent size",
    "settle_seconds": "optimised in the background, s",
    "fresh_query_p50_ms": "  query before, median ms",
    "fresh_query_p99_ms": "  query before, 99% ms",
    "fresh_rss_mb": "  memory before, MB",
    "fresh_disk_mb": "  disk before, MB",
}

_FRESH = ("query_p50_ms", "query_p99_ms", "rss_mb", "disk_mb")

Figures = dict[str, float]


def memory() -> Figures:
    """This process's memory in MB, as the kernel counts it."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    status = dict(line.split(":", 1) for line in lines if ":" in line)
    names = {"rss": "VmRSS", "rss_peak": "VmHWM", "rss_anonymous": "RssAnon"}
    return {name: int(status[key].split()[0]) / 1024 for name, key in names.items()}


def disk(folder: Path) -> tuple[float, float]:
    """MB allocated below `folder`, and MB that its files seem to have."""
    found = [path.lstat() for path in folder.rglob("*")]
    allocated = sum(status.st_blocks * 512 for status in found)
    apparent = sum(status.st_size for status in found)
    return allocated / 2**20, apparent / 2**20


def time_queries(lane: Lane, questions: Iterator[str], options: argparse.Namespace) -> Figures:
    """Milliseconds of single queries, one after the other."""
    from indexes.tokens import count_tokens

    for question in islice(questions, _WARM_UP):
        lane.query(question)
    before = lane.round_trips
    seconds: list[float] = []
    tokens = 0
    while len(seconds) < options.queries and sum(seconds) < options.query_seconds:
        question = next(questions)
        started = time.perf_counter()
        contexts = lane.query(question)
        seconds.append(time.perf_counter() - started)
        tokens += sum(map(count_tokens, contexts))
    return {
        "query_p50_ms": statistics.median(seconds) * 1000,
        "query_p99_ms": statistics.quantiles(seconds, n=100, method="inclusive")[98] * 1000,
        "queries": len(seconds),
        "context_tokens": tokens / len(seconds),
        "round_trips": (lane.round_trips - before) / len(seconds),
    }


def state(
    lane: Lane, folder: Path, questions: Iterator[str], options: argparse.Namespace
) -> Figures:
    """How quick and how large it is now."""
    figures = time_queries(lane, questions, options)
    figures |= {f"{kind}_mb": value for kind, value in memory().items()}
    figures["disk_mb"], figures["disk_apparent_mb"] = disk(folder)
    return figures


def measure(name: str, folder: Path, options: argparse.Namespace) -> Figures:
    """One lane, in this process."""
    corpus = Corpus(options.leaves)
    vectors = FakeVectors(options.dimension)
    lane = open_lane(name, folder, vectors, options.url)
    questions = corpus.questions()
    next(corpus.documents())  # what is made once is made now
    figures: Figures = {"documents": len(corpus.sizes), "dimension": options.dimension}
    figures["rss_start_mb"] = memory()["rss"]

    writing = 0.0

    def texts() -> Iterator[Text]:
        nonlocal writing
        documents = corpus.documents()
        while True:
            started = time.perf_counter()
            text = next(documents, None)
            writing += time.perf_counter() - started
            if text is None:
                return
            yield text

    started = time.perf_counter()
    leaves = lane.ingest(texts())
    seconds = time.perf_counter() - started - writing - vectors.seconds
    figures |= {
        "leaves": leaves,
        "points": lane.points(),
        "ingest_seconds": seconds,
        "ingest_per_second": options.leaves / seconds,
        "embedding_seconds": vectors.seconds,
    }
    now = state(lane, folder, questions, options)
    started = time.perf_counter()
    if options.settle and lane.settle():
        figures["settle_seconds"] = time.perf_counter() - started
        figures |= {f"fresh_{name}": now[name] for name in _FRESH}
        now = state(lane, folder, questions, options)
    figures |= now
    deletions = []
    for number in range(min(_DELETIONS, len(corpus.sizes))):
        started = time.perf_counter()
        lane.delete(f"document-{number:05}")
        deletions.append(time.perf_counter() - started)
        if sum(deletions) > options.query_seconds:
            break
    figures["delete_ms"] = statistics.median(deletions) * 1000
    return figures


def run_lane(name: str, options: argparse.Namespace) -> Figures:
    """One lane, in a process of its own."""
    leaves = options.leaves if name == "ours" else options.stock_leaves or options.leaves
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        given = {
            "lane": name,
            "folder": Path(scratch) / name,
            "leaves": leaves,
            "dimension": options.dimension,
            "queries": options.queries,
            "query-seconds": options.query_seconds,
            "url": options.url,
        }
        arguments = [f"--{key}={value}" for key, value in given.items()]
        arguments.append("--settle" if options.settle else "--no-settle")
        command = [sys.executable, "-m", "tests.benchmarks.store", *arguments]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"lane {name} failed with exit code {done.returncode}")
        figures: Figures = json.loads(done.stdout.splitlines()[-1])
        return figures


def table(results: dict[str, Figures]) -> Iterator[str]:
    """The lanes side by side; how far ahead we are, where both were measured."""
    ours = results.get("ours", {})
    peers = [name for name in results if name != "ours"]
    ratios = [f"{name}/ours" for name in peers] if ours else []
    yield f"{'':34}" + "".join(f"{name:>17}" for name in [*results, *ratios])
    for key, label in _ROWS.items():
        if not any(key in figures for figures in results.values()):
            continue
        cells = [
            f"{figures[key]:,.{0 if figures[key] >= 1000 else 1}f}" if key in figures else "–"
            for figures in results.values()
        ]
        if ours:
            cells += [
                f"{results[name][key] / ours[key]:.3g}" if results[name].get(key) and ours.get(key)
                else "" for name in peers
            ]  # fmt: skip
        yield f"{label:34}" + "".join(f"{cell:>17}" for cell in cells)
    smaller = {name for name in peers if ours and results[name]["leaves"] < ours["leaves"] / 2}
    for name in sorted(smaller):
        leaves = results[name]["leaves"]
        yield f"{name} was measured at {leaves:,.0f} leaves only; its column is not extrapolated."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leaves", type=int, default=10_000)
    parser.add_argument("--stock-leaves", type=int, help="for the lanes but ours; default: same")
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--query-seconds", type=float, default=60)
    parser.add_argument("--lanes", default="ours,stock,langchain", help=", ".join(LANES))
    parser.add_argument("--url", default="", help="of a Qdrant server for all lanes")
    parser.add_argument("--settle", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--folder", type=Path, help="where the stores are made; default: /tmp")
    parser.add_argument("--lane", choices=LANES, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.lane:
        print(json.dumps(measure(options.lane, options.folder, options)))
        return
    results = {name: run_lane(name, options) for name in options.lanes.split(",")}
    print(*table(results), sep="\n")
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
