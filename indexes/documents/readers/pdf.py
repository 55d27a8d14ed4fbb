"""PDF.

PDFium (BSD, through pypdfium2) interprets the file and says where characters stand;
`indexes.documents.pdf` makes reading text of them. What cannot be read on a page costs that page
only, and is named in the report. PDFium serves one caller at a time: hence the lock.
"""

import dataclasses
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from indexes.documents.assembly import assemble
from indexes.documents.extracted import Extracted, UnreadableError, one_line
from indexes.documents.ocr import DOTS_PER_INCH, MOST_DOTS, engine, recognised
from indexes.documents.pages import page_read
from indexes.documents.pdf.characters import UNMAPPED, frame_of, read_characters
from indexes.documents.pdf.fields import read_fields, with_fields
from indexes.documents.pdf.headings import Bookmark
from indexes.documents.pdf.layout import Page, pieces_of
from indexes.documents.pdf.reflow import reflow
from indexes.documents.pdf.rulings import Rulings, read_rulings
from indexes.documents.pdf.running import running_lines
from indexes.documents.pdf.runs import writing_of
from indexes.documents.pdf.writing import Run
from indexes.documents.reader import Reading
from indexes.documents.report import ReadingReport

MAX_PAGES = 10_000
_MOST_BOOKMARKS = 20_000
_MOSTLY_UNMAPPED = 0.3
_MEANINGLESS = "its fonts do not say which characters they show"

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
        title = one_line(document.get_metadata_value("Title")) or None
        labels = _labels(document)
        outline = list(_outline(document))
        report.leave_out("embedded files", max(0, pdfium.FPDFDoc_GetAttachmentCount(document)))
        report.leave_out("scripts", max(0, pdfium.FPDFDoc_GetJavaScriptActionCount(document)))
        pages = list(_pages(document, reading.max_characters, report))
        if reading.ocr:
            _recognise(document, pages, report)
    if not any(page.writing for page in pages):
        raise UnreadableError(_nothing(report))
    _leave_out_running_lines(pages, report)
    pieces = [piece for number, page in enumerate(pages) for piece in pieces_of(page, number)]
    blocks, heading = reflow(pieces, outline)
    extracted = assemble(blocks, max_characters=reading.max_characters, title=title, report=report)
    return dataclasses.replace(extracted, heading=heading, page_labels=labels)


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
        if len(document) > MAX_PAGES:
            raise UnreadableError(f"has more than {MAX_PAGES} pages: split it")
        if not len(document):
            raise UnreadableError("has no pages: open it in a viewer and save it again")
        if document.get_formtype() != pdfium.FORMTYPE_NONE:
            document.init_forms()
        yield document
    finally:
        document.close()


def _labels(document: Any) -> tuple[str, ...] | None:
    """What pages are called; None if that is their numbers."""
    labels = [one_line(document.get_page_label(index)) for index in range(len(document))]
    if all(label in ("", str(number)) for number, label in enumerate(labels, 1)):
        return None
    return tuple(label or str(number) for number, label in enumerate(labels, 1))


def _outline(document: Any) -> Iterator[Bookmark]:
    for count, entry in enumerate(document.get_toc()):
        if count >= _MOST_BOOKMARKS:
            return
        target = entry.get_dest()
        page = target.get_index() if target else None
        if page is not None:
            yield Bookmark(one_line(entry.get_title()), page, entry.level + 1)


def _pages(document: Any, room: int, report: ReadingReport) -> Iterator[Page]:
    report.pages = len(document)
    for index in range(len(document)):
        page = _page(document, index, room, report)
        room -= sum(len(run.text) for way in page.writing for run in way.runs)
        page_read(index + 1, len(document))
        yield page


