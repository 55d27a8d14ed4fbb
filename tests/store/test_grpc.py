"""Searches and points by gRPC, which goes the way that REST's requests go."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qdrant_client import grpc as wire
from qdrant_client import models
from qdrant_client.conversions.conversion import RestToGrpc
from qdrant_client.http.exceptions import ResponseHandlingException

from indexes.details import SearchDetails
from indexes.errors import SettingsError, StoreError
from indexes.index import HierarchicalIndex
from indexes.store import remote, retries
from indexes.store.columns import Point, Search
from indexes.store.grpc_wire import GrpcWire
from indexes.store.http import Reply
from indexes.store.rpc import RpcLine, speaks_grpc
from tests.certificates import Authority
from tests.store.grpc_door import GrpcDoor
from tests.store.stand_in import StandIn
from tests.store.test_server import KEY, TOPICS, Place, documents, essays, failure
from tests.store.test_strict import found, serving, strict

pytestmark = pytest.mark.usefixtures("hardly_any_waiting")

STATUS = grpc.StatusCode


@pytest.fixture
def door(stand_in: StandIn) -> Iterator[GrpcDoor]:
    with GrpcDoor(stand_in) as door:
        yield door


def through(door: GrpcDoor, **settings: Any) -> dict[str, Any]:
    return {"qdrant_grpc": True, "qdrant_grpc_port": door.port, **settings}


def opened(stand_in: StandIn, door: GrpcDoor, **settings: Any) -> HierarchicalIndex:
    return Place(stand_in.url, stand_in.key).open(**through(door, **settings))


@pytest.mark.slow
def test_grpc_finds_what_rest_finds(
    stand_in: StandIn, door: GrpcDoor, index: HierarchicalIndex
) -> None:
    index.ingest(essays())
    with opened(stand_in, door) as served:
        served.ingest(essays())
        assert found(served) == found(index)
        assert {"Points/QueryBatch", "Points/Upsert"} <= set(door.calls)
        assert not [asked for asked in stand_in.requests if asked.endswith("/query/batch")]
        assert served.verify().problems == []
        served.remove("market")
        assert len(served.documents()) == len(TOPICS) - 1


@pytest.mark.slow
async def test_it_can_be_awaited(stand_in: StandIn, door: GrpcDoor) -> None:
    with opened(stand_in, door) as served:
        served.ingest(essays())
        at_once, _ = served.retrieve("harbour")
        awaited, _ = await served.aretrieve("harbour")
        assert [context.text for context in awaited] == [context.text for context in at_once]


@pytest.mark.slow
def test_a_grpc_port_of_another_server_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    with (
        StandIn(tmp_path / "right") as right,
        StandIn(tmp_path / "wrong") as wrong,
        GrpcDoor(wrong) as door,
    ):
        said = "lead to different servers: set RAG_QDRANT_GRPC_PORT"
        # Nothing is there yet: it shows as soon as the collection is made.
        with opened(right, door) as served:
            assert said in failure(served.ingest, documents())
        assert not wrong.backend.collection_exists("documents")
        with Place(wrong.url, None).open() as served:
            served.ingest(documents())
        # Both have such a collection, but not the same one.
        assert said in failure(opened, right, door)


def test_the_grpc_port_is_the_one_after_rest_s(stand_in: StandIn) -> None:
    message = failure(Place(stand_in.url, KEY).open, qdrant_grpc=True, qdrant_retries=0)
    assert "by gRPC" in message
    assert "RAG_QDRANT_GRPC_PORT" in message


def test_a_port_where_something_else_is_spoken_is_told(stand_in: StandIn) -> None:
    port = int(stand_in.url.rpartition(":")[2])  # REST's
    with Place(stand_in.url, KEY).open() as served:
        served.ingest(documents()[:1])
    to_rest = {"qdrant_grpc": True, "qdrant_grpc_port": port, "qdrant_retries": 0}
    assert "RAG_QDRANT_GRPC_PORT" in failure(Place(stand_in.url, KEY).open, **to_rest)


def test_a_libcurl_without_http_2_is_told(
    stand_in: StandIn, door: GrpcDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert speaks_grpc()
    monkeypatch.setattr(remote, "speaks_grpc", lambda: False)
    with pytest.raises(SettingsError, match=r"RAG_QDRANT_GRPC.*leave it out, or install"):
        opened(stand_in, door)


# --- refusals -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "words", "said"),
    [
        (STATUS.UNAUTHENTICATED, "Invalid API key or JWT", "refused the API key"),
        (
            STATUS.PERMISSION_DENIED,
            "Forbidden: Write access to collection documents is required",
            "may read, but not do this",
        ),
        (STATUS.UNAVAILABLE, "starting", "failed (503): starting"),
        (STATUS.INTERNAL, "1 of 1 reads\nfailed", "failed (500): 1 of 1 reads failed"),
        (STATUS.DEADLINE_EXCEEDED, "took 60 s", "failed (504): took 60 s"),
        (STATUS.INVALID_ARGUMENT, "Wrong input: größer als 100%", "(400): Wrong input: größer"),
        (STATUS.UNIMPLEMENTED, "", "refused the request (404)"),
    ],
)
def test_a_refusal_is_told_as_rest_s_is(
    stand_in: StandIn, door: GrpcDoor, status: grpc.StatusCode, words: str, said: str
) -> None:
    with opened(stand_in, door, qdrant_retries=0) as served:
        served.ingest(documents()[:1])
        door.refusing = [(status, words, {})]
        message = failure(served.retrieve, "harbour")
        assert said in message
        assert "\n" not in message
        assert served.retrieve("harbour")[0]


def test_a_wrong_key_is_refused_there_too(stand_in: StandIn, door: GrpcDoor) -> None:
    with opened(stand_in, door) as served:
        served.ingest(documents()[:1])
        assert served.retrieve("harbour")[0]
        stand_in.rules.keys = {}
        stand_in.key = "another"
        assert "refused the API key" in failure(served.retrieve, "harbour")


def test_what_fails_for_the_moment_is_asked_again(stand_in: StandIn, door: GrpcDoor) -> None:
    with opened(stand_in, door, qdrant_retries=2) as served:
        served.ingest(documents()[:1])
        door.refusing = [(STATUS.UNAVAILABLE, "starting", {})] * 2
        assert served.retrieve("harbour")[0]
        door.refusing = [(STATUS.UNAVAILABLE, "starting", {})] * 3
        assert "failed (503): starting" in failure(served.retrieve, "harbour")
        assert not door.refusing


@pytest.mark.slow
def test_rates_are_waited_out_as_long_as_the_server_says(
    stand_in: StandIn, door: GrpcDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(stand_in, door) as served:
        served.ingest(documents()[:1])
    strict(stand_in, write_rate_limit=4, read_rate_limit=8)
    waited: list[float] = []

    def minute_passes(seconds: float) -> None:
        waited.append(seconds)
        stand_in.rules.time_passes()

    monkeypatch.setattr(retries.time, "sleep", minute_passes)
    with opened(stand_in, door, qdrant_retries=1) as served:
        served.ingest(documents())
        assert all(manifest.settled for manifest in served.documents())
        assert served.verify().problems == []
    assert max(waited) > 1


@pytest.mark.slow
def test_what_strict_mode_forbids_is_learnt(stand_in: StandIn, door: GrpcDoor) -> None:
    with opened(stand_in, door) as served:
        served.ingest(documents())
        words = 'Limit exceeded 100 > 20 for "limit". Help: Reduce the "limit" parameter.'
        door.refusing = [(STATUS.PERMISSION_DENIED, f"Forbidden: {words}", {})]
        assert served.retrieve("harbour")[0]
        assert served.store.limits.hits == 20


# --- certificates and nodes -----------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.slow
def test_certificates_serve_both_ports(tmp_path: Path, authority: Authority) -> None:
    mine, my_key = authority.sign("client")
    with (
        StandIn(tmp_path / "tls", tls=serving(authority, asks=True)) as server,
        GrpcDoor(server, tls=(*authority.sign("127.0.0.1"), authority.ca)) as door,
    ):
        known: dict[str, Any] = {"qdrant_ca": authority.ca, "qdrant_retries": 0}
        trusted = {**known, "qdrant_cert": mine, "qdrant_cert_key": my_key}
        with opened(server, door, **trusted) as served:
            served.ingest(documents()[:1])
            assert served.retrieve("harbour")[0]
            assert "Points/Upsert" in door.calls
        assert "RAG_QDRANT_CERT" in failure(opened, server, door, **known)


def test_an_encrypted_server_whose_grpc_is_not(tmp_path: Path, authority: Authority) -> None:
    with (
        StandIn(tmp_path / "tls", tls=serving(authority)) as server,
        GrpcDoor(server) as door,
    ):
        message = failure(opened, server, door, qdrant_ca=authority.ca, qdrant_retries=0)
        assert "by gRPC" in message


@pytest.mark.slow
def test_a_lost_node_is_left_for_the_next(tmp_path: Path) -> None:
    with side_by_side(tmp_path) as (there, door):
        with opened(there, door) as served:
            served.ingest(essays())
            whole = found(served)
        lost = StandIn(tmp_path / "lost")
        lost.stop()
        nodes = Place(f"{lost.url},{there.url}", None)
        with nodes.open(qdrant_grpc=True) as served:
            assert found(served) == whole
            _, trace = served.retrieve("harbour")
            assert trace.find(SearchDetails).nodes_lost == (lost.url.removeprefix("http://"),)


@contextmanager
def side_by_side(folder: Path) -> Iterator[tuple[StandIn, GrpcDoor]]:
    """A server, and its door at the port after REST's: where another process has that, anew."""
    for place in (folder / str(number) for number in range(20)):
        with StandIn(place) as server:
            try:
                door = GrpcDoor(server, port=int(server.url.rpartition(":")[2]) + 1)
            except RuntimeError:
                continue
            with door:
                yield server, door
            return
    pytest.fail("no two ports beside each other are free")


