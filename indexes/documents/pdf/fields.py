"""What is filled in: values of form fields and notes written onto a page, in their places."""

import ctypes
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium

from indexes.documents.extracted import storable
from indexes.documents.pdf.characters import Frame
from indexes.documents.pdf.writing import Box, Run, Writing
from indexes.documents.report import ReadingReport

_MOST_ANNOTATIONS = 2_000
_LONGEST_VALUE = 20_000
_MULTILINE = 1 << 12
_SIZE = 10.0
_LEADING = 1.15
# In ems: how wide a character is where no font says it, and what is on one line.
_WIDTH = 0.5
_SAME_LINE = 0.7
_BELOW = 3.0
_AHEAD = 2.5
_FAR = 10_000.0  # points

_CHECKED, _UNCHECKED = "☒", "☐"
_BUTTONS = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
_VALUES = (
    pdfium.FPDF_FORMFIELD_TEXTFIELD,
    pdfium.FPDF_FORMFIELD_COMBOBOX,
    pdfium.FPDF_FORMFIELD_LISTBOX,
)
# What belongs to other things on the page, or says nothing.
_SILENT = (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP, pdfium.FPDF_ANNOT_WIDGET)


def read_fields(page: Any, form: Any, frame: Frame, report: ReadingReport) -> list[Run]:
    """Read a page's fields and free texts; comments are only counted, in `report`.

    Args:
        page: of PDFium
        form: PDFium's form environment; None without fields
        frame: how the page is shown
        report: told of comments
    """
    found: list[Run] = []
    for number in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MOST_ANNOTATIONS)):
        annotation = pdfium.FPDFPage_GetAnnot(page, number)
        if not annotation:
            continue
        try:
            kind = pdfium.FPDFAnnot_GetSubtype(annotation)
            if kind == pdfium.FPDF_ANNOT_WIDGET and form:
                found += _placed(annotation, form, _value(annotation, form), frame)
            elif kind == pdfium.FPDF_ANNOT_FREETEXT:
                found += _placed(annotation, form, _string(annotation, b"Contents"), frame)
            elif kind not in _SILENT and _string(annotation, b"Contents"):
                report.leave_out("comments")
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return found


def with_fields(writing: Sequence[Writing], filled: Sequence[Run]) -> list[Writing]:
    """What is written on a page with what is filled in, behind what labels it.

    That is what stands to the left of it on the same line, or else above it. A box that may be
    ticked stands right before what it says.
    """
    if not filled:
        return list(writing)
    upright = next((way for way in writing if way.angle == 0), Writing(0, False, []))
    if upright.mirrored:
        for value in filled:
            value.x0, value.x1 = -value.x1, -value.x0
    runs = upright.runs
    x0, x1, baseline, size = np.array(
        [(run.x0, run.x1, run.baseline, run.size) for run in runs] or np.zeros((0, 4))
    ).T
    behind: dict[int, list[Run]] = defaultdict(list)
    for value in filled:
        above = baseline - value.baseline
        level = np.abs(above) < _SAME_LINE * np.maximum(size, value.size)
        if value.text in (_CHECKED, _UNCHECKED):
            apart = np.where(level, x0 - value.x1, np.inf)
            apart[apart < -value.size] = np.inf
            nearest = int(np.argmin(apart)) if len(apart) else -1
            if nearest >= 0 and apart[nearest] < _AHEAD * value.size:
                runs[nearest].text = f"{value.text} {runs[nearest].text}"
                runs[nearest].x0 = min(runs[nearest].x0, value.x0)
                continue
        left = level & (value.x0 - x1 > -2 * value.size)
        over = (above > 0) & (above < _BELOW * size) & (x0 < value.x1) & (value.x0 < x1)
        distance = np.where(left, value.x0 - x1, np.where(over & ~level, _FAR + above, np.inf))
        label = int(np.argmin(distance)) if len(distance) else -1
        if label < 0 or distance[label] == np.inf:
            label = -1
        elif left[label]:
            value.baseline = runs[label].baseline
        behind[label].append(value)
    placed = [each for at, run in enumerate(runs) for each in (run, *behind[at])]
    others = [way for way in writing if way is not upright]
    return [Writing(0, upright.mirrored, placed + behind[-1]), *others]


def _value(annotation: Any, form: Any) -> str:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _BUTTONS:
        return _CHECKED if pdfium.FPDFAnnot_IsChecked(form, annotation) else _UNCHECKED
    if kind not in _VALUES:
        return ""
    length = pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, None, 0)
    buffer = (ctypes.c_ushort * (length // 2 + 1))()
    pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, buffer, length)
    return _decoded(buffer, length)


def _string(annotation: Any, key: bytes) -> str:
    length = pdfium.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    buffer = (ctypes.c_ushort * (length // 2 + 1))()
    pdfium.FPDFAnnot_GetStringValue(annotation, key, buffer, length)
    return _decoded(buffer, length)


def _decoded(buffer: Any, length: int) -> str:
    text = bytes(buffer)[: max(0, length - 2)].decode("utf-16-le", "replace")
    return storable(text[:_LONGEST_VALUE], " ").strip()


def _placed(annotation: Any, form: Any, text: str, frame: Frame) -> Iterator[Run]:
    rect = pdfium.FS_RECTF()
    if not text or not pdfium.FPDFAnnot_GetRect(annotation, rect):
        return
    xs, ys = zip(
        frame.shown(rect.left, rect.bottom), frame.shown(rect.right, rect.top), strict=True
    )
    left, right, bottom, top = min(xs), max(xs), min(ys), max(ys)
    asked = ctypes.c_float()
    known = form and pdfium.FPDFAnnot_GetFontSize(form, annotation, asked) and asked.value
    size = min(known or _SIZE, max(4.0, 0.8 * (top - bottom)))
    lines = [line for line in text.splitlines() if line.strip()]
    height = len(lines) * _LEADING * size
    first = min(top, (top + bottom + height) / 2) - 0.9 * size
    for number, line in enumerate(lines):
        baseline = first - number * _LEADING * size
        end = min(right, left + len(line) * _WIDTH * size)
        box = Box(left, frame.height - top, right, frame.height - bottom)
        yield Run(" ".join(line.split()), left, max(end, left + 1), baseline, size, False, box)
