"""Tables without lines: rows whose cells stand below each other in columns.

Columns of prose look alike: `columns` takes a page apart before its tables are looked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from indexes.documents.pdf.cells import with_names
from indexes.documents.pdf.columns import is_prose
from indexes.documents.pdf.grids import Grid
from indexes.documents.pdf.gutters import with_gutters
from indexes.documents.pdf.lines import Cell, lines_of, said
from indexes.documents.pdf.markers import CLAUSE, MARKER
from indexes.documents.pdf.sides import gutter_of
from indexes.documents.pdf.spans import names, spanning_row
from indexes.documents.pdf.wrapped import rows_of_lines
from indexes.documents.pdf.writing import Run

# In ems.
_FARTHEST_ROW = 4.0
_HEADER_ABOVE = 2.5
_TOGETHER = 0.5
_LEADING = 1.4

_ALIGNED = 4.0  # points
_MOST_BETWEEN = 3
_MOST_SPANS = 2
_FEWEST_LINES = 3
# Of a row's usual distance: a row that follows closer is one with the row before it.
_CLOSE = 0.85
_LAST_ROW = 1.15
_NEW_TABLE = 1.4
_APART = 1.2

_CLAUSE_WORDS = 4


@dataclass(slots=True)
class _Column:
    x0: float
    x1: float

    def overlaps(self, other: "_Cell | _Column") -> bool:
        return self.x0 < other.x1 and other.x0 < self.x1


class _Cell:
    """Runs next to each other on one line."""

    def __init__(self, runs: list[Run]) -> None:
        self.runs = runs
        self.x0, self.x1 = runs[0].x0, max(run.x1 for run in runs)
        self.text = " ".join(run.text for run in runs)


class _Line:
    """The cells of one line."""

    def __init__(self, runs: list[Run]) -> None:
        self.baseline = runs[0].baseline
        self.size = max(run.size for run in runs)
        self.bold = all(run.bold for run in runs)
        groups: list[list[Run]] = []
        for run in runs:
            if groups and run.x0 - groups[-1][-1].x1 < _TOGETHER * run.size:
                groups[-1].append(run)
            else:
                groups.append([run])
        if len(groups) == 2 and _is_item(*groups):
            groups = [groups[0] + groups[1]]
        self.cells = [_Cell(group) for group in groups]


def aligned_grids(runs: Sequence[Run]) -> list[Grid]:
    """The tables that runs make by standing in columns."""
    lines = [_Line(line) for line in with_gutters(lines_of(runs))]
    grids = []
    at = free = 0
    while at < len(lines):
        region = _Region(lines, at)
        at = max(region.end, at + 1)
        if region.is_table:
            grids += region.grids(free)
            free = at
    return grids


class _Region:
    """Lines from one on, for as long as their cells stand in the same columns."""

    def __init__(self, lines: list[_Line], start: int) -> None:
        self._all = lines
        self.start, self.end = start, start + 1
        self.columns = [_Column(cell.x0, cell.x1) for cell in lines[start].cells]
        self._several = 1
        if len(self.columns) > 1:
            self._grow()
            self._take_last_row()

    @property
    def lines(self) -> list[_Line]:
        return self._all[self.start : self.end]

    def _grow(self) -> None:
        for number in range(self.start + 1, len(self._all)):
            upper, line = self._all[number - 1], self._all[number]
            if upper.baseline - line.baseline > _FARTHEST_ROW * max(upper.size, line.size):
                return
            if len(line.cells) == 1:
                if number - self.end >= _MOST_BETWEEN or not self._holds(line.cells[0]):
                    return
            elif self._fits(line) and not self._begins_anew(number):
                for between in self._all[self.end : number + 1]:
                    self._widen(between)
                self.end = number + 1
                self._several += 1
            else:
                return

    def _take_last_row(self) -> None:
        """A last row may have one value only, where the distance of rows shows it."""
        steps = [one.baseline - other.baseline for one, other in pairwise(self.lines)]
        if self.end >= len(self._all) or len(steps) < 2:
            return
        line = self._all[self.end]
        usual = sorted(steps)[len(steps) // 2]
        step = self._all[self.end - 1].baseline - line.baseline
        after = self._all[self.end + 1] if self.end + 1 < len(self._all) else None
        alone = after is None or line.baseline - after.baseline > _LAST_ROW * usual
        if self._take_rest_of_cell():
            return
        if alone and step <= _LAST_ROW * usual and self._inside(line.cells[0]) is not None:
            self.end += 1

    def _take_rest_of_cell(self) -> bool:
        """Further lines of a cell of the last row; not of the first, where text follows, too."""
        before = self.end
        for upper, line in pairwise(self._all[before - 1 :]):
            [cell, *others] = line.cells
            place = self._inside(cell)
            close = upper.baseline - line.baseline <= _LEADING * line.size
            if others or not (place and close):
                break
            if abs(cell.x0 - self.columns[place].x0) > _ALIGNED:
                break
            self.end += 1
        return self.end > before

    def _matches(self, cell: _Cell) -> list[int]:
        return [n for n, column in enumerate(self.columns) if column.overlaps(cell)]

    def _inside(self, cell: _Cell) -> int | None:
        matches = self._matches(cell)
        return matches[0] if len(matches) == 1 else None

    def _holds(self, cell: _Cell) -> bool:
        """Whether a line of one cell may be a row: a value, or a label of what follows."""
        width = self.columns[-1].x1 - self.columns[0].x0
        labels = abs(cell.x0 - self.columns[0].x0) < _ALIGNED and cell.x1 - cell.x0 < 0.6 * width
        return labels or self._inside(cell) is not None

    def _fits(self, line: _Line) -> bool:
        matched = [self._matches(cell) for cell in line.cells]
        if any(len(match) > 1 for match in matched):
            return False
        known = {match[0] for match in matched if match}
        if len(known) != sum(map(bool, matched)):
            return False
        return len(known) > 1 or (
            bool(known) and abs(line.cells[0].x0 - self.columns[0].x0) < _ALIGNED
        )

    def _begins_anew(self, number: int) -> bool:
        """Whether a title stands apart between, and names of columns where values were."""
        between = self._all[self.end : number]
        steps = [one.baseline - other.baseline for one, other in pairwise(self.lines)]
        if not between or not steps:
            return False
        line, last = self._all[number], self.lines[-1]
        above = last.baseline - between[0].baseline
        below = between[-1].baseline - line.baseline
        usual = max(steps)
        apart = above > _NEW_TABLE * usual or min(above, below) > _APART * usual
        numbers = any(map(str.isdigit, "".join(cell.text for cell in last.cells)))
        return apart and all(map(names, line.cells)) and (numbers or line.bold > last.bold)

    def _widen(self, line: _Line) -> None:
        for cell in line.cells:
            matches = self._matches(cell)
            if len(matches) == 1:
                column = self.columns[matches[0]]
                column.x0, column.x1 = min(column.x0, cell.x0), max(column.x1, cell.x1)
            elif not matches:
                self.columns.append(_Column(cell.x0, cell.x1))
                self.columns.sort(key=lambda column: column.x0)

    @property
    def is_table(self) -> bool:
        """Whether its columns are those of a table: two rows are one only if they line up."""
        if self._several < 2:
            return False
        rows = [line for line in self.lines if len(line.cells) > 1]
        if len(rows) == 2 and not _line_up(*rows):
            return False
        columns = [self._column(number) for number in range(len(self.columns))]
        prose = [len(cells) > 2 and is_prose(cells) for cells in columns]
        return sum(prose) < 2

    def _column(self, number: int) -> list[Run]:
        return [
            cell.runs[0]
            for line in self.lines
            for cell in line.cells
            if self._inside(cell) == number
        ]

    def grids(self, free: int) -> list[Grid]:
        """The table, or tables side by side; lines from `free` on may be headers above it."""
        extents = [(column.x0, column.x1) for column in self.columns]
        spans: list[list[Cell]] = []
        begin = self.start
        if self.end - begin > _FEWEST_LINES:
            first, second = self.lines[:2]
            inner = spanning_row(first.cells, second.cells, extents)
            if inner:
                spans, begin = [inner], begin + 1
        for at in range(self.start - 1, max(free, self.start - _MOST_SPANS) - 1, -1):
            upper, lower = self._all[at : at + 2]
            row = spanning_row(upper.cells, lower.cells, extents)
            far = upper.baseline - lower.baseline > _HEADER_ABOVE * max(upper.size, lower.size)
            if far or row is None:
                break
            spans.insert(0, row)
        lines = [self._row(line) for line in self._all[begin : self.end]]
        at = self.start
        while not spans and at > free and self._breaks_off(at - 1):
            at -= 1
            lines[0] = [
                one + other for one, other in zip(self._row(self._all[at]), lines[0], strict=True)
            ]
        gutter = gutter_of(lines, extents)
        if gutter is None:
            return [_grid(spans, lines)]
        sides = slice(gutter), slice(gutter, None)
        return [_grid(_part(spans, side), _part(lines, side)) for side in sides]

    def _breaks_off(self, at: int) -> bool:
        """Whether a line above the table begins names of columns that go on below it."""
        upper, lower = self._all[at : at + 2]
        close = upper.baseline - lower.baseline <= _LEADING * min(upper.size, lower.size)
        inside = all(map(self._inside, upper.cells))  # and none in the first
        return close and inside and all(map(names, [*upper.cells, *lower.cells]))

    def _row(self, line: _Line) -> list[Cell]:
        row: list[Cell] = [[] for _ in self.columns]
        for cell in line.cells:
            matches = self._matches(cell)
            row[matches[0]] += cell.runs
        return row


def _is_item(marker: list[Run], rest: list[Run]) -> bool:
    if MARKER.fullmatch(marker[0].text):
        return True
    words = sum(word.isalpha() for run in rest for word in run.text.split())
    return bool(CLAUSE.fullmatch(marker[0].text)) and words >= _CLAUSE_WORDS


def _part(rows: list[list[Cell]], side: slice) -> list[list[Cell]]:
    return [row[side] for row in rows if any(row[side])]


def _grid(spans: list[list[Cell]], lines: list[list[Cell]]) -> Grid:
    rows = with_names([*spans, *rows_of_lines(lines)], len(spans))
    # "Invoice: | 42" is no header.
    facts = said(rows[0][0]).endswith(":")
    return Grid(rows, 0 if facts else len(spans) + 1)


def _line_up(upper: _Line, lower: _Line) -> bool:
    return any(
        min(abs(a.x0 - b.x0), abs(a.x1 - b.x1), abs(a.x0 + a.x1 - b.x0 - b.x1) / 2) < _ALIGNED
        for a in upper.cells[1:]
        for b in lower.cells[1:]
    )