# --- what stands on the wire ----------------------------------------------------------

HEAD = b"HTTP/2 200 \r\ncontent-type: application/grpc\r\n\r\n"
WELL = HEAD + b"grpc-status: 0\r\n"
LINE = object.__new__(RpcLine)


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\0", b"\0\0\0\0\x05abc", b"\1\0\0\0\x03abc", b"\0\0\0\0\x01abc"]
)
def test_an_answer_that_is_no_message_is_refused(content: bytes) -> None:
    with pytest.raises(ResponseHandlingException):
        LINE.reply(200, WELL, content)


def test_an_answer_without_a_status_is_a_proxy_s() -> None:
    assert LINE.reply(200, HEAD, b"<html>").status_code == 502
    refused = LINE.reply(403, b"HTTP/2 403 \r\n\r\n", b"<html>")
    assert refused == Reply(403, {}, b"<html>")


def test_words_of_a_refusal_are_no_status() -> None:
    words = "grpc-message: expected grpc-status: 0\r\n"
    head = HEAD + b"grpc-status: 13\r\n" + words.encode()
    assert LINE.reply(200, head, b"").status_code == 500


@pytest.mark.parametrize("told", ["-1", "99", "many", ""])
def test_a_status_that_nobody_knows_is_a_failure(told: str) -> None:
    head = HEAD + f"grpc-status: {told}\r\n".encode()
    assert LINE.reply(200, head, b"").status_code == 500


