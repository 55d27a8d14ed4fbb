"""A page of a PDF as a picture, drawn by PDFium; for `indexes.documents.pictures`."""

import base64
import math
from io import BytesIO

import pypdfium2 as pdfium

from indexes.documents.extracted import Extracted, Picture, UnreadableError
from indexes.documents.reader import Reading

_MOST_PIXELS = 6_000_000
# PDFium's own limit, and the least that shows anything.
_SIDES = (1.0, 14_400.0)


def read(data: bytes, reading: Reading) -> Extracted:
    """The page that `reading` names, about as wide as it says."""
    document = pdfium.PdfDocument(data)
    try:
        if not 1 <= reading.page <= len(document):
            raise UnreadableError(f"has no page {reading.page:,}")
        page = document[reading.page - 1]
        width, height = page.get_size()
        if not all(_SIDES[0] <= side <= _SIDES[1] for side in (width, height)):
            raise UnreadableError("has a page of a size that can't be drawn")
        scale = min(reading.width / width, math.sqrt(_MOST_PIXELS / (width * height)))
        drawn = page.render(scale=scale, may_draw_forms=True).to_pil()
        file = BytesIO()
        drawn.convert("RGB").save(file, "PNG")
        png = base64.b64encode(file.getvalue()).decode()
        return Extracted(text="", picture=Picture(png, round(width, 2), round(height, 2)))
    finally:
        document.close()
