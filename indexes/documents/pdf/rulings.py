"""What is drawn on a page: straight lines (rules, borders, edges of cells), and pictures."""

import ctypes
from collections.abc import Iterator
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from indexes.documents.pdf.characters import Floats, Frame, prototype

# A page that draws more is a map or a plot.
_MOST_OBJECTS = 10_000
_DEEPEST_FORM = 4
_MOST_COMPLEX = 500
_RECTANGLE = 5
# Ends of a rectangle's sides, among left, bottom, right and top.
_SIDES = ([0, 1, 2, 1], [0, 3, 2, 3], [0, 1, 0, 3], [2, 1, 2, 3])

# Points.
_THIN = 3.0
_SHORTEST = 4.0
_SAME = 1.5
_DASH = 4.0
_SMALLEST_PICTURE = 24.0

Point = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)


class Ruling(NamedTuple):
    """A line at `at`, from `start` to `end`: across the page, or down.

    Coordinates are points from the page's bottom left corner as the page is shown.
    """

    at: float
    start: float
    end: float


class Rulings(NamedTuple):
    """The lines of a page."""

    across: list[Ruling]
    down: list[Ruling]


def read_rulings(page: Any, frame: Frame) -> tuple[Rulings, int]:
    """The lines of a page, each once, and how many pictures it has.

    No lines if it draws too many things to be a text.
    """
    try:
        lines, pictures = _straight_lines(page)
    except _TooManyObjectsError:
        return Rulings([], []), 0
    x0, y0 = frame.shown(*lines[:, :2].T)
    x1, y1 = frame.shown(*lines[:, 2:].T)
    left, right = np.minimum(x0, x1), np.maximum(x0, x1)
    low, high = np.minimum(y0, y1), np.maximum(y0, y1)
    flat = high - low <= _THIN
    steep = ~flat & (right - left <= _THIN)
    across = np.stack(((low + high) / 2, left, right), 1)[flat]
    down = np.stack(((left + right) / 2, low, high), 1)[steep]
    merged = (_merged([Ruling(*line) for line in way.tolist()]) for way in (across, down))
    return Rulings(*merged), pictures


def _merged(lines: list[Ruling]) -> list[Ruling]:
    """Lines that overlap or follow each other, made one; short ones are none."""
    levels: list[list[Ruling]] = []
    for line in sorted(lines):
        if levels and line.at - levels[-1][-1].at <= _SAME:
            levels[-1].append(line)
        else:
            levels.append([line])
    merged = []
    for level in levels:
        at = sum(line.at for line in level) / len(level)
        level.sort(key=lambda line: line.start)
        start, end = level[0].start, level[0].end
        for line in level[1:]:
            if line.start > end + _DASH:
                merged.append(Ruling(at, start, end))
                start, end = line.start, line.end
            end = max(end, line.end)
        merged.append(Ruling(at, start, end))
    return [ruling for ruling in merged if ruling.end - ruling.start >= _SHORTEST]


class _TooManyObjectsError(Exception):
    pass


_P, _I = ctypes.c_void_p, ctypes.c_int
_count_on_page = prototype(pdfium.FPDFPage_CountObjects, _I, _P)
_on_page = prototype(pdfium.FPDFPage_GetObject, ctypes.c_size_t, _P, _I)
_count_in_form = prototype(pdfium.FPDFFormObj_CountObjects, _I, _P)
_in_form = prototype(pdfium.FPDFFormObj_GetObject, ctypes.c_size_t, _P, ctypes.c_ulong)
_get_kind = prototype(pdfium.FPDFPageObj_GetType, _I, _P)
_get_bounds = prototype(pdfium.FPDFPageObj_GetBounds, _I, _P, _P, _P, _P, _P)
_get_mode = prototype(pdfium.FPDFPath_GetDrawMode, _I, _P, _P, _P)
_get_matrix = prototype(pdfium.FPDFPageObj_GetMatrix, _I, _P, _P)
_count_segments = prototype(pdfium.FPDFPath_CountSegments, _I, _P)
_get_segment = prototype(pdfium.FPDFPath_GetPathSegment, ctypes.c_size_t, _P, _I)
_get_point = prototype(pdfium.FPDFPathSegment_GetPoint, _I, _P, _P, _P)
_get_segment_kind = prototype(pdfium.FPDFPathSegment_GetType, _I, _P)
_closes = prototype(pdfium.FPDFPathSegment_GetClose, _I, _P)


