"""OpenDocument: texts (ODT), workbooks (ODS) and presentations (ODP).

Their content is one part (OASIS OpenDocument 1.3, part 3). Cells hold what is shown, so nothing is
to be formatted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from indexes.documents.assembly import assemble
from indexes.documents.blocks import (
    Block,
    Heading,
    Item,
    Note,
    PageBreak,
    Paragraph,
    table_of,
)
from indexes.documents.extracted import Extracted, PageKind, UnreadableError, one_line
from indexes.documents.reader import Reading
from indexes.documents.readers.cells import flattened
from indexes.documents.readers.html.formulas import linear
from indexes.documents.readers.html.tree import parsed
from indexes.documents.readers.package import Package, tell_what_is_inside
from indexes.documents.readers.regions import Sheet, blocks_of
from indexes.documents.readers.word.numbers import letters, roman
from indexes.documents.report import ReadingReport

_NAMES = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"
_T, _TB, _O, _D, _ST, _P = (
    "{" + _NAMES.format(name) + "}"
    for name in ("text", "table", "office", "drawing", "style", "presentation")
)
_XLINK = "{http://www.w3.org/1999/xlink}href"
MAX_REPEATED = 1_000
MAX_CELLS = 2_000_000
# Kept apart from the text, or about it.
_SKIPPED = frozenset(
    {
        f"{_T}tracked-changes", f"{_T}sequence-decls", f"{_T}variable-decls", f"{_O}forms",
        f"{_T}user-field-decls", f"{_T}soft-page-break", f"{_T}note-citation", f"{_TB}shapes",
        f"{_TB}table-source", f"{_O}event-listeners",
    }
)  # fmt: skip
_HOLDERS = frozenset(
    {
        f"{_T}section", f"{_T}index-body", f"{_T}table-of-content", f"{_T}alphabetical-index",
        f"{_T}illustration-index", f"{_T}table-index", f"{_T}bibliography", f"{_T}index-title",
        f"{_D}text-box", f"{_D}frame", f"{_D}g", f"{_D}custom-shape", f"{_D}rect", f"{_D}a",
        f"{_T}note-body", f"{_TB}table-cell", f"{_TB}covered-table-cell", f"{_T}numbered-paragraph",
        f"{_D}ellipse", f"{_D}line", f"{_D}polygon", f"{_D}path", f"{_D}connector", f"{_D}caption",
    }
)  # fmt: skip


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of an OpenDocument file.

    Raises:
        UnreadableError: it is encrypted, damaged or unpacks to an absurd size.
    """
    package, report = Package(data), ReadingReport()
    if "encryption-data" in package.markup("META-INF/manifest.xml").decode("utf-8", "ignore"):
        raise UnreadableError("is encrypted: save it without a password")
    body = package.xml("content.xml", report).find(f"{_O}body")
    if body is None or not len(body):
        raise UnreadableError(
            "holds no OpenDocument text: open it in LibreOffice and save it again"
        )
    tell_what_is_inside(package, report)
    reader = _Content(package, report)
    content = body[0]
    kinds: dict[str, tuple[PageKind, Iterator[Block]]] = {
        f"{_O}spreadsheet": ("sheet", reader.sheets(content)),
        f"{_O}presentation": ("slide", reader.slides(content)),
    }
    page_kind, blocks = kinds.get(content.tag, ("page", reader.text(content)))
    titles = package.xml("meta.xml").iter("{http://purl.org/dc/elements/1.1/}title")
    return assemble(
        blocks,
        max_characters=reading.max_characters,
        title=next((one_line(title.text or "") for title in titles), None) or None,
        page_kind=page_kind,
        report=report,
    )


@dataclass
class _Line:
    """What a paragraph holds: its text, its notes, and what hangs on it."""

    parts: list[str] = field(default_factory=list)
    notes: list[tuple[str, Any]] = field(default_factory=list)
    boxes: list[Any] = field(default_factory=list)


@dataclass
class _Counter:
    """How far a list has come, level by level."""

    values: dict[int, int] = field(default_factory=dict)


