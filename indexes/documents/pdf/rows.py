"""Runs → rows: the lines of a page, as cells wherever a wide gap divides them.

The order of drawing is taken as the order of reading, as it is in nearly every file with
columns; only a page drawn in no order is sorted from top to bottom.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from indexes.documents.extracted import one_line
from indexes.documents.pdf.runs import SAME_LINE, Box, Run

_LONGEST_RUNNING_LINE = 200

_MARKER = re.compile(r"[•‣◦▪●○■□▶➢✓∙·*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxlc]{1,5})[.)]")
_PAGE_NUMBER = re.compile(
    r"(?:p|pg|page|seite|página)?[^\w#]*#(?:[^\w#]*(?:of|/|von|de)? *\d+)?\W*"
)


class PageRuns(NamedTuple):
    """The runs of one page in the order of drawing, by their direction, and its size."""

    runs: dict[int, list[Run]]
    width: float
    height: float
    unmapped: int


@dataclass
class Row:
    """Cells on one line. A line of prose is a row of one cell."""

    cells: list[Run]
    page: int
    table: bool = False
    edge: float = 0.0
    text: str = ""
    x0: float = field(init=False)
    baseline: float = field(init=False)
    size: float = field(init=False)

    def __post_init__(self) -> None:
        self.x0 = self.cells[0].x0
        self.baseline = self.cells[0].baseline
        self.size = max(cell.size for cell in self.cells)

    @property
    def x1(self) -> float:
        """Where the row ends."""
        return self.cells[-1].x1

    @property
    def box(self) -> Box:
        """Where it stands on the page as shown."""
        sides = list(zip(*(cell.box for cell in self.cells), strict=True))
        return min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3])

    @property
    def bold(self) -> bool:
        """Whether all of the row is bold."""
        return all(cell.bold for cell in self.cells)


def rows_of(page: PageRuns, number: int) -> list[Row]:
    """The rows of one page in reading order."""
    rows = []
    # Most of a page runs one way; stamps and axis labels that don't come after it.
    for runs in sorted(page.runs.values(), key=lambda runs: -sum(len(run.text) for run in runs)):
        rows += _ordered(_joined(runs, number), number)
    return rows


def _joined(cells: list[Run], page: int) -> list[Row]:
    """Rows of cells that share a baseline; a cell may be drawn a few lines late."""
    rows: list[Row] = []
    for cell in cells:
        for row in reversed(rows[-6:]):
            near = abs(row.baseline - cell.baseline) <= SAME_LINE * min(row.size, cell.size)
            if near and cell.x0 >= row.x1 - 0.3 * cell.size:
                marker = _MARKER.fullmatch(row.text)
                if len(row.cells) == 1 and marker:
                    cell.text = f"{row.text} {cell.text}"
                    cell.x0 = row.x0
                    row.cells[0] = cell
                    row.size = cell.size
                else:
                    row.cells.append(cell)
                row.text = ""
                break
        else:
            rows.append(Row([cell], page, text=cell.text))
    return rows


def _ordered(rows: list[Row], page: int) -> list[Row]:
    """The rows as drawn, or from top to bottom where drawing jumped about."""
    jumps = sum(
        later.baseline > earlier.baseline + earlier.size for earlier, later in pairwise(rows)
    )
    if jumps <= 2 + len(rows) // 5:
        return rows
    cells = [cell for row in rows for cell in row.cells]
    cells.sort(key=lambda cell: (-round(cell.baseline), cell.x0))
    return _joined(cells, page)


def drop_running_lines(rows_of_pages: list[list[Row]], pages: Sequence[PageRuns]) -> None:
    """Remove lines that stand at the same height of several pages and say the same.

    A number in such a line may differ if it counts along with the pages. It must be all
    the line says ("- 7 -", "Page 7 of 9"), or be the page's own number: a form letter's
    "Invoice 1041" and a chronicle's "In 1998" count along too.
    """
    seen: dict[tuple[str, int, int], list[Row]] = defaultdict(list)
    for number, (rows, page) in enumerate(zip(rows_of_pages, pages, strict=True)):
        band = 0.11 * (page.height)
        ranked = sorted(rows, key=lambda row: row.baseline)
        for row in {id(row): row for row in ranked[:3] + ranked[-3:]}.values():
            if band < row.baseline < page.height - band:
                continue
            text = one_line(" ".join(cell.text for cell in row.cells)).lower()
            if len(text) > _LONGEST_RUNNING_LINE:
                continue
            height = round(row.baseline / 4)
            seen[text, 0, height].append(row)
            for match in re.finditer(r"\d{1,4}", text):
                masked = f"{text[: match.start()]}#{text[match.end() :]}"
                offset = int(match[0]) - number
                if _PAGE_NUMBER.fullmatch(masked) or -20 <= offset <= 1:
                    seen[masked, offset, height].append(row)
    enough = min(3, max(2, len(pages)))
    running = {id(row) for same in seen.values() if len(same) >= enough for row in same}
    for rows in rows_of_pages:
        rows[:] = [row for row in rows if id(row) not in running]
