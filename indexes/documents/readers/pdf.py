"""PDF."""

from indexes.documents.extracted import Extracted
from indexes.documents.pdf import read_pdf
from indexes.documents.reader import Reading


def read(data: bytes, reading: Reading) -> Extracted:
    """The text of a PDF."""
    return read_pdf(data, reading.max_characters)
