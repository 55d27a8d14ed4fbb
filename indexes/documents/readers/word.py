"""DOCX → reading text."""

import io
import zipfile

import docx
from docx.document import Document as WordDocument
from lxml import etree  # type: ignore[import-untyped]

from indexes.documents.extracted import Extracted, UnreadableError, one_line, storable
from indexes.documents.reader import Reading
from indexes.documents.readers._blocks import Blocks

MAX_XML_BYTES = 64 * 1024 * 1024
MAX_ZIP_BYTES = 512 * 1024 * 1024
MAX_ZIP_PARTS = 20_000

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of a Word document: paragraphs, list items, table rows; no headers or footers.

    Insertions that are tracked count, deletions don't.

    Raises:
        UnreadableError: the file is encrypted, damaged or unpacks to an absurd size.
    """
    if data.startswith(bytes.fromhex("d0cf11e0")):
        # An OLE container: Word's old format, or a new document under a password.
        raise UnreadableError("is encrypted or in Word's old format: save it as a plain .docx")
    try:
        _check_zip(data)
        document = docx.Document(io.BytesIO(data))
        return _read_word(document, reading.max_characters)
    except UnreadableError:
        raise
    except Exception as error:
        # zipfile, lxml and python-docx each have their own ways to fail on a broken file.
        raise UnreadableError(
            f"is not a readable DOCX ({type(error).__name__}): open it in Word and save it again"
        ) from error


def _check_zip(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
    xml = sum(part.file_size for part in parts if part.filename.lower().endswith((".xml", ".rels")))
    size = sum(part.file_size for part in parts)
    if len(parts) > MAX_ZIP_PARTS or xml > MAX_XML_BYTES or size > MAX_ZIP_BYTES:
        raise UnreadableError("unpacks to an absurd size: split it, or save it without its images")


def _read_word(document: WordDocument, max_characters: int) -> Extracted:
    names = {style.style_id: (style.name or "").lower() for style in document.styles}
    walker = _WordWalker(names, max_characters)
    # python-docx skips content controls and text boxes; the elements don't.
    for event, element in etree.iterwalk(document.element.body, events=("start", "end")):
        (walker.start if event == "start" else walker.end)(element)
    title = one_line(document.core_properties.title or "") or None
    return Extracted(text=walker.blocks.text(), title=title, heading=walker.heading)


class _WordWalker:
    """Receives the elements of a Word document's body and assembles blocks."""

    def __init__(self, style_names: dict[str, str], max_characters: int) -> None:
        self.blocks = Blocks(max_characters)
        self.heading: str | None = None
        self._style_names = style_names
        self._paragraphs: list[list[str]] = []
        self._row: list[list[str]] = []
        self._table_depth = 0
        self._skip_depth = 0

    def start(self, element: etree._Element) -> None:
        """An element opens."""
        tag = element.tag
        if tag in (_FALLBACK, f"{_W}del", f"{_W}moveFrom"):
            self._skip_depth += 1
        elif tag == f"{_W}p":
            self._paragraphs.append([])
        elif tag == f"{_W}tbl":
            self._table_depth += 1
        elif tag == f"{_W}tc" and self._table_depth == 1:
            self._row.append([])
        elif self._skip_depth == 0 and self._paragraphs:
            self._paragraphs[-1].append(_word_text(element))

    def end(self, element: etree._Element) -> None:
        """An element closes."""
        tag = element.tag
        if tag in (_FALLBACK, f"{_W}del", f"{_W}moveFrom"):
            self._skip_depth -= 1
        elif tag == f"{_W}p":
            self._end_paragraph(element, storable("".join(self._paragraphs.pop())))
        elif tag == f"{_W}tbl":
            self._table_depth -= 1
        elif tag == f"{_W}tr" and self._table_depth == 1:
            cells = (one_line(" ".join(cell)) for cell in self._row)
            self.blocks.add(" | ".join(cells).strip(" |"), "row")
            self._row.clear()

    def _end_paragraph(self, paragraph: etree._Element, text: str) -> None:
        text = "\n".join(map(one_line, text.split("\n"))).strip()
        if not text:
            return
        if self._table_depth and self._row:
            self._row[-1].append(text)
            return
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        name = self._style_names.get(style.get(f"{_W}val"), "") if style is not None else ""
        if self.heading is None and name.startswith(("title", "heading")):
            self.heading = one_line(text)
        listed = paragraph.find(f"{_W}pPr/{_W}numPr") is not None or name.startswith("list ")
        if listed and not name.startswith(("title", "heading")):
            self.blocks.add(f"• {text}", "item")
        else:
            self.blocks.add(text)


def _word_text(element: etree._Element) -> str:
    if element.tag == f"{_W}t":
        return element.text or ""
    # A tab stop's definition is a `tab` as well; only a run's is text.
    in_run = (parent := element.getparent()) is not None and parent.tag == f"{_W}r"
    if in_run and element.tag in (f"{_W}br", f"{_W}cr"):
        return "\n"
    if in_run and element.tag == f"{_W}tab":
        return "\t"
    return "-" if element.tag == f"{_W}noBreakHyphen" else ""
