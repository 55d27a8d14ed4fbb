"""LlamaIndex's metadata filters select what the same conditions select in Python."""

import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from operator import ge, gt, le, lt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.schema import Document
from llama_index.core.vector_stores import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)
from qdrant_client import QdrantClient, models

from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.store.conditions import payload_key
from indexes.store.edge.backend import EdgeBackend, edge_client
from indexes.store.filterable import MAX_BYTES, filterable
from indexes.store.filters import qdrant_filter

Op = FilterOperator

NUMBERS: list[Any] = [-5, 0, 3, 3.0, 2.5, 2024, 2**53 + 1]
WORDS = ["blue", "Blue ice", "a glacier of blue ice", "ice-blue!", "2024", "émeu", ""]
DAYS = [
    "2024-05-01",
    "2024-05-01T10:00:00",
    "2024-05-01T10:00:00+02:00",
    "2024-05-02T00:00:00Z",
    "2025-01-31",
]
VALUES: dict[str, list[Any]] = {
    "year": [*NUMBERS, True, "3", None],
    "author": [*WORDS, None, []],
    "day": [*DAYS, "yesterday", 20240501, None],
    "tags": [["blue"], ["blue", "2024"], [], ["émeu", "Blue ice"], None],
    "scores": [[3, 2.5], [0], [2024.0], []],
    "my key": ["blue", 3],
}


def some_metadata(chance: random.Random) -> dict[str, Any]:
    return {key: chance.choice(values) for key, values in VALUES.items() if chance.random() < 0.8}


METADATA = [some_metadata(random.Random(seed)) for seed in range(80)]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantClient]:
    client = edge_client(EdgeBackend(tmp_path_factory.mktemp("index")))
    client.create_collection("c", models.VectorParams(size=2, distance=models.Distance.DOT))
    client.upsert(
        "c",
        [
            models.PointStruct(id=number, vector={}, payload={"metadata": filterable(metadata)[0]})
            for number, metadata in enumerate(METADATA)
        ],
    )
    yield client
    client.close()


def selected(client: QdrantClient, filters: MetadataFilters) -> list[int]:
    found, _ = client.scroll("c", qdrant_filter(filters), limit=1000, with_payload=False)
    return [int(point.id) for point in found]


# --- the same, in Python --------------------------------------------------------------


def elements(metadata: dict[str, Any], key: str) -> list[Any]:
    """A value, or those of a list; booleans are no numbers here."""
    value = metadata.get(key)
    values = value if isinstance(value, list) else [value]
    return [item for item in values if item is not None and not isinstance(item, bool)]


def moment(text: Any) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def compared(operator: Any, there: Any, here: Any) -> bool:
    if isinstance(here, str):
        left, right = moment(there), moment(here)
        return left is not None and right is not None and operator(left, right)
    return isinstance(there, int | float) and operator(there, here)


def words(text: Any) -> set[str]:
    return set(re.findall(r"\w+", text.lower())) if isinstance(text, str) else set()


def matches(metadata: dict[str, Any], wanted: MetadataFilter | MetadataFilters) -> bool:
    if isinstance(wanted, MetadataFilters):
        results = [matches(metadata, inner) for inner in wanted.filters]
        match wanted.condition:
            case FilterCondition.OR:
                return any(results) or not results
            case FilterCondition.NOT:
                return not any(results)
        return all(results)
    there, value = elements(metadata, wanted.key), wanted.value
    bounds = {Op.GT: gt, Op.GTE: ge, Op.LT: lt, Op.LTE: le}
    match wanted.operator:
        case Op.EQ | Op.CONTAINS:
            return value in there
        case Op.NE:
            return value not in there
        case Op.IN | Op.ANY:
            return any(item in there for item in value)
        case Op.NIN:
            return not any(item in there for item in value)
        case Op.ALL:
            return all(item in there for item in value)
        case Op.TEXT_MATCH | Op.TEXT_MATCH_INSENSITIVE:
            return any(words(value) <= words(item) for item in there)
        case Op.IS_EMPTY:
            return metadata.get(wanted.key) in (None, [])
    return any(compared(bounds[wanted.operator], item, value) for item in there)


