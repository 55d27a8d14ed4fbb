"""What is drawn on a page: straight lines (rules, borders, edges of cells), and pictures."""

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from indexes.documents.pdf.characters import Frame

# A page that draws more is a map or a plot.
_MOST_OBJECTS = 10_000
_DEEPEST_FORM = 4
_MOST_COMPLEX = 500
_RECTANGLE = 5

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
    across, down = [], []
    pictures: list[Any] = []
    try:
        for start, end in _straight_lines(page, pictures):
            (x0, x1), (y0, y1) = map(
                sorted, zip(frame.shown(*start), frame.shown(*end), strict=True)
            )
            if y1 - y0 <= _THIN:
                across.append(Ruling((y0 + y1) / 2, x0, x1))
            elif x1 - x0 <= _THIN:
                down.append(Ruling((x0 + x1) / 2, y0, y1))
    except _TooManyObjectsError:
        return Rulings([], []), len(pictures)
    return Rulings(_merged(across), _merged(down)), len(pictures)


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


def _straight_lines(page: Any, pictures: list[Any]) -> Iterator[tuple[Point, Point]]:
    """Ends of the straight lines of a page, and of what its forms draw; pictures are collected."""
    objects = (
        pdfium.FPDFPage_GetObject(page, n) for n in range(pdfium.FPDFPage_CountObjects(page))
    )
    open_forms: list[tuple[Iterator[Any], Matrix]] = [(objects, _IDENTITY)]
    visited = 0
    while open_forms:
        item = next(open_forms[-1][0], None)
        if item is None:
            open_forms.pop()
            continue
        visited += 1
        if visited > _MOST_OBJECTS:
            raise _TooManyObjectsError
        kind, outer = pdfium.FPDFPageObj_GetType(item), open_forms[-1][1]
        if kind == pdfium.FPDF_PAGEOBJ_FORM and len(open_forms) < _DEEPEST_FORM:
            open_forms.append((_children(item), _product(_matrix_of(item), outer)))
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE and _is_large(item):
            pictures.append(item)
        elif kind == pdfium.FPDF_PAGEOBJ_PATH and _is_drawn(item):
            count = pdfium.FPDFPath_CountSegments(item)
            simple = count <= _RECTANGLE
            matrix = outer if simple else _product(_matrix_of(item), outer)
            for start, end in _sides(item, count) if simple else _edges(item, count):
                yield _moved(start, matrix), _moved(end, matrix)


def _children(form: Any) -> Iterator[Any]:
    for number in range(pdfium.FPDFFormObj_CountObjects(form)):
        yield pdfium.FPDFFormObj_GetObject(form, number)


def _is_drawn(path: Any) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(path, fill, stroke)
    return bool(fill.value or stroke.value)


def _bounds(item: Any) -> tuple[float, float, float, float]:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top)
    return left.value, bottom.value, right.value, top.value


def _is_large(picture: Any) -> bool:
    """Whether it may show something: bullets and ornaments are small."""
    x0, y0, x1, y1 = _bounds(picture)
    return min(x1 - x0, y1 - y0) >= _SMALLEST_PICTURE


def _sides(path: Any, count: int) -> Iterator[tuple[Point, Point]]:
    """Those of a line or a rectangle; a slanted line has none."""
    x0, y0, x1, y1 = _bounds(path)
    if min(x1 - x0, y1 - y0) <= _THIN:
        yield (x0, y0), (x1, y1)
    elif count >= _RECTANGLE - 1:
        yield (x0, y0), (x1, y0)
        yield (x0, y1), (x1, y1)
        yield (x0, y0), (x0, y1)
        yield (x1, y0), (x1, y1)


def _edges(path: Any, count: int) -> Iterator[tuple[Point, Point]]:
    if count > _MOST_COMPLEX:
        return
    first: Point = (0, 0)
    last: Point = (0, 0)
    x, y = ctypes.c_float(), ctypes.c_float()
    for number in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(path, number)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        kind, point = pdfium.FPDFPathSegment_GetType(segment), (x.value, y.value)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            first = point
        elif kind == pdfium.FPDF_SEGMENT_LINETO:
            yield last, point
        last = point
        if pdfium.FPDFPathSegment_GetClose(segment):
            yield point, first
            last = first


def _matrix_of(item: Any) -> Matrix:
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(item, matrix)
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _product(inner: Matrix, outer: Matrix) -> Matrix:
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return (
        a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s,
        e * p + f * r + t, e * q + f * s + u,
    )  # fmt: skip


def _moved(point: Point, matrix: Matrix) -> Point:
    a, b, c, d, e, f = matrix
    return a * point[0] + c * point[1] + e, b * point[0] + d * point[1] + f
