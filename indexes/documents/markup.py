"""HTML and DOCX → reading text.

Both are read as a stream of tags by libxml2 (through lxml, which python-docx needs anyway),
so that neither depth nor a malformed tag can make the work explode: Python's own
`html.parser`, and Beautiful Soup on top of it, need half a minute for 30 kB of `<a <a <a`.
Nothing is ever fetched and no entity is resolved.
"""

import codecs
import io
import re
import zipfile
from collections.abc import Mapping

import docx
from docx.document import Document as WordDocument
from lxml import etree  # type: ignore[import-untyped]

from indexes.documents.extracted import Extracted, UnreadableError, one_line, storable

MAX_XML_BYTES = 64 * 1024 * 1024
MAX_ZIP_BYTES = 512 * 1024 * 1024
MAX_ZIP_PARTS = 20_000

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


class _Blocks:
    """Paragraphs, list items and table rows on their way to one text."""

    def __init__(self, max_characters: int) -> None:
        self._parts: list[str] = []
        self._kind = ""
        self._room = max_characters

    def add(self, text: str, kind: str = "paragraph") -> None:
        """Append a block; items and rows stay together, anything else stands apart."""
        text = text.strip()
        if not text:
            return
        if self._parts:
            together = kind == self._kind and kind != "paragraph"
            self._parts.append("\n" if together else "\n\n")
        self._parts.append(text)
        self._kind = kind
        self._room -= len(text)
        if self._room < 0:
            raise UnreadableError("holds more text than one document may: split it")

    def text(self) -> str:
        """All blocks, paragraphs separated by a blank line."""
        return "".join(self._parts)


# HTML

_HTML_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "caption", "center", "dd",
        "details", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer",
        "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "legend", "li",
        "main", "menu", "ol", "option", "p", "pre", "section", "summary", "table", "tbody",
        "tfoot", "thead", "title", "tr", "ul",
    }
)  # fmt: skip
# What a browser doesn't show as text, or shows as the site's furniture.
_HTML_SKIPPED = frozenset(
    {
        "script", "style", "template", "noscript", "nav", "svg", "iframe", "object", "embed",
        "canvas", "audio", "video", "select", "textarea", "button", "datalist", "noframes",
    }
)  # fmt: skip
_HEADINGS = ("h1", "h2", "h3")
# White space that survives the collapsing of white space; the text holds no control characters.
_LINE_BREAK = "\x00"
_KEPT_SPACE = "\x01"
_LONG_CELL = 400


def read_html(data: bytes, max_characters: int) -> Extracted:
    """The text of a web page without its scripts, styles and navigation.

    Raises:
        UnreadableError: it holds more text than `max_characters`, or cannot be parsed.
    """
    markup = storable(_decode_html(data), " ")
    if not markup.strip():
        return Extracted(text="")
    target = _HtmlTarget(max_characters)
    parser = etree.HTMLParser(target=target, encoding="utf-8", no_network=True, huge_tree=True)
    try:
        etree.fromstring(markup.encode("utf-8"), parser=parser)
    except etree.LxmlError as error:
        raise UnreadableError("is not readable HTML: open it in a browser and save it") from error
    return Extracted(
        text=target.blocks.text(), title=one_line(target.title) or None, heading=target.heading
    )


