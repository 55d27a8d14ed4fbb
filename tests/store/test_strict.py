"""A server as people run it: strict mode, keys for little, certificates, several nodes."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import Document
from qdrant_client import models

from indexes.details import SearchDetails
from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.settings import SearchMode
from indexes.store import retries
from indexes.store.limits import Limits
from tests.certificates import Authority
from tests.store.stand_in import StandIn
from tests.store.stand_in_rules import Key, Rules
from tests.store.test_server import KEY, TOPICS, WORDS, Place, documents, essays, failure

pytestmark = pytest.mark.usefixtures("hardly_any_waiting")

# As Qdrant Cloud switches it on.
CLOUD = models.StrictModeConfig(
    enabled=True,
    unindexed_filtering_retrieve=False,
    unindexed_filtering_update=False,
    max_payload_index_count=100,
)


def strict(stand_in: StandIn, **limits: Any) -> None:
    stand_in.rules.strict = models.StrictModeConfig(enabled=True, **limits)


def found(
    index: HierarchicalIndex, pattern: str = "parent", search: SearchMode = "hybrid"
) -> list[tuple[str, str]]:
    contexts, _ = index.retrieve(" ".join(WORDS[5::40]), pattern, search=search, budget=400)
    return [(context.id, context.text) for context in contexts]


# --- strict mode ----------------------------------------------------------------------


@pytest.mark.slow
def test_with_cloud_s_defaults_everything_works(
    stand_in: StandIn, index: HierarchicalIndex, tmp_path: Path
) -> None:
    stand_in.rules.strict = CLOUD
    index.ingest(essays())
    changed = [Document(text="Blue ice.", id_="glacier", metadata={"title": "glacier"})]
    index.ingest(changed)
    with Place(stand_in.url, KEY).open() as served:
        served.ingest(essays())
        served.ingest(changed)
        assert found(served) == found(index)
        assert served.export_file(tmp_path / "served.jsonl.gz").failed == []
        assert served.verify().problems == index.verify().problems == []
        served.remove("market")
        assert sorted(m.title for m in served.documents()) == ["glacier", "harbour", "orchard"]


@pytest.mark.slow
def test_a_collection_of_before_gets_the_index_that_it_lacks(stand_in: StandIn) -> None:
    with Place(stand_in.url, KEY).open() as served:
        served.ingest(documents())
        served.engine.client.delete_payload_index("documents", "version")
    stand_in.rules.strict = CLOUD
    with Place(stand_in.url, KEY).open() as served:
        assert served.ingest(documents(30)).updated


def test_a_filter_without_an_index_is_refused_with_the_command_that_makes_one(
    stand_in: StandIn,
) -> None:
    stand_in.rules.strict = CLOUD
    with Place(stand_in.url, KEY).open() as served:
        served.ingest(documents())
        message = failure(served.retrieve, "keeper", filters={"letters": 7})
        assert "letters has none: run `advanced-rag indexes --add letters:keyword`" in message
    with Place(stand_in.url, KEY).open(qdrant_indexes="letters:integer") as served:
        served.ingest(documents())  # changes nothing but makes the index
        contexts, _ = served.retrieve("keeper", filters={"letters": 7}, budget=2000)
        assert {context.title for context in contexts} == {"harbour", "orchard", "glacier"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "limits",
    [
        {"max_query_limit": 7, "search_allow_exact": False},
        {"upsert_max_batchsize": 3},
        {"search_max_batchsize": 1},
        {"condition_max_size": 2},
        {"max_query_limit": 20, "condition_max_size": 1, "search_max_batchsize": 2},
    ],
)
@pytest.mark.parametrize("told", [True, False])
def test_limits_are_kept_to(
    stand_in: StandIn, index: HierarchicalIndex, limits: dict[str, Any], told: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whether the collection's description tells of them, or the refusal only."""
    if not told:
        monkeypatch.setattr(Limits, "read", lambda *_: None)
    index.ingest(essays())
    strict(stand_in, **limits)
    with Place(stand_in.url, KEY).open() as served:
        served.ingest(essays())
        assert found(served) == found(index)
        for pattern in ("regular", "parent-ratio"):
            assert found(served, pattern, "dense") == found(index, pattern, "dense")
        assert served.statistics().points == index.statistics().points
        assert served.verify().problems == []
        assert len(served.documents()) == len(TOPICS)


