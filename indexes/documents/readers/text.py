"""Plain text: exactly the file's characters."""

from indexes.documents.extracted import Extracted
from indexes.documents.reader import Reading
from indexes.documents.readers.decoding import decode
from indexes.documents.report import ReadingReport


def read(data: bytes, reading: Reading) -> Extracted:
    """The file's text.

    Raises:
        UnreadableError: it is binary, or in an encoding that cannot be told.
    """
    report = ReadingReport()
    return Extracted(decode(data).told(report), report=report)
