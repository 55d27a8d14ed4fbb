"""XLSX: each visible sheet is a page, its cells as they are shown.

Parts are read one by one (`package`), so that a workbook with a broken style or a dangling link
is read all the same; openpyxl knows the built-in formats and how days are counted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string, range_boundaries
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Heading, PageBreak, Paragraph
from indexes.documents.extracted import Extracted, UnreadableError
from indexes.documents.reader import Reading
from indexes.documents.readers.charts import diagram_texts
from indexes.documents.readers.package import Package, stream, tell_what_is_inside
from indexes.documents.readers.regions import Sheet, blocks_of
from indexes.documents.readers.shown import Value, shown
from indexes.documents.report import ReadingReport

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_XDR = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
MAX_CELLS = 2_000_000
MAX_COLUMNS = 16_384
MAX_MERGED = 200_000
# Names that nobody chose.
_UNNAMED = re.compile(
    r"(?:sheet|tabelle|feuil|hoja|foglio|planilha|blad|ark|лист|工作表)\s?\d*", re.I
)


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of a workbook: a table for each, with titles and remarks around it.

    Raises:
        UnreadableError: it is encrypted, damaged or absurdly large.
    """
    report = ReadingReport()
    package = Package(data)
    book = _Book(package, report)
    tell_what_is_inside(package, report)
    found = assemble(
        book.blocks(),
        max_characters=reading.max_characters,
        title=book.package.title(),
        page_kind="sheet",
        report=report,
    )
    return replace(found, heading=None)  # a sheet's name is no workbook's


@dataclass
class _Rows:
    """What a sheet holds: row → column → text."""

    cells: dict[int, dict[int, str]] = field(default_factory=dict)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden_columns: set[int] = field(default_factory=set)


