"""What reading a file yields, whatever its format."""

import re
from dataclasses import dataclass

# Control characters (tab and newline are text), lone surrogates and the two
# noncharacters break JSON, XML or the engine's strings somewhere down the road.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class UnreadableError(Exception):
    """Why a file gives no text, and the fix; the loader adds the file's name."""


@dataclass(frozen=True)
class Extracted:
    """The text of one file. Offsets are Unicode characters of `text`.

    Attributes:
        text: The document's text.
        title: The title the file itself declares, or None.
        heading: Its first heading, or None.
        page_starts: For a PDF, the offset at which each page begins, ascending.
    """

    text: str
    title: str | None = None
    heading: str | None = None
    page_starts: tuple[int, ...] | None = None


def storable(text: str, replacement: str = "") -> str:
    """The text without characters that cannot be stored as JSON or UTF-8."""
    return _UNSTORABLE.sub(replacement, text)


def one_line(text: str) -> str:
    """The text with every run of white space made one space."""
    return " ".join(storable(text, " ").split())