def test_a_limit_is_learnt_once(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limits, "read", lambda *_: None)
    with Place(stand_in.url, KEY).open() as served:
        served.ingest(documents())
        strict(stand_in, search_allow_exact=False)
        served.retrieve("the market keeper")
        stand_in.forget()
        served.retrieve("the market keeper")
        assert len(stand_in.requests) == 3


def test_a_limit_whose_setting_is_ours_names_it(stand_in: StandIn) -> None:
    strict(stand_in, search_max_hnsw_ef=64)
    with Place(stand_in.url, KEY).open(qdrant_hnsw_ef=128) as served:
        served.ingest(documents()[:1])
        assert "lower RAG_QDRANT_HNSW_EF" in failure(served.retrieve, "harbour")


def test_one_index_too_many_says_how_to_drop_one(stand_in: StandIn) -> None:
    strict(stand_in, max_payload_index_count=8)
    with Place(stand_in.url, KEY).open(qdrant_indexes="letters:integer") as served:
        assert "drop one by `advanced-rag indexes --drop" in failure(served.ingest, documents())


@pytest.mark.slow
def test_a_rate_of_writes_smaller_than_a_batch_is_kept_to(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict(stand_in, write_rate_limit=4)
    monkeypatch.setattr(retries, "LONGEST_ASKED_SECONDS", 0.01)
    monkeypatch.setattr(retries._log, "log", lambda *_: stand_in.rules.time_passes())
    with Place(stand_in.url, KEY).open() as served:
        served.ingest(documents())
        assert all(manifest.settled for manifest in served.documents())
        assert served.verify().problems == []


@pytest.mark.slow
def test_writes_are_cut_by_bytes(stand_in: StandIn) -> None:
    heavy = Document(text=documents(600)[0].text, id_="heavy", metadata={"abstract": "x" * 200_000})
    with Place(stand_in.url, KEY).open() as served:
        served.ingest([heavy])
        sizes = [len(repr(body)) for body in stand_in.bodies if body and "points" in body]
        assert max(sizes) < 6_000_000
        assert served.retrieve("harbour")[0][0].metadata["abstract"] == "x" * 200_000


# --- keys -----------------------------------------------------------------------------


KEYS = {
    KEY: Key(),
    "reader": Key("read"),
    "reader-one": Key("read one", "documents"),
    "writer-one": Key("write one", "documents"),
    "elsewhere": Key("read one", "other"),
    "old": Key("expired"),
}


@pytest.fixture(scope="module", params=[False, True], ids=["own", "cloud"])
def keyed(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[StandIn]:
    """A server with keys of each kind and four documents, which no test changes."""
    folder = tmp_path_factory.mktemp("keyed")
    with StandIn(folder, rules=Rules(KEYS, cloud=request.param)) as server:
        with Place(server.url, KEY).open() as served:
            served.ingest(documents())
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("key", ["reader", "reader-one", "writer-one"])
def test_a_key_for_little_asks(keyed: StandIn, key: str) -> None:
    with Place(keyed.url, key).open() as served:
        assert served.retrieve("harbour")[0]
        assert len(served.documents()) == len(TOPICS)


@pytest.mark.slow
@pytest.mark.parametrize("cloud", [False, True], ids=["own", "cloud"])
def test_a_key_for_one_collection_writes_there(tmp_path: Path, cloud: bool) -> None:
    with StandIn(tmp_path / "keyed", rules=Rules(KEYS, cloud=cloud)) as server:
        with Place(server.url, KEY).open() as served:
            served.ingest(documents()[:1])
        with Place(server.url, "writer-one").open() as served:
            assert served.ingest(documents(30)[:1]).updated


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, "asks for an API key"),
        ("nobody's", "refused the API key (401): set RAG_QDRANT_API_KEY to one it accepts"),
        ("old", "has expired (403): take a new one"),
        ("elsewhere", "is not for collection documents (403): choose its own as --collection"),
    ],
)
def test_what_is_wrong_with_a_key_is_said_at_opening(
    keyed: StandIn, key: str | None, said: str
) -> None:
    assert said in failure(Place(keyed.url, key).open)


@pytest.mark.parametrize("key", ["reader", "reader-one"])
def test_a_key_that_may_only_read_is_told_so(keyed: StandIn, key: str) -> None:
    with Place(keyed.url, key).open() as served:
        before = served.documents()
        message = failure(served.ingest, documents(30))
        assert served.documents() == before
        assert "may read, but not do this (403): take one that may write" in message


