"""Ruled tables: the cells that lines on the page enclose, and the runs that stand in them."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from indexes.documents.pdf.divided import divided
from indexes.documents.pdf.lines import Cell, lines_of
from indexes.documents.pdf.rulings import Ruling, Rulings
from indexes.documents.pdf.writing import Run

# Points.
_TOUCH = 2.5
_NARROW = 6.0

_MOST_LINES = 1_000
_MOST_CELLS = 20_000
# Characters a cell; where there are more, the lines frame the page's columns or its boxes.
_LONGEST_CELL = 700
_BORDER = 0.5
_MOST_HEADERS = 3
_HEADING = 1.1


@dataclass(eq=False)
class Grid:
    """A table on a page (from 0).

    Attributes:
        rows: the runs of each cell; a spanning cell's are in all it covers, as the same list
        header_rows: how many of the first rows name columns
        page: from 0
    """

    rows: list[list[Cell]]
    header_rows: int = 1
    page: int = 0

    def __post_init__(self) -> None:
        runs = self.runs
        self.x0 = min(run.x0 for run in runs)
        self.x1 = max(run.x1 for run in runs)
        self.baseline = max(run.baseline for run in runs)
        self.bottom = min(run.baseline for run in runs)
        self.size = max(run.size for run in runs)

    @property
    def runs(self) -> list[Run]:
        """All runs of the table; one that spans cells comes once for each."""
        return [run for row in self.rows for cell in row for run in cell]


def ruled_grids(runs: Sequence[Run], rulings: Rulings) -> list[Grid]:
    """The tables whose cells are enclosed by lines."""
    grids = []
    for across, down in _connected(rulings):
        grid = _Frame(across, down).filled(runs)
        if grid:
            grids.append(grid)
    return grids


def _connected(rulings: Rulings) -> list[tuple[list[Ruling], list[Ruling]]]:
    """Lines that touch each other, directly or through others."""
    across, down = rulings
    if not (across and down) or max(len(across), len(down)) > _MOST_LINES:
        return []
    y, x0, x1 = np.array(across).T
    x, y0, y1 = np.array(down).T
    touch = (
        (x0[:, None] - _TOUCH <= x)
        & (x <= x1[:, None] + _TOUCH)
        & (y0 - _TOUCH <= y[:, None])
        & (y[:, None] <= y1 + _TOUCH)
    )
    component = np.full(len(across), -1)
    found = []
    for start in range(len(across)):
        if component[start] >= 0:
            continue
        mine = np.zeros(len(across), bool)
        mine[start] = True
        count = 0
        while count != mine.sum():
            count = mine.sum()
            mine |= touch[:, touch[mine].any(0)].any(1)
        component[mine] = start
        crossing = np.flatnonzero(touch[mine].any(0))
        found.append(([across[n] for n in np.flatnonzero(mine)], [down[n] for n in crossing]))
    return found


def _levels(values: Sequence[float]) -> list[float]:
    levels: list[float] = []
    for value in sorted(values):
        if not levels or value - levels[-1] > _TOUCH:
            levels.append(value)
    return levels


class _Frame:
    """Lines that touch, as a frame of cells; row 0 is the uppermost."""

    def __init__(self, across: list[Ruling], down: list[Ruling]) -> None:
        self._xs = _levels([line.at for line in down])
        self._ys = _levels([line.at for line in across])
        self._across, self._down = across, down
        self._columns, self._rows = len(self._xs) - 1, len(self._ys) - 1

    def filled(self, runs: Sequence[Run]) -> Grid | None:
        """The table with what stands in it; None if the lines make none."""
        if self._columns < 2 or self._rows < 1 or self._columns * self._rows > _MOST_CELLS:
            return None
        region = self._regions()
        contents: dict[int, Cell] = defaultdict(list)
        for run in (part for each in runs for part in self._parts(each)):
            place = self._place(run)
            if place is not None:
                contents[region[place]].append(run)
        filled = [cell for cell in contents.values() if cell]
        if len(filled) < 2 or len(set(region)) < 3:
            return None
        if sum(len(run.text) for cell in filled for run in cell) > _LONGEST_CELL * len(filled):
            return None
        if 2 * sum(map(_is_headed, filled)) >= len(filled):
            return None  # boxes of their own
        rows = self._cells(region, contents)
        kept = self._without_seams(rows)
        rights = [self._xs[column + 1] for column in kept]
        rows = [[row[column] for column in kept] for row in rows if any(row)]
        rows = [part for row in rows for part in divided(row, rights)]
        while len(rows) > 2 and all(cell is rows[0][0] for cell in rows[0]):
            del rows[0]  # a title is no row
        if len(rows) < 2 or len(rows[0]) < 2:
            return None
        return Grid(rows, _header_rows(rows))

    def _parts(self, run: Run) -> list[Run]:
        """A run, or its parts on both sides of where a column ends."""
        parts: list[list[Run]] = []
        for piece in run.pieces or (run,):
            last = parts[-1][-1].x1 if parts else 0.0
            if not parts or any(last - 1 <= x <= piece.x0 + 1 for x in self._xs):
                parts.append([])
            parts[-1].append(piece)
        return [Run.of(part) for part in parts] if len(parts) > 1 else [run]

    def _place(self, run: Run) -> int | None:
        column = bisect_right(self._xs, (run.x0 + run.x1) / 2) - 1
        below = bisect_left(self._ys, run.baseline + 0.3 * run.size) - 1
        if not (0 <= column < self._columns and 0 <= below < self._rows):
            return None
        return (self._rows - 1 - below) * self._columns + column

    def _regions(self) -> list[int]:
        """For each cell the first one that no line divides it from."""
        columns, rows = self._columns, self._rows
        walls = np.zeros((rows, columns + 1), bool)
        for line in self._down:
            column = _nearest(self._xs, line.at)
            for below in range(rows):
                low, high = self._ys[below], self._ys[below + 1]
                covered = min(line.end, high + _TOUCH) - max(line.start, low - _TOUCH)
                walls[rows - 1 - below, column] |= covered >= _BORDER * (high - low) + _TOUCH
        floors = np.zeros((rows + 1, columns), bool)
        for line in self._across:
            level = rows - _nearest(self._ys, line.at)
            for column in range(columns):
                left, right = self._xs[column], self._xs[column + 1]
                covered = min(line.end, right + _TOUCH) - max(line.start, left - _TOUCH)
                floors[level, column] |= covered >= _BORDER * (right - left) + _TOUCH
        region = list(range(rows * columns))

        def root(cell: int) -> int:
            while region[cell] != cell:
                cell = region[cell] = region[region[cell]]
            return cell

        for cell in range(rows * columns):
            row, column = divmod(cell, columns)
            if column and not walls[row, column]:
                region[root(cell)] = root(cell - 1)
            if row and not floors[row, column]:
                here, above = sorted((root(cell), root(cell - columns)))
                region[above] = here
        return [root(cell) for cell in range(rows * columns)]

    def _cells(self, region: list[int], contents: dict[int, Cell]) -> list[list[Cell]]:
        rows: list[list[Cell]] = [
            [contents[region[row * self._columns + column]] for column in range(self._columns)]
            for row in range(self._rows)
        ]
        # Where lines between columns are missing, what stands side by side still is in columns.
        for row in rows:
            for column in range(1, self._columns):
                cell = row[column]
                if cell and cell is row[column - 1] and self._is_several(cell):
                    for other in range(self._columns):
                        if row[other] is cell:
                            low, high = self._xs[other], self._xs[other + 1]
                            row[other] = [r for r in cell if low <= (r.x0 + r.x1) / 2 < high]
        return rows

    def _is_several(self, cell: Cell) -> bool:
        side_by_side = [line for line in lines_of(cell) if len(line) > 1]
        return any(
            bisect_right(self._xs, run.x0 + 1) != bisect_right(self._xs, line[0].x0 + 1)
            for line in side_by_side
            for run in line[1:]
        )

    def _without_seams(self, rows: list[list[Cell]]) -> list[int]:
        """The columns but those that are the space between double lines."""
        return [
            column
            for column in range(self._columns)
            if self._xs[column + 1] - self._xs[column] > _NARROW or any(row[column] for row in rows)
        ]


def _is_headed(cell: Cell) -> bool:
    """Whether what stands in a frame has a heading, so that it is no value."""
    first, *rest = lines_of(cell)
    sizes = [max(run.size for run in line) for line in (first, *rest)]
    return bool(rest) and sizes[0] >= _HEADING * max(sizes[1:])


def _header_rows(rows: list[list[Cell]]) -> int:
    """One, and those below a header whose names span several columns."""
    for number, row in enumerate(rows[: min(_MOST_HEADERS, len(rows) - 1)], 1):
        if not any(cell and cell is other for cell, other in pairwise(row)):
            return number
    return 1


def _nearest(levels: list[float], value: float) -> int:
    return min(len(levels) - 1, max(0, bisect_right(levels, value + 0.01) - 1))
