"""An index on a server: over real HTTP, and what happens when that goes wrong.

The server is the stand-in of `stand_in.py`, and beside it a real one whenever
`RAG_TEST_QDRANT_URL` names it (its key in `RAG_TEST_QDRANT_API_KEY`).
"""

import asyncio
import contextlib
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from llama_index.core.schema import Document
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters
from pydantic import SecretStr
from qdrant_client import models

from indexes.errors import SettingsError, StoreError
from indexes.index import HierarchicalIndex
from indexes.settings import Settings, load_settings
from indexes.store import retries
from indexes.store.bm25 import bm25_query
from indexes.store.connect import connect
from indexes.store.points import BM25
from indexes.waits import told
from tests.conftest import LEVELS
from tests.fakes import ScriptedLLM, WordEmbedding
from tests.store.stand_in import KEY, StandIn

pytestmark = pytest.mark.usefixtures("hardly_any_waiting")

TOPICS = ["harbour", "orchard", "glacier", "market"]
QUERY = "POST /collections/documents/points/query/batch"


def text_about(topic: str, sentences: int = 24) -> str:
    return " ".join(
        f"Fact {n} about the {topic} concerns its {topic} keeper." for n in range(sentences)
    )


def documents(sentences: int = 24) -> list[Document]:
    return [
        Document(
            text=text_about(topic, sentences),
            id_=topic,
            metadata={"title": topic, "letters": len(topic)},
        )
        for topic in TOPICS
    ]


# So many words that no two passages are alike, and no two vectors equally near a question.
WORDS = [
    f"{a}{b}{c}"
    for a in "bdfglmnprt"
    for b in ("al", "en", "is", "or")
    for c in "bdfgklmnprstvwxyz"
]


def essays() -> list[Document]:
    chance = random.Random(7)
    return [
        Document(
            text=" ".join(
                " ".join(chance.choices(WORDS, k=chance.randint(4, 14))).capitalize() + "."
                for _ in range(30)
            ),
            id_=topic,
            metadata={"title": topic},
        )
        for topic in TOPICS
    ]


def points(index: HierarchicalIndex) -> int:
    return index.engine.client.count(index.settings.collection).count


@dataclass
class Place:
    """A server to test against; `open` gives an index on it."""

    url: str
    key: str | None
    collection: str = "documents"

    def open(self, **settings: Any) -> HierarchicalIndex:
        given = {
            "index": self.url,
            "qdrant_api_key": self.key,
            "collection": self.collection,
            "levels": LEVELS,
            "budget": 120,
            **settings,
        }
        return HierarchicalIndex(
            load_settings(**given), embedding=WordEmbedding(), llm=ScriptedLLM()
        )


@pytest.fixture
def remote(stand_in: StandIn) -> Iterator[HierarchicalIndex]:
    """An empty index on the stand-in."""
    with Place(stand_in.url, KEY).open() as index:
        yield index


REAL = os.environ.get("RAG_TEST_QDRANT_URL")


