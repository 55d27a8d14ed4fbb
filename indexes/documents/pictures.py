"""What a page looks like: drawn where files are read, within the same limits.

    drawn = page_picture(path.read_bytes(), 3, width=1200)
    drawn.png, drawn.width, drawn.height

Boxes of a document's layout (`indexes.documents.layout`) are in the same points.
"""

import base64
from dataclasses import dataclass

from indexes.documents.extracted import UnreadableError
from indexes.documents.limits import Limits
from indexes.documents.reader import Reader, Reading
from indexes.documents.sandbox import read_limited
from indexes.errors import DocumentError

WIDTHS = (200, 2400)
# Of no registered format, so that the file is not read as what it is.
_PICTURES = Reader("PDF page", (), "application/pdf", "indexes.documents.pdf.picture:read")


@dataclass(frozen=True)
class PagePicture:
    """A drawn page: the PNG's bytes, and the page's width and height in points."""

    png: bytes
    width: float
    height: float


def page_picture(
    data: bytes, page: int, *, width: int = 1200, limits: Limits | None = None
) -> PagePicture:
    """A page of a PDF.

    Args:
        data: the file
        page: its number, from 1
        width: of the picture, in pixels, 200 to 2,400; less where the page is very high
        limits: what drawing it may take

    Raises:
        DocumentError: it can't be drawn, or not within these limits
    """
    width = min(max(width, WIDTHS[0]), WIDTHS[1])
    try:
        outcome = read_limited(_PICTURES, data, Reading(page=page, width=width), limits or Limits())
    except UnreadableError as error:
        raise DocumentError(f"page {page:,} can't be shown: the file {error}") from error
    picture = outcome.extracted.picture if outcome.extracted else None
    if picture is None:
        raise DocumentError(f"page {page:,} can't be shown: nothing was drawn")
    return PagePicture(base64.b64decode(picture.png), picture.width, picture.height)
