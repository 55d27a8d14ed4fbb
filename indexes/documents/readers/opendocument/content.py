"""OpenDocument: texts (ODT), workbooks (ODS) and presentations (ODP).

Their content is one part (OASIS OpenDocument 1.3, part 3). Cells hold what is shown, so nothing is
to be formatted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from indexes.documents.assembly import assemble
from indexes.documents.blocks import (
    Block,
    Code,
    Heading,
    Item,
    Note,
    PageBreak,
    Paragraph,
    table_of,
)
from indexes.documents.extracted import Extracted, PageKind, UnreadableError, one_line
from indexes.documents.reader import Reading
from indexes.documents.readers.cells import flattened, raised
from indexes.documents.readers.html.formulas import linear
from indexes.documents.readers.html.tree import parsed
from indexes.documents.readers.listings import is_listing, joined
from indexes.documents.readers.opendocument.grids import Grids
from indexes.documents.readers.opendocument.names import (
    DRAWING,
    OFFICE,
    PRESENTATION,
    STYLE,
    TABLE,
    TEXT,
    number_of,
)
from indexes.documents.readers.opendocument.numbering import Counter, level_of, written
from indexes.documents.readers.package import Package, tell_what_is_inside
from indexes.documents.readers.regions import Sheet, blocks_of
from indexes.documents.report import ReadingReport

_CLASS = f"{PRESENTATION}class"
_FURNITURE = ("footer", "date-time", "page-number", "header")
_RAISED = re.compile(r"super|[1-9]\d*%")
_XLINK = "{http://www.w3.org/1999/xlink}href"
# Kept apart from the text, or about it.
_SKIPPED = frozenset(
    {
        TEXT + name
        for name in (
            "tracked-changes", "sequence-decls", "variable-decls", "user-field-decls",
            "soft-page-break", "note-citation",
        )
    }
    | {OFFICE + name for name in ("forms", "event-listeners")}
    | {TABLE + name for name in ("shapes", "table-source")}
)  # fmt: skip
_HOLDERS = frozenset(
    {
        TEXT + name
        for name in (
            "section", "index-body", "table-of-content", "alphabetical-index",
            "illustration-index", "table-index", "bibliography", "index-title", "note-body",
            "numbered-paragraph",
        )
    }
    | {
        DRAWING + name
        for name in (
            "text-box", "frame", "g", "custom-shape", "rect", "a", "ellipse", "line", "polygon",
            "path", "connector", "caption",
        )
    }
    | {TABLE + name for name in ("table-cell", "covered-table-cell")}
)  # fmt: skip


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of an OpenDocument file.

    Raises:
        UnreadableError: it is encrypted, damaged or unpacks to an absurd size.
    """
    package, report = Package(data), ReadingReport()
    if "encryption-data" in package.markup("META-INF/manifest.xml").decode("utf-8", "ignore"):
        raise UnreadableError("is encrypted: save it without a password")
    body = package.xml("content.xml", report).find(f"{OFFICE}body")
    if body is None or not len(body):
        raise UnreadableError(
            "holds no OpenDocument text: open it in LibreOffice and save it again"
        )
    tell_what_is_inside(package, report)
    reader = _Content(package, report)
    content = body[0]
    kinds: dict[str, tuple[PageKind, Iterator[Block]]] = {
        f"{OFFICE}spreadsheet": ("sheet", reader.sheets(content)),
        f"{OFFICE}presentation": ("slide", reader.slides(content)),
    }
    page_kind, blocks = kinds.get(content.tag, ("page", reader.text(content)))
    titles = package.xml("meta.xml").iter("{http://purl.org/dc/elements/1.1/}title")
    return assemble(
        joined(blocks),
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
    ends_in_formula: bool = False

    def add(self, text: str, *, formula: bool = False) -> None:
        """Add text; a formula and a word beside it don't run together."""
        if not text:
            return
        before = next((part for part in reversed(self.parts) if part), "")
        if (formula or self.ends_in_formula) and before[-1:].isalnum() and text[0].isalnum():
            self.parts.append(" ")
        self.parts.append(text)
        self.ends_in_formula = formula


class _Content:
    """Reads a document's content."""

    def __init__(self, package: Package, report: ReadingReport) -> None:
        self._package = package
        self._report = report
        self._lists: dict[str, dict[int, Any]] = {}
        self._hidden: set[str] = set()
        self._raised: set[str] = set()
        self._outline: dict[int, Any] = {}
        self._outline_counter = Counter()
        self._counters: dict[str, Counter] = {}
        self._styles: dict[str, str] = {}  # a paragraph's → the one that has a name
        self._endnotes: list[Block] = []
        self._behind: list[Block] = []  # notes of the cells of a table
        self._grids = Grids(self._cell, report)
        for part in ("styles.xml", "content.xml"):
            self._learn(package.xml(part))

    def _learn(self, root: Any) -> None:
        """Note what styles say of lists and of what is hidden."""
        for style in root.iter(f"{TEXT}list-style"):
            self._lists[style.get(f"{STYLE}name", "")] = {level_of(level): level for level in style}
        for style in root.iter(f"{TEXT}outline-style"):
            self._outline = {level_of(level): level for level in style}
        for style in root.iter(f"{STYLE}style"):
            name, parent = (style.get(STYLE + of, "") for of in ("name", "parent-style-name"))
            # What has no name that people see is named like `P12`.
            self._styles[name] = parent if root.tag.endswith("document-content") else name
            for properties in style:
                hides = properties.get(f"{TABLE}display") == "false"
                if hides or properties.get(f"{TEXT}display") == "none":
                    self._hidden.add(name)
                if _RAISED.match(properties.get(f"{STYLE}text-position", "")):
                    self._raised.add(name)

    # The three kinds

    def text(self, content: Any) -> Iterator[Block]:
        """The blocks of a text."""
        self._report.leave_out("deleted text", sum(1 for _ in content.iter(f"{TEXT}deletion")))
        yield from self._within(content)
        yield from self._endnotes

    def sheets(self, content: Any) -> Iterator[Block]:
        """The visible sheets of a workbook."""
        tables = content.findall(f"{TABLE}table")
        for table in tables:
            name = table.get(f"{TABLE}name", "")
            if table.get(f"{TABLE}style-name") in self._hidden:
                self._report.leave_out("hidden sheets")
                continue
            yield PageBreak(name)
            rows, filled, spans = self._grids.rows(table)
            blocks = blocks_of(Sheet(rows, filled, frozenset(spans)))
            for shapes in table.findall(f"{TABLE}shapes"):
                blocks += self._within(shapes)
            if blocks and len(tables) > 1:
                yield Heading(name)
            yield from blocks

    def slides(self, content: Any) -> Iterator[Block]:
        """The slides of a presentation, with their notes."""
        for page in content.findall(f"{DRAWING}page"):
            if page.get(f"{DRAWING}style-name") in self._hidden:
                self._report.leave_out("hidden slides")
                continue
            yield PageBreak()
            for shape in sorted(page, key=lambda shape: shape.get(_CLASS) != "title"):
                if shape.tag == f"{PRESENTATION}notes":
                    continue
                if shape.get(_CLASS) == "title":
                    title = one_line(flattened(self._within(shape)))
                    if title:
                        yield Heading(title)
                elif shape.get(_CLASS) in _FURNITURE:
                    self._report.leave_out("headers and footers")
                else:
                    yield from self._block(shape, 0)
            for notes in page.findall(f"{PRESENTATION}notes"):
                said = [shape for shape in notes if shape.get(_CLASS) not in _FURNITURE]
                text = flattened(block for shape in said for block in self._block(shape, 0))
                if text.strip():
                    yield Note(text, "Notes")

    # Blocks

    def _within(self, element: Any, depth: int = 0) -> Iterator[Block]:
        for child in element:
            yield from self._block(child, depth)

    def _block(self, element: Any, depth: int) -> Iterator[Block]:
        tag = element.tag
        if tag in (f"{TEXT}p", f"{TEXT}h"):
            yield from self._paragraph(element)
        elif tag == f"{TEXT}list":
            yield from self._list(element, "", 1)
        elif tag == f"{TABLE}table":
            yield from self._table(element)
        elif tag in _HOLDERS:
            yield from self._described(element)
            yield from self._within(element, depth + 1)
        elif tag == f"{DRAWING}object":
            yield from self._object(element)
        elif tag == f"{DRAWING}image":
            self._report.leave_out("pictures")
        elif tag == f"{OFFICE}annotation":
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
        whole = "".join(line.parts)
        text = "\n".join(map(one_line, whole.split("\n"))).strip()
        style = self._style(element)
        if text and element.tag == f"{TEXT}h":
            level = number_of(element.get(f"{TEXT}outline-level"), 1)
            number = ""
            if element.get(f"{TEXT}is-list-header") != "true":
                number = written(self._outline, self._outline_counter, level)
            yield Heading(one_line(f"{number} {text}"), max(level, 1))
        elif text and style == "title":
            yield Heading(one_line(text), 1)
        elif text:
            yield Code(whole.expandtabs(4)) if is_listing(style) else Paragraph(text)
        for mark, note in line.notes:
            body = note.find(f"{TEXT}note-body")
            made = Note("" if body is None else flattened(self._within(body)), mark)
            if note.get(f"{TEXT}note-class") == "endnote":
                self._endnotes.append(made)
            else:
                yield made
        for box in line.boxes:
            yield from self._block(box, 0)

    def _style(self, paragraph: Any) -> str:
        """The name of a paragraph's style, in lower case."""
        name: str = paragraph.get(f"{TEXT}style-name", "")
        return self._styles.get(name, name).replace("_20_", " ").lower()

    def _inline(self, element: Any, line: _Line) -> None:
        line.add(_flat(element.text))
        for child in element:
            tag = child.tag
            if tag == f"{TEXT}s":
                line.add(" " * min(number_of(child.get(f"{TEXT}c"), 1), 100))
            elif tag == f"{TEXT}tab":
                line.add("\t")
            elif tag == f"{TEXT}line-break":
                line.add("\n")
            elif tag == f"{TEXT}note":
                mark = "".join(child.findtext(f"{TEXT}note-citation") or "").strip()
                line.add(f"[{mark}]")
                line.notes.append((mark, child))
            elif tag in (f"{OFFICE}annotation", f"{OFFICE}annotation-end"):
                self._report.leave_out("comments", int(tag == f"{OFFICE}annotation"))
            elif tag == f"{TEXT}hidden-text" or child.get(f"{TEXT}style-name") in self._hidden:
                self._report.leave_out("hidden text")
            elif tag == f"{TEXT}ruby-text":
                line.add(f"({''.join(child.itertext())})")
            elif tag == f"{TEXT}span" and child.get(f"{TEXT}style-name") in self._raised:
                before, last = len(line.parts), line.parts[-1][-1:] if line.parts else ""
                self._inline(child, line)
                line.parts[before:] = [raised("".join(line.parts[before:]), last)]
            elif isinstance(tag, str) and tag.startswith(DRAWING) and tag != f"{DRAWING}a":
                self._frame(child, line)
            elif isinstance(tag, str) and tag not in _SKIPPED:
                self._inline(child, line)
            line.add(_flat(child.tail))

    def _frame(self, frame: Any, line: _Line) -> None:
        """A formula stands in the line; anything else hangs on the paragraph."""
        formulas = [self._formula(found) for found in frame.iter(f"{DRAWING}object")]
        if any(formulas):
            line.add(" ".join(filter(None, formulas)), formula=True)
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
        name = element.get(f"{TEXT}style-name") or inherited
        styles = self._lists.get(name, {})
        goes_on = element.get(f"{TEXT}continue-numbering") == "true" or element.get(
            f"{TEXT}continue-list"
        )
        counter = self._counters.setdefault(name, Counter())
        if level == 1 and not goes_on:
            counter.values.clear()
        for item in element:
            if item.tag not in (f"{TEXT}list-item", f"{TEXT}list-header") or level > 20:
                continue
            start = item.get(f"{TEXT}start-value")
            if start:
                counter.values[level] = number_of(start, 1) - 1
            marker = ""
            if item.tag == f"{TEXT}list-item":
                marker = written(styles, counter, level) if styles else "•"
            begun = False
            for child in item:
                if child.tag == f"{TEXT}list":
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

    def _cell(self, cell: Any) -> str:
        """A cell's text; its notes go behind the table."""
        blocks = list(joined(self._within(cell)))
        self._behind += [block for block in blocks if isinstance(block, Note)]
        return flattened(block for block in blocks if not isinstance(block, Note))

    def _table(self, table: Any) -> Iterator[Block]:
        outer, self._behind = self._behind, []
        rows, _, _ = self._grids.rows(table)
        behind, self._behind = self._behind, outer
        if len(rows) == 1 and len(rows[0]) == 1:
            cells = (cell for cell in table.iter(f"{TABLE}table-cell"))
            yield from self._within(next(cells))
            return
        heads = table.find(f"{TABLE}table-header-rows")
        count = 1 if heads is None else len(heads.findall(f"{TABLE}table-row"))
        found = table_of(rows, count)
        if found is not None:
            yield found
        yield from behind


def _flat(text: str | None) -> str:
    """White space as it counts: a line's end in the file is a space."""
    return (text or "").replace("\r", " ").replace("\n", " ").replace("\t", " ")
