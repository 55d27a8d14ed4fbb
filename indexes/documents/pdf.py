"""PDF → glyphs with their places → reading text with a page map.

pdfminer.six interprets the file (pure Python, MIT, no native code to crash the process and
safe in threads); `reflow` makes the text. What is bounded here, because a file may be
hostile: what one stream inflates to, how much page description is interpreted in all, the
number of pages and of characters.
"""

import io
import logging
import math
import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pdfminer.pdfcolor import PDFColorSpace
from pdfminer.pdfdevice import PDFTextDevice
from pdfminer.pdfdocument import PDFDocument, PDFEncryptionError, PDFPasswordIncorrect
from pdfminer.pdffont import PDFFont, PDFUnicodeNotDefined
from pdfminer.pdfinterp import PDFGraphicState, PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser
from pdfminer.pdftypes import (
    LITERALS_ASCII85_DECODE,
    LITERALS_ASCIIHEX_DECODE,
    LITERALS_FLATE_DECODE,
    PDFStream,
    resolve1,
    stream_value,
)
from pdfminer.utils import Matrix, apply_matrix_rect, decode_text

from indexes.documents.extracted import Extracted, UnreadableError, one_line
from indexes.documents.reflow import reflow
from indexes.documents.rows import Glyph, PageGlyphs

MAX_PAGES = 10_000
MAX_STREAM_BYTES = 64 * 1024 * 1024
MAX_INTERPRETED_BYTES = 128 * 1024 * 1024
# Entering a form costs about as much time as interpreting this many bytes.
_FORM_COST_BYTES = 5000

# A scan often carries a few characters of real text: a stamp, a page number.
_MIN_CHARACTERS_A_PAGE = 8
_UNMAPPED = "\ufffd"
_BOLD = re.compile(r"bold|black|heavy|demi", re.IGNORECASE)
_ENCODED_ONLY = (*LITERALS_ASCII85_DECODE, *LITERALS_ASCIIHEX_DECODE)


def read_pdf(data: bytes, max_characters: int) -> Extracted:
    """The reading text of a PDF, with the offset at which each page begins.

    Args:
        data: The file.
        max_characters: How many characters it may hold.

    Raises:
        UnreadableError: the file is encrypted, damaged, a scan, or beyond a limit.
    """
    # pdfminer warns about every oddity of every font; what matters is raised below.
    logging.getLogger("pdfminer").setLevel(logging.ERROR)
    device = _GlyphCollector(max_characters)
    try:
        document = PDFDocument(_BoundedParser(io.BytesIO(data)))
        interpreter = _BoundedInterpreter(device.rsrcmgr, device)
        for number, page in enumerate(PDFPage.create_pages(document)):
            _check_page(number)
            interpreter.process_page(page)
        title = _metadata_title(document)
    except UnreadableError:
        raise
    except (PDFPasswordIncorrect, PDFEncryptionError) as error:
        raise UnreadableError("is encrypted: save a copy without a password") from error
    except Exception as error:
        # pdfminer raises whatever a broken file makes its code trip over, from KeyError
        # to RecursionError; to the caller they all mean the same.
        raise UnreadableError(
            f"is not a readable PDF ({type(error).__name__}): open it in a viewer and save it again"
        ) from error
    return _extracted(device.pages, title)


def _check_page(number: int) -> None:
    if number >= MAX_PAGES:
        raise UnreadableError(f"has more than {MAX_PAGES} pages: split it")


def _extracted(pages: list[PageGlyphs], title: str | None) -> Extracted:
    if not pages:
        raise UnreadableError("has no pages: open it in a viewer and save it again")
    visible = [glyph.text for page in pages for glyph in page if not glyph.text.isspace()]
    if len(visible) < _MIN_CHARACTERS_A_PAGE * min(len(pages), 3):
        raise UnreadableError(
            "has no text in its pages, probably a scan: run OCR over it first (e.g. ocrmypdf)"
        )
    if visible.count(_UNMAPPED) > 0.3 * len(visible):
        raise UnreadableError(
            "has fonts that do not say which characters they show: run OCR over it first "
            "(e.g. ocrmypdf --force-ocr)"
        )
    text, page_starts, heading = reflow(pages)
    return Extracted(text=text, title=title, heading=heading, page_starts=tuple(page_starts))


def _metadata_title(document: PDFDocument) -> str | None:
    for info in document.info:
        title = resolve1(info.get("Title"))
        if isinstance(title, bytes):
            return one_line(decode_text(title)) or None
    return None


