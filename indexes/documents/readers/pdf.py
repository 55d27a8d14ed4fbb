"""PDF.

PDFium (BSD, through pypdfium2) interprets the file and says where characters stand;
`indexes.documents.pdf` makes reading text of them. What cannot be read on a page costs that page
only, and is named in the report. PDFium serves one caller at a time: hence the lock.
"""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from indexes.documents.assembly import assemble
from indexes.documents.extracted import Extracted, UnreadableError, one_line
from indexes.documents.pdf.characters import UNMAPPED, frame_of, read_characters
from indexes.documents.pdf.layout import Page, pieces_of
from indexes.documents.pdf.reflow import reflow
from indexes.documents.pdf.rulings import Rulings, read_rulings
from indexes.documents.pdf.running import running_lines
from indexes.documents.pdf.runs import Run, writing_of
from indexes.documents.reader import Reading
from indexes.documents.report import ReadingReport

MAX_PAGES = 10_000
_MOSTLY_UNMAPPED = 0.3

_lock = threading.RLock()


def read(data: bytes, reading: Reading) -> Extracted:
    """The reading text of a PDF, with the offset at which each page begins.

    Args:
        data: the file.
        reading: how much text it may hold, and whether pages without any are to be recognised.

    Raises:
        UnreadableError: the file is encrypted, damaged, a scan, or beyond a limit.
    """
    report = ReadingReport()
    with _lock, _opened(data) as document:
        if len(document) > MAX_PAGES:
            raise UnreadableError(f"has more than {MAX_PAGES} pages: split it")
        if not len(document):
            raise UnreadableError("has no pages: open it in a viewer and save it again")
        title = one_line(document.get_metadata_value("Title")) or None
        pages = list(_pages(document, reading.max_characters, report))
    _check(pages)
    _leave_out_running_lines(pages, report)
    pieces = [piece for number, page in enumerate(pages) for piece in pieces_of(page, number)]
    blocks, heading = reflow(pieces)
    extracted = assemble(blocks, max_characters=reading.max_characters, title=title, report=report)
    return dataclasses.replace(extracted, heading=heading)


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise UnreadableError("is encrypted: save a copy without a password") from error
        raise UnreadableError(
            "is not a readable PDF: open it in a viewer and save it again"
        ) from error
    try:
        yield document
    finally:
        document.close()


def _pages(document: Any, room: int, report: ReadingReport) -> Iterator[Page]:
    report.pages = len(document)
    for index in range(len(document)):
        page = _page(document, index, room)
        if page is None:
            report.unreadable.append(f"page {index + 1}: is damaged")
            page = Page([], Rulings([], []), 0, 0)
        elif not page.writing:
            report.pages_without_text.append(index + 1)
        room -= _length(page)
        yield page


def _page(document: Any, index: int, room: int) -> Page | None:
    page = pdfium.FPDF_LoadPage(document, index)
    if not page:
        return None
    try:
        frame = frame_of(page)
        characters = read_characters(page, frame, room)
        if characters is None:
            return None
        unmapped = characters.text.count(UNMAPPED)
        rulings = read_rulings(page, frame)
        writing = writing_of(characters, rulings, frame.height)
        return Page(writing, rulings, frame.width, frame.height, unmapped)
    finally:
        pdfium.FPDF_ClosePage(page)


def _length(page: Page) -> int:
    return sum(len(run.text) for way in page.writing for run in way.runs)


def _upright(page: Page) -> list[Run]:
    return next((way.runs for way in page.writing if way.angle == 0), [])


def _leave_out_running_lines(pages: list[Page], report: ReadingReport) -> None:
    """Take away the running headers, footers and page numbers."""
    upright = [(_upright(page), page.height) for page in pages]
    running = running_lines(upright)
    gone = {id(run) for line in running for run in line}
    for runs, _ in upright:
        runs[:] = [run for run in runs if id(run) not in gone]
    report.leave_out("running headers and footers", len(running))


def _check(pages: list[Page]) -> None:
    visible = sum(map(_length, pages))
    unmapped = sum(page.unmapped for page in pages)
    if unmapped > _MOSTLY_UNMAPPED * (visible + unmapped):
        raise UnreadableError(
            "has fonts that do not say which characters they show: recognise them with --ocr"
        )
    if not visible:
        raise UnreadableError("has no text in its pages, probably a scan: recognise it with --ocr")
