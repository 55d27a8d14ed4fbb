"""Columns of prose: which runs of a page belong together, and what is read after what.

The order of drawing is the order of reading in nearly every file; where the lines of two
columns were drawn in turns, the columns are read one after the other.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import groupby, pairwise

from indexes.documents.pdf.grids import Grid
from indexes.documents.pdf.lines import lines_of
from indexes.documents.pdf.markers import is_marker
from indexes.documents.pdf.scripts import cjk_in
from indexes.documents.pdf.writing import Run

Item = Run | Grid

_EDGE = 3.0  # points
_FEWEST_LINES = 3
_MOST_CANDIDATES = 8
_DEEPEST = 4
_MOST_COLUMNS = 3
# How often drawing may go back and forth between columns that it still draws one by one.
_MOST_TURNS = 3

# What prose is: words a line, and how much of the column's width a line takes.
PROSE_WORDS = 3.5
PROSE_FILL = 0.6


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
    """Where many lines start that are not the leftmost: a column may start there."""
    starts = Counter(round(item.x0 / _EDGE) for item in items if isinstance(item, Run))
    likely = {
        start: count + starts[start + 1]
        for start, count in starts.items()
        if count + starts[start + 1] >= _FEWEST_LINES and start > min(starts) + 2
    }
    best = sorted(likely, key=lambda start: -likely[start])[:_MOST_CANDIDATES]
    return [(start - 1) * _EDGE for start in best]


def _divided(items: Sequence[Item], gutter: float) -> list[list[Item]] | None:
    """The items as columns on both sides of a gutter; None if it does not divide prose."""
    sides = _sides(items, gutter)
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
        across = sides[id(drawn[0])] == "across"
        if not across and all(_is_column(drawn, sides, side) for side in ("left", "right")):
            columnar.add(number)
            turns = sum(sides[id(one)] != sides[id(other)] for one, other in pairwise(drawn))
            in_turns |= turns > _MOST_TURNS
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
    # A table over the whole width may leave the gutter free.
    for line in lines_of([item for item in items if isinstance(item, Run)]):
        halves = Counter(sides[id(run)] for run in line)
        short = sum(_words(run.text) for run in line) < PROSE_WORDS * len(line)
        if short and min(halves["left"], halves["right"]) and len(line) > _MOST_COLUMNS:
            sides.update((id(run), "across") for run in line)
    return sides


def _is_column(items: Sequence[Item], sides: dict[int, str], side: str) -> bool:
    lines = [item for item in items if isinstance(item, Run) and sides[id(item)] == side]
    return len(lines) >= _FEWEST_LINES and is_prose(lines)
