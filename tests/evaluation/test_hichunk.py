"""HiChunk's adaptive merging: its three conditions, one by one."""

from pathlib import Path

import pytest

from indexes.evaluation.lanes import open_lane
from indexes.evaluation.peers.hichunk import Chunk, merged
from indexes.index import HierarchicalIndex


def tree(children: int = 4, tokens: int = 30) -> list[Chunk]:
    """A document's leaves: two parents of `children` leaves below one root."""
    total = 2 * children * tokens
    root = Chunk("d", 0, 2 * children, 0, total, total, None, 2)
    leaves = []
    for number in range(2):
        first = number * children
        place = (first, first + children, first * tokens, (first + children) * tokens)
        parent = Chunk("d", *place, children * tokens, root, children)
        for leaf in range(first, first + children):
            end = (leaf + 1) * tokens
            leaves.append(Chunk("d", leaf, leaf + 1, leaf * tokens, end, tokens, parent, 0))
    return leaves


def spans(chunks: list[Chunk]) -> list[tuple[int, int]]:
    return [(chunk.first, chunk.last) for chunk in chunks]


def test_one_child_is_not_enough_and_two_that_cover_the_share_are() -> None:
    leaves = tree()
    assert spans(merged([leaves[0]], 1000)) == [(0, 1)]
    # 60 of 120 tokens, θ = 40 · (1 + 30/1000).
    assert spans(merged([leaves[0], leaves[2]], 1000)) == [(0, 4)]


def test_the_share_grows_as_the_budget_fills() -> None:
    leaves = tree()
    # With 120 of 240 tokens used θ is 60, with 150 of 240 it is 65.
    crowd = [Chunk("other", n, n + 1, 0, 1, 30, None, 0) for n in range(4)]
    assert spans(merged([*crowd[:2], leaves[0], leaves[2]], 240))[-1] == (0, 4)
    assert spans(merged([*crowd, leaves[0], leaves[2]], 240))[-2:] == [(0, 1), (2, 3)]


def test_a_parent_that_does_not_fit_is_not_taken() -> None:
    leaves = tree()
    assert spans(merged([leaves[0], leaves[2]], 80)) == [(0, 1), (2, 3)]


def test_it_goes_on_upwards_and_what_is_covered_is_not_taken_twice() -> None:
    leaves = tree()
    ranked = [leaves[0], leaves[1], leaves[3], leaves[4], leaves[5]]
    assert spans(merged(ranked, 1000)) == [(0, 8)]


def test_an_only_child_is_its_parent() -> None:
    [first, _] = tree(children=1)
    assert spans(merged([first], 1000)) == [(0, 1)]
    assert merged([first], 1000)[0] is first.parent


@pytest.mark.parametrize("budget", [60, 200])
def test_the_lane_follows_its_index(index: HierarchicalIndex, tmp_path: Path, budget: int) -> None:
    for name in ("lamp", "roses"):
        said = [f"Part {n} of the {name}. The keeper looked after it." for n in range(40)]
        (tmp_path / f"{name}.txt").write_text("\n\n".join(said), encoding="utf-8")
        index.ingest([tmp_path / f"{name}.txt"])
    lane = open_lane("hichunk-merging", index)
    contexts, trace = lane.retrieve("Who looked after the lamp?", budget=budget)
    assert budget / 2 < sum(context.tokens for context in contexts) <= budget
    assert trace["search"].nodes_out >= len(contexts)
    index.remove("lamp.txt")
    contexts, _ = lane.retrieve("Who looked after the lamp?", budget=budget)
    assert {context.document for context in contexts} == {"roses.txt"}
