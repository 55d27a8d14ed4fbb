"""CSV and TSV: a table, with its delimiter found by trying."""

import csv
import io
from collections import Counter

from indexes.documents.assembly import assemble
from indexes.documents.extracted import Extracted
from indexes.documents.reader import Reading
from indexes.documents.readers.decoding import decode
from indexes.documents.readers.regions import Sheet, blocks_of
from indexes.documents.report import ReadingReport

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 60
_LONGEST_LINE = 10_000


def read(data: bytes, reading: Reading) -> Extracted:
    """The rows of a file of comma-separated values, whatever separates them.

    Raises:
        UnreadableError: it is binary, or in an encoding that cannot be told.
    """
    report = ReadingReport()
    text = decode(data).told(report).removeprefix("\ufeff")
    head, _, rest = text.partition("\n")
    delimiter = delimiter_of(text)
    if head.strip().lower().startswith("sep=") and len(head.strip()) == 5:  # what Excel writes
        text, delimiter = rest, head.strip()[4]
    sheet = Sheet.of(_rows(text, delimiter))
    return assemble(blocks_of(sheet), max_characters=reading.max_characters, report=report)


def delimiter_of(text: str) -> str:
    """What most evenly divides the first lines."""
    lines = [line for line in text[:200_000].splitlines() if line.strip()][:_SAMPLE_LINES]
    sample = "\n".join(line[:_LONGEST_LINE] for line in lines)
    best, delimiter = 0.0, ","
    for candidate in _DELIMITERS:
        widths = Counter(map(len, _rows(sample, candidate)))
        width, count = max(widths.items(), key=lambda item: (item[0] > 1) * item[1])
        even = (width > 1) * count / sum(widths.values()) + 0.001 * min(width, 50)
        if width > 1 and even > best:
            best, delimiter = even, candidate
    return delimiter


def _rows(text: str, delimiter: str) -> list[list[str]]:
    try:
        csv.field_size_limit(1 << 20)
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False))
    except csv.Error:  # a quotation mark that is never closed
        plain = csv.reader(io.StringIO(text), delimiter=delimiter, quoting=csv.QUOTE_NONE)
        csv.field_size_limit(1 << 30)
        return list(plain)
