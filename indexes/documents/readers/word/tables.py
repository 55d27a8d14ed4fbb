"""A Word table as a grid: merged cells repeated in each place that they cover."""

from collections.abc import Callable, Iterator
from typing import Any

from indexes.documents.blocks import Block, Heading, Table
from indexes.documents.readers.word.names import TBL, TC, TR, W, number, switched_on, value
from indexes.documents.report import ReadingReport

MAX_COLUMNS = 1_000


def rows_of(table: Any, report: ReadingReport) -> list[Any]:
    """The rows of a table that were not deleted."""
    rows = []
    for row in _within(table, TR):
        if row.find(f"{W}trPr/{W}del") is None:
            rows.append(row)
        else:
            report.leave_out("deleted text")
    return rows


def cells_of(row: Any) -> list[Any]:
    """The cells of a row."""
    return list(_within(row, TC))


def grid(rows: list[Any], text_of: Callable[[Any], str]) -> list[list[str]]:
    """Place the texts of all cells in their columns; `rows` are from `rows_of`."""
    made: list[list[str]] = []
    above: list[str] = []
    for row in rows:
        cells = [""] * _skipped(row, "gridBefore")
        for cell in cells_of(row):
            at = len(cells)
            if at >= MAX_COLUMNS:
                break
            width = min(max(number(cell, f"{W}tcPr/{W}gridSpan") or 1, 1), MAX_COLUMNS - at)
            if _goes_on(cell, "vMerge") and at < len(above):
                text = above[at]
            elif _goes_on(cell, "hMerge") and cells:
                text = cells[-1]
            else:
                text = text_of(cell)
            cells += [text] * width
        cells += [""] * _skipped(row, "gridAfter")
        made.append(cells)
        above = cells
    return made


def header_rows(rows: list[Any]) -> int:
    """How many rows name the columns: those that repeat on each page, else the first."""
    count = 0
    for row in rows:
        if not switched_on(row, f"{W}trPr/{W}tblHeader"):
            break
        count += 1
    return count if 0 < count < len(rows) else 1


def only_places(rows: list[Any], cells: list[list[Block]]) -> bool:
    """Whether a table is layout only: a frame, or columns of whole sections."""
    if len(cells) <= 1:
        return True
    nested = any(isinstance(block, Table) for cell in cells for block in cell)
    headed = any(isinstance(block, Heading) for cell in cells for block in cell)
    in_one_line = len(rows) == 1 or len(cells) == len(rows)
    return (nested or headed) and in_one_line


def _within(element: Any, tag: str) -> Iterator[Any]:
    """Children, also those in content controls and the like; not those of nested tables."""
    for child in element:
        if child.tag == tag:
            yield child
        elif isinstance(child.tag, str) and child.tag not in (TBL, TR, TC):
            yield from _within(child, tag)


def _goes_on(cell: Any, kind: str) -> bool:
    """Whether a cell continues the merged one above, or to the left."""
    return value(cell, f"{W}tcPr/{W}{kind}") in ("", "continue")


def _skipped(row: Any, kind: str) -> int:
    return min(max(number(row, f"{W}trPr/{W}{kind}") or 0, 0), MAX_COLUMNS)
