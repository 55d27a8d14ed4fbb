"""Blocks → the document's text, with everything that is known of its places."""

from collections.abc import Iterable

from indexes.documents.blocks import (
    SOFT_HYPHEN,
    Block,
    Code,
    Heading,
    Item,
    Mark,
    Note,
    PageBreak,
    Table,
)
from indexes.documents.extracted import (
    Extracted,
    HeadingSpan,
    PageKind,
    Structure,
    TableSpan,
    UnreadableError,
    storable,
)
from indexes.documents.report import ReadingReport

_INDENT = "  "


def assemble(
    blocks: Iterable[Block],
    *,
    max_characters: int,
    title: str | None = None,
    page_kind: PageKind = "page",
    report: ReadingReport | None = None,
) -> Extracted:
    """The text of blocks: a blank line between them, but none between items of one list.

    Args:
        blocks: in reading order. Their texts lose white space at both ends.
        max_characters: how long the text may be.
        title: what the file itself declares.
        page_kind: what its pages are.
        report: what the reader has to say; tables and pages are filled in here.

    Raises:
        UnreadableError: the text is longer than that.
    """
    writer = _Writer(max_characters)
    for block in blocks:
        writer.add(block)
    return writer.extracted(title, page_kind, report or ReadingReport())


class _Writer:
    """Writes block after block, and notes where things are."""

    def __init__(self, max_characters: int) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._most = max_characters
        self._last: Block | None = None
        self._headings: list[HeadingSpan] = []
        self._tables: list[TableSpan] = []
        self._code: list[tuple[int, int]] = []
        self._layout: list[Mark] = []
        self._labels: list[str] = []
        self._breaks: list[int] = []
        self._page_starts: dict[int, int] = {}
        self._blank: list[int] = []
        self._heading: str | None = None

    def add(self, block: Block) -> None:
        """Append a block; one without text leaves no trace."""
        if isinstance(block, PageBreak):
            self._note_blank()
            self._breaks.append(-1)  # begins with the next block that has text
            self._labels.append(block.label)
            return
        prefix = _prefix(block)
        whole = storable(block.text, " ")
        if not (block.marks or isinstance(block, (Table, Code))):
            whole = whole.replace(SOFT_HYPHEN, "")
        body = _body(block, whole)
        if not body.strip():
            return
        cut = whole.find(body)
        if self._last is not None:
            together = isinstance(block, Item) and isinstance(self._last, Item)
            self._write("\n" if together else "\n\n")
        start = self._length
        self._breaks = [start if at < 0 else at for at in self._breaks]
        self._write(prefix + body)
        self._place(block.marks, start, len(prefix) - cut)
        self._note(block, start)
        self._last = block

    def _note_blank(self) -> None:
        """Note a page that began and has no text."""
        if self._breaks and self._breaks[-1] < 0:
            self._blank.append(len(self._breaks))

    def _write(self, text: str) -> None:
        self._length += len(text)
        if self._length > self._most:
            raise UnreadableError("holds more text than one document may: split it")
        self._parts.append(text)

    def _place(self, marks: tuple[Mark, ...], start: int, shift: int) -> None:
        for mark in marks:
            at = start if mark.at == 0 else max(start, min(self._length, start + shift + mark.at))
            self._page_starts.setdefault(mark.page, at)
            if mark.box is not None:
                self._layout.append(Mark(at, mark.page, mark.box))

    def _note(self, block: Block, start: int) -> None:
        if isinstance(block, Heading):
            self._headings.append(HeadingSpan(start, self._length, block.level))
            self._heading = self._heading or block.text.strip()
        elif isinstance(block, Code):
            self._code.append((start, self._length))
        elif isinstance(block, Table):
            rows = tuple(start + at for at in block.row_starts)
            ends = (*rows[1:], self._length)
            header_end = ends[block.header_rows - 1] if block.header_rows else start
            self._tables.append(TableSpan(start, self._length, header_end, rows, block.numbers))

    def extracted(self, title: str | None, page_kind: PageKind, report: ReadingReport) -> Extracted:
        """Everything, once all blocks are in."""
        self._note_blank()
        report.pages_without_text = report.pages_without_text or self._blank
        page_starts, labels = self._pages(report.pages)
        report.tables = report.tables or len(self._tables)
        report.pages = report.pages or len(page_starts or ())
        report.page_kind = page_kind
        return Extracted(
            text="".join(self._parts),
            title=title,
            heading=self._heading,
            page_starts=page_starts,
            page_labels=labels,
            page_kind=page_kind,
            structure=Structure(tuple(self._headings), tuple(self._tables), tuple(self._code)),
            layout=tuple(self._layout),
            report=report,
        )

    def _pages(self, count: int) -> tuple[tuple[int, ...] | None, tuple[str, ...] | None]:
        if self._page_starts:
            # A page without text begins where the next one does.
            last = max(count, *self._page_starts)
            starts, at = [], self._length
            for page in range(last, 0, -1):
                at = min(at, self._page_starts.get(page, at))
                starts.append(at)
            found = tuple(starts[::-1])
        elif self._breaks:
            found = tuple(self._length if at < 0 else at for at in self._breaks)
        else:
            return None, None
        labels = tuple(self._labels) if any(self._labels) else None
        return found, labels if labels and len(labels) == len(found) else None


def _body(block: Block, text: str) -> str:
    if isinstance(block, Table):
        return text  # an empty first cell is a cell
    return text.strip("\n") if isinstance(block, Code) else text.strip()


def _prefix(block: Block) -> str:
    if isinstance(block, Item):
        return _INDENT * block.depth + (f"{block.marker} " if block.marker else "")
    if isinstance(block, Note):
        return f"[{block.marker}] " if block.marker else ""
    return ""
