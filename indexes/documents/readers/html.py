"""HTML → reading text.

It is read as a stream of tags by libxml2, so that neither depth nor a malformed tag can make
the work explode: Python's own `html.parser`, and Beautiful Soup on top of it, need half a
minute for 30 kB of `<a <a <a`. Nothing is ever fetched and no entity is resolved.
"""

import codecs
import re
from collections.abc import Mapping

from lxml import etree  # type: ignore[import-untyped]

from indexes.documents.extracted import Extracted, UnreadableError, one_line, storable
from indexes.documents.reader import Reading
from indexes.documents.readers._blocks import Blocks

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


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of a web page without its scripts, styles and navigation.

    Raises:
        UnreadableError: it holds too much text, or cannot be parsed.
    """
    markup = storable(_decode_html(data), " ")
    if not markup.strip():
        return Extracted(text="")
    target = _HtmlTarget(reading.max_characters)
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
        self.blocks = Blocks(max_characters)
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
