"""The cheapest way to divide a run, against trying every way."""

from collections.abc import Sequence
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.division import cheapest_cuts

SIZE = 10


def cost(cuts: Sequence[int], tokens: Sequence[int], costs: Sequence[float], size: int) -> float:
    """What a way to divide costs; too much where a chunk is too large for no reason."""
    total = sum(costs[cut] for cut in cuts[1:])
    for first, last in pairwise(cuts):
        filled = (tokens[last] - tokens[first]) / size
        if filled > 1 and last - first > 1:
            return float("inf")
        total += (1 - filled) ** 2
    return total


def every_way(places: int) -> list[tuple[int, ...]]:
    inside = range(1, places - 1)
    return [
        (0, *chosen, places - 1)
        for count in range(places - 1)
        for chosen in combinations(inside, count)
    ]


pieces = st.lists(
    # Tokens of a piece, more than a chunk holds now and then; what a cut behind it costs.
    st.tuples(st.integers(0, SIZE + 3), st.sampled_from([0.0, 0.02, 0.1, 0.6, 2.0])),
    min_size=1,
    max_size=11,
)


@pytest.mark.slow
@given(pieces)
def test_no_way_to_divide_is_cheaper(pieces: list[tuple[int, float]]) -> None:
    tokens, costs = [0], [0.0]
    for length, after in pieces:
        tokens.append(tokens[-1] + length)
        costs.append(after)
    cuts = cheapest_cuts(tokens, costs, SIZE)
    least = min(cost(way, tokens, costs, SIZE) for way in every_way(len(tokens)))
    assert cost(cuts, tokens, costs, SIZE) == pytest.approx(least)


def test_of_two_ways_that_cost_the_same_the_first_chunk_is_the_smaller() -> None:
    assert cheapest_cuts([0, 4, 8, 12], [0.0] * 4, 8) == [0, 1, 3]


def test_a_run_without_places_stays_whole_whatever_its_size() -> None:
    assert cheapest_cuts([0, 50], [0.0, 0.0], SIZE) == [0, 1]
