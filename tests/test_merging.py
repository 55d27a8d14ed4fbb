"""Scored leaves become passages that fill a budget."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.candidates import Candidates
from indexes.merging import (
    BEYOND_EDGE,
    BM25_WEIGHT,
    COMPLETE_ABOVE,
    NEIGHBOURS_WEIGHT,
    ROOT_WEIGHT,
    LeafRun,
    Piece,
    cut_at_sentence,
    grow,
    in_pieces,
    in_reach,
    merge_by_ratio,
    pack,
    spread,
    whole,
)
from indexes.store.ancestry import above
from indexes.store.columns import number_of
from indexes.store.points import Leaf, leaf_point
from indexes.tokens import count_tokens
from indexes.tree import build_tree

LEVELS = (96, 48, 24)
TEXT = " ".join(f"Sentence number {n} says something about topic {n % 7}." for n in range(60))


def leaves_of(text: str, document: str = "d") -> list[Leaf]:
    """The leaves of a text, as they come from the store."""
    tree = build_tree(text, document_id=document, version="v", levels=LEVELS)
    points = [
        leaf_point(
            tree,
            node,
            above(tree, node),
            text=text[node.start : node.end],
            embedded="",
            dense=[1.0],
            digest="",
            shared={"metadata": {}},
        )
        for node in tree.leaves
    ]
    return [Leaf.model_validate({**point.payload, "id": point.id}) for point in points]


def columns_of(*documents: list[Leaf]) -> Candidates:
    """Leaves of documents as candidates with their texts, all scores being 0."""
    leaves = [leaf for document in documents for leaf in document]
    last = {document[-1].id for document in documents}
    roots = list(dict.fromkeys(leaf.root for leaf in leaves))
    return Candidates(
        ids=[number_of(leaf.id) for leaf in leaves],
        documents=[leaf.document_id for leaf in leaves],
        paths=[_packed(leaf) for leaf in leaves],
        roots=np.array([roots.index(leaf.root) for leaf in leaves], int),
        positions=np.array([leaf.position for leaf in leaves], int),
        tokens=np.array([leaf.tokens for leaf in leaves], int),
        starts=np.array([leaf.start for leaf in leaves], int),
        ends=np.array([leaf.end for leaf in leaves], int),
        dense=np.zeros(len(leaves)),
        parent_dense=np.zeros(len(leaves)),
        bm25=np.zeros(len(leaves)),
        hits=np.zeros(len(leaves)),
        last=np.array([leaf.id in last for leaf in leaves]),
        leaves=dict(enumerate(leaves)),
    )


def _packed(leaf: Leaf) -> str:
    return " ".join(
        f"{node.level}:{node.start}-{node.end}:{node.first_leaf}+{node.leaves}"
        for node in leaf.ancestors
    )


def candidates_of(text: str, document: str = "d") -> Candidates:
    """The leaves of a text as candidates, all scores being 0."""
    return columns_of(leaves_of(text, document))


def tokens_of(passages: list[LeafRun]) -> int:
    return sum(count_tokens(passage.text) for passage in passages)


scores = st.lists(st.floats(-5, 5), min_size=60, max_size=60)


@pytest.mark.slow
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


@pytest.mark.slow
@given(scores, st.integers(40, 900))
@settings(max_examples=60)
def test_the_budget_is_filled_up_to_one_sentence(relevance, budget) -> None:
    candidates = candidates_of(TEXT)
    passages = grow(candidates, np.array(relevance[: len(candidates)]), budget)
    longest = max(count_tokens(part) for part in TEXT.split(". "))
    available = int(candidates.tokens.sum())
    assert tokens_of(passages) >= min(budget, available) - longest - 2 * len(passages) - 2


@pytest.mark.slow
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
    assert pack(candidates, [Piece((n,), 0) for n in range(len(candidates))], budget) == []


def test_a_budget_smaller_than_any_sentence_still_ends_at_a_word() -> None:
    candidates = candidates_of("one two three four five six seven eight nine ten eleven twelve")
    (passage,) = grow(candidates, np.zeros(len(candidates)), 5)
    assert passage.text == "one two three four five"


def test_leaves_that_follow_each_other_are_one_passage() -> None:
    candidates = candidates_of(TEXT)
    relevance = np.zeros(len(candidates))
    relevance[3:6] = [2, 3, 1]
    budget = int(candidates.tokens[3:6].sum()) + 3
    best = grow(candidates, relevance, budget)[0]
    assert best.start == candidates.starts[3]
    assert best.end >= candidates.ends[5]
    assert best.score == 3


def test_a_parent_is_completed_once_most_of_it_is_in() -> None:
    candidates = candidates_of(TEXT)
    root = candidates.leaves[0].ancestors[0]
    assert root.leaves >= 3
    relevance = np.linspace(0.5, 0.1, len(candidates))
    relevance[: root.leaves - 1] = 5  # all but the last leaf of the first root
    relevance[root.leaves - 1] = -5
    budget = int(candidates.tokens[: root.leaves].sum())
    (passage,) = grow(candidates, relevance, budget + 2)
    assert passage.covers == root
    assert passage.level == root.level
    assert f"of {root.leaves} leaves were in" in passage.reason


def test_a_parent_is_not_completed_when_the_rest_does_not_fit() -> None:
    candidates = candidates_of(TEXT)
    relevance = np.full(len(candidates), -1.0)
    relevance[:2] = 5
    budget = int(candidates.tokens[:2].sum()) + 3
    (passage,) = grow(candidates, relevance, budget)
    assert passage.end == candidates.ends[1]


def test_a_parent_whose_leaves_came_by_themselves_was_not_completed() -> None:
    candidates = candidates_of(TEXT)
    parent = candidates.parents(0)[-1]
    assert parent.leaves == 2
    relevance = np.full(len(candidates), -1.0)
    relevance[:2] = 5
    (passage,) = grow(candidates, relevance, int(candidates.tokens[:2].sum()))
    assert (passage.start, passage.end) == (parent.start, parent.end)
    assert passage.reason == "2 leaves that follow each other"


def test_of_a_leaf_before_one_that_is_in_its_last_sentences_are_taken() -> None:
    candidates = candidates_of(TEXT)
    relevance = np.full(len(candidates), -1.0)
    relevance[[2, 1]] = [5, 4]
    before = TEXT[candidates.starts[1] : candidates.ends[1]]
    last = before[before.index(". ") + 2 :]
    (passage,) = grow(candidates, relevance, int(candidates.tokens[2]) + count_tokens(last) + 1)
    assert passage.text == last + TEXT[candidates.starts[2] : candidates.ends[2]]


def test_the_weights_are_those_that_were_measured() -> None:
    """What docs/architecture.md gives figures for: others have others."""
    assert (BM25_WEIGHT, NEIGHBOURS_WEIGHT, ROOT_WEIGHT, BEYOND_EDGE) == (0.7, 0.5, 0.5, 0.5)
    assert COMPLETE_ABOVE == 2 / 3


def test_relevance_spreads_to_neighbours_and_roots() -> None:
    candidates = candidates_of(TEXT)
    candidates.dense[4] = 1.0
    relevance = spread(candidates)
    order = np.argsort(-relevance)
    assert order[0] == 4
    assert set(order[1:3]) == {3, 5}
    same_root = candidates.roots == candidates.roots[4]
    inside = [relevance[i] for i, same in enumerate(same_root) if same and i not in (3, 4, 5)]
    outside = [relevance[i] for i, same in enumerate(same_root) if not same and i not in (3, 5)]
    assert min(inside) > max(outside)


def test_equal_scores_are_ranked_in_document_order() -> None:
    candidates = candidates_of(TEXT)
    (passage,) = grow(candidates, np.zeros(len(candidates)), 100)
    assert passage.start == 0


def test_pieces_are_packed_whole_while_they_fit_and_the_last_is_cut() -> None:
    candidates = candidates_of(TEXT)
    packed = pack(candidates, [Piece((n,), 1.0) for n in range(len(candidates))], 60)
    assert tokens_of(packed) <= 60
    assert [p.end for p in packed[:-1]] == candidates.ends[: len(packed) - 1].tolist()
    assert packed[-1].text.rstrip().endswith(".")


def test_the_ratio_rule_replaces_children_by_their_parent() -> None:
    candidates = candidates_of(TEXT)
    parent = next(node for node in candidates.parents(0)[::-1] if node.leaves >= 2)
    below = range(parent.first_leaf, parent.first_leaf + parent.leaves)
    candidates.hits[list(below)] = [1.0 + place for place in below]
    candidates.hits[-1] = 0.5
    best, *_, other = merge_by_ratio(candidates, ratio=0.5, top_k=12)
    merged = whole(candidates, best)
    assert merged.covers is not None
    assert merged.start == candidates.starts[parent.first_leaf]
    assert list(other.places) == [len(candidates) - 1]
    assert merged.score == pytest.approx(np.mean([1.0 + place for place in below]))


@pytest.mark.slow
@given(st.text(max_size=300), st.integers(1, 60))
@settings(max_examples=100)
def test_a_cut_never_exceeds_its_tokens(text, tokens) -> None:
    length = cut_at_sentence(text, tokens, or_word=True)
    assert count_tokens(text[:length]) <= tokens


def test_white_space_that_does_not_fit_is_left() -> None:
    text = "It was sold." + "\n \n\t" * 40
    tokens = count_tokens("It was sold.")
    assert cut_at_sentence(text, tokens) == len("It was sold.")
    assert cut_at_sentence(text, 500) == len(text)


# What merging is, said plainly: no arrays, a leaf at a time.


def plainly_spread(candidates: Candidates) -> list[float]:
    def standardised(values: list[float]) -> list[float]:
        mean = sum(values) / len(values)
        deviation = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
        return [(value - mean) / deviation if deviation > 1e-12 else 0.0 for value in values]

    number = range(len(candidates))
    place = {(candidates.documents[n], int(candidates.positions[n])): n for n in number}
    dense = standardised([float(candidates.dense[n] + candidates.parent_dense[n]) for n in number])
    words = standardised(candidates.bm25.tolist())
    own = [dense[n] + BM25_WEIGHT * words[n] for n in number]
    spread = []
    for n in number:
        document, position = candidates.documents[n], int(candidates.positions[n])
        beside = []
        for other, edge in ((position - 1, position == 0), (position + 1, candidates.last[n])):
            there = place.get((document, other))
            beside.append(BEYOND_EDGE * own[n] if edge else 0.0 if there is None else own[there])
        root = [own[m] for m in number if candidates.roots[m] == candidates.roots[n]]
        mean = sum(root) / len(root)
        spread.append(own[n] + NEIGHBOURS_WEIGHT * sum(beside) / 2 + ROOT_WEIGHT * mean)
    return spread


def plainly_taken(candidates: Candidates, scores: list[float], budget: int) -> tuple[set[int], int]:
    """The leaves that are taken whole, and the next one, which may be cut; -1 if none is left."""
    taken: set[int] = set()
    left = budget
    for n in sorted(range(len(candidates)), key=lambda n: (-scores[n], n)):
        if n in taken:
            continue
        if candidates.tokens[n] > left:
            return taken, n
        taken.add(n)
        left -= int(candidates.tokens[n])
        for parent in reversed(candidates.leaves[n].ancestors):
            below = {
                m
                for m in range(len(candidates))
                if candidates.documents[m] == candidates.documents[n]
                and 0 <= candidates.positions[m] - parent.first_leaf < parent.leaves
            }
            rest = sum(int(candidates.tokens[m]) for m in below - taken)
            total = sum(int(candidates.tokens[m]) for m in below)
            complete = len(below) == parent.leaves
            if complete and 0 < rest <= left and total - rest > COMPLETE_ABOVE * total:
                taken |= below
                left -= rest
    return taken, -1


some_scores = st.lists(st.floats(-5, 5), min_size=40, max_size=40)
documents = (leaves_of(TEXT[:1500], "a"), leaves_of(TEXT[200:1500], "b"))
kept = st.lists(st.booleans(), min_size=40, max_size=40)


def some_candidates(keep: list[bool]) -> Candidates | None:
    """Two documents without some of their leaves."""
    parts = [
        [leaf for leaf, kept in zip(document, keep[place::2], strict=False) if kept]
        for place, document in enumerate(documents)
    ]
    return columns_of(*filter(None, parts)) if any(parts) else None


@pytest.mark.slow
@given(kept, some_scores, some_scores, some_scores)
@settings(max_examples=60)
def test_relevance_is_what_its_plain_definition_says(keep, dense, above, words) -> None:
    candidates = some_candidates(keep)
    if candidates is None:
        return
    count = len(candidates)
    candidates.dense[:] = np.round(dense[:count], 3)
    candidates.parent_dense[:] = np.round(above[:count], 3)
    candidates.bm25[:] = np.round(words[:count], 3)
    assert spread(candidates) == pytest.approx(plainly_spread(candidates), abs=1e-6)


@pytest.mark.slow
@given(kept, some_scores, st.integers(1, 400))
@settings(max_examples=60)
def test_leaves_are_taken_as_the_plain_definition_says(keep, relevance, budget) -> None:
    candidates = some_candidates(keep)
    if candidates is None:
        return
    scores = np.array(relevance[: len(candidates)])
    reach = in_reach(candidates, scores, budget)
    allowance = budget
    while allowance > 0:
        taken, cut = plainly_taken(candidates, scores.tolist(), allowance)
        assert taken | ({cut} - {-1}) <= set(reach)
        allowance -= 7
    everything = dict(candidates.leaves)
    # Texts out of reach are not there when passages are made, and are not missed.
    for n in set(everything) - set(reach):
        del candidates.leaves[n]
    passages = grow(candidates, scores, budget)
    got = {leaf.id for passage in passages for leaf in passage.leaves}
    allowed = [
        plainly_taken(candidates_with(candidates, everything), scores.tolist(), b)
        for b in range(budget, 0, -1)
    ]
    assert (
        any(
            got
            in ({everything[n].id for n in taken}, {everything[n].id for n in taken | {cut} - {-1}})
            for taken, cut in allowed
        )
        or not got
    )


def candidates_with(candidates: Candidates, leaves: dict[int, Leaf]) -> Candidates:
    return replace(candidates, leaves=leaves)


@pytest.mark.slow
@given(some_scores, st.integers(1, 400))
@settings(max_examples=40)
def test_pieces_are_packed_from_the_texts_in_their_reach(order, budget) -> None:
    candidates = some_candidates([True] * 40)
    assert candidates is not None
    count = len(candidates)
    best = sorted(range(count), key=lambda n: order[n % 40])
    pieces = [Piece((n,), 1.0) for n in best]
    reach = set(in_pieces(candidates, pieces, budget))
    for n in set(range(count)) - reach:
        del candidates.leaves[n]
    assert sum(run.text_tokens for run in pack(candidates, pieces, budget)) <= budget
