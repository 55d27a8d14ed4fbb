"""A page's characters with their places, as PDFium knows them, in arrays.

Calls into PDFium cost more than the work they do, so only what differs from character to
character is asked for each: its box. Font, size and direction are asked for once where the
boxes show that something changed.
"""

import ctypes
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from indexes.documents.extracted import UnreadableError
from indexes.documents.pdf.scripts import Codes, Flags, kinds_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]

UNMAPPED = 0xFFFD
_SPACE, _HYPHEN = 0x20, 0x2D
_SURROGATES = (0xD800, 0xE000)
_LAST = 0x10FFFF
# What TeX's fonts have in the place of control characters.
_TEX = dict(zip(range(0x0B, 0x20), "ﬀﬁﬂﬃﬄ“”„«»–—\u200b◦ıȷﬀﬁﬂﬃﬄ", strict=True))
_FEW = 0.03

_BOLD = re.compile(rb"bold|black|heavy|demi", re.IGNORECASE)
_MONO = re.compile(rb"courier|mono|consol|menlo|typewriter|cmtt|cour", re.IGNORECASE)
_FIXED_PITCH = 1
_FORCE_BOLD = 1 << 18
_SIZES = (0.5, 2000.0)
_LEVEL = 0.01
_FIRST_MARK = 0x300
_FIRST_CJK = 0x2E80
# In ems: how far from the middle of its column a character may stand.
_ASIDE = 0.15
_FEWEST_BELOW = 4
_FARTHEST_BACK = 12
_FLAT = 0.2


@dataclass(frozen=True, slots=True)
class Characters:
    """Characters in the order of drawing, with right-to-left text in its logical order.

    Attributes:
        codes: what each says, as a code point; the letters of a ligature share a box.
        box: left, bottom, right, top of each, in points from the page's bottom left corner as
            the page is shown.
        angle: the direction in which each is written, in degrees against the clock.
        start, end: the extent of each along that direction, in points.
        baseline: where each stands across it; the next line has a smaller one.
        size: of its font, in points.
        bold: whether its font is.
        mono: whether all characters of its font are equally wide, as of a typewriter.
        apart: whether PDFium takes it for the first of a word or line.
        unseen: how many others nobody sees: beyond the page's edge, or far too small.
    """

    codes: Codes
    box: Floats
    angle: Ints
    start: Floats
    end: Floats
    baseline: Floats
    size: Floats
    bold: Flags
    mono: Flags
    apart: Flags
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """How a page is shown: what is cut off, and how it is turned."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    @property
    def width(self) -> float:
        """Of the page as shown, in points."""
        return self.top - self.bottom if self.rotation % 180 else self.right - self.left

    @property
    def height(self) -> float:
        """Of the page as shown, in points."""
        return self.right - self.left if self.rotation % 180 else self.top - self.bottom

    def shown(self, x: Any, y: Any) -> tuple[Any, Any]:
        """A point of the file's coordinates on the page as shown, from its bottom left corner."""
        if self.rotation == 90:
            return y - self.bottom, self.right - x
        if self.rotation == 180:
            return self.right - x, self.top - y
        if self.rotation == 270:
            return self.top - y, x - self.left
        return x - self.left, y - self.bottom


_EMPTY = Characters(
    np.zeros(0, np.uint32),
    np.zeros((0, 4)),
    np.zeros(0, int),
    *np.zeros((4, 0)),
    *np.zeros((3, 0), bool),
)


def frame_of(page: Any) -> Frame:
    """How a page is shown."""
    rect = pdfium.FS_RECTF()
    pdfium.FPDF_GetPageBoundingBox(page, rect)
    rotation = pdfium.FPDFPage_GetRotation(page) * 90 % 360
    return Frame(rect.left, rect.bottom, rect.right, rect.top, rotation)


def read_characters(page: Any, frame: Frame, room: int) -> Characters | None:
    """The characters that can be seen on a page; None if PDFium finds no way to read it.

    Args:
        page: of PDFium.
        frame: how it is shown.
        room: how many characters it may hold.

    Raises:
        UnreadableError: it holds more.
    """
    text_page = pdfium.FPDFText_LoadPage(page)
    if not text_page:
        return None
    try:
        count = pdfium.FPDFText_CountChars(text_page)
        if count > room:
            raise UnreadableError("holds more text than one document may: split it")
        return _characters(text_page, max(0, count), frame)
    finally:
        pdfium.FPDFText_ClosePage(text_page)


