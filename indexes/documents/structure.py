"""What is known of a text beside its characters: headings, tables, code."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True, slots=True)
class HeadingSpan:
    """A heading in the text; level 1 is the outermost."""

    start: int
    end: int
    level: int


@dataclass(frozen=True, slots=True)
class TableSpan:
    """A table in the text: where it and each of its rows begin, and its header ends.

    Attributes:
        start, end: the table.
        header_end: where its header rows end; `start` if it has none.
        rows: where each row begins, ascending; the first is `start`.
        numbers: what the file calls each of them, if it numbers them.
    """

    start: int
    end: int
    header_end: int
    rows: tuple[int, ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Structure:
    """Headings, tables (which never overlap) and code spans of a text, in order, by characters."""

    headings: tuple[HeadingSpan, ...] = ()
    tables: tuple[TableSpan, ...] = ()
    code: tuple[tuple[int, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The same as JSON can hold it, for a document's metadata."""
        return {
            "headings": [[span.start, span.end, span.level] for span in self.headings],
            "tables": [
                [table.start, table.end, table.header_end, list(table.rows), list(table.numbers)]
                for table in self.tables
            ],
            "code": [list(span) for span in self.code],
        }

    @classmethod
    def of(cls, given: Any, length: int) -> "Structure":
        """What `to_json` gave; nothing if it is none, or not that of a text of this length."""
        try:
            found = cls(
                tuple(HeadingSpan(*map(int, span)) for span in given["headings"]),
                tuple(
                    TableSpan(
                        int(start),
                        int(end),
                        int(header),
                        tuple(map(int, rows)),
                        tuple(map(int, of)),
                    )
                    for start, end, header, rows, of in given["tables"]
                ),
                tuple((int(start), int(end)) for start, end in given["code"]),
            )
        except (KeyError, TypeError, ValueError):
            return cls()
        return found if found._fits(length) else cls()

    def _fits(self, length: int) -> bool:
        runs = (
            [place for span in self.headings for place in (span.start, span.end)],
            [place for table in self.tables for place in (table.start, *table.rows, table.end)],
            [place for span in self.code for place in span],
        )
        headers = all(table.start <= table.header_end <= table.end for table in self.tables)
        return headers and all(
            left <= right for run in runs for left, right in pairwise([0, *run, length])
        )