@pytest.fixture(params=["stand-in", *(["server"] if REAL else [])])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Each server there is."""
    if request.param == "stand-in":
        yield Place(request.getfixturevalue("stand_in").url, KEY)
        return
    real = Place(str(REAL), os.environ.get("RAG_TEST_QDRANT_API_KEY"), f"test-{uuid4().hex}")
    yield real
    with real.open() as index:
        index.engine.client.delete_collection(real.collection)


# --- as on a folder -------------------------------------------------------------------


@pytest.mark.slow
def test_documents_come_change_and_go(place: Place) -> None:
    with place.open() as index:
        assert sorted(index.ingest(documents()).added) == sorted(TOPICS)
        assert [manifest.title for manifest in index.documents()] == sorted(TOPICS)
        before = points(index)
        assert len(index.ingest(documents()).unchanged) == len(TOPICS)
        changed = Document(text="Blue ice.", id_="glacier", metadata={"title": "glacier"})
        assert index.ingest([changed]).updated == ["glacier"]
        texts = [c.text for c in index.retrieve("glacier")[0] if c.title == "glacier"]
        assert texts == ["Blue ice."]
        index.remove("glacier")
        index.ingest(documents())
        assert points(index) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "mode"),
    [("regular", "dense"), ("parent", "dense"), ("parent-ratio", "dense"), ("parent", "hybrid")],
)
def test_a_server_finds_what_a_folder_finds(
    place: Place, index: HierarchicalIndex, pattern: str, mode: str
) -> None:
    index.ingest(essays())
    question = " ".join(WORDS[5::40])
    with place.open() as served:
        served.ingest(essays())
        here, _ = index.retrieve(question, pattern, search=mode)
        there, _ = served.retrieve(question, pattern, search=mode)
        assert [c.text for c in there] == [c.text for c in here]
        assert [c.id for c in there] == [c.id for c in here]
        assert [c.score for c in there] == pytest.approx([c.score for c in here], rel=1e-4)


@pytest.mark.slow
def test_a_server_scores_words_as_a_folder_does(place: Place, index: HierarchicalIndex) -> None:
    index.ingest(essays())
    wanted = bm25_query(" ".join(WORDS[5::40]))
    with place.open() as served:
        served.ingest(essays())
        here, there = (
            {
                hit.id: hit.score
                for hit in found.engine.client.query_points(
                    found.settings.collection, wanted, using=BM25, limit=100
                ).points
            }
            for found in (index, served)
        )
        assert len(here) > 10
        assert there == pytest.approx(here, rel=1e-4)


@pytest.mark.slow
async def test_async_finds_what_sync_finds(place: Place) -> None:
    with place.open() as index:
        await asyncio.to_thread(index.ingest, documents())
        sync = [await asyncio.to_thread(index.retrieve, f"the {t} keeper") for t in TOPICS]
        awaited = await asyncio.gather(*(index.aretrieve(f"the {t} keeper") for t in TOPICS))
        assert [contexts for contexts, _ in awaited] == [contexts for contexts, _ in sync]
        await index.engine.aclose()


@pytest.mark.slow
def test_filters_reach_the_server(place: Place) -> None:
    with place.open(qdrant_indexes="letters:integer", qdrant_tenant="title") as index:
        index.ingest(documents())
        seven = MetadataFilters(filters=[MetadataFilter(key="letters", value=7)])
        contexts, _ = index.retrieve("keeper", filters=seven, budget=2000)
        assert {context.title for context in contexts} == {"harbour", "orchard", "glacier"}
        market = MetadataFilters(filters=[MetadataFilter(key="title", value="market")])
        contexts, _ = index.retrieve("keeper", filters=market, budget=2000)
        assert {context.title for context in contexts} == {"market"}
        indexed = index.engine.client.get_collection(place.collection).payload_schema
        assert {"metadata.letters", "metadata.title", "root"} <= set(indexed)


@pytest.mark.slow
@pytest.mark.parametrize("cut_after", [1, 3, 4])
def test_an_ingest_that_dies_leaves_the_old_version_or_the_new_one(
    place: Place, cut_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = text_about("market"), text_about("market", 40).replace("Fact", "Legend")

    class Died(BaseException):
        """The process is gone: nothing below may handle this."""

    def shown(index: HierarchicalIndex) -> str:
        contexts, _ = index.retrieve("market", budget=10_000)
        return "".join(context.text for context in sorted(contexts, key=lambda c: c.start))

    with place.open() as index:
        index.ingest([Document(text=old, id_="market", metadata={"title": "market"})])
        writes = 0
        backend = index.engine.client._client
        for name in ("upsert", "delete"):
            original = getattr(backend, name)

            def dying(*args: Any, _original: Any = original, **kwargs: Any) -> Any:
                nonlocal writes
                writes += 1
                if writes > cut_after:
                    raise Died
                return _original(*args, **kwargs)

            monkeypatch.setattr(backend, name, dying)
        changed = Document(text=new, id_="market", metadata={"title": "market"})
        with contextlib.suppress(Died):
            index.ingest([changed])
        monkeypatch.undo()
    with place.open() as again:
        assert shown(again) in (old, new)
        again.ingest([changed])
        assert shown(again) == new
        assert all(manifest.settled for manifest in again.documents())


# --- on the wire ----------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["regular", "parent", "parent-ratio"])
async def test_a_question_is_three_requests(
    stand_in: StandIn, remote: HierarchicalIndex, pattern: str
) -> None:
    await asyncio.to_thread(remote.ingest, documents()[:2])
    remote.retriever(pattern)
    stand_in.forget()
    await asyncio.to_thread(remote.retrieve, "harbour keeper", pattern)
    assert stand_in.requests == [QUERY] * 3
    await remote.aretrieve("harbour keeper", pattern)
    # Where leaves stand is known by now: without a look at the tree, so are those to deliver.
    again = 2 if pattern == "regular" else 3
    assert stand_in.requests == [QUERY] * (3 + again)
    await remote.engine.aclose()


def creation(stand_in: StandIn) -> dict[str, Any]:
    """What the server was told when the collection was made."""
    place = stand_in.requests.index("PUT /collections/documents")
    return dict(stand_in.bodies[place])


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {}),
        ({"qdrant_shards": 6}, {"shard_number": 6}),
        (
            {"qdrant_replicas": 3, "qdrant_write_consistency": 2},
            {"replication_factor": 3, "write_consistency_factor": 2},
        ),
        ({"qdrant_payload_on_disk": True}, {"on_disk_payload": True}),
        (
            {"qdrant_hnsw_m": 32, "qdrant_hnsw_ef_construct": 256, "qdrant_hnsw_on_disk": True},
            {"hnsw_config": {"m": 32, "ef_construct": 256, "on_disk": True}},
        ),
        (
            {"qdrant_tenant": "team", "qdrant_hnsw_m": 0, "qdrant_hnsw_payload_m": 16},
            {"hnsw_config": {"m": 0, "payload_m": 16}},
        ),
        (
            {"qdrant_quantization": "scalar"},
            {"quantization_config": {"scalar": {"type": "int8", "always_ram": True}}},
        ),
        (
            {"qdrant_quantization": "binary"},
            {"quantization_config": {"binary": {"always_ram": True}}},
        ),
    ],
)
def test_settings_become_parameters_of_the_collection(
    stand_in: StandIn, settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    with Place(stand_in.url, KEY).open(**settings) as index:
        index.ingest([])
    made = without_nulls(creation(stand_in))
    dense = {"size": 64, "distance": "Cosine", "datatype": "float16"}
    assert made.pop("vectors") == {"dense": dense}
    assert made.pop("sparse_vectors") == {"bm25": {"modifier": "idf"}}
    assert made == expected


def test_vectors_can_be_on_disk_and_tenants_have_their_index(stand_in: StandIn) -> None:
    with Place(stand_in.url, KEY).open(qdrant_vectors_on_disk=True, qdrant_tenant="team") as index:
        index.ingest([])
    made = without_nulls(creation(stand_in))
    assert made["vectors"]["dense"]["on_disk"] is True
    assert made["sparse_vectors"]["bm25"]["index"] == {"on_disk": True}
    assert tenants(stand_in) == ["metadata.team"]


def test_without_tenants_the_leaves_of_a_root_lie_together(stand_in: StandIn) -> None:
    with Place(stand_in.url, KEY).open() as index:
        index.ingest([])
    assert tenants(stand_in) == ["root"]


def tenants(stand_in: StandIn) -> list[str]:
    """The payload fields that were indexed as a tenant's key."""
    tenant = {"type": "keyword", "is_tenant": True}
    indexed = [without_nulls(body) for body in stand_in.bodies if body and "field_name" in body]
    return [body["field_name"] for body in indexed if body["field_schema"] == tenant]