class _GlyphCollector(PDFTextDevice):
    """Where every character of every page stands, in the order in which it was drawn."""

    def __init__(self, max_characters: int) -> None:
        super().__init__(PDFResourceManager())
        self.pages: list[PageGlyphs] = []
        self.interpreted_bytes = 0
        self._room = max_characters
        self._visible_area = (-math.inf, -math.inf, math.inf, math.inf)
        self._drawn: set[tuple[str, int, int]] = set()
        self._outer_matrices: list[Matrix | None] = []

    def begin_page(self, page: PDFPage, ctm: Matrix) -> None:
        """Start a page; what is drawn outside its crop box cannot be seen."""
        x0, y0, x1, y1 = apply_matrix_rect(ctm, page.cropbox)
        self._visible_area = (x0 - 1, y0 - 1, x1 + 1, y1 + 1)
        self._drawn.clear()
        self._outer_matrices.clear()
        self.pages.append(PageGlyphs(top=y1, bottom=y0))

    def begin_figure(self, name: str, bbox: Any, matrix: Matrix) -> None:
        """Remember the matrix: the interpreter leaves the figure's behind."""
        self._outer_matrices.append(self.ctm)

    def end_figure(self, name: str) -> None:
        """Restore the matrix from before the figure."""
        self.ctm = self._outer_matrices.pop()

    def render_char(
        self,
        matrix: Matrix,
        font: PDFFont,
        fontsize: float,
        scaling: float,
        rise: float,
        cid: int,
        ncs: PDFColorSpace,
        graphicstate: PDFGraphicState,
    ) -> float:
        """Note one character and return how far it moves the pen."""
        try:
            text = font.to_unichr(cid)
        except PDFUnicodeNotDefined:
            text = _UNMAPPED
        advance = font.char_width(cid) * fontsize * scaling
        self._room -= 1
        if self._room < 0:
            raise UnreadableError("holds more text than one document may: split it")
        glyph = _place(text, matrix, advance, rise, fontsize, _is_bold(font.fontname))
        if glyph and self._seen_first_time(glyph, matrix[4], matrix[5]):
            self.pages[-1].append(glyph)
        return advance

    def _seen_first_time(self, glyph: Glyph, x: float, y: float) -> bool:
        left, bottom, right, top = self._visible_area
        if not (left <= x <= right and bottom <= y <= top):
            return False
        if glyph.text.isspace():
            return True
        # Some files fake bold by drawing a text twice, a hair apart.
        key = (glyph.text, round(x), round(y))
        if key in self._drawn:
            return False
        self._drawn.add(key)
        return True


@lru_cache(maxsize=1024)
def _is_bold(font_name: str) -> bool:
    return bool(_BOLD.search(font_name))


def _place(
    text: str, matrix: Matrix, advance: float, rise: float, fontsize: float, bold: bool
) -> Glyph | None:
    """A glyph in coordinates along and across its own writing direction."""
    a, b, c, d, e, f = matrix
    along = math.hypot(a, b)
    size = abs(fontsize) * math.hypot(c, d)
    if not (along > 0 and 0.5 < size < 2000 and math.isfinite(e) and math.isfinite(f)):
        return None
    cos, sin = a / along, b / along
    if fontsize < 0:  # written upside down twice: the matrix mirrors it back
        cos, sin = -cos, -sin
    x = e * cos + f * sin
    width = abs(advance) * along
    return Glyph(
        text=text,
        x0=x,
        x1=x + width,
        baseline=f * cos - e * sin + rise * math.hypot(c, d),
        size=size,
        bold=bold,
        angle=round(math.degrees(math.atan2(sin, cos))) % 360,
    )


class _BoundedInterpreter(PDFPageInterpreter):
    """An interpreter that stops when forms or shared pages multiply the work."""

    def execute(self, streams: Sequence[object]) -> None:
        assert isinstance(self.device, _GlyphCollector)  # noqa: S101 - for the type checker
        size = sum(len(stream_value(stream).get_data()) for stream in streams)
        self.device.interpreted_bytes += size + _FORM_COST_BYTES
        if self.device.interpreted_bytes > MAX_INTERPRETED_BYTES:
            raise UnreadableError("describes its pages at an absurd length: print it to a new PDF")
        super().execute(streams)


class _BoundedParser(PDFParser):
    """A parser whose streams refuse to inflate without end."""

    def push(self, *objs: Any) -> None:
        super().push(*((pos, _bounded(value)) for pos, value in objs))


def _bounded(value: Any) -> Any:
    if type(value) is PDFStream:
        return _BoundedStream(value.attrs, value.rawdata or b"", value.decipher)
    return value


class _BoundedStream(PDFStream):
    """A stream that is measured before it is inflated: a zip bomb has no honest use."""

    def decode(self) -> None:
        filters = [name for name, _ in self.get_filters()]
        data = self.rawdata or b""
        if self.decipher is not None and self.objid is not None and self.genno is not None:
            data = self.decipher(self.objid, self.genno, data, self.attrs)
        inflating = [name for name in filters if name not in _ENCODED_ONLY]
        plain_flate = len(filters) == 1 and filters[0] in LITERALS_FLATE_DECODE
        # Chains of filters and the rare ones expand too, and cannot be measured cheaply.
        limit = MAX_STREAM_BYTES if plain_flate or not inflating else MAX_STREAM_BYTES // 64
        if (
            len(data) > limit
            or len(inflating) > 1
            or (plain_flate and _inflates_beyond(data, limit))
        ):
            raise UnreadableError(
                "holds a part that unpacks to an absurd size: print it to a new PDF"
            )
        super().decode()


def _inflates_beyond(data: bytes, limit: int) -> bool:
    inflater = zlib.decompressobj()
    size = 0
    try:
        while data:
            size += len(inflater.decompress(data, 1 << 20))
            data = inflater.unconsumed_tail
            if size > limit:
                return True
    except zlib.error:
        pass  # damaged: pdfminer rescues what it can, byte by byte
    return False