KEYS = st.sampled_from([*VALUES, "absent"])
SCALARS = st.sampled_from([*NUMBERS, *WORDS, *DAYS])


def one(operators: list[FilterOperator], values: st.SearchStrategy[Any]) -> Any:
    return st.builds(MetadataFilter, key=KEYS, operator=st.sampled_from(operators), value=values)


LEAF_FILTERS = st.one_of(
    one([Op.EQ, Op.NE, Op.CONTAINS], SCALARS),
    one(
        [Op.IN, Op.NIN, Op.ANY, Op.ALL],
        st.one_of(
            st.lists(st.sampled_from([*WORDS, *DAYS]), max_size=3),
            st.lists(st.sampled_from([n for n in NUMBERS if isinstance(n, int)]), max_size=3),
            st.lists(st.sampled_from([3.0, 2.5, 2024.0]), max_size=3),
        ),
    ),
    one([Op.GT, Op.GTE, Op.LT, Op.LTE], st.sampled_from([-5, 0, 3, 2.5, 2024, *DAYS])),
    one([Op.TEXT_MATCH, Op.TEXT_MATCH_INSENSITIVE], st.sampled_from(["blue", "ICE blue", "émeu"])),
    one([Op.IS_EMPTY], st.none()),
)


def groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[MetadataFilters]:
    return st.builds(
        MetadataFilters,
        filters=st.lists(inner, max_size=3),
        condition=st.sampled_from(FilterCondition),
    )


FILTERS = groups(st.recursive(LEAF_FILTERS, groups, max_leaves=6))


@pytest.mark.slow
@settings(max_examples=300)
@given(wanted=FILTERS)
def test_filters_select_what_they_would_in_python(
    client: QdrantClient, wanted: MetadataFilters
) -> None:
    expected = [number for number, found in enumerate(METADATA) if matches(found, wanted)]
    assert selected(client, wanted) == expected


def test_every_operator_is_served_and_selects_some_but_not_all(client: QdrantClient) -> None:
    values: dict[FilterOperator, tuple[str, Any]] = {
        Op.EQ: ("year", 3),
        Op.NE: ("author", "blue"),
        Op.GT: ("day", "2024-05-01"),
        Op.GTE: ("year", 3),
        Op.LT: ("year", 3),
        Op.LTE: ("day", "2024-05-01T08:00:00+00:00"),
        Op.IN: ("author", ["blue", "2024"]),
        Op.NIN: ("year", [3, 0]),
        Op.ANY: ("tags", ["2024", "x"]),
        Op.ALL: ("tags", ["blue", "2024"]),
        Op.TEXT_MATCH: ("author", "ice"),
        Op.TEXT_MATCH_INSENSITIVE: ("author", "BLUE ice"),
        Op.CONTAINS: ("scores", 2.5),
        Op.IS_EMPTY: ("tags", None),
    }
    assert set(values) == set(FilterOperator)
    for operator, (key, value) in values.items():
        wanted = MetadataFilter(key=key, value=value, operator=operator)
        assert 0 < len(selected(client, MetadataFilters(filters=[wanted]))) < len(METADATA)


# --- documents ------------------------------------------------------------------------


@pytest.fixture
def library(index: HierarchicalIndex) -> HierarchicalIndex:
    index.ingest(
        Document(
            text=" ".join(f"Fact {n} about the harbour of {place}." for n in range(12)),
            id_=place,
            metadata={"title": place, "year": year, "author": {"name": author}},
        )
        for place, year, author in [
            ("Oslo", 2001, "Ada"),
            ("Lima", 2012, "Bob"),
            ("Kyiv", 2023, "Ada"),
        ]
    )
    return index


