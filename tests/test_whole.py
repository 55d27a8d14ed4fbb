"""Parents of found leaves, delivered whole, as LangChain's retriever does it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core.schema import NodeWithScore

from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.merging import whole
from indexes.namespace import ours
from indexes.settings import WHOLE_DOCUMENTS, load_settings
from indexes.tokens import count_tokens
from indexes.whole import whole_parents
from tests.fakes import WordEmbedding
from tests.test_merging import TEXT, candidates_of

TOPICS = ("lamp", "roses", "tides", "bread", "snow", "bees", "clocks", "maps")
QUESTION = "Who looked after the lamp?"


def texts() -> dict[str, str]:
    return {
        f"{topic}.txt": " ".join(
            f"The {topic} was looked after by keeper {n}, who wrote line {n} about {topic}."
            for n in range(40)
        )
        for topic in TOPICS
    }


def opened(tmp_path: Path, levels: tuple[int, ...]) -> HierarchicalIndex:
    settings = load_settings(index=str(tmp_path / "index"), levels=levels)
    index = HierarchicalIndex(settings, embedding=WordEmbedding())
    for name, text in texts().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    index.ingest([tmp_path / name for name in texts()])
    return index


@pytest.fixture
def index(tmp_path: Path) -> Iterator[HierarchicalIndex]:
    with opened(tmp_path, (120, 30)) as filled:
        yield filled


def found(index: HierarchicalIndex, **options: object) -> list[NodeWithScore]:
    return index.retriever("parent-whole", **options).retrieve(QUESTION)


def test_a_root_with_a_found_leaf_comes_whole_in_the_order_of_the_best_leaf() -> None:
    candidates = candidates_of(TEXT)
    candidates.hits[candidates.roots == 2] = 0.2
    candidates.hits[0] = 0.5
    pieces = whole_parents(candidates)
    assert [candidates.roots[piece.places[0]] for piece in pieces] == [0, 2]
    assert [piece.score for piece in pieces] == [0.5, 0.2]
    for piece in pieces:
        passage = whole(candidates, piece)
        root = passage.leaves[0].ancestors[0]
        assert (passage.start, passage.end) == (root.start, root.end)
        assert passage.covers == root
        assert passage.text == TEXT[root.start : root.end]


def test_a_threshold_drops_parents_without_a_leaf_that_reaches_it() -> None:
    candidates = candidates_of(TEXT)
    candidates.hits[:], candidates.dense[:] = 0.1, 0.3
    candidates.dense[-1] = 0.6
    [only] = whole_parents(candidates, score_threshold=0.5)
    assert whole(candidates, only).end == len(TEXT)


@pytest.mark.slow
@pytest.mark.parametrize("parents", [1, 4, 20])
def test_as_many_parents_as_are_asked_for_whatever_the_budget(
    index: HierarchicalIndex, parents: int
) -> None:
    nodes = found(index, parents=parents, budget=16)
    assert len({node.node.node_id for node in nodes}) == len(nodes) == parents
    assert {ours(node.node.metadata)["level"] for node in nodes} == {0}
    scores = [node.score for node in nodes]
    assert scores == sorted(scores, reverse=True)


def test_neighbouring_parents_stay_apart(index: HierarchicalIndex) -> None:
    places = [n.node for n in found(index, parents=20)]
    starts = {(place.metadata["source"], place.start_char_idx) for place in places}
    ends = {(place.metadata["source"], place.end_char_idx) for place in places}
    assert starts & ends


@pytest.mark.slow
def test_without_a_number_they_fill_the_budget(index: HierarchicalIndex) -> None:
    nodes = found(index, budget=300)
    assert sum(count_tokens(node.node.get_content()) for node in nodes) <= 300
    assert [ours(node.node.metadata)["level"] for node in nodes][:2] == [0, 0]


@pytest.mark.slow
def test_a_whole_document_is_a_parent(tmp_path: Path) -> None:
    with opened(tmp_path, (WHOLE_DOCUMENTS, 30)) as index:
        assert index.store.fingerprint().embedded_levels == (1,)
        nodes = found(index, parents=2)
        assert [node.node.get_content() for node in nodes] == [
            texts()[ours(node.node.metadata)["source"]] for node in nodes
        ]
        assert nodes[0].node.metadata["source"] == "lamp.txt"


@pytest.mark.slow
def test_other_parents_are_found_behind_a_long_one_that_fills_the_first_hits(
    tmp_path: Path,
) -> None:
    with opened(tmp_path, (WHOLE_DOCUMENTS, 30)) as index:
        nodes = found(index, parents=8, top_k=3, search="dense")
        assert {ours(node.node.metadata)["source"] for node in nodes} == set(texts())


@pytest.mark.slow
def test_parents_may_be_little_larger_than_their_children(tmp_path: Path) -> None:
    with opened(tmp_path, (45, 30)) as index:
        assert {ours(node.node.metadata)["leaves"] for node in found(index, parents=4)} == {2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "parent", "parents": 3}, "are for the pattern parent-whole"),
        ({"pattern": "parent-whole", "parents": 0}, "parents=0"),
        ({"pattern": "parent-whole", "score_threshold": 0.5, "search": "bm25"}, "dense or hybrid"),
    ],
)
def test_what_means_nothing_is_refused(
    index: HierarchicalIndex, options: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        index.retriever(**options)
