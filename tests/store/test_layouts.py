"""Places of leaves that are remembered: less is asked for, and the answers are the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import Document

from indexes.errors import StoreError
from indexes.index import HierarchicalIndex
from indexes.settings import SearchMode, load_settings
from indexes.store.columns import Hits, Search
from indexes.store.layouts import Layouts, Place, place_of_payload
from indexes.store.points import manifest_point
from tests.benchmarks.lanes import FakeEmbedding
from tests.benchmarks.synthetic import FakeVectors

BUDGET = 256
QUESTION = "What does the harbour ship in winter?"


def about(topic: str, sentences: int = 120) -> str:
    return " ".join(f"The harbour ships {topic} number {n} in winter." for n in range(sentences))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[HierarchicalIndex]:
    settings = load_settings(index=str(tmp_path / "index"), levels=(256, 64, 32))
    with HierarchicalIndex(settings, embedding=FakeEmbedding(FakeVectors(32))) as index:
        index.ingest([Document(id_=name, text=about(name)) for name in ("grain", "coal", "fish")])
        yield index


def found(index: HierarchicalIndex, pattern: str) -> list[tuple[str, str, float | None]]:
    nodes = index.retriever(pattern, budget=BUDGET).retrieve(QUESTION)
    return [(node.node.node_id, node.node.get_content(), node.score) for node in nodes]


def passages_and_leaves(
    index: HierarchicalIndex, retriever: BaseRetriever
) -> tuple[list[tuple[str, float | None]], int]:
    """What a question gives, and how many leaves are scored after the hits are known."""
    scored: list[int] = []
    search = index.engine.wire.search

    def watched(collection: str, batch: list[Search]) -> list[Hits]:
        scored.extend(one.limit for one in batch if one.exact)
        return search(collection, batch)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(index.engine.wire, "search", watched)
        nodes = retriever.retrieve(QUESTION)
    return [(node.get_content(), node.score) for node in nodes], sum(scored)


def asked_fields(index: HierarchicalIndex, pattern: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many searches of a question ask for places."""
    searches: list[Search] = []
    search = index.engine.wire.search

    def watched(collection: str, batch: list[Search]) -> list[Hits]:
        searches.extend(batch)
        return search(collection, batch)

    with monkeypatch.context() as patched:
        patched.setattr(index.engine.wire, "search", watched)
        found(index, pattern)
    return sum("position" in one.fields for one in searches)


@pytest.mark.parametrize("pattern", ["regular", "parent", "parent-ratio"])
def test_the_second_answer_is_the_first(index: HierarchicalIndex, pattern: str) -> None:
    first = found(index, pattern)
    assert first
    assert found(index, pattern) == first


@pytest.mark.parametrize("before", ["regular", "parent"])
@pytest.mark.parametrize("pattern", ["regular", "parent", "parent-ratio"])
def test_what_another_pattern_left_behind_changes_nothing(
    index: HierarchicalIndex, pattern: str, before: str
) -> None:
    fresh = found(index, pattern)
    index.store.layouts = Layouts()
    found(index, before)
    assert found(index, pattern) == fresh