class _Content:
    """Reads a document's content."""

    def __init__(self, package: Package, report: ReadingReport) -> None:
        self._package = package
        self._report = report
        self._lists: dict[str, dict[int, Any]] = {}
        self._hidden: set[str] = set()
        self._outline: dict[int, Any] = {}
        self._outline_counter = _Counter()
        self._counters: dict[str, _Counter] = {}
        self._room = MAX_CELLS
        for part in ("styles.xml", "content.xml"):
            self._learn(package.xml(part))

    def _learn(self, root: Any) -> None:
        """Note what styles say of lists and of what is hidden."""
        for style in root.iter(f"{_T}list-style"):
            self._lists[style.get(f"{_ST}name", "")] = {_level(level): level for level in style}
        for style in root.iter(f"{_T}outline-style"):
            self._outline = {_level(level): level for level in style}
        for style in root.iter(f"{_ST}style"):
            for properties in style:
                hides = properties.get(f"{_TB}display") == "false"
                if hides or properties.get(f"{_T}display") == "none":
                    self._hidden.add(style.get(f"{_ST}name", ""))

    # The three kinds

    def text(self, content: Any) -> Iterator[Block]:
        """The blocks of a text."""
        self._report.leave_out("deleted text", sum(1 for _ in content.iter(f"{_T}deletion")))
        yield from self._within(content)

    def sheets(self, content: Any) -> Iterator[Block]:
        """The visible sheets of a workbook."""
        tables = content.findall(f"{_TB}table")
        for table in tables:
            name = table.get(f"{_TB}name", "")
            if table.get(f"{_TB}style-name") in self._hidden:
                self._report.leave_out("hidden sheets")
                continue
            yield PageBreak(name)
            rows, filled, spans = self._rows(table)
            blocks = blocks_of(Sheet(rows, filled, frozenset(spans)))
            if blocks and len(tables) > 1:
                yield Heading(name)
            yield from blocks

    def slides(self, content: Any) -> Iterator[Block]:
        """The slides of a presentation, with their notes."""
        for page in content.findall(f"{_D}page"):
            if page.get(f"{_D}style-name") in self._hidden:
                self._report.leave_out("hidden slides")
                continue
            yield PageBreak()
            for shape in sorted(page, key=lambda shape: shape.get(f"{_P}class") != "title"):
                if shape.tag == f"{_P}notes":
                    continue
                if shape.get(f"{_P}class") == "title":
                    title = one_line(flattened(self._within(shape)))
                    if title:
                        yield Heading(title)
                elif shape.get(f"{_P}class") in ("footer", "date-time", "page-number", "header"):
                    self._report.leave_out("headers and footers")
                else:
                    yield from self._block(shape, 0)
            for notes in page.findall(f"{_P}notes"):
                text = flattened(self._within(notes))
                if text.strip():
                    yield Note(text, "Notes")

    # Blocks

    def _within(self, element: Any, depth: int = 0) -> Iterator[Block]:
        for child in element:
            yield from self._block(child, depth)

    def _block(self, element: Any, depth: int) -> Iterator[Block]:
        tag = element.tag
        if tag in (f"{_T}p", f"{_T}h"):
            yield from self._paragraph(element)
        elif tag == f"{_T}list":
            yield from self._list(element, "", 1)
        elif tag == f"{_TB}table":
            yield from self._table(element)
        elif tag in _HOLDERS:
            yield from self._described(element)
            yield from self._within(element, depth + 1)
        elif tag == f"{_D}object":
            yield from self._object(element)
        elif tag == f"{_D}image":
            self._report.leave_out("pictures")
        elif tag == f"{_O}annotation":
            self._report.leave_out("comments")

    def _described(self, frame: Any) -> Iterator[Block]:
        """What a picture's description says."""
        for name in ("desc", "title"):
            found = frame.find("{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}" + name)
            if found is not None and (said := one_line(found.text or "")):
                yield Paragraph(said)
                return

    def _paragraph(self, element: Any) -> Iterator[Block]:
        line = _Line()
        self._inline(element, line)
        text = "\n".join(map(one_line, "".join(line.parts).split("\n"))).strip()
        if text and element.tag == f"{_T}h":
            level = _number(element.get(f"{_T}outline-level"), 1)
            number = ""
            if element.get(f"{_T}is-list-header") != "true":
                number = _written(self._outline, self._outline_counter, level)
            yield Heading(one_line(f"{number} {text}"), max(level, 1))
        elif text:
            yield Paragraph(text)
        for mark, body in line.notes:
            yield Note(flattened(self._within(body)), mark)
        for box in line.boxes:
            yield from self._block(box, 0)

    def _inline(self, element: Any, line: _Line) -> None:
        line.parts.append(_flat(element.text))
        for child in element:
            tag = child.tag
            if tag == f"{_T}s":
                line.parts.append(" " * min(_number(child.get(f"{_T}c"), 1), 100))
            elif tag == f"{_T}tab":
                line.parts.append("\t")
            elif tag == f"{_T}line-break":
                line.parts.append("\n")
            elif tag == f"{_T}note":
                mark = "".join(child.findtext(f"{_T}note-citation") or "").strip()
                line.parts.append(f"[{mark}]")
                line.notes += [(mark, body) for body in child.findall(f"{_T}note-body")]
            elif tag in (f"{_O}annotation", f"{_O}annotation-end"):
                self._report.leave_out("comments", int(tag == f"{_O}annotation"))
            elif tag == f"{_T}hidden-text" or child.get(f"{_T}style-name") in self._hidden:
                self._report.leave_out("hidden text")
            elif tag == f"{_T}ruby-text":
                line.parts.append(f"({''.join(child.itertext())})")
            elif isinstance(tag, str) and tag.startswith(_D) and tag != f"{_D}a":
                self._frame(child, line)
            elif isinstance(tag, str) and tag not in _SKIPPED:
                self._inline(child, line)
            line.parts.append(_flat(child.tail))

    def _frame(self, frame: Any, line: _Line) -> None:
        """A formula stands in the line; anything else hangs on the paragraph."""
        formulas = [self._formula(found) for found in frame.iter(f"{_D}object")]
        if any(formulas):
            line.parts.append(f" {' '.join(filter(None, formulas))} ")
        else:
            line.boxes.append(frame)

    def _formula(self, element: Any) -> str:
        part = element.get(_XLINK, "").removeprefix("./").rstrip("/") + "/content.xml"
        markup = self._package.markup(part).decode("utf-8", "replace")
        if "MathML" not in markup[:2000]:
            return ""
        math = next((found for found in parsed(markup).root.walk() if found.tag == "math"), None)
        return "" if math is None else linear(math)

    def _object(self, element: Any) -> Iterator[Block]:
        text = self._formula(element)
        if text:
            yield Paragraph(text)
        else:
            self._report.leave_out("embedded files")

    # Lists

    def _list(self, element: Any, inherited: str, level: int) -> Iterator[Block]:
        name = element.get(f"{_T}style-name") or inherited
        styles = self._lists.get(name, {})
        goes_on = element.get(f"{_T}continue-numbering") == "true" or element.get(
            f"{_T}continue-list"
        )
        counter = self._counters.setdefault(name, _Counter())
        if level == 1 and not goes_on:
            counter.values.clear()
        for item in element:
            if item.tag not in (f"{_T}list-item", f"{_T}list-header") or level > 20:
                continue
            start = item.get(f"{_T}start-value")
            if start:
                counter.values[level] = _number(start, 1) - 1
            marker = ""
            if item.tag == f"{_T}list-item":
                marker = _written(styles, counter, level) if styles else "•"
            begun = False
            for child in item:
                if child.tag == f"{_T}list":
                    yield from self._list(child, name, level + 1)
                    continue
                for block in self._block(child, 0):
                    if isinstance(block, Paragraph):
                        yield Item(block.text, "" if begun else marker, level - 1 + begun)
                        begun = True
                    elif isinstance(block, Heading) and marker and marker != "•":
                        yield Heading(f"{marker} {block.text}", block.level)
                    else:
                        yield block

    # Tables

    def _table(self, table: Any) -> Iterator[Block]:
        rows, _, _ = self._rows(table)
        if len(rows) == 1 and len(rows[0]) == 1:
            cells = (cell for cell in table.iter(f"{_TB}table-cell"))
            yield from self._within(next(cells))
            return
        heads = table.find(f"{_TB}table-header-rows")
        count = 1 if heads is None else len(heads.findall(f"{_TB}table-row"))
        found = table_of(rows, count)
        if found is not None:
            yield found

    def _rows(self, table: Any) -> tuple[list[list[str]], list[int], set[int]]:
        """Cells as they are shown, how many values each row has, and which rows span columns."""
        rows: list[list[str]] = []
        filled: list[int] = []
        spans: set[int] = set()
        hanging: dict[int, tuple[int, str]] = {}
        for row in _rows_of(table):
            if row.get(f"{_TB}visibility") in ("collapse", "filter"):
                self._report.leave_out("hidden rows")
                continue
            cells, count, spanning = self._row(row, hanging)
            repeated = min(_number(row.get(f"{_TB}number-rows-repeated"), 1), MAX_REPEATED)
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
            if cell.tag not in (f"{_TB}table-cell", f"{_TB}covered-table-cell"):
                continue
            repeated = min(_number(cell.get(f"{_TB}number-columns-repeated"), 1), MAX_REPEATED)
            if cell.tag == f"{_TB}covered-table-cell":
                self._take(repeated)
                for _ in range(repeated):
                    left, text = hanging.get(len(cells), (0, ""))
                    if left > 1:
                        hanging[len(cells)] = left - 1, text
                    else:
                        hanging.pop(len(cells), None)
                    cells.append(text)
                continue
            text = flattened(self._within(cell))
            repeated = repeated if text else min(repeated, 100)
            self._take(repeated)
            wide = min(_number(cell.get(f"{_TB}number-columns-spanned"), 1), MAX_REPEATED)
            high = min(_number(cell.get(f"{_TB}number-rows-spanned"), 1), 10_000)
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
        if child.tag == f"{_TB}table-row":
            yield child
        elif child.tag in (
            f"{_TB}table-header-rows", f"{_TB}table-rows", f"{_TB}table-row-group",
        ):  # fmt: skip
            yield from _rows_of(child)


