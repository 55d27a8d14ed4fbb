"""What a leaf costs on disk, by what it is spent on: the figures of docs/scaling.md.

    python -m tests.benchmarks.sizes --leaves 20000 --dimension 384 --quantization scalar

An embedded index of made-up documents and vectors is optimised, graph and quantised
vectors included, and its files are counted by the blocks they occupy. The log (WAL) is
left out: it does not grow with the index.
"""

import argparse
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from llama_index.core.schema import Document
from qdrant_client import models

from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from indexes.store.nodes import TreeStore
from indexes.store.server import QUANTIZATION, ServerParameters
from tests.benchmarks.lanes import FakeEmbedding
from tests.benchmarks.synthetic import Corpus, FakeVectors

# Where files are, and what is in them; the first that matches counts.
_KINDS = {
    r"/wal/": "log",
    r"/vector_storage-dense/quantized": "quantised vectors",
    r"/vector_storage-dense/": "dense vectors",
    r"/vector_index-dense/": "graph",
    r"/vector_(storage|index)-bm25/": "BM25",
    r"/payload_storage/": "payload",
    r"/payload_index/": "payload indexes",
    r"": "ids and the rest",
}


def measure(leaves: int, dimension: int, quantization: str, folder: Path) -> dict[str, float]:
    """Bytes per leaf, by kind."""
    # Graph and quantised vectors at any size: a folder else waits for 50,000 vectors.
    parameters: dict[str, Any] = {
        "hnsw_config": models.HnswConfigDiff(full_scan_threshold=10),
        "optimizers_config": models.OptimizersConfigDiff(indexing_threshold=1),
    }
    if quantization != "none":
        parameters["quantization_config"] = QUANTIZATION[quantization]
    settings = load_settings(index=str(folder))
    embedding = FakeEmbedding(FakeVectors(dimension))
    with HierarchicalIndex(settings, embedding=embedding) as index:
        server = ServerParameters(collection=parameters)
        index.store = TreeStore(index.engine, settings.collection, server)
        started = time.perf_counter()
        stored = index.ingest(
            Document(id_=text.id, text=text.text, metadata={"title": text.title, "source": text.id})
            for text in Corpus(leaves).documents()
        ).leaves
        ingested = time.perf_counter()
        backend: Any = index.engine.client._client
        backend.optimize(settings.collection)
        optimised = time.perf_counter()
        points = index.engine.client.count(settings.collection).count
    spent: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file():
            place = path.relative_to(folder).as_posix()
            kind = next(kind for found, kind in _KINDS.items() if re.search(found, place))
            spent[kind] += path.stat().st_blocks * 512
    del spent["log"]
    return {
        "leaves": stored,
        "points per leaf": points / stored,
        "leaves ingested per second": stored / (ingested - started),
        "leaves optimised per second": stored / (optimised - ingested),
        **{f"bytes of {kind}": spent[kind] / stored for kind in _KINDS.values() if kind in spent},
        "bytes in all": spent.total() / stored,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--leaves", type=int, default=20_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--quantization", choices=["none", *QUANTIZATION], default="none")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(
            options.leaves, options.dimension, options.quantization, Path(scratch) / "index"
        )
    for name, value in found.items():
        print(f"{name:30} {value:12,.2f}")


if __name__ == "__main__":
    main()
