"""Excel workbooks: each sheet is a page, each run of rows between empty ones a table.

`openpyxl` reads them row by row. Values are shown as the sheet shows them, as far as dates,
percentages and whole numbers go; formulas as the value that was calculated last. Merged cells
repeat their value, hidden sheets are left out and counted.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
from openpyxl.cell.read_only import EmptyCell
from openpyxl.utils.exceptions import InvalidFileException

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Heading, PageBreak, Paragraph, Table, table_of
from indexes.documents.extracted import Extracted, UnreadableError
from indexes.documents.reader import Reading
from indexes.documents.report import ReadingReport

MAX_ROWS = 1_048_576
MAX_CELLS = 5_000_000
_WIDEST = 1_024
_MERGES = re.compile(rb'<mergeCell [^>]*?ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')
_LONGEST_MERGE = 10_000


def read(data: bytes, reading: Reading) -> Extracted:
    """The sheets of a workbook that are not hidden."""
    report = ReadingReport()
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UnreadableError(
            "is no workbook that can be read (encrypted, damaged, or the old .xls): open it in "
            "Excel and save it as .xlsx"
        ) from error
    shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    report.leave_out("hidden sheets", len(book.worksheets) - len(shown))
    merged = _merged_cells(data, book)
    report.pages = len(shown)
    blocks = (block for sheet in shown for block in _sheet(sheet, merged.get(sheet.title, {})))
    title = book.properties.title if book.properties else None
    return assemble(
        _reported(blocks, report),
        max_characters=reading.max_characters,
        title=title,
        page_kind="sheet",
        report=report,
    )


def _reported(blocks: Iterator[Block], report: ReadingReport) -> Iterator[Block]:
    """The blocks; and in the report, which sheets have none."""
    number, empty = 0, False
    for block in blocks:
        if isinstance(block, PageBreak):
            if empty:
                report.pages_without_text.append(number)
            number, empty = number + 1, True
        else:
            empty = False
        yield block
    if empty:
        report.pages_without_text.append(number)


def _sheet(sheet: Any, merged: dict[tuple[int, int], tuple[int, int]]) -> Iterator[Block]:
    yield PageBreak(sheet.title)
    run: list[list[str]] = []
    first = 1
    cells = 0
    seen: dict[tuple[int, int], str] = {}
    for number, row in enumerate(sheet.iter_rows(max_col=_WIDEST), start=1):
        cells += len(row)
        if number > MAX_ROWS or cells > MAX_CELLS:
            raise UnreadableError("holds more cells than one document may: split it")
        texts = [_shown(cell) for cell in row]
        for column in range(len(texts) + 1):
            home = merged.get((number, column + 1))
            if home == (number, column + 1):
                seen[home] = texts[column] if column < len(texts) else ""
            elif home and column < len(texts):
                texts[column] = seen.get(home, "")
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            first = first if run else number
            run.append(texts)
        elif run:
            yield from _blocks(run, first)
            run = []
    yield from _blocks(run, first)


def _blocks(run: Sequence[list[str]], first: int) -> Iterator[Block]:
    """A run of rows: titles above a table, and the table."""
    if not run:
        return
    start = 0
    titled = len(run) == 1 or max(map(len, run)) > 1
    while titled and start < len(run) and len(set(filter(None, run[start]))) == 1:
        text = next(filter(None, run[start]))
        yield Heading(text, level=2) if start == 0 else Paragraph(text)
        start += 1
    table = table_of(run[start:], first_number=first + start)
    if table is not None:
        yield Table(table.rows, _header_rows(table), numbers=table.numbers)


def _header_rows(table: Table) -> int:
    """1 if the first row names the columns: words, over a column that is not all words."""
    if len(table.rows) < 2:
        return 0
    return int(not any(_is_number(cell) for cell in table.rows[0]) or _years(table.rows[0]))


def _is_number(cell: str) -> bool:
    return bool(cell) and not any(character.isalpha() for character in cell)


def _years(row: Sequence[str]) -> bool:
    """Whether the numbers of a row are years, which name columns."""
    return all(re.fullmatch(r"(?:19|20)\d\d", cell) for cell in row if _is_number(cell))


def _shown(cell: Any) -> str:
    """A value as the sheet shows it, as far as it can be told."""
    if isinstance(cell, EmptyCell) or cell.value is None:
        return ""
    value, pattern = cell.value, str(cell.number_format or "")
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number(value, pattern)
    if isinstance(value, datetime):
        moment = value.replace(microsecond=0)
        return moment.date().isoformat() if moment.time() == time() else moment.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def _number(value: float, pattern: str) -> str:
    decimals = re.search(r"\.(0+)", pattern)
    places = len(decimals[1]) if decimals else 0
    if "%" in pattern:
        return f"{value * 100:.{places}f}%"
    plain = pattern.split(";")[0]
    grouped = "," if "," in plain else ""
    if re.search(r"[0#]", plain) and pattern != "General" and "E" not in plain:
        shown = f"{value:{grouped}.{places}f}"
        currency = re.search(r"[$€£¥]", plain)
        return f"{currency[0]}{shown}" if currency else shown
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.12g}"


def _merged_cells(data: bytes, book: Any) -> dict[str, dict[tuple[int, int], tuple[int, int]]]:
    """For each sheet, the merged cells and the cell that holds their value."""
    found: dict[str, dict[tuple[int, int], tuple[int, int]]] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        for sheet in book.worksheets:
            path = str(getattr(sheet, "_worksheet_path", "")).lstrip("/")
            try:
                with package.open(path) as part:
                    tail = _last(part)
            except KeyError:
                continue
            homes: dict[tuple[int, int], tuple[int, int]] = {}
            for reference in _MERGES.findall(tail):
                box = openpyxl.utils.cell.range_boundaries(reference.decode())
                left, top, right, bottom = map(int, box)
                if (right - left + 1) * (bottom - top + 1) > _LONGEST_MERGE:
                    continue
                for row in range(top, bottom + 1):
                    homes.update({(row, column): (top, left) for column in range(left, right + 1)})
            found[sheet.title] = homes
    return found


def _last(part: Any, most: int = 1 << 20) -> bytes:
    """The end of a part, where merged cells are listed."""
    tail = b""
    while piece := part.read(most):
        tail = (tail + piece)[-most:]
    return tail
