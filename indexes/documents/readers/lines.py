"""The lines of a text, with their places."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line: where it begins, where its text ends, and its text."""

    start: int
    end: int
    text: str

    @property
    def indent(self) -> int:
        """How many characters stand before its first word."""
        return len(self.text) - len(self.text.lstrip())


def lines_of(text: str) -> Iterator[Line]:
    """All lines, without their breaks."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield Line(start, end, text[start:end].rstrip("\r"))
        start = end + 1
