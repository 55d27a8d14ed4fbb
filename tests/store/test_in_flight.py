"""Writes to a server: several at once, and what a document ends with comes last."""

import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from llama_index.core.schema import Document
from qdrant_client import models

from indexes import ingestion
from indexes.errors import StoreError
from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from indexes.store.bm25 import bm25_document
from indexes.store.columns import Point
from indexes.store.http import Sender
from indexes.store.points import BM25, embedding_text
from indexes.store.rest import RestWire
from tests.benchmarks.lanes import FakeEmbedding
from tests.benchmarks.synthetic import FakeVectors
from tests.store.stand_in import StandIn
from tests.store.stand_in_rules import Rules
from tests.store.test_layouts import about

Points = list[dict[str, Any]]
Watch = Callable[[Points], None]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "server", rules=Rules()) as server:
        yield server


@pytest.fixture
def index(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[HierarchicalIndex]:
    monkeypatch.setattr(ingestion, "_SLICE", 8)
    settings = load_settings(index=server.url, levels=(256, 64, 32), qdrant_retries=1)
    with HierarchicalIndex(settings, embedding=FakeEmbedding(FakeVectors(32))) as index:
        index.ingest([Document(id_="first", text="The collection is made.")])
        yield index


def watched(index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch, watch: Watch) -> None:
    """Have each write shown to `watch` first."""
    upsert = index.engine.wire.upsert

    def watching(collection: str, points: list[bytes]) -> None:
        watch([orjson.loads(point) for point in points])
        upsert(collection, points)

    monkeypatch.setattr(index.engine.wire, "upsert", watching)


def test_words_are_encoded_before_they_are_sent_as_a_folder_encodes_them(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: Points = []
    watched(index, monkeypatch, lambda points: sent.extend(points))
    index.ingest([Document(id_="whales", text=about("whales"))])
    leaves = {point["id"]: point for point in sent if point["payload"]["kind"] == "leaf"}
    client, collection = index.engine.client, index.store.collection
    stored = client.retrieve(collection, list(leaves), with_vectors=[BM25])
    assert leaves and len(stored) == len(leaves)
    for point in stored:
        said = leaves[str(point.id)]["payload"]
        expected = bm25_document(embedding_text("whales", said["heading"], said["text"]))
        assert leaves[str(point.id)]["vector"][BM25]["indices"] == expected.indices
        assert isinstance(point.vector, dict)
        found = point.vector[BM25]
        assert isinstance(found, models.SparseVector)
        assert dict(zip(found.indices, found.values, strict=True)) == pytest.approx(
            dict(zip(expected.indices, expected.values, strict=True))
        )


@pytest.mark.parametrize("vectors", [[[0.1, 2.0], [1e-9, -3.0]], [[0.5], [1.0, 2.0]], [[]], [[1]]])
def test_vectors_are_sent_with_the_digits_that_count(vectors: list[list[float]]) -> None:
    points = [Point(str(n), {"dense": vector}, {}) for n, vector in enumerate(vectors)]
    # Encoding needs no connection.
    encoded = RestWire(cast(Sender, None)).encoded(points)
    for (body, size), vector in zip(encoded, vectors, strict=True):
        assert size == len(body)
        assert orjson.loads(body)["vector"]["dense"] == pytest.approx(vector)
        assert b"000000" not in body


def is_node(points: Points) -> bool:
    return points[0]["payload"]["kind"] in {"leaf", "parent"}


def test_slices_are_on_their_way_at_the_same_time(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, timeout=20)
    met = []
    turns = count()

    def watch(points: Points) -> None:
        if is_node(points) and next(turns) < 2:
            met.append(both.wait())

    watched(index, monkeypatch, watch)
    index.ingest([Document(id_="long", text=about("grain"))])
    assert sorted(met) == [0, 1]


def test_a_document_is_shown_after_its_last_node(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived: set[str] = set()
    shown: dict[str, int] = {}
    upsert = index.engine.wire.upsert

    def watching(collection: str, points: list[bytes]) -> None:
        upsert(collection, points)
        for point in map(orjson.loads, points):
            payload = point["payload"]
            if payload["kind"] == "leaf":
                arrived.add(point["id"])
            elif payload["kind"] == "manifest" and payload["version"]:
                shown[payload["document_id"]] = payload["leaves"]
                assert sum(shown.values()) <= len(arrived)

    monkeypatch.setattr(index.engine.wire, "upsert", watching)
    names = ["grain", "coal", "fish"]
    report = index.ingest([Document(id_=name, text=about(name)) for name in names])
    assert list(shown) == names
    assert report.leaves == len(arrived) == sum(shown.values())


@pytest.mark.slow
def test_a_lost_slice_keeps_its_document_unseen(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watch(points: Points) -> None:
        seen.append(points)
        if sum(map(is_node, seen)) == 3 and is_node(points):
            raise StoreError("the server is full")

    with monkeypatch.context() as patched:
        watched(index, patched, watch)
        with pytest.raises(StoreError, match="full"):
            index.ingest([Document(id_="long", text=about("grain"))])
    assert [manifest.document_id for manifest in index.store.manifests()] == ["first"]
    index.ingest([Document(id_="long", text=about("grain"))])
    assert {found.document_id for found in index.store.manifests()} == {"first", "long"}


def test_a_limit_that_all_slices_meet_is_learnt(server: StandIn, index: HierarchicalIndex) -> None:
    server.rules.strict = models.StrictModeConfig(enabled=True, upsert_max_batchsize=3)
    report = index.ingest([Document(id_="long", text=about("grain"))])
    assert report.added == ["long"]
    assert index.store.limits.writes == 3
    manifest = index.store.manifest("long")
    assert manifest is not None
    assert len(index.store.leaves("long", manifest.version or "", 10**6)) == manifest.leaves
