"""Columns of prose: which runs of a page belong together, and what is read after what.

The order of drawing is the order of reading in nearly every file; where the lines of two
columns were drawn in turns, the columns are read one after the other.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import groupby, pairwise

from indexes.documents.pdf.grids import Grid
from indexes.documents.pdf.lines import lines_of
from indexes.documents.pdf.markers import is_marker
from indexes.documents.pdf.scripts import cjk_in
from indexes.documents.pdf.writing import Run

Item = Run | Grid

# Points.
_EDGE = 3.0
_LEVEL = 1.0
_INDENT = 20.0

_FEWEST_LINES = 3
_MOST_CANDIDATES = 8
_DEEPEST = 4
_MOST_COLUMNS = 3
# How often drawing may go back and forth between columns that it still draws one by one.
_MOST_TURNS = 3

# What prose is: words a line, and how much of the column's width a line takes.
PROSE_WORDS = 3.5
PROSE_FILL = 0.6
# Of the characters of a column.
_SOME = 0.35
# Words of a cell, on average.
_LONGEST_CELLS = 6
# Of the runs of a row: how far apart they are drawn.
_TOGETHER = 2


def columns_of(items: Sequence[Item], depth: int = 0) -> list[list[Item]]:
    """Group the items of a page by columns, in reading order.

    Args:
        items: runs and tables in the order of drawing
        depth: how often the page was divided already
    """
    if depth < _DEEPEST:
        for gutter in _candidates(items):
            divided = _divided(items, gutter)
            if divided:
                return [part for group in divided for part in columns_of(group, depth + 1)]
    return [list(items)] if items else []


def is_prose(runs: Sequence[Run]) -> bool:
    """Whether lines of one column are running text."""
    runs = [run for run in runs if not is_marker(run)]
    if not runs:
        return False
    width = max(run.x1 for run in runs) - min(run.x0 for run in runs)
    words = sum(_words(run.text) for run in runs) / len(runs)
    fill = sum(run.x1 - run.x0 for run in runs) / len(runs) / max(width, 1)
    return words >= PROSE_WORDS and fill >= PROSE_FILL


def _words(text: str) -> float:
    return text.count(" ") + 1 + cjk_in(text) / 2


def _candidates(items: Sequence[Item]) -> list[float]:
    """Where many lines start that are not the leftmost: a column may start there.

    What the fewest items lie across comes first.
    """
    starts = Counter(round(item.x0 / _EDGE) for item in items if isinstance(item, Run))
    likely = {
        start: count + starts[start + 1]
        for start, count in starts.items()
        if count + starts[start + 1] >= _FEWEST_LINES and start > min(starts) + 2
    }
    best = sorted(likely, key=lambda start: -likely[start])[:_MOST_CANDIDATES]
    return sorted(((start - 1) * _EDGE for start in best), key=lambda at: _crossing(items, at))


def _crossing(items: Sequence[Item], gutter: float) -> int:
    """How many items lie across a gutter."""
    return sum(item.x0 < gutter and item.x1 > gutter + 2 * _EDGE for item in items)


def _divided(items: Sequence[Item], gutter: float) -> list[list[Item]] | None:
    """The items as columns on both sides of a gutter; None if it does not divide prose."""
    sides = _sides(items, gutter)
    crossing = [item for item in items if sides[id(item)] == "across" and isinstance(item, Run)]
    if sum(gutter - _INDENT < item.x0 < gutter for item in crossing) >= _FEWEST_LINES:
        return None  # an indent of lines that begin before it
    places: dict[int, tuple[int, str]] = {}
    columnar: set[int] = set()
    in_turns = False
    downward = sorted(items, key=lambda item: -item.baseline)
    band_of: dict[int, int] = {}
    for number, (_, band) in enumerate(
        groupby(downward, key=lambda item: sides[id(item)] == "across")
    ):
        band_of.update((id(item), number) for item in band)
    bands: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        bands[band_of[id(item)]].append(item)
    for number, drawn in bands.items():
        if sides[id(drawn[0])] != "across":
            turns = sum(sides[id(one)] != sides[id(other)] for one, other in pairwise(drawn))
            one_by_one = turns <= _MOST_TURNS
            if _are_columns(*_halves(drawn, sides), one_by_one):
                columnar.add(number)
                in_turns |= not one_by_one
        for item in drawn:
            places[id(item)] = (number, sides[id(item)] if number in columnar else "")
    if not columnar:
        return None
    ordered = sorted(items, key=lambda item: places[id(item)]) if in_turns else items
    together = groupby(
        ordered, key=lambda item: places[id(item)][0] in columnar and places[id(item)]
    )
    return [list(group) for _, group in together]


def _sides(items: Sequence[Item], gutter: float) -> dict[int, str]:
    """On which side of the gutter each item is, or that it lies across."""
    sides = {
        id(item): "right"
        if item.x0 >= gutter
        else "left"
        if item.x1 <= gutter + 2 * _EDGE
        else "across"
        for item in items
    }
    # A table over the whole width may leave the gutter free: its rows are drawn one by one.
    drawn = {id(item): place for place, item in enumerate(items)}
    for line in lines_of([item for item in items if isinstance(item, Run)]):
        halves = Counter(sides[id(run)] for run in line)
        short = sum(_words(run.text) for run in line) < _LONGEST_CELLS * len(line)
        if short and min(halves["left"], halves["right"]) and len(line) > _MOST_COLUMNS:
            places = [drawn[id(run)] for run in line]
            if max(places) - min(places) < _TOGETHER * len(line):
                sides.update((id(run), "across") for run in line)
    return sides


def _halves(items: Sequence[Item], sides: dict[int, str]) -> tuple[list[Run], list[Run]]:
    """The runs on both sides of a gutter."""
    runs = [item for item in items if isinstance(item, Run)]
    left, right = ([run for run in runs if sides[id(run)] == side] for side in ("left", "right"))
    return left, right


def _are_columns(left: Sequence[Run], right: Sequence[Run], one_by_one: bool) -> bool:
    """Whether both sides are prose; where they are drawn one by one, some prose will do.

    Then whatever stands beside prose is a column, too, if its lines are on other levels.
    """
    if min(len(left), len(right)) < _FEWEST_LINES:
        return False
    prose = [is_prose(left), is_prose(right)]
    if all(prose) or not one_by_one:
        return all(prose)
    holding = [
        known or _holds_prose(side) for known, side in zip(prose, (left, right), strict=True)
    ]
    return all(holding) or (any(prose) and not _are_level(left, right))


def _are_level(left: Sequence[Run], right: Sequence[Run]) -> bool:
    """Whether the lines of one side continue those of the other."""
    fewer, more = sorted(
        ({round(run.baseline, 1) for run in side} for side in (left, right)), key=len
    )
    levels = sorted(more)
    level = sum(
        any(abs(one - other) <= _LEVEL for other in levels[max(0, at - 1) : at + 1])
        for one in fewer
        for at in [bisect_left(levels, one)]
    )
    return len(fewer) < _FEWEST_LINES or 2 * level >= len(fewer)


def _holds_prose(runs: Sequence[Run]) -> bool:
    """Whether enough of a column is running text."""
    width = max(run.x1 - run.x0 for run in runs)
    prose = [
        len(run.text)
        for run in runs
        if _words(run.text) >= PROSE_WORDS and run.x1 - run.x0 >= PROSE_FILL * width
    ]
    return len(prose) >= _FEWEST_LINES and sum(prose) >= _SOME * sum(len(run.text) for run in runs)