def _decode_html(data: bytes) -> str:
    """Decode as a browser would: byte order mark, declaration, UTF-8, Windows-1252."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    declared = re.search(
        rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?([\w.:-]{1,40})", data[:4096], re.I
    )
    name = declared[1].decode("ascii", "replace").lower() if declared else "utf-8"
    # The web says Latin-1 and means Windows-1252; a UTF-16 file could not say so in ASCII.
    name = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "us-ascii": "cp1252"}.get(name, name)
    if name.startswith("utf-16"):
        name = "utf-8"
    if re.match(r"utf-8|utf8|iso-?8859|windows-|cp\d|koi8|shift_jis|sjis|euc|gb|big5|mac", name):
        try:
            return data.decode(name)
        except (LookupError, UnicodeDecodeError):
            pass
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


class _HtmlTarget:
    """Receives tags and text from the parser and assembles blocks."""

    def __init__(self, max_characters: int) -> None:
        self.blocks = _Blocks(max_characters)
        self.title = ""
        self.heading: str | None = None
        self._heading_rank = len(_HEADINGS)
        self._buffer: list[str] = []
        self._row: list[list[str]] | None = None
        self._lists: list[int | None] = []
        self._marker = ""
        self._skipping: str | None = None
        self._skip_depth = 0
        self._pre_depth = 0
        self._in_title = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A tag opens."""
        if self._skipping:
            self._skip_depth += tag == self._skipping
            return
        if tag in _HTML_SKIPPED or "hidden" in attributes:
            self._skipping, self._skip_depth = tag, 1
            return
        if tag == "br":
            self._buffer.append(_LINE_BREAK)
        elif tag in ("td", "th") and self._row is not None:
            self._flush()
            self._row.append([])
        elif tag in _HTML_BLOCKS or tag in ("td", "th"):
            self._flush()
        if tag == "table":
            self._end_row()  # a table in a cell: the outer one only does layout
        elif tag == "tr":
            self._end_row()
            self._row = []
        elif tag in ("ul", "ol", "menu", "dir"):
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._marker = self._next_marker()
        elif tag == "pre":
            self._pre_depth += 1
        elif tag == "title":
            self._in_title = True

    def end(self, tag: str) -> None:
        """A tag closes; the parser balances what the file left open."""
        if self._skipping:
            self._skip_depth -= tag == self._skipping
            if self._skip_depth == 0:
                self._skipping = None
            return
        if tag in _HEADINGS and _HEADINGS.index(tag) < self._heading_rank:
            heading = one_line("".join(self._buffer))
            if heading:
                self.heading, self._heading_rank = heading, _HEADINGS.index(tag)
        if tag in _HTML_BLOCKS:
            self._flush()
        if tag in ("tr", "table"):
            self._end_row()
        elif tag in ("ul", "ol", "menu", "dir") and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._marker = ""
        elif tag == "pre":
            self._pre_depth -= 1
        elif tag == "title":
            self._in_title = False

    def data(self, text: str) -> None:
        """Text between tags."""
        if self._skipping:
            return
        if self._in_title:
            self.title += text[:1000]
        elif self._pre_depth:
            text = text.replace("\r\n", "\n").replace("\n", _LINE_BREAK)
            self._buffer.append(re.sub(r"[ \t]", _KEPT_SPACE, text))
        else:
            self._buffer.append(text)

    def comment(self, text: str) -> None:
        """Comments are not text."""

    def pi(self, target: str, data: str | None = None) -> None:
        """Processing instructions are not text."""

    def close(self) -> None:
        """The file ends."""
        self._flush()
        self._end_row()

    def _next_marker(self) -> str:
        if self._lists and (count := self._lists[-1]) is not None:
            self._lists[-1] = count + 1
            return f"{count + 1}. "
        return "• "

    def _flush(self) -> None:
        text = " ".join("".join(self._buffer).split())
        self._buffer.clear()
        text = re.sub(f" ?{_LINE_BREAK} ?", "\n", text).replace(_KEPT_SPACE, " ")
        text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
        if not text.strip():
            return
        if self._row:
            self._row[-1].append(text)
        elif self._marker:
            self.blocks.add(self._marker + text, "item")
            self._marker = ""
        else:
            self.blocks.add(text)

    def _end_row(self) -> None:
        row, self._row = self._row, None
        if not row:
            return
        cells = ["\n".join(cell) for cell in row]
        if any(len(cell) > 1 for cell in row) and max(map(len, cells)) > _LONG_CELL:
            for text in (text for cell in row for text in cell):
                self.blocks.add(text)  # a table that only places paragraphs side by side
        else:
            self.blocks.add(" | ".join(map(one_line, cells)).strip(" |"), "row")


# DOCX


def read_docx(data: bytes, max_characters: int) -> Extracted:
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
        return _read_word(document, max_characters)
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
        self.blocks = _Blocks(max_characters)
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
