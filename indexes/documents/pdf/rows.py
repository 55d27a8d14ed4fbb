"""Runs → rows: the lines of prose of a page, in the order of reading."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from indexes.documents.pdf.lines import lines_of
from indexes.documents.pdf.markers import CLAUSE, MARKER
from indexes.documents.pdf.writing import SAME_LINE, Box, Run


@dataclass
class Row:
    """Cells on one line. A line of prose is a row of one cell.

    `aside` is what runs in another direction than most of the page, as stamps do, `mono` what
    is all set as by a typewriter.
    """

    cells: list[Run]
    page: int
    aside: bool = False
    edge: float = 0.0
    text: str = ""
    x0: float = field(init=False)
    baseline: float = field(init=False)
    mono: bool = field(init=False)
    size: float = field(init=False)

    def __post_init__(self) -> None:
        self.x0 = self.cells[0].x0
        self.baseline = self.cells[0].baseline
        self.size = max(cell.size for cell in self.cells)
        self.mono = all(cell.mono for cell in self.cells)

    @property
    def x1(self) -> float:
        """Where the row ends."""
        return self.cells[-1].x1

    @property
    def box(self) -> Box:
        """Where it stands on the page as shown."""
        if len(self.cells) == 1:
            return self.cells[0].box
        return Box.around(cell.box for cell in self.cells)

    @property
    def bold(self) -> bool:
        """Whether all of the row is bold."""
        return all(cell.bold for cell in self.cells)


def rows_of(runs: Sequence[Run], page: int) -> list[Row]:
    """The rows that runs make: as drawn, or from top to bottom where drawing jumped about."""
    rows = _joined(runs, page)
    jumps = sum(
        later.baseline > earlier.baseline + earlier.size for earlier, later in pairwise(rows)
    )
    if jumps <= 2 + len(rows) // 5 and 2 * jumps < len(rows):
        return rows
    return _joined([run for line in lines_of(runs) for run in line], page)


def _joined(cells: Sequence[Run], page: int) -> list[Row]:
    """Rows of cells that share a baseline; a cell may be drawn a few lines late."""
    rows: list[Row] = []
    for cell in cells:
        for row in reversed(rows[-6:]):
            near = abs(row.baseline - cell.baseline) <= SAME_LINE * min(row.size, cell.size)
            if near and cell.x0 >= row.x1 - 0.3 * cell.size:
                marker = MARKER.fullmatch(row.text) or CLAUSE.fullmatch(row.text)
                if len(row.cells) == 1 and marker:
                    cell.text = f"{row.text} {cell.text}"
                    cell.x0 = row.x0
                    row.cells[0] = cell
                    row.size = cell.size
                else:
                    row.cells.append(cell)
                    row.mono &= cell.mono
                row.text = ""
                break
        else:
            rows.append(Row([cell], page, text=cell.text))
    return rows
