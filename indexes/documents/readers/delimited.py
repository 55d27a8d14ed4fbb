"""CSV and TSV: a table, with its delimiter found by trying."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice

from indexes.documents.assembly import assemble
from indexes.documents.extracted import Extracted
from indexes.documents.reader import Reading
from indexes.documents.readers.decoding import decode
from indexes.documents.readers.regions import Sheet, blocks_of
from indexes.documents.report import ReadingReport

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 60
_LONGEST_LINE = 10_000
_LONGEST_CELL = 1 << 20
# Marks that are never closed: each is looked for to the end of the file.
_MOST_MENDED = 100
# Two cells, so that no mark before them makes the same of them.
_END = ["\x1e", "\x1e"]


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
    sheet = Sheet.of(rows_of(text, delimiter))
    return assemble(blocks_of(sheet), max_characters=reading.max_characters, report=report)


def delimiter_of(text: str) -> str:
    """What most evenly divides the first lines."""
    lines = [line for line in text[:200_000].splitlines() if line.strip()][:_SAMPLE_LINES]
    sample = "\n".join(line[:_LONGEST_LINE] for line in lines)
    best, delimiter = 0.0, ","
    for candidate in _DELIMITERS:
        widths = Counter(map(len, rows_of(sample, candidate)))
        width, count = max(widths.items(), key=lambda item: (item[0] > 1) * item[1])
        even = (width > 1) * count / sum(widths.values()) + 0.001 * min(width, 50)
        if width > 1 and even > best:
            best, delimiter = even, candidate
    return delimiter


def rows_of(text: str, delimiter: str) -> list[list[str]]:
    """Its rows. A quotation mark that no other closes is one of the text, not of the format."""
    csv.field_size_limit(_LONGEST_CELL)
    lines = list(io.StringIO(text, newline=""))
    rows: list[list[str]] = []
    at = mended = 0
    while at < len(lines):
        for row, count in _records(lines, at, delimiter, quoted=mended < _MOST_MENDED):
            behind = at + count
            if row is None or behind > len(lines) or _stray(lines[at:behind], row, delimiter):
                rows.append(lines[at].rstrip("\r\n").split(delimiter))
                at, mended = at + 1, mended + 1
                break
            rows.append(row)
            at = behind
    return rows


def _records(
    lines: list[str], first: int, delimiter: str, *, quoted: bool
) -> Iterator[tuple[list[str] | None, int]]:
    """Rows from a line on, each with how many lines it takes; None for one that never ends."""
    from_there = chain(islice(lines, first, None), [delimiter.join(_END)])
    reader = csv.reader(
        from_there,
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    read = 0
    try:
        for row in reader:
            if reader.line_num <= len(lines) - first or row != _END:
                yield row, reader.line_num - read
            read = reader.line_num
    except csv.Error:
        yield None, 1


def _stray(lines: list[str], row: list[str], delimiter: str) -> bool:
    """Whether lines read as one row are rows of their own: tabs seldom stand in a cell."""
    return (
        delimiter == "\t"
        and len(lines) > 1
        and all(line.count(delimiter) == len(row) - 1 > 0 for line in lines)
    )
