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

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

UNMAPPED = "\ufffd"
_BOLD = re.compile(rb"bold|black|heavy|demi", re.IGNORECASE)
_FORCE_BOLD = 1 << 18
_SIZES = (0.5, 2000.0)

# PDFium's own marks: a hyphen at a line's end, and a character without a meaning.
_MEANT = {0x02: "-", 0xFFFE: "-", 0x00: UNMAPPED, 0xFFFF: UNMAPPED}


@dataclass(frozen=True, slots=True)
class Characters:
    """Characters in the order of drawing, with right-to-left text in its logical order.

    Attributes:
        text: what each says; the letters of a ligature share a box.
        box: left, bottom, right, top of each, in points from the page's bottom left corner as
            the page is shown.
        angle: the direction in which each is written, in degrees against the clock.
        start, end: the extent of each along that direction, in points.
        baseline: where each stands across it; the next line has a smaller one.
        size: of its font, in points.
        bold: whether its font is.
        space: whether it is white space.
        apart: whether PDFium takes it for the first of a word or line.
    """

    text: list[str]
    box: Floats
    angle: NDArray[np.int_]
    start: Floats
    end: Floats
    baseline: Floats
    size: Floats
    bold: Flags
    space: Flags
    apart: Flags

    def __len__(self) -> int:
        return len(self.text)


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


