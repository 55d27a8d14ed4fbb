"""Headers that span columns of a table without rules: which columns each of them names.

Nothing but places says so: such a name is centred above its columns, or begins where they do.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from indexes.documents.pdf.lines import Cell
from indexes.documents.pdf.writing import Run

# Points.
_CENTRED = 6.0
_ALIGNED = 2.0

_MOST_WORDS = 6
_MOST_COLUMNS = 40
_YEAR = re.compile(r"\D{0,4}(?:19|20)\d\d(?:[-/–]\d{2,4})?\D?|[QHM]\d{1,2}|FY ?\d+")

Extent = tuple[float, float]
Group = tuple[int, int]


class Named(Protocol):
    """What stands in one place of a line."""

    x0: float
    x1: float
    text: str
    runs: list[Run]


def spanning_row(
    upper: Sequence[Named], lower: Sequence[Named], columns: Sequence[Extent]
) -> list[Cell] | None:
    """The row that a line of headers makes above the line that names each column.

    Args:
        upper: what may span columns.
        lower: the line below.
        columns: from where to where each goes.

    Returns:
        The runs of each column, what spans several in each of them; None if nothing does.
    """
    fewest, most = len(upper), len(columns)
    if not (0 < fewest < most and 2 < most <= _MOST_COLUMNS and len(lower) > fewest):
        return None
    if not all(map(names, lower)) or any(cell.text.count(" ") >= _MOST_WORDS for cell in upper):
        return None
    # The label column has a name of its own, on one of the two lines.
    labelled = any(_over(cell, columns[0]) for cell in lower)
    free = 1 if labelled else 0
    if labelled and _over(upper[0], columns[0]):
        return None
    groups = _begun(upper, columns) or _centred(upper, columns, free)
    if groups is None or all(first == last for first, last in groups):
        return None
    row: list[Cell] = [[] for _ in columns]
    for cell, (first, last) in zip(upper, groups, strict=True):
        row[first : last + 1] = [cell.runs] * (last + 1 - first)
    return row


def names(cell: Named) -> bool:
    """Whether a cell may be a column's name: no value, but a year is one."""
    return not any(map(str.isdigit, cell.text)) or bool(_YEAR.fullmatch(cell.text))


def _over(cell: Named, column: Extent) -> bool:
    return cell.x0 < column[1] and column[0] < cell.x1


def _begun(cells: Sequence[Named], columns: Sequence[Extent]) -> list[Group] | None:
    """Each cell's columns, if it begins where the first of them does."""
    starts = []
    if len(cells) == 1:
        return None  # what breaks off above the rest of a name
    for cell in cells:
        near = [n for n, (x0, _) in enumerate(columns) if abs(x0 - cell.x0) <= _ALIGNED]
        if not near:
            return None
        starts.append(near[0])
    if any(a >= b for a, b in pairwise(starts)):
        return None
    # Without the name of the label column, so that it spans nothing.
    lasts = [following - 1 for following in [*starts[1:], len(columns)]]
    return [(a, a if a == 0 else b) for a, b in zip(starts, lasts, strict=True)]


def _centred(cells: Sequence[Named], columns: Sequence[Extent], free: int) -> list[Group] | None:
    """Each cell's columns, if it is centred above them: the nearest such groups, in order."""
    best: list[tuple[float, list[Group]] | None] = [(0.0, [])] * (len(columns) + 1)
    for cell in cells:
        middle = (cell.x0 + cell.x1) / 2
        reached: list[tuple[float, list[Group]] | None] = [None] * (len(columns) + 1)
        for first in range(free, len(columns)):
            before = best[first]
            for last in range(first, len(columns)) if before else ():
                off = abs((columns[first][0] + columns[last][1]) / 2 - middle)
                if off <= _CENTRED and before:
                    found = (before[0] + off, [*before[1], (first, last)])
                    reached[last + 1] = min(reached[last + 1] or found, found)
        for place in range(1, len(reached)):
            one, other = reached[place - 1], reached[place]
            reached[place] = min(one, other) if one and other else one or other
        best = reached
    return best[-1][1] if best[-1] else None