class _Book:
    """A workbook."""

    def __init__(self, package: Package, report: ReadingReport) -> None:
        self.package = package
        self._report = report
        self._main = package.related("", "officeDocument") or "xl/workbook.xml"
        if self._main not in package:
            raise UnreadableError("holds no workbook: open it in Excel and save it again")
        self._room = MAX_CELLS
        self._root = package.xml(self._main)
        properties = self._root.find(f"{_S}workbookPr")
        since_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        self._epoch = CALENDAR_MAC_1904 if since_1904 else CALENDAR_WINDOWS_1900
        self._texts = self._shared_texts()
        self._formats = self._cell_formats()

    def blocks(self) -> Iterator[Block]:
        """All visible sheets."""
        parts = {link.id: link.target for link in self.package.relations(self._main)}
        sheets = list(self._root.iter(f"{_S}sheet"))
        for sheet in sheets:
            if sheet.get("state", "visible") != "visible":
                self._report.leave_out("hidden sheets")
                continue
            name = sheet.get("name", "")
            yield PageBreak(name)
            part = parts.get(sheet.get(f"{_R}id", ""), "")
            if part not in self.package:
                self._report.unreadable.append(f"sheet {name} is not in the file")
                continue
            blocks = blocks_of(self._sheet(part))
            blocks += self._around(part)
            if blocks and (len(sheets) > 1 or not _UNNAMED.fullmatch(name)):
                yield Heading(name)
            yield from blocks

    def _shared_texts(self) -> list[str]:
        part = self.package.related(self._main, "sharedStrings") or "xl/sharedStrings.xml"
        data = self.package.markup(part)
        return [_text(item) for item in stream(data, (f"{_S}si",), self._report)] if data else []

    def _cell_formats(self) -> list[str]:
        part = self.package.related(self._main, "styles") or "xl/styles.xml"
        root = self.package.xml(part)
        own = {
            form.get("numFmtId"): form.get("formatCode", "General")
            for form in root.iter(f"{_S}numFmt")
        }
        used = root.find(f"{_S}cellXfs")
        return [
            own.get(id_) or BUILTIN_FORMATS.get(int(id_) if id_.isdecimal() else 0, "General")
            for id_ in (style.get("numFmtId", "0") for style in (used if used is not None else ()))
        ]

    def _sheet(self, part: str) -> Sheet:
        rows = _Rows()
        tags = tuple(f"{_S}{name}" for name in ("row", "mergeCell", "col", "headerFooter"))
        number = 0
        for element in stream(self.package.markup(part), tags, self._report):
            if element.tag == f"{_S}row":
                number = _whole(element.get("r", "")) or number + 1
                if element.get("hidden") in ("1", "true"):
                    self._report.leave_out("hidden rows")
                else:
                    self._row(rows, number, element)
            elif element.tag == f"{_S}mergeCell" and len(rows.merged) < MAX_MERGED:
                try:
                    bounds = range_boundaries(element.get("ref", ""))
                except ValueError:
                    continue
                rows.merged.append(bounds)
            elif element.tag == f"{_S}headerFooter":
                said = any((text or "").strip() for text in element.itertext())
                self._report.leave_out("headers and footers", int(said))
            elif element.get("hidden") in ("1", "true"):
                first, last = (_whole(element.get(name, "")) for name in ("min", "max"))
                rows.hidden_columns |= set(range(first, min(last, MAX_COLUMNS) + 1))
        return self._grid(rows)

    def _take(self, cells: int) -> None:
        self._room -= cells
        if self._room < 0:
            raise UnreadableError("holds an absurd number of cells: split it")

    def _row(self, rows: _Rows, number: int, element: Any) -> None:
        column = 0
        cells: dict[int, str] = {}
        self._take(1)
        for cell in element.iter(f"{_S}c"):
            self._take(1)
            column = _column(cell.get("r", ""), column + 1)
            text = self._value(cell)
            if text.strip():
                cells[column] = text
        if cells:
            rows.cells[number] = cells

    def _value(self, cell: Any) -> str:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            inline = cell.find(f"{_S}is")
            return "" if inline is None else _text(inline)
        raw: str | None = cell.findtext(f"{_S}v")
        if not raw:
            formula = cell.findtext(f"{_S}f")
            if formula:
                self._report.leave_out("results of formulas that were never calculated")
            return f"={formula}" if formula else ""
        if kind == "s":
            at = _whole(raw.strip(), -1)
            return self._texts[at] if 0 <= at < len(self._texts) else ""
        if kind == "b":
            return shown(raw.strip() == "1")
        if kind in ("str", "e", "d"):
            return raw.removesuffix("T00:00:00") if kind == "d" else raw
        return self._number(raw, cell.get("s", "0"))

    def _number(self, raw: str, style: str) -> str:
        at = _whole(style)
        form = self._formats[at] if at < len(self._formats) else "General"
        try:
            value: Value = float(raw)
            if is_date_format(form):
                value = from_excel(
                    value, self._epoch, timedelta="[" in form and "h]" in form.lower()
                )
        except (ValueError, OverflowError, TypeError):
            return raw
        return shown(value, form)

    def _grid(self, rows: _Rows) -> Sheet:
        """Rows as they stand, merged cells repeated, hidden columns gone."""
        spans: set[int] = set()
        once = {number: len(cells) for number, cells in rows.cells.items()}
        room = MAX_CELLS
        for left, top, right, bottom in rows.merged:
            text = rows.cells.get(top, {}).get(left, "")
            if not text:
                continue
            for number in range(top, min(bottom, top + 10_000) + 1):
                cells = rows.cells.setdefault(number, {})
                once.setdefault(number, 0)
                once[number] += number > top
                for column in range(left, min(right, left + 1_000) + 1):
                    room -= 1
                    if room < 0:
                        raise UnreadableError("holds an absurd number of merged cells: split it")
                    cells.setdefault(column, text)
                if right > left and once[number] > 1:
                    spans.add(number)
            if bottom > top and once.get(top, 0) > 1:
                spans.add(top)
        used = {column for cells in rows.cells.values() for column in cells}
        self._report.leave_out("hidden columns", len(rows.hidden_columns & used))
        return self._as_sheet(rows, once, spans)

    @staticmethod
    def _as_sheet(rows: _Rows, once: dict[int, int], spans: set[int]) -> Sheet:
        columns = sorted(
            {column for cells in rows.cells.values() for column in cells} - rows.hidden_columns
        )
        if not columns:
            return Sheet([], [])
        used = range(columns[0], columns[-1] + 1)
        shown_columns = [column for column in used if column not in rows.hidden_columns]
        texts: list[list[str]] = []
        filled: list[int] = []
        numbers: list[int] = []
        spanning: set[int] = set()
        before = 0
        for number in sorted(rows.cells):
            if before and number > before + 1:  # empty rows between
                texts.append([])
                filled.append(0)
                numbers.append(before + 1)
            cells = rows.cells[number]
            line = [cells.get(column, "") for column in shown_columns]
            if number in spans:
                spanning.add(len(texts))
            filled.append(min(once[number], sum(1 for text in line if text)))
            texts.append(line)
            numbers.append(number)
            before = number
        return Sheet(texts, filled, frozenset(spanning), numbers)

    def _around(self, part: str) -> Iterator[Block]:
        """What stands on a sheet but in no cell: its text boxes; the rest is reported."""
        for link in self.package.relations(part):
            if link.external or link.target not in self.package:
                continue
            if link.kind == "comments":
                root = self.package.xml(link.target)
                self._report.leave_out("comments", sum(1 for _ in root.iter(f"{_S}comment")))
            elif link.kind == "drawing":
                kinds = [other.kind for other in self.package.relations(link.target)]
                self._report.leave_out("charts", kinds.count("chart"))
                self._report.leave_out("pictures", kinds.count("image"))
                for box in self.package.xml(link.target).iter(f"{_XDR}txBody"):
                    yield Paragraph("\n".join(diagram_texts(box)))


def _text(item: Any) -> str:
    """The text of a string with its runs, but not how it is pronounced."""
    parts = []
    for text in item.iter(f"{_S}t"):
        parent = text.getparent()
        if parent is None or parent.tag != f"{_S}rPh":
            parts.append(text.text or "")
    return re.sub(r"_x000[Dd]_", "", "".join(parts))


def _whole(digits: str, default: int = 0) -> int:
    return int(digits) if digits.isdecimal() and len(digits) < 8 else default


def _column(coordinate: str, following: int) -> int:
    if not coordinate or len(coordinate) > 12:
        return following
    try:
        return int(column_index_from_string(coordinate_from_string(coordinate)[0]))
    except ValueError:
        return following
