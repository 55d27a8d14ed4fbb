"""The embedded engine behind qdrant-client's interface."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models

from indexes.errors import StoreError, StoreLockedError
from indexes.store.edge import apart
from indexes.store.edge.backend import EdgeBackend, edge_client

A, B, C = (str(uuid.uuid5(uuid.NAMESPACE_URL, name)) for name in "abc")

POINTS = [
    models.PointStruct(
        id=1,
        vector={"dense": [1, 0, 0], "bm25": models.SparseVector(indices=[1, 2], values=[1, 2])},
        payload={"kind": "leaf", "page": 1, "text": "the cat sat on the mat", "tags": ["x", "y"]},
    ),
    models.PointStruct(
        id=A,
        vector={"dense": [0.8, 0.6, 0], "bm25": models.SparseVector(indices=[2], values=[1])},
        payload={"kind": "leaf", "page": 2, "text": "a dog barked", "tags": ["y"]},
    ),
    models.PointStruct(
        id=B,
        vector={"dense": [0, 1, 0]},
        payload={
            "kind": "parent",
            "page": 3,
            "when": "2024-05-01T00:00:00Z",
            "spans": [{"start": 0, "end": 9}, {"start": 9, "end": 12}],
            "place": {"lon": 13.4, "lat": 52.5},
            "empty": None,
        },
    ),
    models.PointStruct(id=7, vector={}, payload={}),
]


def backend_of(client: QdrantClient) -> EdgeBackend:
    backend = client._client
    assert isinstance(backend, EdgeBackend)
    return backend


def make(client: QdrantClient, name: str = "c") -> None:
    client.create_collection(
        name,
        {"dense": models.VectorParams(size=3, distance=models.Distance.COSINE)},
        sparse_vectors_config={"bm25": models.SparseVectorParams()},
    )


@pytest.fixture
def client(tmp_path: Path) -> Iterator[QdrantClient]:
    client = edge_client(EdgeBackend(tmp_path / "index"))
    yield client
    client.close()


@pytest.fixture
def filled(client: QdrantClient) -> QdrantClient:
    make(client)
    client.upsert("c", POINTS)
    return client


def ids(points: list[Any]) -> list[Any]:
    return [point.id for point in points]


def matching(client: QdrantClient, **conditions: Any) -> set[Any]:
    found, _ = client.scroll("c", models.Filter(**conditions), limit=100)
    return set(ids(found))


# --- collections --------------------------------------------------------------------------


def test_a_collection_reports_what_it_was_created_with(client: QdrantClient) -> None:
    client.create_collection(
        "c",
        {"dense": models.VectorParams(size=3, distance=models.Distance.DOT)},
        sparse_vectors_config={"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)},
        hnsw_config=models.HnswConfigDiff(m=8),
    )
    client.create_payload_index("c", "kind", models.PayloadSchemaType.KEYWORD)
    info = client.get_collection("c")
    assert info.config.params.vectors == {
        "dense": models.VectorParams(size=3, distance=models.Distance.DOT)
    }
    assert info.config.params.sparse_vectors is not None
    assert info.config.params.sparse_vectors["bm25"].modifier is models.Modifier.IDF
    assert info.config.hnsw_config.m == 8
    assert info.points_count == 0
    assert info.payload_schema["kind"].data_type is models.PayloadSchemaType.KEYWORD


def test_collections_come_and_go(client: QdrantClient) -> None:
    assert not client.collection_exists("c")
    make(client)
    assert client.collection_exists("c")
    assert [found.name for found in client.get_collections().collections] == ["c"]
    assert client.delete_collection("c")
    assert not client.collection_exists("c")
    assert not client.delete_collection("c")


def test_creating_a_collection_twice_is_an_error(client: QdrantClient) -> None:
    make(client)
    with pytest.raises(StoreError, match="already exists"):
        make(client)


def test_a_missing_collection_is_named_in_the_error(client: QdrantClient) -> None:
    with pytest.raises(StoreError, match=r"collection 'nope' does not exist in .*index"):
        client.count("nope")


@pytest.mark.parametrize(
    "name", ["../evil", "a/b", "..", ".hidden", " ", "a\\b", "a\x00b", "x" * 300]
)
def test_names_that_could_leave_the_folder_are_refused(client: QdrantClient, name: str) -> None:
    for attempt in (make, QdrantClient.delete_collection, QdrantClient.collection_exists):
        with pytest.raises(StoreError, match="is not a collection name"):
            attempt(client, name)


def test_a_half_made_collection_does_not_exist(client: QdrantClient, tmp_path: Path) -> None:
    (tmp_path / "index" / "collections" / "c" / "shard-0").mkdir(parents=True)
    assert not client.collection_exists("c")
    make(client)
    assert client.count("c").count == 0


# --- writing ------------------------------------------------------------------------------


def test_points_come_back_as_a_server_returns_them(filled: QdrantClient) -> None:
    found = {point.id: point for point in filled.retrieve("c", [1, A, 7, 99], with_vectors=True)}
    assert set(found) == {1, A, 7}
    assert found[1].payload == POINTS[0].payload
    assert found[1].vector == {
        "dense": [1, 0, 0],
        "bm25": models.SparseVector(indices=[1, 2], values=[1, 2]),
    }
    assert found[7].vector == {}
    assert found[7].payload == {}
    (bare,) = filled.retrieve("c", [1], with_payload=False)
    assert bare.payload is None
    assert bare.vector is None


def test_upserting_again_replaces_a_point(filled: QdrantClient) -> None:
    filled.upsert("c", [models.PointStruct(id=1, vector={"dense": [0, 0, 1]}, payload={"new": 1})])
    (point,) = filled.retrieve("c", [1], with_vectors=True)
    assert point.payload == {"new": 1}
    assert point.vector == {"dense": [0, 0, 1]}


def test_an_unnamed_vector_comes_back_as_a_list(client: QdrantClient) -> None:
    client.create_collection("c", models.VectorParams(size=2, distance=models.Distance.DOT))
    points = [models.PointStruct(id=1, vector=[1, 2]), models.PointStruct(id=2, vector=[3, 4])]
    client.upsert("c", points)
    assert client.retrieve("c", [2], with_vectors=True)[0].vector == [3, 4]
    hits = client.query_points("c", np.array([1.0, 0.0]), with_vectors=True).points
    assert [(hit.id, hit.score, hit.vector) for hit in hits] == [(2, 3, [3, 4]), (1, 1, [1, 2])]


def test_insert_only_leaves_existing_points_alone(filled: QdrantClient) -> None:
    filled.upsert(
        "c",
        [models.PointStruct(id=n, vector={}, payload={"new": n}) for n in (1, 2)],
        update_mode=models.UpdateMode.INSERT_ONLY,
    )
    assert [point.payload for point in filled.retrieve("c", [1, 2], ["new"])] == [{}, {"new": 2}]


def test_payloads_take_what_json_over_http_takes(filled: QdrantClient) -> None:
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    filled.set_payload("c", {"at": moment, "id": uuid.UUID(A), "pair": (1, 2)}, [7])
    (point,) = filled.retrieve("c", [7])
    assert point.payload == {"at": "2024-05-01T00:00:00Z", "id": A, "pair": [1, 2]}


def test_payloads_are_set(filled: QdrantClient) -> None:
    def payload(id_: Any) -> Any:
        return filled.retrieve("c", [id_])[0].payload

    filled.set_payload("c", {"page": 9}, points=[7])
    assert payload(7) == {"page": 9}
    filled.set_payload("c", {"b": 1}, points=[7], key="a")
    assert payload(7) == {"page": 9, "a": {"b": 1}}
    third = models.Filter(
        must=[models.FieldCondition(key="page", match=models.MatchValue(value=3))]
    )
    for chosen in (third, models.FilterSelector(filter=third)):
        filled.set_payload("c", {"kind": str(chosen)}, points=chosen)
        assert payload(B)["kind"] == str(chosen)


def test_points_are_deleted_by_id_and_by_filter(filled: QdrantClient) -> None:
    filled.delete("c", [7, 12345])
    assert filled.count("c").count == 3
    filled.delete(
        "c", models.Filter(must=[models.FieldCondition(key="page", range=models.Range(gte=2))])
    )
    assert ids(filled.scroll("c")[0]) == [1]


def test_uploads_take_any_iterable(client: QdrantClient) -> None:
    make(client)
    client.upload_points("c", (models.PointStruct(id=n, vector={}) for n in range(600)))
    assert client.count("c").count == 600


def test_a_bad_point_leaves_the_collection_as_it_was(filled: QdrantClient) -> None:
    for bad in (
        models.PointStruct(id=50, vector={"dense": [1, 2]}),
        models.PointStruct(id=51, vector={"nope": [1, 2, 3]}),
        models.PointStruct(id=51, vector={"bm25": [1, 2, 3]}),
        models.PointStruct(id=51, vector={"dense": models.SparseVector(indices=[1], values=[1])}),
        models.PointStruct(
            id=51, vector={"bm25": models.SparseVector(indices=[1, 1], values=[1, 2])}
        ),
        models.PointStruct(id=51, vector={"dense": [1, 2, float("nan")]}),
        models.PointStruct(id=51, vector=[1, 2, 3]),
        models.PointStruct(id="not-a-uuid", vector={}),
        models.PointStruct(id=52, vector={}, payload={"x": float("nan"), "y": object()}),
    ):
        with pytest.raises(StoreError) as caught:
            filled.upsert("c", [models.PointStruct(id=49, vector={}), bad])
        assert "\n" not in str(caught.value)
    assert filled.count("c").count == 4


# --- filters ------------------------------------------------------------------------------


def field(key: str, **condition: Any) -> models.FieldCondition:
    return models.FieldCondition(key=key, **condition)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (field("kind", match=models.MatchValue(value="leaf")), {1, A}),
        (field("kind", match=models.MatchAny(any=["leaf", "parent"])), {1, A, B}),
        (field("kind", match=models.MatchExcept(**{"except": ["leaf"]})), {B}),
        (field("kind", match=models.MatchPrefix(prefix="par")), {B}),
        (field("text", match=models.MatchText(text="cat")), {1}),
        (field("text", match=models.MatchTextAny(text_any="cat dog")), {1, A}),
        (field("text", match=models.MatchPhrase(phrase="the mat")), {1}),
        (field("page", range=models.Range(gt=1, lte=2)), {A}),
        (field("page", match=models.MatchValue(value=3)), {B}),
        (field("when", range=models.DatetimeRange(gte=datetime(2024, 1, 1, tzinfo=UTC))), {B}),
        (field("tags", values_count=models.ValuesCount(gte=2)), {1}),
        (field("page", is_empty=True), {7}),
        (models.HasIdCondition(has_id=[1, A, 99]), {1, A}),
        (models.HasVectorCondition(has_vector="bm25"), {1, A}),
        (models.IsEmptyCondition(is_empty=models.PayloadField(key="tags")), {B, 7}),
        (models.IsNullCondition(is_null=models.PayloadField(key="empty")), {B}),
        (
            models.NestedCondition(
                nested=models.Nested(
                    key="spans",
                    filter=models.Filter(
                        must=[
                            field("start", range=models.Range(gte=5)),
                            field("end", range=models.Range(lte=12)),
                        ]
                    ),
                )
            ),
            {B},
        ),
        (
            field(
                "place",
                geo_radius=models.GeoRadius(center=models.GeoPoint(lon=13.4, lat=52.5), radius=10),
            ),
            {B},
        ),
        (
            field(
                "place",
                geo_bounding_box=models.GeoBoundingBox(
                    top_left=models.GeoPoint(lon=13, lat=53),
                    bottom_right=models.GeoPoint(lon=14, lat=52),
                ),
            ),
            {B},
        ),
        (
            field(
                "place",
                geo_polygon=models.GeoPolygon(
                    exterior=models.GeoLineString(
                        points=[
                            models.GeoPoint(lon=lon, lat=lat)
                            for lon, lat in [(13, 52), (14, 52), (14, 53), (13, 53), (13, 52)]
                        ]
                    )
                ),
            ),
            {B},
        ),
        (models.Filter(must_not=[field("kind", match=models.MatchValue(value="leaf"))]), {B, 7}),
    ],
)
def test_every_kind_of_condition_is_served(
    filled: QdrantClient, condition: Any, expected: set[Any]
) -> None:
    assert matching(filled, must=[condition]) == expected
    assert matching(filled, must=condition) == expected


def test_clauses_combine(filled: QdrantClient) -> None:
    leaf = field("kind", match=models.MatchValue(value="leaf"))
    late = field("page", range=models.Range(gte=2))
    assert matching(filled, must=[leaf, late]) == {A}
    assert matching(filled, should=[leaf, late]) == {1, A, B}
    assert matching(filled, must=[late], must_not=[leaf]) == {B}
    both = models.MinShould(conditions=[leaf, late], min_count=2)
    assert matching(filled, min_should=both) == {A}


def test_slices_cover_a_collection_without_overlap(filled: QdrantClient) -> None:
    parts = [
        matching(filled, must=[models.SliceCondition(slice=models.Slice(total=3, index=index))])
        for index in range(3)
    ]
    assert sum(len(part) for part in parts) == 4
    assert set.union(*parts) == {1, A, B, 7}


# Values on which the Python implementation and the engine agree.
_keys = st.sampled_from(["kind", "n", "tags"])
_payloads = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["a", "b", "c"]),
        "n": st.integers(-3, 3),
        "tags": st.lists(st.sampled_from(["a", "b"]), max_size=3),
    },
)
_conditions: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        models.FieldCondition,
        key=_keys,
        match=st.one_of(
            st.builds(models.MatchValue, value=st.sampled_from(["a", "b", 1, -1])),
            st.builds(models.MatchAny, any=st.lists(st.sampled_from(["a", "c"]), min_size=1)),
        ),
    ),
    st.builds(
        models.FieldCondition,
        key=st.just("n"),
        range=st.builds(models.Range, gte=st.integers(-3, 3), lt=st.integers(-3, 3)),
    ),
    st.builds(models.IsEmptyCondition, is_empty=st.builds(models.PayloadField, key=_keys)),
    st.builds(models.HasIdCondition, has_id=st.lists(st.integers(0, 9), min_size=1)),
)
_filters = st.recursive(
    _conditions,
    lambda inner: st.builds(
        models.Filter,
        must=st.none() | st.lists(inner, min_size=1, max_size=3),
        should=st.none() | st.lists(inner, min_size=1, max_size=3),
        must_not=st.none() | st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
).map(lambda found: found if isinstance(found, models.Filter) else models.Filter(must=[found]))


@pytest.fixture(scope="module")
def two_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[QdrantClient]]:
    edge = edge_client(EdgeBackend(tmp_path_factory.mktemp("index")))
    reference = QdrantClient(":memory:")
    for client in (edge, reference):
        make(client)
    yield [edge, reference]
    for client in (edge, reference):
        client.close()


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=st.lists(_payloads, min_size=1, max_size=10), condition=_filters)
def test_filters_select_what_qdrants_reference_selects(
    two_engines: list[QdrantClient], payloads: list[dict[str, Any]], condition: models.Filter
) -> None:
    selected = []
    for client in two_engines:
        client.delete("c", models.Filter())
        client.upsert(
            "c",
            [
                models.PointStruct(id=n, vector={"dense": [1, 0, 0]}, payload=payload)
                for n, payload in enumerate(payloads)
            ],
        )
        found, _ = client.scroll("c", condition, limit=100)
        selected.append((ids(found), client.count("c", condition).count))
    assert selected[0] == selected[1]


# --- reading ------------------------------------------------------------------------------


def test_scrolling_visits_every_point_once(client: QdrantClient) -> None:
    make(client)
    client.upload_points("c", [models.PointStruct(id=n, vector={}) for n in range(25)])
    seen: list[Any] = []
    offset = None
    while True:
        page, offset = client.scroll("c", limit=10, offset=offset)
        seen += ids(page)
        if offset is None:
            break
    assert seen == list(range(25))


@pytest.mark.parametrize("schema", list(models.PayloadSchemaType))
def test_every_type_of_payload_index_can_be_made_and_dropped(
    filled: QdrantClient, schema: models.PayloadSchemaType
) -> None:
    filled.create_payload_index("c", "page", schema)
    assert filled.get_collection("c").payload_schema["page"].data_type is schema
    filled.delete_payload_index("c", "page")
    assert filled.get_collection("c").payload_schema == {}


def test_payload_indexes_take_parameters(filled: QdrantClient) -> None:
    filled.create_payload_index(
        "c",
        "kind",
        models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    )
    assert filled.get_collection("c").payload_schema["kind"].points == 3


# --- queries ------------------------------------------------------------------------------


def test_a_dense_query_ranks_by_similarity(filled: QdrantClient) -> None:
    hits = filled.query_points("c", [1, 0, 0], using="dense", limit=2).points
    assert [hit.id for hit in hits] == [1, A]
    assert [hit.score for hit in hits] == pytest.approx([1, 0.8])
    assert hits[0].payload == POINTS[0].payload
    assert all(isinstance(hit, models.ScoredPoint) and hit.version >= 0 for hit in hits)


def test_a_sparse_query_ranks_by_weights(filled: QdrantClient) -> None:
    query = models.SparseVector(indices=[2], values=[1])
    hits = filled.query_points("c", query, using="bm25").points
    assert [(hit.id, hit.score) for hit in hits] == [(1, 2), (A, 1)]


def test_threshold_offset_limit_and_selectors_apply(filled: QdrantClient) -> None:
    def query(**kwargs: Any) -> list[models.ScoredPoint]:
        return filled.query_points("c", [1, 0, 0], using="dense", **kwargs).points

    assert ids(query(score_threshold=0.5)) == [1, A]
    assert ids(query(offset=1, limit=1)) == [A]
    assert query(with_payload=["page"])[0].payload == {"page": 1}
    assert query(with_payload=models.PayloadSelectorInclude(include=["kind"]))[0].payload == {
        "kind": "leaf"
    }
    without = query(with_payload=models.PayloadSelectorExclude(exclude=["text", "tags", "kind"]))
    assert without[0].payload == {"page": 1}
    assert query(with_payload=False)[0].payload is None
    assert query(with_vectors=["dense"])[0].vector == {"dense": [1, 0, 0]}
    exact = models.SearchParams(exact=True, hnsw_ef=64)
    assert ids(query(search_params=exact)) == [1, A, B]


def test_no_query_lists_points_that_match(filled: QdrantClient) -> None:
    leaves = models.Filter(must=[field("kind", match=models.MatchValue(value="leaf"))])
    assert set(ids(filled.query_points("c", query_filter=leaves).points)) == {1, A}


def test_prefetches_are_fused(filled: QdrantClient) -> None:
    both = [
        models.Prefetch(query=[0, 1, 0], using="dense", limit=5),
        models.Prefetch(query=models.SparseVector(indices=[2], values=[1]), using="bm25", limit=5),
    ]
    ranks = models.FusionQuery(fusion=models.Fusion.RRF)
    hits = filled.query_points("c", ranks, prefetch=both).points
    # A is second in both, 1 is third and first, B is first in one only; the server's k is 2.
    expected = {1: 1 / 4 + 1 / 2, A: 1 / 3 + 1 / 3, B: 1 / 2}
    assert {hit.id: hit.score for hit in hits} == pytest.approx(expected)
    dbsf = models.FusionQuery(fusion=models.Fusion.DBSF)
    assert set(ids(filled.query_points("c", dbsf, prefetch=both).points)) == {1, A, B}


def test_a_diverse_query_is_served(filled: QdrantClient) -> None:
    diverse = models.NearestQuery(
        nearest=[1, 0, 0], mmr=models.Mmr(diversity=1.0, candidates_limit=9)
    )
    assert ids(filled.query_points("c", diverse, using="dense", limit=2).points) == [1, B]


@pytest.mark.parametrize(
    "query",
    [
        models.SampleQuery(sample=models.Sample.RANDOM),
        models.OrderByQuery(order_by="page"),
        models.RecommendQuery(recommend=models.RecommendInput(positive=[1])),
        models.FormulaQuery(formula="$score"),
        models.RrfQuery(rrf=models.Rrf(k=60)),
    ],
    ids=lambda query: type(query).__name__,
)
def test_kinds_of_query_that_no_retriever_makes_need_a_server(
    filled: QdrantClient, query: Any
) -> None:
    with pytest.raises(StoreError, match=f"{type(query).__name__}; use a Qdrant server"):
        filled.query_points("c", query, using="dense")


def test_a_batch_answers_each_request_in_order(filled: QdrantClient) -> None:
    answers = filled.query_batch_points(
        "c",
        [
            models.QueryRequest(query=[1, 0, 0], using="dense", limit=1),
            models.QueryRequest(query=[0, 1, 0], using="dense", limit=1, with_payload=True),
        ],
    )
    assert [ids(answer.points) for answer in answers] == [[1], [B]]
    assert answers[0].points[0].payload is None
    assert answers[1].points[0].payload == POINTS[2].payload
    assert filled.query_batch_points("c", []) == []


# --- limits -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("create_snapshot", ["c"]),
        ("get_aliases", []),
        ("create_shard_key", ["c", "k"]),
        ("cluster_status", []),
        ("search_matrix_pairs", ["c"]),
        ("facet", ["c", "key"]),
        ("query_points_groups", ["c", "key"]),
        ("batch_update_points", ["c", []]),
        ("overwrite_payload", ["c", {}, [1]]),
        ("upload_collection", ["c", [[1, 2, 3]]]),
        ("update_collection", ["c"]),
        ("update_vectors", ["c", []]),
        ("delete_vectors", ["c", ["dense"], [1]]),
        ("delete_payload", ["c", ["text"], [1]]),
        ("info", []),
    ],
)
def test_what_needs_a_server_says_so(
    client: QdrantClient, method: str, arguments: list[Any]
) -> None:
    with pytest.raises(StoreError, match=f"{method}; use a Qdrant server: --index http://"):
        getattr(client, method)(*arguments)


def test_arguments_that_need_a_server_are_not_silently_ignored(filled: QdrantClient) -> None:
    with pytest.raises(StoreError, match="shard_key_selector"):
        filled.upsert("c", POINTS, shard_key_selector="k")
    with pytest.raises(StoreError, match="update_filter"):
        filled.upsert("c", POINTS, update_filter=models.Filter())
    with pytest.raises(StoreError, match="a Batch"):
        filled.upsert("c", models.Batch(ids=[1], vectors={}))
    with pytest.raises(StoreError, match="metadata"):
        filled.create_collection("d", {}, metadata={"model": "bge"})
    with pytest.raises(StoreError, match="order_by"):
        filled.scroll("c", order_by="page")
    elsewhere = models.LookupLocation(collection="other")
    with pytest.raises(StoreError, match="lookup_from"):
        filled.query_points("c", [1, 0, 0], using="dense", lookup_from=elsewhere)
    for id_ in (1, A):
        with pytest.raises(StoreError, match="a query by a point's id"):
            filled.query_points("c", id_, using="dense")


@pytest.mark.parametrize(
    "query", [[1.0, 0.0], models.Document(text="x", model="qdrant/bm25"), "no-uuid"]
)
def test_what_the_engine_refuses_is_one_line(filled: QdrantClient, query: Any) -> None:
    with pytest.raises(StoreError) as caught:
        backend_of(filled).query_points("c", query, using="dense")
    assert "\n" not in str(caught.value)


# --- processes and threads ----------------------------------------------------------------


def test_everything_is_there_after_reopening(filled: QdrantClient, tmp_path: Path) -> None:
    filled.create_payload_index("c", "kind", models.PayloadSchemaType.KEYWORD)
    filled.close()
    again = edge_client(EdgeBackend(tmp_path / "index"))
    assert again.count("c").count == 4
    assert "kind" in again.get_collection("c").payload_schema
    assert ids(again.query_points("c", [1, 0, 0], using="dense").points) == [1, A, B]
    again.close()


def test_one_process_may_open_a_folder_twice(tmp_path: Path) -> None:
    one, two = (edge_client(EdgeBackend(tmp_path / "index")) for _ in range(2))
    make(one)
    one.upsert("c", POINTS)
    one.close()
    one.close()
    assert two.count("c").count == 4
    for attempt in (QdrantClient.count, QdrantClient.delete_collection):
        with pytest.raises(StoreError, match="was closed"):
            attempt(one, "c")
    two.close()


_HOLD = """
import sys, time
from qdrant_client import models
from indexes.store.edge.backend import EdgeBackend, edge_client
client = edge_client(EdgeBackend(sys.argv[1]))
client.create_collection("c", models.VectorParams(size=8, distance="Dot"))
for n in range(100_000):
    client.upsert("c", [models.PointStruct(id=n * 10 + k, vector=[1.0] * 8) for k in range(10)])
    print(n, flush=True)
    if n > 20:
        time.sleep(0.05)
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that writes batches of ten and acknowledges each on a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "index")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with process:
        yield process
        process.kill()