def test_searches_carry_their_parameters_and_exact_ones_stay_exact(stand_in: StandIn) -> None:
    settings = {
        "qdrant_hnsw_ef": 128,
        "qdrant_quantization": "scalar",
        "qdrant_oversampling": 2.5,
        "qdrant_rescore": True,
    }
    with Place(stand_in.url, KEY).open(**settings) as index:
        index.ingest(documents()[:1])
        stand_in.forget()
        assert index.retrieve("harbour")[0]
    first, second, _ = (without_nulls(body)["searches"] for body in stand_in.bodies[-3:])
    tuned = {"hnsw_ef": 128, "quantization": {"rescore": True, "oversampling": 2.5}}
    assert [without_nulls(s.get("params")) for s in first if s["using"] == "dense"] == [tuned]
    assert all("params" not in without_nulls(s) for s in first if s["using"] == "bm25")
    assert [s["params"] for s in map(without_nulls, second) if s.get("using") == "dense"] == [
        {"exact": True}
    ] * 2


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"qdrant_replicas": 2, "qdrant_write_consistency": 3}, "raise RAG_QDRANT_REPLICAS"),
        ({"qdrant_hnsw_payload_m": 16}, "needs RAG_QDRANT_TENANT"),
        ({"qdrant_hnsw_m": 0}, "needs RAG_QDRANT_HNSW_PAYLOAD_M"),
        ({"qdrant_indexes": "year"}, "'year' is not KEY:TYPE with a type of keyword, integer"),
        ({"qdrant_indexes": "year:number"}, "'year:number' is not KEY:TYPE"),
        ({"qdrant_shards": 0}, "qdrant_shards"),
        ({"qdrant_quantization": "turbo"}, "RAG_QDRANT_QUANTIZATION"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], expected: str
) -> None:
    with pytest.raises(SettingsError, match=expected):
        Place("http://127.0.0.1:1", None).open(**settings)


