"""In which order a slide's shapes are read: row by row, or column by column.

Both can be meant. Whoever made the slide put one shape after another on it, and what agrees more
with that is taken.
"""

from collections.abc import Sequence
from typing import Any

# Shapes whose tops differ by less stand side by side; in the unit of slides, of which an inch has
# 914,400.
_ONE_ROW = 180_000
_MOST = 200


def in_order(shapes: Sequence[Any]) -> list[Any]:
    """Return shapes, which have `left`, `top` and `width`, in the order they are read."""
    rows = sorted(
        shapes, key=lambda shape: (round(_of(shape, "top") / _ONE_ROW), _of(shape, "left"))
    )
    if len(shapes) > _MOST:
        return rows
    columns = [shape for column in _columns(rows) for shape in column]
    place = {id(shape): at for at, shape in enumerate(shapes)}
    return columns if _turns(columns, place) < _turns(rows, place) else rows


def _turns(shapes: Sequence[Any], place: dict[int, int]) -> int:
    """How many pairs stand the other way round than they were put."""
    order = [place[id(shape)] for shape in shapes]
    return sum(earlier > later for at, earlier in enumerate(order) for later in order[at + 1 :])


def _columns(rows: Sequence[Any]) -> list[list[Any]]:
    """Shapes below each other, from left to right; one that is above several ends the columns."""
    columns: list[list[Any]] = []
    found: list[list[Any]] = []
    for shape in rows:
        beside = [column for column in found if any(_overlap(shape, other) for other in column)]
        if len(beside) == 1:
            beside[0].append(shape)
        elif not beside:
            found.append([shape])
        else:
            columns += sorted(found, key=lambda column: min(_of(one, "left") for one in column))
            columns.append([shape])
            found = []
    return columns + sorted(found, key=lambda column: min(_of(one, "left") for one in column))


def _overlap(one: Any, other: Any) -> bool:
    """Whether two shapes share a good part of their width."""
    left = max(_of(one, "left"), _of(other, "left"))
    right = min(_of(one, "left") + _of(one, "width"), _of(other, "left") + _of(other, "width"))
    return right - left > 0.2 * min(_of(one, "width"), _of(other, "width"))


def _of(shape: Any, name: str) -> float:
    return getattr(shape, name, None) or 0