@pytest.mark.slow
def test_a_second_process_is_told_who_holds_the_folder(
    writer: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert writer.stdout is not None
    writer.stdout.readline()
    with pytest.raises(StoreLockedError) as caught:
        EdgeBackend(tmp_path / "index")
    message = str(caught.value)
    assert f"process {writer.pid} since 20" in message
    assert "stop that process, or share the index through a Qdrant server" in message
    assert "\n" not in message


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_acknowledged_points_survive_a_killed_process(
    writer: subprocess.Popen[str], tmp_path: Path, how: signal.Signals
) -> None:
    assert writer.stdout is not None
    for _ in range(25):
        acknowledged = int(writer.stdout.readline()) + 1
    writer.send_signal(how)
    acknowledged = max([acknowledged, *(int(line) + 1 for line in writer.stdout)])
    writer.wait()
    client = edge_client(EdgeBackend(tmp_path / "index"))  # the lock went with the process
    assert client.count("c").count >= acknowledged * 10
    client.close()


@pytest.mark.slow
def test_an_exit_without_closing_leaves_a_clean_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from indexes.store.edge.backend import *; from qdrant_client import models\n"
        "client = edge_client(EdgeBackend(sys.argv[1]))\n"
        "client.create_collection('c', models.VectorParams(size=1, distance='Dot'))\n"
        "client.upsert('c', [models.PointStruct(id=1, vector=[1.0])])\n"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "index")],
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert not (tmp_path / "index" / "holder.json").exists()
    client = edge_client(EdgeBackend(tmp_path / "index"))
    assert client.count("c").count == 1
    client.close()