@pytest.mark.parametrize("setting", ["qdrant_shards", "qdrant_timeout", "qdrant_retries"])
def test_a_folder_refuses_what_is_for_servers(
    tmp_path: Path, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"RAG_{setting.upper()}", "3")
    with pytest.raises(SettingsError, match=f"setting {setting} .* is for a Qdrant server"):
        HierarchicalIndex.open(tmp_path / "index")
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("quantization", ["none", "scalar", "binary"])
def test_a_folder_takes_what_describes_a_collection_and_finds_the_same(
    tmp_path: Path, index: HierarchicalIndex, quantization: Any
) -> None:
    index.ingest(documents())
    with Place(str(tmp_path / "other"), None).open(
        qdrant_quantization=quantization,
        qdrant_vectors_on_disk=True,
        qdrant_payload_on_disk=True,
        qdrant_hnsw_m=8,
        qdrant_hnsw_ef=256,
        qdrant_hnsw_on_disk=True,
        qdrant_oversampling=4.0,
        qdrant_indexes="title:keyword",
    ) as other:
        other.ingest(documents())
        info = other.engine.client.get_collection(other.settings.collection)
        vectors = info.config.params.vectors
        assert isinstance(vectors, dict)
        assert vectors["dense"].on_disk
        assert info.config.hnsw_config.m == 8
        assert (info.config.quantization_config is None) == (quantization == "none")
        assert "metadata.title" in info.payload_schema
        rebuilt = other.rebuild()
        assert not rebuilt.lost
        again = other.engine.client.get_collection(other.settings.collection)
        assert again.config.params == info.config.params
        assert again.config.quantization_config == info.config.quantization_config
        for topic in TOPICS:
            found, _ = other.retrieve(f"the {topic} keeper")
            expected, _ = index.retrieve(f"the {topic} keeper")
            assert [context.id for context in found] == [context.id for context in expected]


