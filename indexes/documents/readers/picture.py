"""Pictures of text: scans and photographs, recognised when that is asked for."""

import io
from collections.abc import Iterator

import numpy as np

from indexes.documents.assembly import assemble
from indexes.documents.extracted import IS_A_PICTURE, Extracted, UnreadableError
from indexes.documents.ocr import DOTS_PER_INCH, MOST_DOTS, Picture, engine, recognised
from indexes.documents.pages import page_read
from indexes.documents.pdf.layout import Page, pieces_of
from indexes.documents.pdf.reflow import reflow
from indexes.documents.pdf.rulings import Rulings
from indexes.documents.reader import Reading
from indexes.documents.report import ReadingReport

_MOST_FRAMES = 500
_MOST_PIXELS = 100_000_000
_TOO_LARGE = "is too large a picture: scale it down"


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of a picture.

    Raises:
        UnreadableError: recognising it was not asked for, or is not possible.
    """
    if not reading.ocr:
        raise UnreadableError(IS_A_PICTURE)
    by = engine()
    report = ReadingReport()
    pieces = []
    for number, (picture, points, frames) in enumerate(_frames(data)):
        page_read(number, frames)
        writing = recognised(picture, points)
        report.pages += 1
        if not writing:
            report.pages_without_text.append(report.pages)
        height, width = picture.shape[:2]
        page = Page(writing, Rulings([], []), points * width, points * height)
        pieces += pieces_of(page, number)
    report.guessed.append(f"the text was recognised by {by}")
    blocks, heading = reflow(pieces)
    if not blocks:
        raise UnreadableError("has no text that can be recognised: leave it out")
    return assemble(blocks, max_characters=reading.max_characters, title=heading, report=report)


def _frames(data: bytes) -> Iterator[tuple[Picture, float, int]]:
    """Each page of a picture, how many points a dot is, and how many pages there are."""
    from PIL import Image, ImageOps, ImageSequence

    try:
        opened = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise UnreadableError(_TOO_LARGE) from error
    with opened as image:
        frames = getattr(image, "n_frames", 1)
        for number, frame in enumerate(ImageSequence.Iterator(image)):
            if number >= _MOST_FRAMES:
                raise UnreadableError(f"has more than {_MOST_FRAMES} pages: split it")
            if frame.width * frame.height > _MOST_PIXELS:
                raise UnreadableError(_TOO_LARGE)
            upright = ImageOps.exif_transpose(frame).convert("RGB")
            scale = min(1.0, MOST_DOTS / max(upright.size))
            if scale < 1:
                size = max(1, int(upright.width * scale)), max(1, int(upright.height * scale))
                upright = upright.resize(size)
            asked = frame.info.get("dpi", (0, 0))[0]
            dots = float(asked) if 50 <= float(asked) <= 2400 else DOTS_PER_INCH
            yield np.asarray(upright), 72 / dots / scale, frames