class Given:
    """Answers what it is given, and keeps what it was sent."""

    def __init__(self, answer: bytes = b"") -> None:
        self.answer = answer
        self.sent = b""

    def send(self, _method: str, _path: str, body: bytes) -> Reply:
        self.sent = body
        return Reply(200, {}, self.answer)


numbers = st.floats(-(2.0**90), 2.0**90, width=32)
plain = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text())
payloads = st.dictionaries(st.text(), st.recursive(plain, lambda kind: st.lists(kind, max_size=3)))
points = st.builds(
    lambda id_, dense, sparse, payload: Point(
        str(id_),
        {
            "dense": dense,
            "bm25": models.SparseVector(
                indices=[place for place, _ in sparse], values=[weight for _, weight in sparse]
            ),
        },
        payload,
    ),
    st.uuids(),
    st.lists(numbers, max_size=300),
    st.lists(st.tuples(st.integers(0, 2**32 - 1), numbers), max_size=20),
    payloads,
)


@pytest.mark.slow
@given(st.lists(points, max_size=4))
def test_points_arrive_as_qdrant_client_sends_them(made: list[Point]) -> None:
    sender = Given()
    sent = GrpcWire(sender)  # type: ignore[arg-type]
    encoded = sent.encoded(made)
    sent.upsert("here", [body for body, _ in encoded])
    assert sum(size for _, size in encoded) <= len(sender.sent)
    arrived = wire.UpsertPoints.FromString(sender.sent)
    assert (arrived.collection_name, arrived.wait) == ("here", True)
    assert list(arrived.points) == [
        RestToGrpc.convert_point_struct(
            models.PointStruct(id=point.id, vector=point.vector, payload=point.payload)
        )
        for point in made
    ]


hits = st.lists(
    st.builds(
        models.ScoredPoint,
        id=st.uuids().map(str),
        version=st.integers(0, 2**40),
        score=st.one_of(st.just(0.0), numbers),
        payload=st.one_of(st.just({}), st.dictionaries(st.text(), plain)),
    ),
    max_size=5,
)


@pytest.mark.slow
@given(st.lists(hits, min_size=1, max_size=3), st.booleans())
def test_hits_are_read_as_qdrant_client_reads_them(
    batches: list[list[models.ScoredPoint]], told: bool
) -> None:
    answer = wire.QueryBatchResponse(
        result=[
            wire.BatchResult(result=map(RestToGrpc.convert_scored_point, batch))
            for batch in batches
        ]
    )
    sender = Given(answer.SerializeToString())
    searches = [Search(9, fields=("text",) if told else ())] * len(batches)
    read = GrpcWire(sender).search("here", searches)  # type: ignore[arg-type]
    for batch, hits in zip(batches, read, strict=True):
        assert hits.ids == [UUID(str(point.id)).int for point in batch]
        assert hits.scores == [point.score for point in batch]
        if told:
            assert hits.payloads == [point.payload for point in batch]


@given(st.binary(max_size=60))
def test_garbage_is_an_error_of_ours_or_of_the_answer(garbage: bytes) -> None:
    asked = GrpcWire(Given(garbage))  # type: ignore[arg-type]
    with suppress(ResponseHandlingException, StoreError):
        (hits,) = asked.search("here", [Search(9)])
        assert len(hits.ids) == len(hits.scores) == len(hits.payloads)