def test_a_folder_does_not_mind_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_QDRANT_API_KEY", KEY)
    HierarchicalIndex.open(tmp_path / "index").close()


# --- when things go wrong for a moment ------------------------------------------------


@pytest.mark.slow
def test_one_failure_in_five_changes_nothing(stand_in: StandIn, index: HierarchicalIndex) -> None:
    index.ingest(documents())
    stand_in.fail("reset", every=9)
    stand_in.fail(503, every=11)
    with Place(stand_in.url, KEY).open(qdrant_retries=8) as served:
        assert len(served.ingest(documents()).added) == len(TOPICS)
        changed = [Document(text="Ice.", id_="glacier", metadata={"title": "glacier"})]
        served.ingest(changed)
        index.ingest(changed)
        for topic in TOPICS * 3:
            here, _ = index.retrieve(f"the {topic} keeper")
            there, _ = served.retrieve(f"the {topic} keeper")
            assert [context.id for context in there] == [context.id for context in here]
        stand_in.heal()
        assert points(served) == points(index)
        assert all(manifest.settled for manifest in served.documents())
    assert len(set(ids_of(stand_in))) == points(index)


def ids_of(stand_in: StandIn) -> list[Any]:
    found, _ = stand_in.backend.scroll("documents", limit=10_000)
    return [point.id for point in found]


@pytest.mark.slow
async def test_one_failure_in_five_changes_nothing_for_coroutines(
    stand_in: StandIn, remote: HierarchicalIndex
) -> None:
    await asyncio.to_thread(remote.ingest, documents()[:2])
    expected = await asyncio.to_thread(remote.retrieve, "harbour keeper")
    stand_in.fail(500, every=9)
    stand_in.fail("reset", every=11)
    found = await asyncio.gather(*(remote.aretrieve("harbour keeper") for _ in range(20)))
    assert all(contexts == expected[0] for contexts, _ in found)
    await remote.engine.aclose()


@pytest.mark.slow
def test_a_write_whose_answer_was_lost_is_not_made_twice(
    stand_in: StandIn, index: HierarchicalIndex
) -> None:
    index.ingest(documents())
    # Also the first request of all writes, which makes the collection.
    stand_in.fail("lost", r"^(PUT|DELETE|POST .*/delete)", every=2)
    stand_in.fail("lost", r"^PUT /collections/[^/]+$", times=1)
    with Place(stand_in.url, KEY).open() as served:
        served.ingest(documents())
        served.ingest(documents(30)[:1])
        index.ingest(documents(30)[:1])
        stand_in.heal()
        assert points(served) == points(index)


def test_a_malformed_answer_is_an_error_and_the_next_try_goes_through(
    stand_in: StandIn, remote: HierarchicalIndex
) -> None:
    remote.ingest(documents()[:1])
    for kind in ("malformed", "no result"):
        stand_in.fail(kind, "query/batch", times=1)  # type: ignore[arg-type]
        assert "answered something that is not Qdrant's" in failure(remote.retrieve, "harbour")
        assert remote.retrieve("harbour")[0]


def test_a_slow_answer_is_asked_for_again(stand_in: StandIn) -> None:
    with Place(stand_in.url, KEY).open(qdrant_timeout=1, qdrant_retries=5) as index:
        index.ingest(documents()[:1])
        stand_in.fail("slow", "query/batch", seconds=1.3, times=1)
        assert index.retrieve("harbour")[0]