def test_a_key_for_one_collection_can_not_make_it(tmp_path: Path) -> None:
    with (
        StandIn(tmp_path / "empty", rules=Rules(KEYS)) as server,
        Place(server.url, "writer-one").open() as served,
    ):
        assert "let a key for the whole server make it" in failure(served.ingest, documents())


# --- certificates ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def serving(authority: Authority, *, asks: bool = False, days: int = 10) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign("server", days))
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca)
    return context


@pytest.mark.slow
def test_an_authority_of_one_s_own_is_named_by_a_setting(
    tmp_path: Path, authority: Authority
) -> None:
    with StandIn(tmp_path / "tls", tls=serving(authority)) as server:
        message = failure(Place(server.url, None).open)
        assert "set RAG_QDRANT_CA to the file of the authority" in message
        with Place(server.url, None).open(qdrant_ca=str(authority.ca)) as served:
            served.ingest(documents()[:1])
            assert served.retrieve("harbour")[0]


@pytest.mark.slow
def test_a_server_may_ask_for_a_certificate(tmp_path: Path, authority: Authority) -> None:
    cert, key = authority.sign("client")
    with StandIn(tmp_path / "tls", tls=serving(authority, asks=True)) as server:
        ca = str(authority.ca)
        message = failure(Place(server.url, None).open, qdrant_ca=ca, qdrant_retries=0)
        assert "RAG_QDRANT_CERT" in message
        mine = {"qdrant_cert": str(cert), "qdrant_cert_key": str(key)}
        with Place(server.url, None).open(qdrant_ca=ca, **mine) as served:
            assert served.documents() == []


def test_a_certificate_that_has_expired_is_said_to_have(
    tmp_path: Path, authority: Authority
) -> None:
    with StandIn(tmp_path / "tls", tls=serving(authority, days=-1)) as server:
        message = failure(Place(server.url, None).open, qdrant_ca=str(authority.ca))
        assert "its certificate has expired: renew it" in message


def test_encryption_on_one_side_only_is_told_from_a_wrong_address(
    tmp_path: Path, authority: Authority
) -> None:
    with StandIn(tmp_path / "plain") as server:
        url = server.url.replace("http:", "https:")
        assert "write http:// instead of https://" in failure(Place(url, None).open)
    with StandIn(tmp_path / "tls", tls=serving(authority)) as server:
        url = server.url.replace("https:", "http:")
        assert "write https://" in failure(Place(url, None).open, qdrant_retries=0)


@pytest.mark.slow
def test_a_certificate_s_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for name, said in (("ca.pem", "it holds no certificate"), ("none.pem", "No such file")):
        with pytest.raises(SettingsError, match=f"RAG_QDRANT_CA.*{re.escape(said)}"):
            Place("https://127.0.0.1:1", None).open(qdrant_ca=str(tmp_path / name))


# --- several nodes --------------------------------------------------------------------


@pytest.mark.slow
def test_when_a_node_is_lost_the_next_one_goes_on(tmp_path: Path) -> None:
    """Two doors to one store: what a cluster is to those who ask it."""
    with (
        StandIn(tmp_path / "served") as first,
        StandIn(first.folder) as second,
        Place(f"{first.url},{second.url}", None).open() as served,
    ):
        served.ingest(documents())
        expected = found(served)
        first.stop()
        assert found(served) == expected
        _, trace = served.retrieve("harbour")
        search = trace.find(SearchDetails)
        assert search is not None
        assert search.nodes_lost == (first.url.removeprefix("http://"),)
        assert served.ingest(documents(30)).updated
        first.start()
        second.stop()
        assert served.retrieve("harbour")[0]


@pytest.mark.slow
def test_a_node_that_is_away_at_opening_is_passed_over(tmp_path: Path) -> None:
    with StandIn(tmp_path / "served") as first, StandIn(first.folder) as second:
        second.stop()
        with Place(f"{second.url},{first.url}", None).open() as served:
            served.ingest(documents()[:1])
            assert served.retrieve("harbour")[0]


def test_nodes_of_different_kinds_are_refused() -> None:
    message = failure(Place("http://a:6333,https://b:6333", None).open)
    assert "must all be http:// or all https://" in message