@pytest.mark.slow
def test_many_readers_and_writers_at_once(client: QdrantClient) -> None:
    make(client)
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for n in range(30):
                point = seed * 1000 + n
                vector = {"dense": [chance.random() for _ in range(3)]}
                client.upsert("c", [models.PointStruct(id=point, vector=vector)])
                client.query_points("c", vector["dense"], using="dense")
                client.scroll("c", limit=5)
                other = f"other-{chance.randrange(3)}"
                if seed == 0:
                    make(client, f"mine-{n}")
                    client.delete_collection(f"mine-{n}")
                assert not client.collection_exists(other)
        except (StoreError, AssertionError) as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert client.count("c").count == 180


# --- optimisation -------------------------------------------------------------------------


def many(count: int, size: int = 64) -> list[models.PointStruct]:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((count, size)).tolist()
    return [
        models.PointStruct(id=n, vector={"dense": vectors[n]}, payload={"n": n})
        for n in range(count)
    ]


def make_indexed(client: QdrantClient) -> None:
    client.create_collection(
        "c",
        {"dense": models.VectorParams(size=64, distance=models.Distance.COSINE)},
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=100),
    )
    client.upload_points("c", many(3000))


@pytest.mark.slow
def test_optimising_builds_an_index_and_loses_nothing_written_meanwhile(
    client: QdrantClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_indexed(client)
    written: list[int] = []
    done, enough = threading.Event(), threading.Event()

    def write() -> None:
        vector = {"dense": [1.0] * 64}
        for n in range(10_000):
            if done.is_set():
                return
            client.upsert("c", [models.PointStruct(id=5000 + n, vector=vector, payload={"n": -n})])
            client.set_payload(
                "c", {"seen": n}, models.Filter(must=[models.HasIdCondition(has_id=[n])])
            )
            client.delete("c", [2000 + n])
            written.append(n)
            if len(written) > 10:
                enough.set()
            time.sleep(0.002)

    thread = threading.Thread(target=write)
    collection = backend_of(client)._folder.collection("c")
    run = collection._run_optimizer

    def run_while_written(*args: Any) -> bool:
        """The copy is made and optimised, and only then carried over what was written."""
        thread.start()
        optimised = run(*args)
        assert enough.wait(60)
        return optimised

    monkeypatch.setattr(collection, "_run_optimizer", run_while_written)
    assert backend_of(client).optimize("c")
    done.set()
    thread.join()
    client.close()
    client = edge_client(EdgeBackend(tmp_path / "index"))
    info = client.get_collection("c")
    assert info.indexed_vectors_count is not None
    assert info.indexed_vectors_count > 1000
    last = written[-1]
    for n in written[:1000]:
        (new,) = client.retrieve("c", [5000 + n])
        assert new.payload == {"n": -n}
        (kept,) = client.retrieve("c", [n])
        assert kept.payload == {"n": n, "seen": n}
        assert client.retrieve("c", [2000 + n]) == []
    assert client.count("c").count == 3000 + len(written) - min(len(written), 1000)
    assert client.retrieve("c", [last + 1])[0].payload == {"n": last + 1}
    assert len(list((tmp_path / "index" / "collections" / "c").glob("shard-*"))) == 1
    client.close()


@pytest.mark.slow
def test_optimising_starts_by_itself_once_enough_has_changed(tmp_path: Path) -> None:
    backend = EdgeBackend(tmp_path / "index", optimize_after=2000, settle_seconds=0.2)
    client = edge_client(backend)
    make_indexed(client)
    deadline = time.monotonic() + 120
    while not client.get_collection("c").indexed_vectors_count:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    client.close()


@pytest.mark.slow
def test_a_collection_that_is_closed_while_its_old_files_go_keeps_the_new_ones(
    client: QdrantClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_indexed(client)
    collection = backend_of(client)._folder.collection("c")
    retire = collection._retire

    def close_first(original: Any) -> None:
        monkeypatch.setattr(collection, "_retire", retire)
        collection.close()
        retire(original)

    monkeypatch.setattr(collection, "_retire", close_first)
    assert backend_of(client).optimize("c")
    client.close()
    client = edge_client(EdgeBackend(tmp_path / "index"))
    assert client.count("c").count == 3000
    client.close()


@pytest.mark.slow
def test_where_writing_never_ends_the_index_is_built_in_its_midst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexes.store.edge.folder._PACE", 1_000_000)
    client = edge_client(EdgeBackend(tmp_path / "index", optimize_after=250, settle_seconds=3600))
    make_indexed(client)
    deadline = time.monotonic() + 120
    written = 0
    while not client.get_collection("c").indexed_vectors_count:
        assert time.monotonic() < deadline
        point = models.PointStruct(id=5000 + written, vector={"dense": [1.0] * 64}, payload={})
        client.upsert("c", [point])
        written += 1
    assert client.count("c").count == 3000 + written
    assert len(client.retrieve("c", list(range(5000, 5000 + written)))) == written
    client.close()


def test_what_is_written_faster_than_models_embed_waits_until_it_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever is written while the index is built must be written again.
    monkeypatch.setattr("indexes.store.edge.folder._TICK_SECONDS", 3600)
    backend = EdgeBackend(tmp_path / "index", optimize_after=250, settle_seconds=3600)
    client = edge_client(backend)
    make_indexed(client)
    folder, collection = backend._folder, backend._folder.collection("c")
    collection.counted_since = time.monotonic() - 1  # 3000 a second
    assert not folder._wants_optimizing(collection)
    collection.counted_since = time.monotonic() - 60  # 50 a second
    assert folder._wants_optimizing(collection)
    client.close()


@pytest.mark.slow
def test_optimising_a_collection_that_needs_it_not_changes_nothing(filled: QdrantClient) -> None:
    assert not backend_of(filled).optimize("c")
    assert filled.count("c").count == 4


@pytest.mark.slow
@pytest.mark.parametrize("end", ["close", "delete"])
def test_closing_does_not_wait_for_an_optimisation(
    client: QdrantClient, tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_indexed(client)
    backend = backend_of(client)
    outcome: list[Any] = []
    begun = threading.Event()

    def endless(shard: Path) -> subprocess.Popen[str]:
        begun.set()
        return subprocess.Popen(["sleep", "600"], stdout=subprocess.PIPE, text=True)

    monkeypatch.setattr(apart, "optimizer", endless)

    def optimize() -> None:
        try:
            outcome.append(backend.optimize("c"))
        except StoreError as error:
            outcome.append(str(error))

    thread = threading.Thread(target=optimize)
    thread.start()
    assert begun.wait(60)
    if end == "close":
        client.close()
    else:
        client.delete_collection("c")
    thread.join()
    # It was given up: one that had been waited for would say True.
    assert outcome == [False]
    if end == "close":
        again = edge_client(EdgeBackend(tmp_path / "index"))
        assert again.count("c").count == 3000
        again.close()
    else:
        assert not (tmp_path / "index" / "collections" / "c").exists()


@pytest.mark.slow
def test_a_new_payload_index_is_not_lost_to_an_optimisation(client: QdrantClient) -> None:
    make_indexed(client)
    backend = backend_of(client)
    thread = threading.Thread(target=backend.optimize, args=("c",))
    thread.start()
    collection = backend._folder.collection("c")
    while collection._optimizer is None and thread.is_alive():
        time.sleep(0.001)
    client.create_payload_index("c", "n", models.PayloadSchemaType.INTEGER)
    thread.join()
    assert "n" in client.get_collection("c").payload_schema


def test_a_crash_in_the_middle_of_an_optimisation_leaves_the_collection(
    filled: QdrantClient, tmp_path: Path
) -> None:
    filled.close()
    folder = tmp_path / "index" / "collections" / "c"
    (folder / "shard-abandoned").mkdir()
    again = edge_client(EdgeBackend(tmp_path / "index"))
    assert again.count("c").count == 4
    assert not (folder / "shard-abandoned").exists()
    again.close()


def test_a_small_collection_is_small_on_disk(filled: QdrantClient, tmp_path: Path) -> None:
    filled.close()
    files = (path for path in tmp_path.rglob("*") if path.is_file())
    assert sum(path.stat().st_blocks * 512 for path in files) < 2_000_000
    assert json.loads((tmp_path / "index/collections/c/collection.json").read_text())["config"]