def test_an_overloaded_server_is_given_the_time_it_asks_for(
    stand_in: StandIn, remote: HierarchicalIndex
) -> None:
    remote.ingest(documents()[:1])
    stand_in.fail(429, "query/batch", times=1, headers={"retry-after": "1"})
    said: list[str] = []
    started = time.perf_counter()
    with told(said.append):
        assert remote.retrieve("harbour")[0]
    assert time.perf_counter() - started >= retries.LONGEST_WAIT_SECONDS
    assert said == ["the server counts requests and asks for a pause of 1 s"]


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("reset", {}, "cannot reach"),
        (500, {}, "failed (500): injected"),
        (429, {}, "refused the request (429): injected"),
        (429, {"headers": {"retry-after": "1"}}, "is overloaded (injected): try again later"),
    ],
)
def test_retries_end(stand_in: StandIn, kind: Any, options: dict[str, Any], expected: str) -> None:
    with Place(stand_in.url, KEY).open(qdrant_retries=2) as index:
        index.ingest(documents()[:1])
        stand_in.forget()
        stand_in.fail(kind, "query/batch", **options)
        assert expected in failure(index.retrieve, "harbour")
        # A kept connection that turns out to be closed is replaced at once, without waiting.
        assert stand_in.requests == [QUERY] * (4 if kind == "reset" else 3)


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422])
def test_what_the_client_did_wrong_is_not_repeated(
    stand_in: StandIn, remote: HierarchicalIndex, status: int
) -> None:
    remote.ingest(documents()[:1])
    stand_in.forget()
    stand_in.fail(status, "query/batch")
    failure(remote.retrieve, "harbour")
    assert stand_in.requests == [QUERY]


