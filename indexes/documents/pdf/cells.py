"""Tables on pages → tables of texts; one that goes on over a page's end is one."""

from dataclasses import replace

from indexes.documents.blocks import CELL_SEPARATOR, Mark, Table
from indexes.documents.extracted import one_line
from indexes.documents.pdf.grids import Grid
from indexes.documents.pdf.hyphens import Hyphens
from indexes.documents.pdf.lines import Cell, lines_of, said
from indexes.documents.pdf.writing import Box

# What belongs to the value behind it, or before it.
_BEFORE = {"$", "€", "£", "¥", "US$", "CHF", "EUR", "USD"}
_BEHIND = {"%", ")", ")%"}
_FEWEST_VALUES = 2


def table_block(grid: Grid, hyphens: Hyphens) -> Table | None:
    """The table with each cell's lines joined; None if nothing stands in it."""
    rows: list[tuple[str, ...]] = []
    marks: list[Mark] = []
    at = 0
    for cells in _with_symbols(grid.rows):
        texts = [cell_text(cell, hyphens) for cell in cells]
        if not any(texts):
            continue
        for number, (cell, text) in enumerate(zip(cells, texts, strict=True)):
            if text and not (number and cell is cells[number - 1]):
                marks.append(Mark(at, grid.page + 1, Box.around(run.box for run in cell)))
            at += len(text) + (len(CELL_SEPARATOR) if number < len(cells) - 1 else 1)
        rows.append(tuple(texts))
    return Table(tuple(rows), min(grid.header_rows, len(rows)), tuple(marks)) if rows else None


def _with_symbols(rows: list[list[Cell]]) -> list[list[Cell]]:
    """The rows without columns of their own for currencies and percent signs."""
    for column in reversed(range(len(rows[0]))):
        cells = [row[column] for row in rows if row[column]]
        texts = {said(cell) for cell in cells[1:]} | {said(cell) for cell in cells[:1]}
        before, after = column > 0 and texts <= _BEHIND, texts <= _BEFORE
        if cells and (before or (after and column + 1 < len(rows[0]))):
            rows = [_merged(row, column - 1 if before else column) for row in rows]
    return rows


def with_names(rows: list[list[Cell]], header: int) -> list[list[Cell]]:
    """The rows with each name above its values, also where one is left and the others right.

    Args:
        rows: cells
        header: which row names the columns
    """
    for column in reversed(range(1, len(rows[0]) - 1)):
        left, right = ([row[at] for row in rows] for at in (column, column + 1))
        named = bool(left[header]), bool(right[header])
        values = sum(map(bool, left[header + 1 :])), sum(map(bool, right[header + 1 :]))
        if (named == (True, False) and not values[0] and values[1] >= _FEWEST_VALUES) or (
            named == (False, True) and not values[1] and values[0] >= _FEWEST_VALUES
        ):
            rows = [_merged(row, column) for row in rows]
    return rows


def _merged(row: list[Cell], column: int) -> list[Cell]:
    """A row with two neighbouring cells made one."""
    left, right = row[column : column + 2]
    return [*row[:column], left if left is right else left + right, *row[column + 2 :]]


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


def goes_on(grid: Grid, after: Grid) -> bool:
    """Whether a table goes on at the top of the next page: in the same columns."""
    width = len(grid.rows[0])
    return (
        after.page == grid.page + 1
        and len(after.rows[0]) == width
        and all(_overlap(_extent(grid, n), _extent(after, n)) for n in range(width))
    )


def joined_tables(begun: Table, rest: Table) -> Table:
    """One table; the header that the next page repeats goes."""
    repeated = (
        begun.header_rows
        if rest.rows[: begun.header_rows] == begun.rows[: begun.header_rows]
        else 0
    )
    skipped = rest.row_starts[repeated] if repeated < len(rest.rows) else len(rest.text) + 1
    shift = len(begun.text) + 1 - skipped
    marks = tuple(mark._replace(at=mark.at + shift) for mark in rest.marks if mark.at >= skipped)
    return replace(begun, rows=begun.rows + rest.rows[repeated:], marks=begun.marks + marks)


def _extent(grid: Grid, column: int) -> tuple[float, float] | None:
    """From where to where a column's own cells go."""
    runs = [
        run
        for row in grid.rows
        for run in row[column]
        if all(row[column] is not row[n] for n in (column - 1, column + 1) if 0 <= n < len(row))
    ]
    return (min(run.x0 for run in runs), max(run.x1 for run in runs)) if runs else None


def _overlap(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    return not (one and other) or (one[0] < other[1] and other[0] < one[1])