@pytest.mark.parametrize("pattern", ["regular", "parent"])
def test_places_are_asked_for_once(
    index: HierarchicalIndex, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked_fields(index, pattern, monkeypatch) == 1
    assert asked_fields(index, pattern, monkeypatch) == 0


@pytest.mark.parametrize("pattern", ["regular", "parent", "parent-ratio"])
def test_what_is_known_by_now_is_asked_for_no_more(
    index: HierarchicalIndex, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = found(index, pattern)
    for _ in range(5):
        assert found(index, pattern) == first
    assert index.store.layouts.cover
    searches: list[Search] = []
    search = index.engine.wire.search

    def watched(collection: str, batch: list[Search]) -> list[Hits]:
        searches.extend(batch)
        return search(collection, batch)

    monkeypatch.setattr(index.engine.wire, "search", watched)
    assert found(index, pattern) == first
    assert not any("level" in one.fields for one in searches)
    # What is new is asked for.
    index.ingest([Document(id_="tea", text=about("tea"))])
    fresh = found(index, pattern)
    index.store.layouts = Layouts()
    assert found(index, pattern) == fresh


def test_leaves_whose_places_are_known_take_two_round_trips(index: HierarchicalIndex) -> None:
    trips = [index.retrieve(QUESTION, "regular", budget=BUDGET)[1] for _ in range(2)]
    assert [trace["search"].round_trips for trace in trips] == [3, 2]


@pytest.mark.parametrize("budget", [16, 40, 256, 1000, 20_000])
@pytest.mark.parametrize("search", ["dense", "bm25", "hybrid"])
def test_only_the_hits_that_fill_the_budget_are_looked_at(
    index: HierarchicalIndex, budget: int, search: SearchMode
) -> None:
    retriever = index.retriever("regular", budget=budget, search=search)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("indexes.search.enough", lambda hits, *_: len(hits))
        every, all_of_them = passages_and_leaves(index, retriever)
    index.store.layouts = Layouts()
    for _ in ("unknown", "known"):
        passages, looked_at = passages_and_leaves(index, retriever)
        assert passages == every
        assert looked_at <= all_of_them
        if budget == 40:
            assert looked_at < all_of_them / 4


def test_where_the_best_hits_cannot_be_seen_all_are_looked_at(index: HierarchicalIndex) -> None:
    best = index.retrieve(QUESTION, "regular", budget=BUDGET)[0][0].document_id
    manifest = index.store.manifest(best)
    assert manifest is not None
    # As a deletion that was broken off leaves it.
    gone = manifest.model_copy(update={"version": None, "settled": False})
    index.store.put([manifest_point(gone)])
    seen = found(index, "regular")
    index.store.layouts = Layouts()
    assert found(index, "regular") == seen
    assert sum(len(text) for _, text, _ in seen) > 3 * BUDGET
    assert best not in {said for _, text, _ in seen for said in text.split()}


@pytest.mark.parametrize("pattern", ["regular", "parent"])
def test_a_changed_document_is_found_as_it_is_now(index: HierarchicalIndex, pattern: str) -> None:
    found(index, pattern)
    index.ingest([Document(id_="coal", text=about("copper"))])
    texts = " ".join(text for _, text, _ in found(index, pattern))
    assert "copper" in texts or "coal" not in texts
    fresh = found(index, pattern)
    index.store.layouts = Layouts()
    assert found(index, pattern) == fresh


@pytest.mark.parametrize("pattern", ["regular", "parent"])
def test_a_removed_document_is_found_no_more(index: HierarchicalIndex, pattern: str) -> None:
    found(index, pattern)
    for name in ("coal", "fish"):
        index.remove(name)
    texts = " ".join(text for _, text, _ in found(index, pattern))
    assert "grain" in texts
    assert "coal" not in texts and "fish" not in texts


def test_what_is_remembered_is_bounded() -> None:
    layouts = Layouts(most=10)
    for root in range(5):
        leaves = {10 * root + leaf: Place("", leaf, 1, leaf, leaf + 1) for leaf in range(4)}
        layouts.learn(str(root), "document", "version", leaves)
    assert [layouts.get(str(root)) is not None for root in range(5)] == [False] * 3 + [True] * 2


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=40))
def test_leaves_of_a_root_come_in_the_order_of_the_document(
    learnt: list[tuple[str, int]],
) -> None:
    layouts = Layouts()
    for root, position in learnt:
        place = Place("", position, 1, position, position + 1)
        layouts.learn(root, "document", "version", {100 - position: place})
    for root in "abc":
        known = layouts.get(root)
        positions = [] if known is None else [place.position for place in known.leaves.values()]
        assert positions == sorted({position for name, position in learnt if name == root})


def test_a_leaf_without_its_place_is_damaged() -> None:
    with pytest.raises(StoreError, match=r"damaged.*position.*rebuild"):
        place_of_payload({"root": "r", "ancestors": "", "tokens": 1, "start": 0, "end": 1})
