"""Hits of several searches become one ranking, and as many are looked at as can be used."""

from typing import cast

import pytest

from indexes.errors import StoreError
from indexes.fusion import enough, fused, ranked
from indexes.store.columns import Hits
from indexes.store.layouts import Layouts

LEAF, PARENT = {"level": 2}, {"level": 1}


class Lengths:
    """Layouts that know how many tokens leaves have, and nothing else."""

    def __init__(self, **tokens: int) -> None:
        self._tokens = {int(name.removeprefix("leaf")): count for name, count in tokens.items()}

    def tokens(self, name: int) -> int | None:
        return self._tokens.get(name)


def hits(ids: list[int], scores: list[float]) -> Hits:
    return Hits(ids, scores, [{} for _ in ids])


def needed(scores: list[float], lengths: Lengths, reach: int, least: int = 0) -> int:
    found = [(-score, place) for place, score in enumerate(scores)]
    return enough(found, cast("Layouts", lengths), reach, least)


def test_a_leaf_counts_by_its_rank_in_each_search() -> None:
    words, meaning = hits([1, 2, 3], [9.0, 8.0, 7.0]), hits([2, 4], [0.9, 0.8])
    found = fused([words, meaning], dict.fromkeys([1, 2, 3, 4], LEAF))
    assert found == pytest.approx({1: 1 / 3, 2: 1 / 4 + 1 / 3, 3: 1 / 5, 4: 1 / 4})
    assert [name for _, name in ranked(found)] == [2, 1, 4, 3]


def test_each_level_is_ranked_by_itself() -> None:
    found = fused(
        [hits([5, 1, 6, 2], [4.0, 3.0, 2.0, 1.0])], {1: LEAF, 2: LEAF, 5: PARENT, 6: PARENT}
    )
    assert found == pytest.approx({5: 1 / 3, 1: 1 / 3, 6: 1 / 4, 2: 1 / 4})


def test_equal_scores_are_ranked_by_id() -> None:
    found = fused([hits([3, 1, 2], [0.5, 0.5, 0.5])], dict.fromkeys([1, 2, 3], LEAF))
    assert [name for _, name in ranked(found)] == [1, 2, 3]


def test_what_is_gone_meanwhile_takes_no_rank() -> None:
    assert fused([hits([1, 2], [2.0, 1.0])], {2: LEAF}) == pytest.approx({2: 1 / 3})


def test_a_point_with_nothing_in_it_is_damage() -> None:
    with pytest.raises(StoreError, match="the index is damaged"):
        fused([hits([1], [1.0])], {1: {}})


def test_as_many_are_looked_at_as_exceed_what_can_be_used() -> None:
    lengths = Lengths(leaf0=10, leaf1=10, leaf2=10, leaf3=10)
    assert needed([4, 3, 2, 1], lengths, reach=20) == 3
    assert needed([4, 3, 2, 1], lengths, reach=19) == 2
    assert needed([4, 3, 2, 1], lengths, reach=0) == 1
    assert needed([4, 3, 2, 1], lengths, reach=0, least=2) == 2
    assert needed([4, 3, 2, 1], lengths, reach=40) == 4


def test_equals_of_the_last_are_looked_at_too() -> None:
    lengths = Lengths(leaf0=10, leaf1=10, leaf2=10, leaf3=10)
    assert needed([4, 3, 3, 1], lengths, reach=19) == 3


def test_where_a_length_is_not_known_all_are_needed() -> None:
    assert needed([4, 3, 2, 1], Lengths(leaf0=10, leaf2=10), reach=5) == 1
    assert needed([4, 3, 2, 1], Lengths(leaf0=10, leaf2=10), reach=15) == 4