def _prototype(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
    """A function that takes addresses as integers, which is much cheaper in a loop."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    return ctypes.PYFUNCTYPE(result, *arguments)(address)  # type: ignore[arg-type]


_P, _I = ctypes.c_void_p, ctypes.c_int
_get_box = _prototype(pdfium.FPDFText_GetLooseCharBox, _I, _P, _I, _P)
_get_unicode = _prototype(pdfium.FPDFText_GetUnicode, ctypes.c_uint, _P, _I)
_get_object = _prototype(pdfium.FPDFText_GetTextObject, ctypes.c_size_t, _P, _I)


def _characters(text_page: Any, count: int, frame: Frame) -> Characters:
    pointer = ctypes.cast(text_page, _P).value
    places = np.zeros((count, 4), np.float32)
    first = places.ctypes.data
    # left, top, right, bottom
    list(map(_get_box, repeat(pointer), range(count), range(first, first + 16 * count, 16)))
    left, top, right, bottom = places.T
    text = _text(text_page, pointer, count)
    space = np.fromiter(map(str.isspace, text), bool, count)
    # What PDFium makes up where it thinks that words and lines end has no extent.
    made_up = space & (left == right) & (top == bottom)
    kept = np.flatnonzero(~made_up)
    left, top, right, bottom = places[kept].astype(np.float64).T
    space = space[kept]
    text = [text[index] for index in kept]

    apart: Flags = np.diff(kept, prepend=-2) > 1
    changed: Flags = np.ones(len(kept), bool)
    if len(kept):
        changed[1:] = (
            (np.abs(np.diff(bottom)) > 0.01)
            | (np.abs(np.diff(top)) > 0.01)
            | apart[1:]
            | space[:-1]
        )
    at = np.flatnonzero(changed)
    fonts = _Fonts(text_page, pointer)
    known = np.array([fonts.at(int(index)) for index in kept[at]] or np.zeros((0, 6)))
    place = np.maximum.accumulate(np.where(changed, np.arange(len(kept)), 0)) if len(kept) else at
    which = np.searchsorted(at, place)
    x, y, size, cos, sin, bold = known[which].T if len(kept) else np.zeros((6, 0))
    # Along a line written left to right, each character's own left edge is its origin.
    upright = (np.abs(sin) < 1e-3) & (cos > 0)
    origin_x = np.where(upright, left, x)
    return _placed(
        text,
        (space, apart, bold > 0),
        size,
        (left, bottom, right, top),
        (origin_x, y),
        (cos, sin),
        frame,
    )


def _text(text_page: Any, pointer: int | None, count: int) -> list[str]:
    buffer = (ctypes.c_ushort * (count + 1))()
    written = pdfium.FPDFText_GetText(text_page, 0, count, buffer)
    codes = list(buffer[:count])
    if written != count + 1 or any(0xD800 <= code < 0xE000 or code in _MEANT for code in codes):
        codes = list(map(_get_unicode, repeat(pointer), range(count)))
    return [_MEANT.get(code) or _chr(code) for code in codes]


def _chr(code: int) -> str:
    return UNMAPPED if 0xD800 <= code < 0xE000 or code > 0x10FFFF else chr(code)


class _Fonts:
    """Asks for origin, size, direction and weight of characters, and remembers."""

    def __init__(self, text_page: Any, pointer: int | None) -> None:
        self._page = text_page
        self._pointer = pointer
        self._of_object: dict[int, tuple[float, float, float, float]] = {}
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._name = ctypes.create_string_buffer(64)
        self._flags = ctypes.c_int()
        self._matrix = pdfium.FS_MATRIX()

    def at(self, index: int) -> tuple[float, float, float, float, float, float]:
        """Origin x and y, size, cosine and sine of the direction, and whether it is bold."""
        pdfium.FPDFText_GetCharOrigin(self._page, index, self._x, self._y)
        handle = _get_object(self._pointer, index)
        known = self._of_object.get(handle)
        if known is None:
            known = self._of_object[handle] = self._font(index)
        return (self._x.value, self._y.value, *known)

    def _font(self, index: int) -> tuple[float, float, float, float]:
        matrix = self._matrix
        pdfium.FPDFText_GetMatrix(self._page, index, matrix)
        size = pdfium.FPDFText_GetFontSize(self._page, index)
        length = pdfium.FPDFText_GetFontInfo(self._page, index, self._name, 64, self._flags)
        bold = self._flags.value & _FORCE_BOLD or (length and _BOLD.search(self._name.value))
        along, across = math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d)
        if not (along and across and math.isfinite(along + across)):
            return 0.0, 1.0, 0.0, 0.0
        sign = -1 if size < 0 else 1  # written upside down twice: the matrix mirrors it back
        return (
            abs(size) * across,
            sign * matrix.a / along,
            sign * matrix.b / along,
            float(bool(bold)),
        )


def _placed(
    text: list[str],
    flags: tuple[Flags, Flags, Flags],
    size: Floats,
    box: tuple[Floats, Floats, Floats, Floats],
    origin: tuple[Floats, Floats],
    direction: tuple[Floats, Floats],
    frame: Frame,
) -> Characters:
    """Everything in the coordinates of the page as shown; what cannot be seen is left out."""
    xs, ys = frame.shown(np.stack(box[::2]), np.stack(box[1::2]))
    left, right, bottom, top = xs.min(0), xs.max(0), ys.min(0), ys.max(0)
    x, y = frame.shown(*origin)
    degrees = np.degrees(np.arctan2(direction[1], direction[0])) - frame.rotation
    angle = np.rint(degrees).astype(int) % 360
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    middle = ((left + right) * cos + (bottom + top) * sin) / 2
    half = (np.abs((right - left) * cos) + np.abs((top - bottom) * sin)) / 2
    slanted = angle % 90 != 0
    half = np.where(slanted, np.minimum(half, size / 4), half)
    seen = (
        (size > _SIZES[0])
        & (size < _SIZES[1])
        & np.isfinite(x + y + middle)
        & (left >= -1 - size)
        & (left <= frame.width + 1)
        & (y >= -1)
        & (y <= frame.height + 1)
    )
    kept = np.flatnonzero(seen)
    return Characters(
        text=[text[index] for index in kept],
        box=np.stack((left, bottom, right, top), 1)[kept],
        angle=angle[kept],
        start=(middle - half)[kept],
        end=(middle + half)[kept],
        baseline=(y * cos - x * sin)[kept],
        size=size[kept],
        space=flags[0][kept],
        apart=flags[1][kept],
        bold=flags[2][kept],
    )
