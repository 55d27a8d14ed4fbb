"""A table's cells, as they are shown."""

from collections.abc import Callable, Iterator
from typing import Any

from indexes.documents.extracted import UnreadableError
from indexes.documents.readers.opendocument.names import TABLE, number_of
from indexes.documents.report import ReadingReport

MAX_REPEATED = 1_000
MAX_CELLS = 2_000_000


class Grids:
    """Squares the tables of one document, up to a number of cells altogether.

    Args:
        text_of: returns a cell's text
        report: told of hidden rows
    """

    def __init__(self, text_of: Callable[[Any], str], report: ReadingReport) -> None:
        self._text_of = text_of
        self._report = report
        self._room = MAX_CELLS

    def rows(self, table: Any) -> tuple[list[list[str]], list[int], set[int]]:
        """Cells as they are shown, how many values each row has, and which rows span columns."""
        rows: list[list[str]] = []
        filled: list[int] = []
        spans: set[int] = set()
        hanging: dict[int, tuple[int, str]] = {}
        for row in _rows_of(table):
            if row.get(f"{TABLE}visibility") in ("collapse", "filter"):
                self._report.leave_out("hidden rows")
                continue
            cells, count, spanning = self._row(row, hanging)
            repeated = min(number_of(row.get(f"{TABLE}number-rows-repeated"), 1), MAX_REPEATED)
            repeated = repeated if any(cells) else 1
            self._take(repeated * len(cells))
            if spanning and count > 1:
                spans.add(len(rows))
            for _ in range(repeated):
                rows.append(cells)
                filled.append(count)
        return rows, filled, spans

    def _take(self, cells: int) -> None:
        self._room -= cells
        if self._room < 0:
            raise UnreadableError("holds an absurd number of cells: split it")

    def _row(self, row: Any, hanging: dict[int, tuple[int, str]]) -> tuple[list[str], int, bool]:
        cells: list[str] = []
        count, spanning = 0, False
        for cell in row:
            if cell.tag not in (f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
                continue
            repeated = min(number_of(cell.get(f"{TABLE}number-columns-repeated"), 1), MAX_REPEATED)
            if cell.tag == f"{TABLE}covered-table-cell":
                self._take(repeated)
                for _ in range(repeated):
                    left, text = hanging.get(len(cells), (0, ""))
                    if left > 1:
                        hanging[len(cells)] = left - 1, text
                    else:
                        hanging.pop(len(cells), None)
                    cells.append(text)
                continue
            text = self._text_of(cell)
            repeated = repeated if text else min(repeated, 100)
            self._take(repeated)
            wide = min(number_of(cell.get(f"{TABLE}number-columns-spanned"), 1), MAX_REPEATED)
            high = min(number_of(cell.get(f"{TABLE}number-rows-spanned"), 1), 10_000)
            for column in range(len(cells), len(cells) + wide):
                if wide > 1 and column > len(cells):
                    hanging[column] = high, text
                elif high > 1:
                    hanging[column] = high - 1, text
            spanning = spanning or (wide > 1 and bool(text)) or (high > 1 and bool(text))
            count += bool(text) * repeated
            cells += [text] * repeated
        while cells and not cells[-1]:
            cells.pop()
        return cells, count, spanning


def _rows_of(table: Any) -> Iterator[Any]:
    for child in table:
        if child.tag == f"{TABLE}table-row":
            yield child
        elif child.tag in (
            f"{TABLE}table-header-rows", f"{TABLE}table-rows", f"{TABLE}table-row-group",
        ):  # fmt: skip
            yield from _rows_of(child)
