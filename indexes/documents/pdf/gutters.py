"""Narrow gaps between columns: as wide as a space may be, but below each other on several lines."""

import re
from collections.abc import Sequence

from indexes.documents.pdf.markers import CLAUSE, MARKER
from indexes.documents.pdf.writing import Run

# In ems.
_LEAST = 0.5
_FARTHEST = 4.0

_FEWEST_LINES = 3
_MOST_BETWEEN = 3
_TITLE = 0.4  # of a line's width
# Points: what begins or ends so near a gap's edge is of the column beside it.
_EDGE = 0.5
_LOSS = re.compile(r"\(\d+\)")
_LEADER = "."
_LONGEST_LABEL = 3
_FEWEST_WORDS = 4


def with_gutters(lines: Sequence[list[Run]]) -> list[list[Run]]:
    """The lines with runs in pieces where a gap goes on through other lines.

    Args:
        lines: from top to bottom, each from left to right.
    """
    if not any(run.pieces for line in lines for run in line):
        return list(lines)
    inked = [[piece for run in line for piece in run.pieces or (run,)] for line in lines]
    return [
        [part for run in line for part in _parts(run, inked, number)]
        for number, line in enumerate(lines)
    ]


def _parts(run: Run, inked: Sequence[list[Run]], number: int) -> list[Run]:
    """A run, or its parts on both sides of each gutter."""
    if not run.pieces:
        return [run]
    parts: list[list[Run]] = [[run.pieces[0]]]
    for piece in run.pieces[1:]:
        last = parts[-1][-1]
        divides = not (_marks(parts[-1], run, inked[number]) or _LEADER in (last.text, piece.text))
        if divides and _is_gutter(last.x1, piece.x0, inked, number):
            parts.append([])
        parts[-1].append(piece)
    return [Run.of(part) for part in parts]


def _marks(part: list[Run], run: Run, line: list[Run]) -> bool:
    """Whether a part is what marks an item of a list, or a line of a form."""
    [first, *others] = part
    if others or (first is not line[0] and _LOSS.fullmatch(first.text)):
        return False
    text, rest = first.text, run.pieces[1:]
    if MARKER.fullmatch(text) or CLAUSE.fullmatch(text) or not any(map(str.isalnum, text)):
        return True
    sign = len(text) == 1 and text.isalpha()
    words = len(text) <= _LONGEST_LABEL and rest[0].text.count(" ") + 1 >= _FEWEST_WORDS
    return len(rest) == 1 and (sign or words)


def _is_gutter(left: float, right: float, inked: Sequence[list[Run]], number: int) -> bool:
    """Whether a gap of a line goes on above and below it, with something on both sides.

    Or with something that begins or ends where the gap does: cells beside it may be empty.
    """
    found = 1
    width = inked[number][-1].x1 - inked[number][0].x0
    for step in (1, -1):
        low, high = left, right
        at, alone, titles = number, 0, 0
        while found < _FEWEST_LINES and 0 <= at + step < len(inked):
            upper, lower = sorted((at, at + step))
            at += step
            size = inked[at][0].size
            far = inked[upper][0].baseline - inked[lower][0].baseline > _FARTHEST * size
            line = inked[at]
            free = _free(low, high, line)
            # One line over several columns may be a title between their rows.
            crosses = free[1] - free[0] < _LEAST * size
            titles = titles + 1 if crosses else 0
            short = len(line) == 1 and line[0].x1 - line[0].x0 < _TITLE * width
            if far or (crosses and (titles > 1 or not short)):
                break
            if crosses:
                continue
            low, high = free
            both = line[0].x0 < low and line[-1].x1 > high
            edged = any(abs(run.x1 - left) < _EDGE or abs(run.x0 - right) < _EDGE for run in line)
            found += both or edged
            alone = 0 if both or edged else alone + 1
            if alone > _MOST_BETWEEN:
                break
    return found >= _FEWEST_LINES


def _free(low: float, high: float, line: Sequence[Run]) -> tuple[float, float]:
    """The widest part of a gap in which nothing of a line stands."""
    widest = (low, low)
    at = low
    for run in line:
        if run.x1 <= low:
            continue
        if run.x0 >= high:
            break
        widest = max(widest, (at, run.x0), key=_width)
        at = max(at, run.x1)
    return max(widest, (at, high), key=_width)


def _width(extent: tuple[float, float]) -> float:
    return extent[1] - extent[0]