def found(index: HierarchicalIndex, filters: Any, pattern: str) -> set[str]:
    contexts, _ = index.retrieve("harbour fact", pattern, filters=filters, budget=5000)
    return {context.title for context in contexts}


@pytest.mark.parametrize("pattern", ["regular", "parent", "parent-ratio"])
def test_only_documents_that_match_are_retrieved(library: HierarchicalIndex, pattern: str) -> None:
    late = MetadataFilter(key="year", value=2010, operator=Op.GTE)
    ada = MetadataFilter(key="author.name", value="Ada")
    either = MetadataFilters(filters=[late, ada], condition=FilterCondition.OR)
    assert found(library, MetadataFilters(filters=[late]), pattern) == {"Lima", "Kyiv"}
    assert found(library, MetadataFilters(filters=[late, ada]), pattern) == {"Kyiv"}
    assert found(library, either, pattern) == {"Oslo", "Lima", "Kyiv"}
    nested = MetadataFilters(
        filters=[late, MetadataFilters(filters=[ada], condition=FilterCondition.NOT)]
    )
    assert found(library, nested, pattern) == {"Lima"}


def test_filters_of_qdrant_are_taken_as_they_are(library: HierarchicalIndex) -> None:
    recent = models.Filter(
        must=[models.FieldCondition(key="metadata.year", range=models.Range(gt=2012))]
    )
    assert found(library, recent, "parent") == {"Kyiv"}


def test_a_document_can_be_asked_for_by_its_id(library: HierarchicalIndex) -> None:
    wanted = MetadataFilters(filters=[MetadataFilter(key="document_id", value="Lima")])
    assert found(library, wanted, "parent") == {"Lima"}


@pytest.mark.slow
async def test_answers_are_filtered_too(library: HierarchicalIndex) -> None:
    wanted = MetadataFilters(filters=[MetadataFilter(key="year", value=2001)])
    assert {c.title for c in library.ask("harbour", filters=wanted).contexts} == {"Oslo"}
    assert {c.title for c in (await library.aask("harbour", filters=wanted)).contexts} == {"Oslo"}
    response = library.query_engine("regular", filters=wanted).query("harbour")
    assert {node.metadata["title"] for node in response.source_nodes} == {"Oslo"}


# --- mistakes -------------------------------------------------------------------------


async def test_a_key_that_no_document_has_is_told(
    library: HierarchicalIndex, caplog: pytest.LogCaptureFixture
) -> None:
    assert not library.retrieve("harbour", filters={"yeer": 2001, "year": 2001})[0]
    assert not (await library.aretrieve("harbour", filters={"author.nick": "A"}))[0]
    # Nothing is wrong with these, or something is found.
    assert not library.retrieve("harbour", filters={"year": 1999})[0]
    assert library.retrieve("harbour", filters={"yeer": {"$exists": False}})[0]
    told = [record.getMessage() for record in caplog.records if "filter" in record.getMessage()]
    assert told == [
        f"a filter finds nothing: no metadata has {key}" for key in ("yeer", "author.nick")
    ]


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        (Op.GT, "abc", "GT on 'k' compares numbers and ISO dates, not 'abc': use EQ or IN"),
        (Op.LTE, "2024W101", "LTE on 'k' compares numbers and ISO dates"),
        (Op.LT, "2024-13-01", "LT on 'k' compares numbers and ISO dates"),
        (Op.EQ, None, "EQ on 'k' needs a value: use IS_EMPTY"),
        (Op.NE, ["a"], "NE on 'k' takes one value: use IN, NIN, ANY or ALL"),
        (Op.IN, "a", "IN on 'k' takes a list of values: use EQ or NE"),
        (Op.TEXT_MATCH, 3, "TEXT_MATCH on 'k' takes words: use EQ"),
        (Op.TEXT_MATCH_INSENSITIVE, " ", "TEXT_MATCH_INSENSITIVE on 'k' takes words"),
    ],
)
def test_what_cannot_be_served_names_the_operator_and_the_alternative(
    operator: FilterOperator, value: Any, expected: str
) -> None:
    wanted = MetadataFilter(key="k", value=value, operator=operator)
    with pytest.raises(SettingsError) as caught:
        qdrant_filter(MetadataFilters(filters=[wanted]))
    assert str(caught.value).startswith(f"filter {expected}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("year", "metadata.year"),
        ("author.name", "metadata.author.name"),
        ("authors[].name", "metadata.authors[].name"),
        ('"dc.title"', 'metadata."dc.title"'),
        ("my key", 'metadata."my key"'),
        ("prénom", 'metadata."prénom"'),
        ("document_id", "document_id"),
    ],
)
def test_keys_become_paths(key: str, path: str) -> None:
    assert payload_key(key) == path