def _page(document: Any, index: int, room: int, report: ReadingReport) -> Page:
    """One page; without anything on it if it cannot be read."""
    nothing = Page([], Rulings([], []), 0, 0)
    page = pdfium.FPDF_LoadPage(document, index)
    if not page:
        report.unreadable.append(f"page {index + 1}: is damaged")
        return nothing
    form = document.formenv
    try:
        if form:
            pdfium.FORM_OnAfterLoadPage(page, form)  # or no box is ticked
        frame = frame_of(page)
        characters = read_characters(page, frame, room)
        if characters is None:
            report.unreadable.append(f"page {index + 1}: is damaged")
            return nothing
        if (characters.codes == UNMAPPED).sum() > _MOSTLY_UNMAPPED * len(characters.codes):
            report.unreadable.append(f"page {index + 1}: {_MEANINGLESS}")
            return Page([], Rulings([], []), frame.width, frame.height)
        report.leave_out("characters that nobody sees", characters.unseen)
        rulings, pictures = read_rulings(page, frame)
        writing = writing_of(characters, rulings, frame.height)
        writing = with_fields(writing, read_fields(page, form, frame, report))
        if not writing:
            report.pages_without_text.append(index + 1)
        elif pictures:
            report.leave_out("pictures", pictures)
        return Page(writing, rulings, frame.width, frame.height)
    finally:
        if form:
            pdfium.FORM_OnBeforeClosePage(page, form)
        pdfium.FPDF_ClosePage(page)


def _recognise(document: Any, pages: list[Page], report: ReadingReport) -> None:
    """Put what can be recognised onto the pages that have no text, or none with a meaning."""
    found = []
    empty = [number for number, page in enumerate(pages) if page.width and not page.writing]
    by = engine() if empty else ""
    for place, number in enumerate(empty):
        page_read(place, len(empty))
        page = pages[number]
        scale = min(DOTS_PER_INCH / 72, MOST_DOTS / max(page.width, page.height))
        bitmap = document[number].render(scale=scale, rev_byteorder=True)
        page.writing = recognised(bitmap.to_numpy()[:, :, :3], 1 / scale)
        if page.writing:
            found.append(number + 1)
    if empty:
        page_read(len(empty), len(empty))
    if found:
        report.guessed.append(f"the text of pages {_listed(found)} was recognised by {by}")
        known = {f"page {number}: {_MEANINGLESS}" for number in found}
        report.unreadable = [line for line in report.unreadable if line not in known]
        report.pages_without_text = [
            number for number in report.pages_without_text if number not in found
        ]


def _listed(numbers: list[int]) -> str:
    """Numbers with runs of them shortened: 1, 3-5."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)


def _nothing(report: ReadingReport) -> str:
    if report.pages_without_text:
        return "has no text in its pages, probably a scan: recognise it with --ocr"
    if any(line.endswith(_MEANINGLESS) for line in report.unreadable):
        return "has fonts that do not say which characters they show: recognise them with --ocr"
    return "is damaged, not one page can be read: open it in a viewer and save it again"


def _leave_out_running_lines(pages: list[Page], report: ReadingReport) -> None:
    """Take away the running headers, footers and page numbers."""
    upright = [(_upright(page), page.height) for page in pages]
    running = running_lines(upright)
    gone = {id(run) for line in running for run in line}
    if all(id(run) in gone for page in pages for way in page.writing for run in way.runs):
        return  # pages that say nothing else
    for runs, _ in upright:
        runs[:] = [run for run in runs if id(run) not in gone]
    report.leave_out("running headers and footers", len(running))
    _leave_out_watermarks(pages, report)


def _leave_out_watermarks(pages: list[Page], report: ReadingReport) -> None:
    """Take away what is written askew in the same place of several pages."""
    seen: dict[tuple[str, int, int], list[Run]] = defaultdict(list)
    for page in pages:
        for way in page.writing:
            for run in way.runs if way.angle % 90 else ():
                seen[run.text, way.angle, round(run.baseline / 4)].append(run)
    enough = min(3, max(2, len(pages)))
    gone = {id(run) for runs in seen.values() if len(runs) >= enough for run in runs}
    for page in pages if gone else ():
        for way in page.writing:
            way.runs[:] = [run for run in way.runs if id(run) not in gone]
        page.writing = [way for way in page.writing if way.runs]
    report.leave_out("watermarks", len(gone))


def _upright(page: Page) -> list[Run]:
    return next((way.runs for way in page.writing if way.angle == 0), [])
