"""Scored leaves become passages that fill a budget."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import models

from indexes.merging import LeafRun, cut_at_sentence, grow, merge_by_ratio, pack, spread
from indexes.search import Candidate
from indexes.store.points import leaf_of, leaf_point
from indexes.tokens import count_tokens
from indexes.tree import build_tree

LEVELS = (96, 48, 24)
TEXT = " ".join(f"Sentence number {n} says something about topic {n % 7}." for n in range(60))


def candidates_of(text: str, document: str = "d") -> list[Candidate]:
    """The leaves of a text, as they come from the store, all scores being 0."""
    tree = build_tree(text, document_id=document, version="v", levels=LEVELS)
    found = []
    for node in tree.leaves:
        point = leaf_point(
            tree,
            node,
            text=text[node.start : node.end],
            embedded="",
            dense=[1.0],
            digest="",
            shared={"metadata": {}},
        )
        leaf = leaf_of(models.Record(id=point.id, payload=point.payload))
        found.append(Candidate(leaf, dense=0, parent_dense=0, bm25=0, hit_score=0, last=False))
    found[-1].last = True
    return found


def tokens_of(passages: list[LeafRun]) -> int:
    return sum(count_tokens(passage.text) for passage in passages)


scores = st.lists(st.floats(-5, 5), min_size=60, max_size=60)


@given(scores, st.integers(16, 900))
@settings(max_examples=60)
def test_passages_are_exact_disjoint_and_within_the_budget(relevance, budget) -> None:
    candidates = candidates_of(TEXT)
    passages = grow(candidates, np.array(relevance[: len(candidates)]), budget)
    assert tokens_of(passages) <= budget
    for passage in passages:
        assert passage.text == TEXT[passage.start : passage.end]
    in_order = sorted(passages, key=lambda passage: passage.start)
    assert all(left.end <= right.start for left, right in pairwise(in_order))
    assert [p.score for p in passages] == sorted((p.score for p in passages), reverse=True)


@given(scores, st.integers(40, 900))
@settings(max_examples=60)
def test_the_budget_is_filled_up_to_one_sentence(relevance, budget) -> None:
    candidates = candidates_of(TEXT)
    passages = grow(candidates, np.array(relevance[: len(candidates)]), budget)
    longest = max(count_tokens(part) for part in TEXT.split(". "))
    available = sum(candidate.leaf.tokens for candidate in candidates)
    assert tokens_of(passages) >= min(budget, available) - longest - 2 * len(passages) - 2


@given(scores, st.integers(16, 900))
@settings(max_examples=60)
def test_passages_begin_and_end_where_sentences_do(relevance, budget) -> None:
    candidates = candidates_of(TEXT)
    for passage in grow(candidates, np.array(relevance[: len(candidates)]), budget):
        assert passage.text.startswith("Sentence")
        assert passage.text.rstrip().endswith(".")


@pytest.mark.parametrize("budget", [-1000, -5, -1, 0])
def test_no_budget_holds_nothing(budget: int) -> None:
    candidates = candidates_of(TEXT)
    assert grow(candidates, np.zeros(len(candidates)), budget) == []
    assert pack([LeafRun((c.leaf,), c.leaf.start, c.leaf.end, 0) for c in candidates], budget) == []


def test_a_budget_smaller_than_any_sentence_still_ends_at_a_word() -> None:
    candidates = candidates_of("one two three four five six seven eight nine ten eleven twelve")
    (passage,) = grow(candidates, np.zeros(len(candidates)), 5)
    assert passage.text == "one two three four five"


def test_leaves_that_follow_each_other_are_one_passage() -> None:
    candidates = candidates_of(TEXT)
    relevance = np.zeros(len(candidates))
    relevance[3:6] = [2, 3, 1]
    budget = sum(candidate.leaf.tokens for candidate in candidates[3:6]) + 3
    best = grow(candidates, relevance, budget)[0]
    assert best.start == candidates[3].leaf.start
    assert best.end >= candidates[5].leaf.end
    assert best.score == 3


def test_a_parent_is_completed_once_most_of_it_is_in() -> None:
    candidates = candidates_of(TEXT)
    root = candidates[0].leaf.ancestors[0]
    assert root.leaves >= 3
    relevance = np.linspace(0.5, 0.1, len(candidates))
    relevance[: root.leaves - 1] = 5  # all but the last leaf of the first root
    relevance[root.leaves - 1] = -5
    budget = sum(candidate.leaf.tokens for candidate in candidates[: root.leaves])
    (passage,) = grow(candidates, relevance, budget + 2)
    assert passage.covers == root
    assert passage.level == root.level
    assert f"of {root.leaves} leaves were in" in passage.reason


def test_a_parent_is_not_completed_when_the_rest_does_not_fit() -> None:
    candidates = candidates_of(TEXT)
    relevance = np.full(len(candidates), -1.0)
    relevance[:2] = 5
    budget = candidates[0].leaf.tokens + candidates[1].leaf.tokens + 3
    (passage,) = grow(candidates, relevance, budget)
    assert passage.end == candidates[1].leaf.end


def test_relevance_spreads_to_neighbours_and_roots() -> None:
    candidates = candidates_of(TEXT)
    candidates[4].dense = 1.0
    relevance = spread(candidates)
    order = np.argsort(-relevance)
    assert order[0] == 4
    assert set(order[1:3]) == {3, 5}
    same_root = [c.leaf.root == candidates[4].leaf.root for c in candidates]
    inside = [relevance[i] for i, same in enumerate(same_root) if same and i not in (3, 4, 5)]
    outside = [relevance[i] for i, same in enumerate(same_root) if not same and i not in (3, 5)]
    assert min(inside) > max(outside)


def test_equal_scores_are_ranked_in_document_order() -> None:
    candidates = candidates_of(TEXT)
    (passage,) = grow(candidates, np.zeros(len(candidates)), 100)
    assert passage.start == 0


def test_pieces_are_packed_whole_while_they_fit_and_the_last_is_cut() -> None:
    candidates = candidates_of(TEXT)
    pieces = [LeafRun((c.leaf,), c.leaf.start, c.leaf.end, 1.0) for c in candidates]
    packed = pack(pieces, 60)
    assert tokens_of(packed) <= 60
    assert [p.end for p in packed[:-1]] == [c.leaf.end for c in candidates[: len(packed) - 1]]
    assert packed[-1].text.rstrip().endswith(".")


def test_the_ratio_rule_replaces_children_by_their_parent() -> None:
    candidates = candidates_of(TEXT)
    parent = next(node for node in candidates[0].leaf.ancestors[::-1] if node.leaves >= 2)
    for place in range(parent.first_leaf, parent.first_leaf + parent.leaves):
        candidates[place].hit_score = 1.0 + place
    candidates[-1].hit_score = 0.5
    merged = merge_by_ratio(candidates, ratio=0.5, top_k=12)
    assert merged[0].covers is not None
    assert merged[0].start == candidates[parent.first_leaf].leaf.start
    assert merged[-1].leaves == (candidates[-1].leaf,)
    mean = np.mean([1.0 + p for p in range(parent.first_leaf, parent.first_leaf + parent.leaves)])
    assert merged[0].score == pytest.approx(mean)


@given(st.text(max_size=300), st.integers(1, 60))
@settings(max_examples=100)
def test_a_cut_never_exceeds_its_tokens(text, tokens) -> None:
    length = cut_at_sentence(text, tokens, or_word=True)
    assert count_tokens(text[:length]) <= tokens
