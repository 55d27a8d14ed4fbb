"""Boxes that stand side by side: what is in one is read before what is in the next."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from indexes.documents.pdf.grids import Grid
from indexes.documents.pdf.rulings import Ruling, Rulings
from indexes.documents.pdf.writing import Run

Item = Run | Grid

# Points: how far the lines of rounded corners may end from each other, and boxes be apart.
_CORNER = 8.0
_FARTHEST = 30.0
_LOWEST = 30.0

_MOST_SIDES = 32
_MOST_LINES = 200
_FEWEST_LINES = 2


class _Wall(NamedTuple):
    """What stands between two boxes: where, and from which to which height."""

    at: float
    low: float
    high: float


def by_boxes(items: Sequence[Item], rulings: Rulings) -> list[list[Item]]:
    """The items of a page in groups: above boxes side by side, in each of them, below them."""
    return _divided(items, sorted(_walls(rulings), key=lambda wall: -wall.high))


def _divided(items: Sequence[Item], walls: Sequence[_Wall]) -> list[list[Item]]:
    for number, wall in enumerate(walls):
        inside = [item for item in items if wall.low < item.baseline < wall.high]
        left = [item for item in inside if item.x1 <= wall.at]
        right = [item for item in inside if item.x0 >= wall.at]
        fewest = min(len({item.baseline for item in side}) for side in (left, right))
        if len(left) + len(right) == len(inside) and fewest >= _FEWEST_LINES:
            above = [item for item in items if item.baseline >= wall.high]
            below = [item for item in items if item.baseline <= wall.low]
            rest = walls[number + 1 :]
            parts = (above, left, right, below)
            return [group for part in parts for group in _divided(part, rest)]
    return [list(items)] if items else []


def _walls(rulings: Rulings) -> Iterator[_Wall]:
    """Where a box ends and another begins right of it, as high as the first."""
    across, down = rulings
    if len(across) > _MOST_LINES or len(down) > _MOST_SIDES:
        return
    sides = [
        (one, other)
        for one, other in combinations(sorted(down), 2)
        if one.end - one.start >= _LOWEST
        and _near(one.start, other.start)
        and _near(one.end, other.end)
        and _joins(across, one, other)
    ]
    for (_, left), (right, _) in combinations(sides, 2):
        apart = 0 < right.at - left.at <= _FARTHEST
        if apart and _near(left.start, right.start) and _near(left.end, right.end):
            yield _Wall((left.at + right.at) / 2, left.start, left.end)


def _joins(across: Sequence[Ruling], one: Ruling, other: Ruling) -> bool:
    """Whether lines join both ends of two others; one of them ends there, too."""
    levels = [
        [line for line in across if _near(line.at, level) and _spans(line, one.at, other.at)]
        for level in (one.start, one.end)
    ]
    ends = (line for level in levels for line in level)
    return all(levels) and any(
        _near(line.start, one.at) and _near(line.end, other.at) for line in ends
    )


def _spans(line: Ruling, left: float, right: float) -> bool:
    return line.start <= left + _CORNER and line.end >= right - _CORNER


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= _CORNER