def prototype(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
    """A function that takes addresses as integers, which is much cheaper in a loop."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    return ctypes.PYFUNCTYPE(result, *arguments)(address)  # type: ignore[arg-type]


_P, _I = ctypes.c_void_p, ctypes.c_int
_get_box = prototype(pdfium.FPDFText_GetLooseCharBox, _I, _P, _I, _P)
_get_origin = prototype(pdfium.FPDFText_GetCharOrigin, _I, _P, _I, _P, _P)
_get_unicode = prototype(pdfium.FPDFText_GetUnicode, ctypes.c_uint, _P, _I)
_get_object = prototype(pdfium.FPDFText_GetTextObject, ctypes.c_size_t, _P, _I)
_get_font = prototype(pdfium.FPDFTextObj_GetFont, ctypes.c_size_t, _P)


def _characters(text_page: Any, count: int, frame: Frame) -> Characters:
    pointer = ctypes.cast(text_page, _P).value
    places = np.zeros((count, 4), np.float32)
    first = places.ctypes.data
    # left, top, right, bottom
    list(map(_get_box, repeat(pointer), range(count), range(first, first + 16 * count, 16)))
    codes = _codes(text_page, pointer, count)
    # What PDFium makes up where it thinks that words and lines end has no extent.
    made_up = (codes <= _SPACE) & (places[:, 0] == places[:, 2]) & (places[:, 1] == places[:, 3])
    kept = np.flatnonzero(~made_up)
    if not len(kept):
        return _EMPTY
    codes, box = _with_meanings(codes[kept]), places[kept].astype(np.float64)
    if codes.max() >= _FIRST_MARK:
        once = _said_once(codes, box)
        kept, codes, box = kept[once], codes[once], box[once]
    apart: Flags = np.diff(kept, prepend=-2) > 1
    moved: Flags = np.ones(len(kept), bool)
    moved[1:] = (np.abs(np.diff(box[:, 1::2], axis=0)) > _LEVEL).any(1)
    # At both ends of a line, so that one that begins in bold is not taken to be all bold.
    asked = moved | np.r_[moved[1:], True]
    x, y = _origins(pointer, kept[moved].tolist())[:, _latest(moved)]
    fonts = _fonts(text_page, pointer, kept[asked].tolist())[:, _latest(asked)]
    size, angle, bold, mono = fonts
    # Along a line written left to right, each character's own left edge is its origin.
    x = np.where(angle == 0, box[:, 0], x)
    if codes.max() >= _FIRST_CJK:
        # Boxes are those of whatever font there is here; origins are the document's own.
        own_x, own_y = _origins(pointer, kept.tolist())
        down = _downward(codes, own_x, own_y, size)
        x, angle = np.where(down, own_x, x), np.where(down, 270, angle)
    return _placed(codes, box, (x, y), angle.astype(int), size, (bold > 0, mono > 0), apart, frame)


def _said_once(codes: Codes, box: Floats) -> Flags:
    """Which characters are no repetition of a cluster, which each of its glyphs may say whole."""
    once: Flags = np.ones(len(codes), bool)
    said = codes.tolist()
    latest: dict[tuple[int, int], int] = {}
    for mark in np.flatnonzero(kinds_of(codes).mark).tolist():
        pair = said[mark - 1], said[mark]
        last = latest.get(pair, -_FARTHEST_BACK)
        latest[pair] = mark
        if mark - last >= _FARTHEST_BACK:
            continue
        for length in (4, 3, 2):
            first, other = mark - length + 1, last - length + 1
            if other < 0 or last >= first or said[first : mark + 1] != said[other : last + 1]:
                continue
            if box[first, 0] < box[last, 2] and box[other, 0] < box[mark, 2]:
                once[first : mark + 1] = False
    return once


def _downward(codes: Codes, x: Floats, y: Floats, size: Floats) -> Flags:
    """Which characters of Chinese or Japanese are in columns, each below the one before it."""
    found: Flags = np.zeros(len(codes), bool)
    cjk = kinds_of(codes).cjk
    em, step = size[1:], -np.diff(y)
    below = (np.abs(np.diff(x)) < _ASIDE * em) & (step > 0.5 * em) & (step < 2 * em)
    ends = np.flatnonzero(np.diff(np.r_[False, below & cjk[1:] & cjk[:-1], False].astype(int)))
    for first, last in ends.reshape(-1, 2).tolist():
        if last - first >= _FEWEST_BELOW:
            found[first : last + 1] = True
    return found


def _latest(chosen: Flags) -> Ints:
    """For each place the rank of the last chosen one up to it."""
    return np.cumsum(chosen) - 1


def _codes(text_page: Any, pointer: int | None, count: int) -> Codes:
    buffer = np.zeros(count + 1, np.uint16)
    address = buffer.ctypes.data_as(ctypes.POINTER(ctypes.c_ushort))
    written = pdfium.FPDFText_GetText(text_page, 0, count, address)
    codes = buffer[:count].astype(np.uint32)
    if written != count + 1 or ((codes >= _SURROGATES[0]) & (codes < _SURROGATES[1])).any():
        asked = map(_get_unicode, repeat(pointer), range(count))
        codes = np.fromiter(asked, np.uint32, count)
    for index in np.flatnonzero((codes == 0x02) | (codes == 0xFFFE)).tolist():
        # PDFium's mark of a hyphen at a line's end, or a character without a meaning.
        codes[index] = _HYPHEN if pdfium.FPDFText_IsHyphen(text_page, index) == 1 else UNMAPPED
    surrogate = (codes >= _SURROGATES[0]) & (codes < _SURROGATES[1])
    codes[surrogate | (codes == 0) | (codes == 0xFFFF) | (codes > _LAST)] = UNMAPPED
    return codes


def _with_meanings(codes: Codes) -> Codes:
    """Codes of a font that says of some characters only where they are in it."""
    control = (codes < _SPACE) & (codes != ord("\t")) & (codes != ord("\n"))
    if control.sum() < _FEW * len(codes):
        for code, meant in _TEX.items():
            codes[control & (codes == code)] = ord(meant)
    codes[(codes < _SPACE) & control] = UNMAPPED
    return codes


def _origins(pointer: int | None, indexes: list[int]) -> Floats:
    found = np.zeros((len(indexes), 2))
    first = found.ctypes.data
    last = first + found.nbytes
    addresses = range(first, last, 16), range(first + 8, last + 8, 16)
    list(map(_get_origin, repeat(pointer), indexes, *addresses))
    return found.T


def _fonts(text_page: Any, pointer: int | None, indexes: list[int]) -> Floats:
    """Size, direction in degrees, whether it is bold, whether it is mono, of characters."""
    handles = np.fromiter(map(_get_object, repeat(pointer), indexes), np.uintp, len(indexes))
    _, firsts, which = np.unique(handles, return_index=True, return_inverse=True)
    known: dict[int | None, tuple[bool, bool]] = {}
    fonts = [_font(text_page, indexes[first], int(handles[first]), known) for first in firsts]
    return np.array(fonts, float)[which].T


def _font(
    text_page: Any, index: int, handle: int, known: dict[int | None, tuple[bool, bool]]
) -> tuple[float, int, bool, bool]:
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(text_page, index, matrix)
    size = pdfium.FPDFText_GetFontSize(text_page, index)
    font = _get_font(handle) if handle else None
    if font not in known:
        known[font] = _style(text_page, index)
    along, across = math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d)
    if not (along and across and math.isfinite(along + across)):
        return 0.0, 0, False, False
    sign = -1 if size < 0 else 1  # written upside down twice: the matrix mirrors it back
    angle = round(math.degrees(math.atan2(sign * matrix.b, sign * matrix.a)))
    return abs(size) * across, angle, *known[font]


def _style(text_page: Any, index: int) -> tuple[bool, bool]:
    """Whether a character's font is bold, and whether it is mono."""
    name, flags = ctypes.create_string_buffer(64), ctypes.c_int()
    length = pdfium.FPDFText_GetFontInfo(text_page, index, name, 64, flags)
    named = name.value if length else b""
    bold = bool(flags.value & _FORCE_BOLD or _BOLD.search(named))
    return bold, bool(flags.value & _FIXED_PITCH or _MONO.search(named))


def _placed(
    codes: Codes,
    box: Floats,
    origin: tuple[Floats, Floats],
    angle: Ints,
    size: Floats,
    style: tuple[Flags, Flags],
    apart: Flags,
    frame: Frame,
) -> Characters:
    """Everything in the coordinates of the page as shown; what cannot be seen is left out."""
    xs, ys = frame.shown(box[:, ::2], box[:, 1::2])
    left, right = np.minimum(*xs.T), np.maximum(*xs.T)
    bottom, top = np.minimum(*ys.T), np.maximum(*ys.T)
    x, y = frame.shown(*origin)
    angle = (angle - frame.rotation) % 360
    one_way = (angle == angle[0]).all()
    way = np.radians(angle[0] if one_way else angle)
    cos, sin = np.cos(way), np.sin(way)
    middle = ((left + right) * cos + (bottom + top) * sin) / 2
    half = (np.abs((right - left) * cos) + np.abs((top - bottom) * sin)) / 2
    askew = angle % 90 != 0
    if askew.any():
        # The box around a turned box says how wide that is, but not at half a right angle.
        flat = cos**2 - sin**2
        wide = np.abs(((right - left) * np.abs(cos) - (top - bottom) * np.abs(sin)) / 2)
        known = np.where(np.abs(flat) > _FLAT, wide / np.maximum(np.abs(flat), _FLAT), size / 4)
        half = np.where(askew, np.minimum(known, size / 2), half)
    kept = np.flatnonzero(
        (size > _SIZES[0])
        & (size < _SIZES[1])
        & np.isfinite(x + y + middle)
        & (left >= -1 - size)
        & (left <= frame.width + 1)
        & (y >= -1)
        & (y <= frame.height + 1)
    )
    return Characters(
        codes=codes[kept],
        box=np.stack((left, bottom, right, top), 1)[kept],
        angle=angle[kept],
        start=(middle - half)[kept],
        end=(middle + half)[kept],
        baseline=(y * cos - x * sin)[kept],
        size=size[kept],
        bold=style[0][kept],
        mono=style[1][kept],
        apart=apart[kept],
        unseen=int((codes > _SPACE).sum() - (codes[kept] > _SPACE).sum()),
    )