@pytest.mark.parametrize("key", ["", 'a"b'])
def test_keys_that_no_path_can_name_are_refused(key: str) -> None:
    with pytest.raises(SettingsError, match="filter key"):
        payload_key(key)


# --- dictionaries, as LangChain's stores take them ------------------------------------


@pytest.mark.parametrize(
    ("wanted", "same"),
    [
        ({"year": 2024}, MetadataFilter(key="year", value=2024)),
        ({"author": "blue"}, MetadataFilter(key="author", value="blue")),
        ({"year": {"$eq": 3}}, MetadataFilter(key="year", value=3)),
        ({"year": {"$ne": 3}}, MetadataFilter(key="year", value=3, operator=Op.NE)),
        ({"year": {"$gte": 2.5}}, MetadataFilter(key="year", value=2.5, operator=Op.GTE)),
        ({"year": {"$lt": 3}}, MetadataFilter(key="year", value=3, operator=Op.LT)),
        ({"day": {"$gt": "2024-05-01"}},
         MetadataFilter(key="day", value="2024-05-01", operator=Op.GT)),
        ({"year": {"$in": [3, 2024]}}, MetadataFilter(key="year", value=[3, 2024], operator=Op.IN)),
        ({"year": [3, 2024]}, MetadataFilter(key="year", value=[3, 2024], operator=Op.IN)),
        ({"tags": {"$nin": ["blue"]}}, MetadataFilter(key="tags", value=["blue"], operator=Op.NIN)),
        ({"tags": {"$all": ["blue", "2024"]}},
         MetadataFilter(key="tags", value=["blue", "2024"], operator=Op.ALL)),
        ({"tags": {"$contains": "blue"}}, MetadataFilter(key="tags", value="blue")),
        ({"author": None}, MetadataFilter(key="author", value=None, operator=Op.IS_EMPTY)),
        ({"author": {"$exists": False}},
         MetadataFilter(key="author", value=None, operator=Op.IS_EMPTY)),
    ],
)  # fmt: skip
def test_a_dictionary_selects_what_llamaindexs_filter_does(
    client: QdrantClient, wanted: dict[str, Any], same: MetadataFilter
) -> None:
    expected = selected(client, MetadataFilters(filters=[same]))
    assert chosen(client, wanted) == expected
    rest = sorted({*range(len(METADATA))} - {*expected})
    assert chosen(client, {"$not": wanted}) == chosen(client, {"$nor": [wanted]}) == rest
    ((key, value),) = wanted.items()
    inner = (
        value if isinstance(value, dict) else {"$in" if isinstance(value, list) else "$eq": value}
    )
    assert chosen(client, {key: {"$not": inner}}) == rest


def chosen(client: QdrantClient, wanted: Any) -> list[int]:
    found, _ = client.scroll("c", qdrant_filter(wanted), limit=1000, with_payload=False)
    return sorted(int(point.id) for point in found)


