"""What was drawn late, put in its place: blocks with a background, or ones that were moved.

The order of drawing is the order of reading, but for what browsers draw above the rest: it
comes last, and stands where all else has left room for it. A capital that goes over several
lines stands apart from its word, too.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from statistics import median

from indexes.documents.pdf.grids import Grid
from indexes.documents.pdf.writing import Box, Run

Item = Run | Grid

# In ems: what is nearer stands on the same line.
_BESIDE = 0.7
_FEW = 2
_MOST_JUMPS = 20
_HEADING = 3
_NOTES = 0.92
# Of the size of the lines beside it.
_INITIAL = 1.8
_TOUCHING = 1.0
_BELOW = 1.6
_HIGH = 0.75
_FEWEST_LINES = 2


def in_place(items: Sequence[Item]) -> list[Item]:
    """The items of a column, drawn in this order; late ones where there is room for them."""
    parts = _parts(items)
    jumps = len(parts) - 1
    if not jumps or jumps > _FEW + min(len(items) // 5, _MOST_JUMPS) or 2 * jumps >= len(items):
        return list(items)  # or drawn in no order at all
    placed = parts[0]
    levels = sorted(level for item in placed for level in _levels(item))
    for part in parts[1:]:
        own = [level for item in part for level in _levels(item)]
        if 2 * len(part) <= len(placed) and _has_room(part, placed, levels):
            at = 0
            for item in part:
                while at < len(placed) and placed[at].baseline > item.baseline:
                    at += 1
                placed.insert(at, item)
                at += 1
        else:
            placed += part
        for level in own:
            insort(levels, level)
    return placed


def _parts(items: Sequence[Item]) -> list[list[Item]]:
    """Runs of items that go down the page."""
    parts: list[list[Item]] = []
    for item in items:
        last = parts[-1][-1] if parts else None
        if last is None or item.baseline > last.baseline + last.size:
            parts.append([])
        parts[-1].append(item)
    return parts


def _levels(item: Item) -> list[float]:
    return [run.baseline for run in item.runs] if isinstance(item, Grid) else [item.baseline]


def _has_room(part: Sequence[Item], placed: Sequence[Item], levels: Sequence[float]) -> bool:
    """Whether nothing stands beside a part, and it is in one column with its neighbours."""
    for item in part:
        near = _BESIDE * item.size
        for level in _levels(item):
            at = bisect_left(levels, level - near)
            if at < len(levels) and levels[at] < level + near:
                return False
    left, right = min(item.x0 for item in part), max(item.x1 for item in part)
    top, bottom = part[0].baseline, part[-1].baseline
    above = min((item for item in placed if item.baseline > top), key=_baseline, default=None)
    below = max((item for item in placed if item.baseline < bottom), key=_baseline, default=None)
    if not above and below and len(part) > _HEADING and below.size < _NOTES * part[-1].size:
        return False  # text above its footnotes, which goes on in the next column
    return any(item and item.x0 < right and left < item.x1 for item in (above, below))


def _baseline(item: Item) -> float:
    return item.baseline


def with_initials(runs: Sequence[Run]) -> list[Run]:
    """The runs with each capital that goes over several lines as the first letter of the first."""
    found = list(runs)
    least = _INITIAL * median(run.size for run in runs) if runs else 0.0
    for initial in runs:
        if initial.size >= least and len(initial.text) == 1 and initial.text.isupper():
            beside = [run for run in found if _is_beside(run, initial)]
            first = max(beside, key=_baseline, default=initial)
            if len({run.baseline for run in beside}) >= _FEWEST_LINES and first.text[0].isalpha():
                found.remove(initial)
                first.text, first.pieces = initial.text + first.text, ()
                first.box = Box.around((initial.box, first.box))
                for run in beside:
                    run.x0 = initial.x0
    return found


def _is_beside(run: Run, initial: Run) -> bool:
    """Whether a run is a line that begins behind a large capital."""
    above = run.baseline - initial.baseline
    return (
        initial.size >= _INITIAL * run.size
        and initial.x0 - 1 <= run.x0 <= initial.x1 + _TOUCHING * run.size
        and -_BELOW * run.size <= above <= _HIGH * initial.size
    )
