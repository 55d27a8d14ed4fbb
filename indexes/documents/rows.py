"""Glyphs → rows: the lines of a page, as cells wherever a wide gap divides them.

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

# Distances in ems, the size of the font at hand.
_WORD_GAP = 0.1
_CELL_GAP = 1.2
_SAME_LINE = 0.3

_LONGEST_RUNNING_LINE = 200

_LIGATURES = str.maketrans(
    {
        "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
        "\u00a0": " ", "\u2010": "-", "\u2011": "-", "\uf0b7": "•", "\uf0a7": "▪", "\ufffd": "",
    }
)  # fmt: skip
_MARKER = re.compile(r"[•‣◦▪●○■□▶➢✓∙·*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxlc]{1,5})[.)]")
_PAGE_NUMBER = re.compile(
    r"(?:p|pg|page|seite|página)?[^\w#]*#(?:[^\w#]*(?:of|/|von|de)? *\d+)?\W*"
)


class Glyph(NamedTuple):
    """One character: its extent along the line, its baseline, in points."""

    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    bold: bool
    angle: int


class PageGlyphs(list[Glyph]):
    """The glyphs of one page in drawing order, and where the page ends."""

    def __init__(self, top: float, bottom: float) -> None:
        super().__init__()
        self.top = top
        self.bottom = bottom


@dataclass
class Cell:
    """A run of glyphs on one line without a wide gap."""

    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    bold: bool
    space: bool = False


@dataclass
class Row:
    """Cells on one line. A line of prose is a row of one cell."""

    cells: list[Cell]
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
    def bold(self) -> bool:
        """Whether all of the row is bold."""
        return all(cell.bold for cell in self.cells)


def rows_of(page: PageGlyphs, number: int) -> list[Row]:
    """The rows of one page in reading order."""
    by_angle: dict[int, list[Glyph]] = defaultdict(list)
    for glyph in page:
        by_angle[glyph.angle].append(glyph)
    rows = []
    # Most of a page runs one way; stamps and axis labels that don't come after it.
    for angle in sorted(by_angle, key=lambda angle: -len(by_angle[angle])):
        rows += _ordered(_joined(_cells(by_angle[angle]), number), number)
    return rows


def _cells(glyphs: list[Glyph]) -> list[Cell]:
    cells: list[Cell] = []
    cell: Cell | None = None
    for glyph in glyphs:
        text = glyph.text.translate(_LIGATURES)
        if not text.strip():
            if cell:
                cell.space = True
            continue
        if cell and _continues(cell, glyph):
            wide = glyph.x0 - cell.x1 > _WORD_GAP * min(cell.size, glyph.size)
            cell.text += f" {text}" if cell.space or wide else text
            cell.x1 = max(cell.x1, glyph.x1)
            cell.bold = cell.bold and glyph.bold
            if glyph.size > cell.size:
                cell.size, cell.baseline = glyph.size, glyph.baseline
            cell.space = False
        else:
            cell = Cell(text, glyph.x0, glyph.x1, glyph.baseline, glyph.size, glyph.bold)
            cells.append(cell)
    return cells


def _continues(cell: Cell, glyph: Glyph) -> bool:
    size = max(cell.size, glyph.size)
    gap = glyph.x0 - cell.x1
    if not -0.6 * size < gap < _CELL_GAP * size:
        return False
    shift = abs(glyph.baseline - cell.baseline)
    # A footnote mark or an exponent is smaller, raised and close by.
    raised = min(cell.size, glyph.size) < 0.85 * size and gap < 0.5 * size
    return shift <= (0.6 if raised else _SAME_LINE) * size


def _joined(cells: list[Cell], page: int) -> list[Row]:
    """Rows of cells that share a baseline; a cell may be drawn a few lines late."""
    rows: list[Row] = []
    for cell in cells:
        for row in reversed(rows[-6:]):
            near = abs(row.baseline - cell.baseline) <= _SAME_LINE * min(row.size, cell.size)
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


def drop_running_lines(rows_of_pages: list[list[Row]], pages: Sequence[PageGlyphs]) -> None:
    """Remove lines that stand at the same height of several pages and say the same.

    A number in such a line may differ if it counts along with the pages. It must be all
    the line says ("- 7 -", "Page 7 of 9"), or be the page's own number: a form letter's
    "Invoice 1041" and a chronicle's "In 1998" count along too.
    """
    seen: dict[tuple[str, int, int], list[Row]] = defaultdict(list)
    for number, (rows, page) in enumerate(zip(rows_of_pages, pages, strict=True)):
        band = 0.11 * (page.top - page.bottom)
        ranked = sorted(rows, key=lambda row: row.baseline)
        for row in {id(row): row for row in ranked[:3] + ranked[-3:]}.values():
            if page.bottom + band < row.baseline < page.top - band:
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
