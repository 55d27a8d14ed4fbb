"""LlamaIndex's metadata filters select what the same conditions select in Python."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
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
from indexes.store.edge.backend import EdgeBackend, edge_client
from indexes.store.filters import payload_key, qdrant_filter

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
            models.PointStruct(id=number, vector={}, payload={"metadata": metadata})
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


async def test_answers_are_filtered_too(library: HierarchicalIndex) -> None:
    wanted = MetadataFilters(filters=[MetadataFilter(key="year", value=2001)])
    assert {c.title for c in library.ask("harbour", filters=wanted).contexts} == {"Oslo"}
    assert {c.title for c in (await library.aask("harbour", filters=wanted)).contexts} == {"Oslo"}
    response = library.query_engine("regular", filters=wanted).query("harbour")
    assert {node.metadata["title"] for node in response.source_nodes} == {"Oslo"}


# --- mistakes -------------------------------------------------------------------------


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