def _straight_lines(page: Any) -> tuple[Floats, int]:
    """Ends of the straight lines of a page and of what its forms draw, and how many pictures."""
    pointer = ctypes.cast(page, _P).value
    lines = [np.zeros((0, 4))]
    pictures = 0
    waiting = [(pointer, _count_on_page, _on_page, _IDENTITY, 0)]
    room = _MOST_OBJECTS
    while waiting:
        holder, count_in, get, outer, depth = waiting.pop()
        count = count_in(holder)
        room -= count
        if room < 0:
            raise _TooManyObjectsError
        items = np.fromiter(map(get, repeat(holder), range(count)), np.uintp, count)
        kinds = np.fromiter(map(_get_kind, items.tolist()), int, count)
        for form in items[kinds == pdfium.FPDF_PAGEOBJ_FORM].tolist():
            if depth + 1 < _DEEPEST_FORM:
                matrix = _product(_matrix_of(form), outer)
                waiting.append((form, _count_in_form, _in_form, matrix, depth + 1))
        x0, y0, x1, y1 = _bounds(items[kinds == pdfium.FPDF_PAGEOBJ_IMAGE].tolist()).T
        pictures += int((np.minimum(x1 - x0, y1 - y0) >= _SMALLEST_PICTURE).sum())
        lines += _lines_of(items[kinds == pdfium.FPDF_PAGEOBJ_PATH].tolist(), outer)
    return np.concatenate(lines), pictures


def _bounds(items: list[int]) -> Floats:
    """Left, bottom, right and top of each item."""
    found = np.zeros((len(items), 4), np.float32)
    first = found.ctypes.data
    sides = (range(first + side, first + side + found.nbytes, 16) for side in (0, 4, 8, 12))
    list(map(_get_bounds, items, *sides))
    return found.astype(float)


def _lines_of(paths: list[int], outer: Matrix) -> list[Floats]:
    """Those that paths draw: what is thin is a line, and a rectangle has four."""
    modes = np.zeros((len(paths), 2), np.int32)
    first = modes.ctypes.data
    last = first + modes.nbytes
    list(map(_get_mode, paths, range(first, last, 8), range(first + 4, last + 4, 8)))
    counts = np.fromiter(map(_count_segments, paths), int, len(paths))
    drawn = modes.any(1)
    chosen = np.flatnonzero(drawn & (counts <= _RECTANGLE))
    bounds = _bounds([paths[place] for place in chosen.tolist()])
    width, height = bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]
    thin = np.minimum(width, height) <= _THIN
    boxes = bounds[~thin & (counts[chosen] >= _RECTANGLE - 1)]
    sides = (boxes[:, corners] for corners in _SIDES)
    found = [_moved(line, outer) for line in (bounds[thin], *sides)]
    for place in np.flatnonzero(drawn & (counts > _RECTANGLE) & (counts <= _MOST_COMPLEX)).tolist():
        edges = [(*start, *end) for start, end in _edges(paths[place], int(counts[place]))]
        if edges:
            matrix = _product(_matrix_of(paths[place]), outer)
            found.append(_moved(np.array(edges), matrix))
    return found


def _edges(path: int, count: int) -> Iterator[tuple[Point, Point]]:
    first: Point = (0, 0)
    last: Point = (0, 0)
    x, y = ctypes.c_float(), ctypes.c_float()
    places = ctypes.addressof(x), ctypes.addressof(y)
    for number in range(count):
        segment = _get_segment(path, number)
        _get_point(segment, *places)
        kind, point = _get_segment_kind(segment), (x.value, y.value)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            first = point
        elif kind == pdfium.FPDF_SEGMENT_LINETO:
            yield last, point
        last = point
        if _closes(segment):
            yield point, first
            last = first


def _matrix_of(item: int) -> Matrix:
    matrix = pdfium.FS_MATRIX()
    _get_matrix(item, ctypes.addressof(matrix))
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _product(inner: Matrix, outer: Matrix) -> Matrix:
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return (
        a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s,
        e * p + f * r + t, e * q + f * s + u,
    )  # fmt: skip


def _moved(lines: Floats, matrix: Matrix) -> Floats:
    a, b, c, d, e, f = matrix
    x, y = lines[:, ::2], lines[:, 1::2]
    moved = np.empty_like(lines, float)
    moved[:, ::2], moved[:, 1::2] = a * x + c * y + e, b * x + d * y + f
    return moved
