"""Whatever the embedded engine raises, and wherever, arrives as one of our errors in one line.

Each of its functions that the source calls is found there, and made to fail in each way, while
everything that an index can do is tried.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import qdrant_edge as edge
from llama_index.core.schema import Document

import indexes.store.edge.collection as collection_module
from indexes.errors import RagError, StoreError
from indexes.index import HierarchicalIndex
from indexes.store.edge.backend import EdgeBackend
from tests.fakes import WordEmbedding

SOURCE = Path(collection_module.__file__).parent


class PanicException(BaseException):
    """A panic in Rust, as it arrives."""


FAULTS = [
    RuntimeError("Service runtime error: the file is odd\nand more of it"),
    RuntimeError("Service runtime error: no room (os error 28)"),
    ValueError("a wrong value"),
    OSError(5, "Input/output error"),
    PanicException("index out of bounds"),
]


def called() -> set[str]:
    """The engine's functions that are called anywhere in the source."""
    found = set()
    for path in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                whose = ast.unparse(node.func.value).rpartition(".")[2]
                if whose in ("engine", "shard", "copy", "EdgeShard"):
                    found.add(node.func.attr)
    return {name for name in found if hasattr(edge.EdgeShard, name)}


class Failing:
    """A shard of which one function fails."""

    def __init__(self, shard: edge.EdgeShard, name: str, fault: BaseException) -> None:
        self._shard, self._name, self._fault = shard, name, fault
        self.reached = False

    def __getattr__(self, name: str) -> Any:
        if name != self._name:
            return getattr(self._shard, name)

        def fail(*_: object, **__: object) -> None:
            self.reached = True
            raise self._fault

        return fail


def backend(index: HierarchicalIndex) -> EdgeBackend:
    found = index.engine.client._client
    assert isinstance(found, EdgeBackend)
    return found


def attempts(index: HierarchicalIndex, folder: Path) -> Iterator[Callable[[], object]]:
    """What an index, and a client of its engine, can do."""
    client, name = index.engine.client, index.store.collection
    yield index.documents
    yield lambda: index.retrieve("Who lit the lamp?", "parent")
    yield index.statistics
    yield lambda: index.verify(deep=True)
    yield lambda: index.ingest([Document(id_="more", text="A gull sat on the pier.")])
    yield lambda: index.export_file(folder / "export.jsonl")
    yield lambda: index.remove("more")
    yield lambda: client.get_collection(name)
    yield lambda: client.facet(name, "kind")
    yield lambda: client.count(name)
    yield lambda: client.query_points(name, [1.0] * 64, using="dense", limit=1)
    yield lambda: client.query_points_groups(name, "kind", [1.0] * 64, using="dense", limit=1)


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[HierarchicalIndex]:
    with HierarchicalIndex.open(tmp_path / "index", embedding=WordEmbedding()) as index:
        index.ingest([Document(id_="one", text="The lamp in the harbour was lit by Ada. " * 20)])
        yield index


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(called() - {"load", "create", "optimize", "close"}))
def test_what_a_function_of_the_engine_raises_is_one_of_ours(
    filled: HierarchicalIndex, tmp_path: Path, name: str
) -> None:
    collection = backend(filled)._folder.collection(filled.store.collection)
    assert collection._current is not None
    real = collection._current.engine
    for fault in FAULTS:
        failing = Failing(real, name, fault)
        collection._current.engine = failing  # type: ignore[assignment]
        told = []
        for attempt in attempts(filled, tmp_path):
            try:
                attempt()
            except RagError as error:
                told.append(str(error))
        collection._current.engine = real
        assert failing.reached or name == "flush", "nothing called it"
        assert all("\n" not in one for one in told)
        assert told or not failing.reached
    assert filled.retrieve("Who lit the lamp?")[0]


@pytest.mark.parametrize("name", ["load", "create"])
@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_a_shard_that_cannot_be_opened_or_made_is_one_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, fault: BaseException
) -> None:
    folder = tmp_path / "index"
    if name == "load":
        with HierarchicalIndex.open(folder, embedding=WordEmbedding()) as index:
            index.ingest([])

    def fail(*_: object) -> None:
        raise fault

    shard = SimpleNamespace(**{name: fail})
    monkeypatch.setattr(collection_module, "edge", SimpleNamespace(EdgeShard=shard))
    with HierarchicalIndex.open(folder, embedding=WordEmbedding()) as index:
        with pytest.raises(StoreError) as caught:
            index.ingest([])
        assert "\n" not in str(caught.value)
