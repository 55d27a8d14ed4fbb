"""Lines of a table without rules → its rows: a cell may go on for several lines.

What says so are the distances of lines (those of one row stand closer than rows do), a missing
first cell, and text that breaks off where the next word would have been too wide.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from indexes.documents.pdf.divided import had_to_end
from indexes.documents.pdf.lines import Cell, baseline_of, said

# Of the least distance between lines of one column: what is closer is centred beside it.
_TIGHT = 0.6
# Of the distance between lines of one cell.
_NEW_ROW = 1.15
_FEWEST_WORDS = 3
_MOST_HEADER_LINES = 3
_CLOSER = 0.92
_FEWEST_ROWS = 4
_MOSTLY = 0.6


def rows_of_lines(lines: Sequence[list[Cell]]) -> list[list[Cell]]:
    """Join lines of cells into rows: a cell whose text wraps goes on in the next line."""
    together = _Table(lines).together()
    groups: list[list[list[Cell]]] = []
    for line, goes_on in zip(lines, together, strict=True):
        if goes_on:
            groups[-1].append(line)
        else:
            groups.append([line])
    return _with_one_header([_merged(group) for group in groups])


def _merged(lines: Sequence[list[Cell]]) -> list[Cell]:
    return [[run for cell in column for run in cell] for column in zip(*lines, strict=True)]


class _Table:
    """Lines, and what their distances and breaks say."""

    def __init__(self, lines: Sequence[list[Cell]]) -> None:
        self._lines = lines
        levels = [baseline_of(line) for line in lines]
        self._steps = [0.0, *(upper - lower for upper, lower in pairwise(levels))]
        self._least = _least_distance(lines)
        self._rights = [
            max((run.x1 for cell in column for run in cell), default=0.0)
            for column in zip(*lines, strict=True)
        ]

    def together(self) -> list[bool]:
        """Whether each line is one row with the line above it."""
        pairs = range(1, len(self._lines))
        surely = [False, *(self._goes_on(at, surely=True) for at in pairs)]
        likely = [False, *(self._goes_on(at, surely=False) for at in pairs)]
        inner = [step for step, each in zip(self._steps, likely, strict=True) if each]
        if inner:
            most = _NEW_ROW * median(inner)
            close = [False, *(step <= most for step in self._steps[1:])]
            if not all(close[1:]) and self._holds(close):
                return close
        return self._centred(surely)

    def _centred(self, surely: list[bool]) -> list[bool]:
        """The same where lines stand between those of the cell beside them."""
        together = list(surely)
        above: dict[int, Cell] = {}
        for at, line in enumerate(self._lines):
            filled = {column: cell for column, cell in enumerate(line) if cell}
            if not surely[at]:
                together[at] = self._is_tight(at) and all(
                    self._breaks(above[column], cell, column, surely=False)
                    for column, cell in filled.items()
                    if column in above
                )
            above = above | filled if together[at] else filled
        return together

    def _goes_on(self, at: int, *, surely: bool) -> bool:
        """Whether all that stands on a line goes on from the line above, and it has no label."""
        upper, lower = self._lines[at - 1], self._lines[at]
        if lower[0] and not said(lower[0])[0].islower():
            return False
        if lower[0] and upper[0] and any(lower[1:]) and not any(upper[1:]):
            # A label that breaks off, with its values beside its last line.
            ended = said(upper[0]).endswith((".", "!", "?", ":"))
            return not ended and had_to_end(upper[0], lower[0], self._rights[0])
        return all(
            not cell or self._breaks(upper[column], cell, column, surely=surely, short=not lower[0])
            for column, cell in enumerate(lower)
        )

    def _breaks(
        self, upper: Cell, lower: Cell, column: int, *, surely: bool, short: bool = False
    ) -> bool:
        """Whether text in a column was broken between two lines; also if it is short."""
        if not upper:
            return False
        first, last = said(lower), said(upper)
        if first[0].islower() and not last.endswith((".", "!", "?")):
            return True
        long = short or last.count(" ") + 1 >= _FEWEST_WORDS
        return not surely and long and had_to_end(upper, lower, self._rights[column])

    def _names(self, at: int) -> bool:
        """Whether a line is among the first, which name the columns on several lines."""
        return at < _MOST_HEADER_LINES and not any(
            any(map(str.isdigit, said(cell))) for line in self._lines[: at + 1] for cell in line
        )

    def _is_tight(self, at: int) -> bool:
        if not at:
            return False
        upper, lower = self._lines[at - 1], self._lines[at]
        apart = not any(one and other for one, other in zip(upper, lower, strict=True))
        return apart and self._steps[at] < _TIGHT * self._least

    def _holds(self, close: list[bool]) -> bool:
        """Whether lines that are close to each other may be one row, all of them."""
        return all(
            not (cell and upper[column])
            or self._breaks(upper[column], cell, column, surely=False, short=not lower[0])
            for at, is_close in enumerate(close)
            if is_close and not self._names(at)
            for upper, lower in [self._lines[at - 1 : at + 1]]
            for column, cell in enumerate(lower)
        )


def _least_distance(lines: Sequence[list[Cell]]) -> float:
    """The least distance between two lines of one column, in points."""
    levels = [
        [baseline_of([cell]) for cell in column if cell] for column in zip(*lines, strict=True)
    ]
    return min((a - b for column in levels for a, b in pairwise(column)), default=0.0)


def _with_one_header(rows: list[list[Cell]]) -> list[list[Cell]]:
    """The rows with a header of several lines made one."""
    numbers = [_is_of_numbers(column[2:]) for column in zip(*rows, strict=True)]
    if len(rows) < _FEWEST_ROWS or not any(numbers):
        return rows
    steps = [baseline_of(upper) - baseline_of(lower) for upper, lower in pairwise(rows)]
    usual = median(steps[1:])
    while len(rows) > 2 and len(steps) - len(rows) + 1 < _MOST_HEADER_LINES:
        upper, lower = rows[:2]
        named = all(
            not any(map(str.isdigit, said(row[column])))
            for row in (upper, lower)
            for column, is_number in enumerate(numbers)
            if is_number
        )
        several = min(sum(map(bool, upper)), sum(map(bool, lower))) > 1
        filled = any(other and not one for one, other in zip(upper, lower, strict=True))
        closer = baseline_of(upper) - baseline_of(lower) < _CLOSER * usual
        facts = any(said(cell).endswith(":") for cell in upper)
        if facts or not (named and several and (filled or closer)):
            break
        rows = [_merged([upper, lower]), *rows[2:]]
    return rows


def _is_of_numbers(column: Sequence[Cell]) -> bool:
    filled = [said(cell) for cell in column if cell]
    numbers = sum(
        any(map(str.isdigit, text)) and sum(map(str.isalpha, text)) <= 2 for text in filled
    )
    return bool(filled) and numbers > _MOSTLY * len(filled)