def _flat(text: str | None) -> str:
    """White space as it counts: a line's end in the file is a space."""
    return (text or "").replace("\r", " ").replace("\n", " ").replace("\t", " ")


def _number(said: str | None, default: int) -> int:
    return int(said) if said and said.isdecimal() and len(said) < 8 else default


def _level(style: Any) -> int:
    return _number(style.get(f"{_T}level"), 1)


def _written(styles: dict[int, Any], counter: _Counter, level: int) -> str:
    """The number of the next item at a level, which counts; "•" for a bullet."""
    style = styles.get(level)
    if style is None:
        return ""
    if style.tag == f"{_T}list-level-style-bullet":
        return "•"
    start = _number(style.get(f"{_T}start-value"), 1)
    counter.values[level] = counter.values.get(level, start - 1) + 1
    for deeper in [at for at in counter.values if at > level]:
        del counter.values[deeper]
    form = style.get(f"{_ST}num-format", "")
    if not form:
        return ""
    shown_levels = _number(style.get(f"{_T}display-levels"), 1)
    parts = []
    for at in range(max(level - shown_levels + 1, 1), level + 1):
        upper = styles.get(at)
        own = form if upper is None else upper.get(f"{_ST}num-format", "")
        parts.append(_counted(counter.values.get(at, 1), own))
    prefix, suffix = (style.get(f"{_ST}num-{name}", "") for name in ("prefix", "suffix"))
    return f"{prefix}{'.'.join(filter(None, parts))}{suffix}".strip()


def _counted(count: int, form: str) -> str:
    if form in ("a", "A"):
        text = letters(count)
    elif form in ("i", "I"):
        text = roman(count)
    else:
        return str(count) if form else ""
    return text.upper() if form.isupper() else text