@pytest.mark.slow
def test_a_server_that_restarts_meanwhile_is_waited_for(
    stand_in: StandIn, remote: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.ingest(documents()[:1])
    stand_in.stop()
    # Back as soon as a request was refused and said that it will be sent again: no clock.
    monkeypatch.setattr(retries._log, "log", lambda *_: stand_in.start())
    assert remote.retrieve("harbour")[0]


# --- when things go wrong for good ----------------------------------------------------


def failure(action: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The one line that an action fails with."""
    with pytest.raises(StoreError) as caught:
        action(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    assert KEY not in message
    return message


def test_a_wrong_key_is_refused_at_once(stand_in: StandIn) -> None:
    stand_in.key = "another"
    assert "refused the API key (401)" in failure(Place(stand_in.url, KEY).open)
    assert stand_in.requests == ["GET /", "GET /collections/documents"]


def test_a_key_that_is_taken_away_is_an_error(stand_in: StandIn, remote: HierarchicalIndex) -> None:
    remote.ingest(documents()[:1])
    stand_in.key = "another"
    assert "refused the API key (401)" in failure(remote.retrieve, "harbour")


def test_a_wrong_address_is_not_waited_for(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.stop()
    monkeypatch.setattr(retries._log, "log", lambda *_: pytest.fail("it tried again"))
    assert "cannot reach" in failure(Place(stand_in.url, KEY).open, qdrant_retries=20)


def test_a_wrong_path_is_an_error(stand_in: StandIn) -> None:
    message = failure(Place(f"{stand_in.url}/elsewhere", KEY).open)
    assert "answered 404, and not as a Qdrant server does" in message


def test_a_collection_whose_making_was_cut_short_is_completed(stand_in: StandIn) -> None:
    """With the chunk sizes that nobody chose, which it could not tell either."""
    own: dict[str, Any] = {"levels": None, "budget": 1000}
    stand_in.fail(400, "PUT /collections/documents/points")
    with Place(stand_in.url, KEY).open(**own) as index:
        assert "refused" in failure(index.ingest, documents())
    stand_in.heal()
    with Place(stand_in.url, KEY).open(**own) as index:
        assert "nothing is indexed" in failure(index.retrieve, "harbour")
        assert len(index.ingest(documents()).added) == len(TOPICS)


def test_a_collection_that_vanishes_is_an_error(
    stand_in: StandIn, remote: HierarchicalIndex
) -> None:
    remote.ingest(documents()[:1])
    stand_in.backend.delete_collection("documents")
    message = failure(remote.retrieve, "harbour")
    assert "refused the request (404): Not found: Collection `documents`" in message


@pytest.mark.slow
def test_a_server_that_dies_during_an_ingest_is_an_error_and_the_next_run_goes_on(
    stand_in: StandIn, index: HierarchicalIndex
) -> None:
    index.ingest(documents(150))
    with Place(stand_in.url, KEY).open(qdrant_retries=1) as served:
        assert "cannot reach" in failure(
            served.ingest,
            documents(150),
            on_progress=lambda now: stand_in.stop() if now.event == "stored" else None,
        )
    stand_in.start()
    with Place(stand_in.url, KEY).open() as again:
        report = again.ingest(documents(150))
        assert report.unchanged and report.added
        assert points(again) == points(index)
        assert [m.title for m in again.documents()] == sorted(TOPICS)


# --- ordinary use of the server -------------------------------------------------------


async def test_what_others_do_with_a_client_works_too(stand_in: StandIn) -> None:
    async with connect(stand_in.url, api_key=SecretStr(KEY)) as engine:
        client = engine.client
        client.create_collection("c", models.VectorParams(size=2, distance=models.Distance.DOT))
        client.upload_points(
            "c",
            [models.PointStruct(id=n, vector=[n, 1], payload={"n": n}) for n in range(10)],
            batch_size=3,
        )
        assert [hit.id for hit in client.query_points("c", [1.0, 0.0], limit=2).points] == [9, 8]
        client.set_payload("c", {"seen": True}, points=[9])
        client.delete("c", [8])
        assert (await engine.aclient.retrieve("c", [9]))[0].payload == {"n": 9, "seen": True}
        page, following = await engine.aclient.scroll("c", limit=4)
        assert ([point.id for point in page], following) == ([0, 1, 2, 3], 4)
        assert (await engine.aclient.count("c")).count == 9
        assert client.get_collection("c").points_count == 9
        assert client.delete_collection("c")
        assert not client.collection_exists("c")


# --- docs/scaling.md ------------------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs"


def test_the_documentation_names_every_setting_and_no_other() -> None:
    text = (DOCS / "scaling.md").read_text(encoding="utf-8")
    named = {name.lower() for name in re.findall(r"RAG_(QDRANT_[A-Z_]*[A-Z])", text)}
    named |= {f"qdrant_{name.lower()}" for name in re.findall(r"…_([A-Z_]*[A-Z])", text)}
    assert named == {name for name in Settings.model_fields if name.startswith("qdrant_")}


def test_the_cluster_is_pinned_keyed_and_published_on_loopback_only() -> None:
    text = (DOCS / "qdrant-cluster" / "compose.yaml").read_text(encoding="utf-8")
    nodes = yaml.safe_load(text)["services"]
    assert len(nodes) == 3
    for node in nodes.values():
        assert re.fullmatch(r"qdrant/qdrant:v\d+\.\d+\.\d+", node["image"])
        assert node["environment"]["QDRANT__SERVICE__API_KEY"].startswith("${RAG_QDRANT_API_KEY:?")
        assert all(re.fullmatch(r"127\.0\.0\.1:\d+:633[34]", port) for port in node["ports"])


class _Stopped(BaseException):
    """As Ctrl-C raises it."""


def test_who_waits_for_a_server_can_stop(stand_in: StandIn, remote: HierarchicalIndex) -> None:
    def stop(*_: object) -> None:
        raise _Stopped

    remote.ingest(documents()[:1])
    stand_in.fail("slow", "query/batch", seconds=20)
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    started = time.perf_counter()
    try:
        with pytest.raises(_Stopped):
            remote.retrieve("harbour")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.perf_counter() - started < 10


@pytest.mark.slow
def test_a_fork_asks_by_itself(remote: HierarchicalIndex) -> None:
    remote.ingest(documents()[:1])

    def found() -> list[str]:
        nodes = asyncio.run(remote.retriever("parent").aretrieve("harbour"))
        return [node.node.text for node in nodes]

    expected = found()
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # a thread of the parent's would be waited for in vain
        os._exit(0 if found() == expected else 1)
    assert found() == expected
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