@pytest.mark.parametrize("value", [True, False])
def test_truth_values_are_no_numbers(library: HierarchicalIndex, value: bool) -> None:
    for name, said in {"a": True, "b": False, "c": 1, "d": 0, "e": [True, "x"]}.items():
        library.ingest(Document(text=f"Harbour {name}.", id_=name, metadata={"open": said}))
    assert found(library, {"open": value}, "regular") == ({"a", "e"} if value else {"b"})
    assert found(library, {"open": {"$ne": value}}, "regular").isdisjoint("ae" if value else "b")
    assert found(library, {"open": 1}, "regular") == {"c"}
    manifest = library.store.manifest("e")
    assert manifest is not None
    assert manifest.metadata == {"open": [True, "x"]}


def test_dates_are_compared_as_they_are_stored(client: QdrantClient) -> None:
    text = {"day": {"$gte": "2024-05-01", "$lte": "2024-05-01T23:00:00"}}
    made = {"day": {"$gte": date(2024, 5, 1), "$lte": datetime(2024, 5, 1, 23, tzinfo=UTC)}}
    assert chosen(client, made) == chosen(client, text) != []
    pair = {"day": {"$between": [date(2024, 5, 1), datetime(2024, 5, 1, 23, tzinfo=UTC)]}}
    assert chosen(client, pair) == chosen(client, text)


def test_conditions_are_combined(client: QdrantClient) -> None:
    blue, late = {"tags": "blue"}, {"year": {"$gte": 3}}
    each = [set(chosen(client, one)) for one in (blue, late)]
    assert set(chosen(client, {**blue, **late})) == each[0] & each[1]
    assert set(chosen(client, {"$and": [blue, late]})) == each[0] & each[1]
    assert set(chosen(client, {"$or": [blue, late]})) == each[0] | each[1]
    assert set(chosen(client, {"$or": [{"$and": [blue, late]}, {"$not": blue}]})) == (
        (each[0] & each[1]) | ({*range(len(METADATA))} - each[0])
    )
    assert len(chosen(client, {})) == len(METADATA)


def test_a_dictionary_names_fields_of_objects(library: HierarchicalIndex) -> None:
    for wanted in ({"author": {"name": "Ada"}}, {"author.name": "Ada"}):
        assert found(library, wanted, "parent") == {"Oslo", "Kyiv"}
    assert found(library, {"document_id": "Lima"}, "regular") == {"Lima"}
    assert found(library, {"author": {"name": {"$ne": "Ada"}}}, "regular") == {"Lima"}


@pytest.mark.parametrize(
    "wanted",
    [
        {"must": [{"key": "metadata.year", "range": {"gte": 2010}}]},
        models.Filter(
            must=[models.FieldCondition(key="metadata.year", range=models.Range(gt=2010))]
        ),
    ],
)
def test_qdrants_own_are_taken_in_either_form(library: HierarchicalIndex, wanted: Any) -> None:
    assert found(library, wanted, "regular") == {"Lima", "Kyiv"}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"year": {"gte": 3}}, r"filter 'gte' on 'year': write \$gte; or, .* 'year\.gte'$"),
        ({"year": {"$near": 3}}, r"filter \$near on 'year': choose one of \$eq"),
        ({"$xor": [{"a": 1}]}, r"filter \$xor: choose one of \$and"),
        ({"$or": {"a": 1}}, r"filter \$or: takes a list of filters"),
        ({"$or": []}, r"filter \$or: takes a list of filters"),
        ({"$not": [1]}, "give a dictionary"),
        ({"year": {"$in": 3}}, r"\$in on 'year' takes a list, not 3"),
        ({"year": {"$gt": "soon"}}, "compares numbers and ISO dates, not 'soon'"),
        ({"year": {"$gt": None}}, "compares numbers and ISO dates, not None"),
        ({"year": {"$gt": True}}, "compares numbers and ISO dates, not True"),
        ({"year": {"$between": [1]}}, "takes a pair"),
        ({"year": {"$exists": "yes"}}, "takes True or False"),
        ({"year": object()}, "takes text, numbers, dates"),
        ({"year": float("nan")}, "finite"),
        ({"year": {}}, "an empty dictionary says nothing"),
        ({"year": {"$gt": 1, "name": 2}}, "filter name on 'year'"),
        ({"": 1}, "filter key ''"),
        ({1: 1}, "metadata keys are text"),
        (lambda document: True, "a function is no filter: give a dictionary"),
        ("year > 2020", "a str is no filter"),
        ([{"year": 1}], "a list is no filter"),
        ({"must": "x"}, "the filter is none of Qdrant's"),
        ({"must": [{"key": "year", "match": {"value": 1}}]}, "write 'metadata.year'"),
        ({"must": [{"key": "level", "match": {"value": 1}}]}, "write 'metadata.level'"),
        (models.Filter(must_not=[models.IsEmptyCondition(
            is_empty=models.PayloadField(key="my key"))]), "metadata.\"my key\""),
        (models.Filter(min_should=models.MinShould(min_count=1, conditions=[
            models.FieldCondition(key="y", match=models.MatchValue(value=1))])), "metadata.y"),
    ],
)  # fmt: skip
def test_filters_that_cannot_be_served_are_refused_when_they_are_given(
    library: HierarchicalIndex, wanted: Any, expected: str
) -> None:
    with pytest.raises(SettingsError, match=expected) as caught:
        library.retriever("parent", filters=wanted)
    assert "\n" not in str(caught.value)


