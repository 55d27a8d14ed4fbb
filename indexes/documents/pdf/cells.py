"""A table on a page → a table of texts."""

from indexes.documents.blocks import CELL_SEPARATOR, Mark, Table
from indexes.documents.extracted import one_line
from indexes.documents.pdf.grids import Cell, Grid, lines_of
from indexes.documents.pdf.hyphens import Hyphens
from indexes.documents.pdf.runs import Box


def table_block(grid: Grid, hyphens: Hyphens) -> Table | None:
    """The table with each cell's lines joined; None if nothing stands in it."""
    rows: list[tuple[str, ...]] = []
    marks: list[Mark] = []
    at = 0
    for cells in grid.rows:
        texts = [cell_text(cell, hyphens) for cell in cells]
        if not any(texts):
            continue
        for number, (cell, text) in enumerate(zip(cells, texts, strict=True)):
            if text and not (number and cell is cells[number - 1]):
                marks.append(Mark(at, grid.page + 1, Box.around(run.box for run in cell)))
            at += len(text) + (len(CELL_SEPARATOR) if number < len(cells) - 1 else 1)
        rows.append(tuple(texts))
    return Table(tuple(rows), min(grid.header_rows, len(rows)), tuple(marks)) if rows else None


def cell_text(cell: Cell, hyphens: Hyphens) -> str:
    """The lines of a cell as one."""
    text = ""
    for line in lines_of(cell):
        said = one_line(" ".join(run.text for run in line))
        if not (text and said):
            text += said
            continue
        between = hyphens.between(text, said)
        text = text[:-1] + said if between is None else text + between + said
    return text
