"""Bullets and numbers of lists: what is one, and which line it stands before."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from indexes.documents.pdf.writing import SAME_LINE, Run

MARKER = re.compile(r"[•‣◦▪●○■□▶➢✓∙·*–—-]|\(?(?:[A-Z]?\d{1,3}|[a-zA-Z]|[ivxlcIVXLC]{1,5})[.)]")
# "1.2" may be a clause's number, or a value.
CLAUSE = re.compile(r"\d{1,2}(?:\.\d{1,2})+\.?")

# In ems: how far behind a marker its item begins at most.
_FARTHEST = 3.0
_TOUCHING = 0.3
_LONGEST = 7


def is_marker(run: Run) -> bool:
    """Whether a run is nothing but what marks an item."""
    return len(run.text) <= _LONGEST and bool(MARKER.fullmatch(run.text))


def with_markers_first(runs: Sequence[Run]) -> list[Run]:
    """The runs with each marker before its item, also where it was drawn before or after others.

    Args:
        runs: in the order of drawing
    """
    followed = {id(one) for one, other in pairwise(runs) if _is_before(one, other)}
    astray = [run for run in runs if is_marker(run) and id(run) not in followed]
    if not astray:
        return list(runs)
    lines: dict[int, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.x0):
        lines[round(run.baseline)].append(run)
    markers: dict[int, list[Run]] = defaultdict(list)
    placed = set()
    for run in astray:
        item = _nearest(run, lines)
        if item:
            markers[id(item)].append(run)
            placed.add(id(run))
    rest = [run for run in runs if id(run) not in placed]
    return [found for run in rest for found in _marked(run, markers)]


def _is_before(marker: Run, item: Run) -> bool:
    gap = item.x0 - marker.x1
    level = SAME_LINE * min(marker.size, item.size)
    return (
        marker.x0 < item.x0
        and -_TOUCHING * item.size <= gap <= _FARTHEST * item.size
        and abs(marker.baseline - item.baseline) <= level
    )


def _nearest(marker: Run, lines: dict[int, list[Run]]) -> Run | None:
    """The run that begins next behind a marker on its line."""
    level = round(marker.baseline)
    found = []
    for line in (lines.get(level + off, []) for off in (0, 1, -1)):
        at = bisect_left(line, marker.x1 - _TOUCHING * marker.size, key=lambda run: run.x0)
        found += [run for run in line[at : at + 2] if run is not marker and _is_before(marker, run)]
    return min(found, key=lambda run: run.x0, default=None)


def _marked(run: Run, markers: dict[int, list[Run]]) -> list[Run]:
    """A run behind its markers, these behind their own."""
    found: list[Run] = []
    waiting = [run]
    while waiting:
        found.append(waiting.pop())
        waiting += markers.get(id(found[-1]), ())
    return found[::-1]
