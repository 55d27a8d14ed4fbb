"""A Word document's blocks, in reading order."""

from collections.abc import Iterator
from typing import Any

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Code, Heading, Item, Note, Paragraph, table_of
from indexes.documents.extracted import Extracted, UnreadableError, one_line
from indexes.documents.reader import Reading
from indexes.documents.readers.cells import flattened
from indexes.documents.readers.charts import chart_table, diagram_texts
from indexes.documents.readers.listings import is_listing, joined
from indexes.documents.readers.package import Package, Relation, stream, tell_what_is_inside
from indexes.documents.readers.word import tables
from indexes.documents.readers.word.inline import Inline, Line, Notes
from indexes.documents.readers.word.names import MC, TBL, P, R, W, number, value
from indexes.documents.readers.word.numbering import Marker, Numbering
from indexes.documents.readers.word.styles import Style, Styles, outline_level, style_id
from indexes.documents.report import ReadingReport

_ALT_CHUNK = f"{W}altChunk"
_SPECIAL_NOTES = ("separator", "continuationSeparator", "continuationNotice")


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of a Word document.

    Tracked insertions count, deletions don't. Footnotes follow the paragraph that refers to
    them, endnotes the document. Comments, headers and footers are left out.

    Raises:
        UnreadableError: it is encrypted, damaged or unpacks to an absurd size.
    """
    package, report = Package(data), ReadingReport()
    body = _Body(package, report)
    extracted = assemble(
        joined(body.blocks()),
        max_characters=reading.max_characters,
        title=package.title(),
        report=report,
    )
    if not extracted.text and report.unreadable:
        raise UnreadableError(f"{report.unreadable[0]}: open it in Word and save it again")
    return extracted


class _Body:
    """Reads the main part, element after element."""

    def __init__(self, package: Package, report: ReadingReport) -> None:
        self._package = package
        self._report = report
        self._main = package.related("", "officeDocument") or "word/document.xml"
        if self._main not in package:
            raise UnreadableError("holds no Word document: open it in Word and save it again")
        self._links = package.relations(self._main)
        self._styles = Styles(package.xml(self._part("styles")))
        self._numbering = Numbering(package.xml(self._part("numbering")), self._styles)
        self._inline = Inline(self._styles, Notes(), report)
        self._notes: dict[str, dict[str, Any]] = {}
        self._endnotes: list[tuple[str, str, str]] = []
        self._carried = ""

    def blocks(self) -> Iterator[Block]:
        """The blocks of the whole document."""
        data = self._package.markup(self._main)
        for element in stream(data, (P, TBL, _ALT_CHUNK), self._report):
            if not any(above.tag == f"{MC}Fallback" for above in element.iterancestors()):
                yield from self._element(element)
        if self._carried:
            yield Paragraph(self._carried)
        for note in self._endnotes:
            yield from self._note(*note)
        self._report_the_rest()

    def _part(self, kind: str) -> str:
        known = (f"word/{kind}.xml",) if self._main.startswith("word/") else ()
        targets = (link.target for link in self._links if link.kind == kind and not link.external)
        return next((name for name in (*targets, *known) if name in self._package), "")

    def _element(self, element: Any) -> Iterator[Block]:
        if element.tag == TBL:
            yield from self._table(element)
        elif element.tag == _ALT_CHUNK:
            yield from self._embedded(element)
        else:
            yield from self._paragraph(element)

    def _within(self, container: Any) -> Iterator[Block]:
        """The blocks of a cell, a text box or a note."""
        for child in container:
            if child.tag in (P, TBL):
                yield from self._element(child)
            elif child.tag == f"{MC}AlternateContent":
                yield from self._within(child[0] if len(child) else child)
            elif isinstance(child.tag, str):
                yield from self._within(child)

    # Paragraphs

    def _paragraph(self, element: Any) -> Iterator[Block]:
        style = self._styles.of(style_id(element))
        line = self._inline.read(element, hidden=style.hidden)
        text = self._carried + line.text
        if _goes_on(element):
            self._carried = text
        else:
            self._carried = ""
            marker = self._marker(element, style)
            if text.strip():
                yield self._block(element, style, marker, text)
        yield from self._hanging(line)

    def _block(self, element: Any, style: Style, marker: Marker | None, text: str) -> Block:
        if is_listing(style.name) and marker is None:
            return Code(text.expandtabs(4))
        text = "\n".join(map(one_line, text.split("\n"))).strip()
        outline = outline_level(element)
        level = style.heading if outline is None else outline
        glue = "" if marker is None or marker.glued else " "
        if level:
            numbered = text if marker is None else f"{marker.text}{glue}{text}"
            return Heading(one_line(numbered), level)
        if marker is not None:
            if marker.glued:
                return Item(marker.text + text, "", marker.depth)
            return Item(text, marker.text, marker.depth)
        if style.name.startswith("list bullet"):
            return Item(text)
        return Paragraph(text)

    def _marker(self, element: Any, style: Style) -> Marker | None:
        num_id = value(element, f"{W}pPr/{W}numPr/{W}numId")
        level = number(element, f"{W}pPr/{W}numPr/{W}ilvl")
        if num_id is None:
            num_id = style.num_id
            level = style.level if level is None else level
        return self._numbering.marker(num_id, level, style.id) if num_id else None

    def _hanging(self, line: Line) -> Iterator[Block]:
        """What hangs on a paragraph: text boxes, diagrams, footnotes."""
        for box in line.boxes:
            yield from self._element(box) if box.tag in (P, TBL) else self._within(box)
        for id_ in line.drawings:
            yield from self._drawing(id_)
        for note in line.notes:
            if note[0] == "endnote":
                self._endnotes.append(note)
            else:
                yield from self._note(*note)

    def _note(self, kind: str, id_: str, mark: str) -> Iterator[Block]:
        if kind not in self._notes:
            root = self._package.xml(self._part(f"{kind}s"))
            self._notes[kind] = {
                note.get(f"{W}id", ""): note
                for note in root.iter(f"{W}{kind}")
                if note.get(f"{W}type") not in _SPECIAL_NOTES
            }
        found = self._notes[kind].pop(id_, None)
        if found is None:
            self._report.unreadable.append(f"{kind} {mark} is not in the file")
            return
        blocks = list(self._within(found))
        yield Note(flattened(blocks), mark)

    # Tables

    def _table(self, element: Any) -> Iterator[Block]:
        rows = tables.rows_of(element, self._report)
        behind: list[Block] = []
        held = {cell: self._cell(cell, behind) for row in rows for cell in tables.cells_of(row)}
        if tables.only_places(rows, list(held.values())):
            for blocks in held.values():
                yield from blocks
        else:
            cells = tables.grid(rows, lambda cell: flattened(held[cell]))
            table = table_of(cells, tables.header_rows(rows))
            if table is not None:
                yield table
        yield from behind

    def _cell(self, cell: Any, behind: list[Block]) -> list[Block]:
        """A cell's blocks; its notes go behind the table."""
        blocks = list(self._within(cell))
        behind += [block for block in blocks if isinstance(block, Note)]
        return [block for block in blocks if not isinstance(block, Note)]

    # Other parts

    def _link(self, id_: str) -> Relation | None:
        return next((link for link in self._links if link.id == id_ and not link.external), None)

    def _drawing(self, id_: str) -> Iterator[Block]:
        link = self._link(id_)
        if link is None or link.target not in self._package:
            return
        root = self._package.xml(link.target)
        if link.kind == "chart":
            title, table = chart_table(root)
            if title:
                yield Paragraph(title)
            if table is not None:
                yield table
        for text in diagram_texts(root) if link.kind == "diagramData" else ():
            yield Paragraph(text)

    def _embedded(self, element: Any) -> Iterator[Block]:
        """A document of another format inside this one."""
        link = self._link(element.get(f"{R}id", ""))
        if link is None or not link.target.endswith((".htm", ".html", ".xhtml")):
            self._report.unreadable.append("a document inside this one was not read")
            return
        from indexes.documents.readers.html.page import blocks_of, decoded
        from indexes.documents.readers.html.tree import parsed

        markup = decoded(self._package.content(link.target), ReadingReport())
        yield from blocks_of(parsed(markup), self._report, furniture=False)

    def _report_the_rest(self) -> None:
        comments = self._package.xml(self._part("comments"))
        self._report.leave_out("comments", len(comments.findall(f"{W}comment")))
        for link in self._links:
            if link.external or link.target not in self._package:
                continue
            if link.kind in ("header", "footer"):
                root = self._package.xml(link.target)
                has_text = any((text.text or "").strip() for text in root.iter(f"{W}t"))
                self._report.leave_out("headers and footers", int(has_text))
            elif link.kind == "image":
                self._report.leave_out("pictures")
        tell_what_is_inside(self._package, self._report)


def _goes_on(paragraph: Any) -> bool:
    """Whether a paragraph and the next are one: its end was deleted, or it is a large capital."""
    frame = paragraph.find(f"{W}pPr/{W}framePr")
    capital = frame is not None and frame.get(f"{W}dropCap") in ("drop", "margin")
    return capital or paragraph.find(f"{W}pPr/{W}rPr/{W}del") is not None