def test_a_filter_has_an_end() -> None:
    deep: dict[str, Any] = {"a": 1}
    for _ in range(30):
        deep = {"$and": [deep]}
    endless: dict[str, Any] = {}
    endless["$not"] = endless
    for wanted in (deep, endless, {f"k{n}": n for n in range(2000)}):
        with pytest.raises(SettingsError, match="at most 1000 conditions"):
            qdrant_filter(wanted)
    with pytest.raises(SettingsError, match="at most 1000 values"):
        qdrant_filter({"a": list(range(2000))})


@pytest.mark.slow
@pytest.mark.parametrize(
    "wanted",
    [
        {"summary": {"$ne": "x"}},
        {"summary[].a": {"$ne": "x"}},
        MetadataFilters(filters=[MetadataFilter(key="summary", value="x", operator=Op.NE)]),
        models.Filter(must_not=[models.FieldCondition(
            key='metadata."summary"', match=models.MatchText(text="x"))]),
    ],
)  # fmt: skip
def test_what_some_document_has_too_much_of_is_no_filter(
    library: HierarchicalIndex, wanted: Any
) -> None:
    assert library.retrieve("harbour", filters=wanted)[0]
    library.ingest(
        Document(text="The harbour of Rome.", id_="r", metadata={"summary": "x" * 5000, "year": 1})
    )
    with pytest.raises(SettingsError, match="filter key 'summary': some documents have more"):
        library.retrieve("harbour", filters=wanted)
    assert found(library, {"year": 1}, "parent") == {"r"}
    # Whoever opens the collection later knows it too.
    again = HierarchicalIndex(library.settings, engine=library.engine)
    with pytest.raises(SettingsError, match="filter key 'summary'"):
        again.retriever("parent", filters=wanted)


@pytest.mark.slow
@given(st.dictionaries(st.text(max_size=20), st.integers() | st.text() | st.lists(st.text())))
def test_whatever_goes_with_a_leaf_is_small_and_the_rest_is_named(metadata: dict[str, Any]) -> None:
    kept, left_out = filterable(metadata)
    assert kept.keys() | set(left_out) == metadata.keys()
    assert not kept.keys() & set(left_out)
    assert len(json.dumps(kept, ensure_ascii=False).encode()) <= MAX_BYTES + 2 + 4 * len(kept)


def test_small_values_go_first() -> None:
    metadata = {f"long {n}": "x" * 900 for n in range(20)} | {f"k{n}": n for n in range(20)}
    kept, left_out = filterable(metadata | {"huge": "x" * 1100})
    assert {f"k{n}" for n in range(20)} <= kept.keys()
    assert (len(left_out) > 10, "huge" in left_out) == (True, True)
