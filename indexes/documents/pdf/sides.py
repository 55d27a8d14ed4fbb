"""Tables that stand side by side, without lines: where one ends and the other begins.

A wide gap alone doesn't say so: what is right of it may belong to the labels at the left. Rows
that only one of the sides has, and labels on both sides, do.
"""

from collections.abc import Sequence
from itertools import pairwise

from indexes.documents.pdf.lines import Cell, said

# Of the next widest gap between columns.
_WIDER = 1.7
_FEWEST_COLUMNS = 2
_FEWEST_ROWS = 2
_ENDED_EARLIER = 2


def gutter_of(lines: Sequence[list[Cell]], columns: Sequence[tuple[float, float]]) -> int | None:
    """Find the column where a second table begins beside the first; None if there is one."""
    gaps = [right[0] - left[1] for left, right in pairwise(columns)]
    if len(columns) < 2 * _FEWEST_COLUMNS:
        return None
    widest, next_widest = sorted(gaps)[:-3:-1]
    gutter = gaps.index(widest) + 1
    if widest < _WIDER * next_widest or not _fewest(gutter, len(columns)):
        return None
    sides = [(any(line[:gutter]), any(line[gutter:])) for line in lines]
    if min(sum(left for left, _ in sides), sum(right for _, right in sides)) < _FEWEST_ROWS:
        return None
    labelled = all(_is_of_words([line[column] for line in lines[1:]]) for column in (0, gutter))
    ended = [left and not right for left, right in sides[-_ENDED_EARLIER:]]
    on_its_own = any(right and not left for left, right in sides)
    return gutter if labelled and (on_its_own or all(ended)) else None


def _fewest(gutter: int, columns: int) -> bool:
    return gutter >= _FEWEST_COLUMNS and columns - gutter >= _FEWEST_COLUMNS


def _is_of_words(column: Sequence[Cell]) -> bool:
    filled = [said(cell) for cell in column if cell]
    return bool(filled) and all(any(map(str.isalpha, text)) for text in filled)
