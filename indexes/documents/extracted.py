"""What reading a file yields, whatever its format."""

import re
from dataclasses import dataclass, field
from typing import Literal

from indexes.documents.blocks import Mark
from indexes.documents.report import ReadingReport
from indexes.documents.structure import HeadingSpan, Structure, TableSpan

__all__ = [
    "Extracted",
    "HeadingSpan",
    "PageKind",
    "Picture",
    "Structure",
    "TableSpan",
    "UnreadableError",
    "one_line",
    "storable",
]

# Control characters (tab and newline are text), lone surrogates and the two
# noncharacters break JSON, XML or the engine's strings somewhere down the road.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

PageKind = Literal["page", "slide", "sheet", "chapter"]


# Why a picture gives no text where recognising it was not asked for.
IS_A_PICTURE = "is a picture: recognise its text with --ocr"


class UnreadableError(Exception):
    """Why a file gives no text, and the fix; the loader adds the file's name."""

    def __init__(self, message: str) -> None:
        # Parsers' own words, which are often in it, may take several lines.
        super().__init__(" ".join(message.splitlines()))


@dataclass(frozen=True)
class Picture:
    """A page as it looks: a PNG in base64, and the page's size in points."""

    png: str
    width: float
    height: float


@dataclass(frozen=True)
class Extracted:
    """The text of one file. Offsets are Unicode characters of `text`.

    Attributes:
        text: the document's text.
        title: the title the file itself declares, or None.
        heading: its first heading, or None.
        page_starts: for a format with pages, the offset at which each begins, ascending.
        page_labels: what each page is called, where that is not its number.
        page_kind: what its pages are.
        structure: headings, tables and code.
        layout: for a format with a layout, where runs of characters stand; `at` counts in `text`.
        report: what was read and what was not.
        picture: of a page, where that was asked for instead.
    """

    text: str
    title: str | None = None
    heading: str | None = None
    page_starts: tuple[int, ...] | None = None
    page_labels: tuple[str, ...] | None = None
    page_kind: PageKind = "page"
    structure: Structure = field(default_factory=Structure)
    layout: tuple[Mark, ...] = ()
    report: ReadingReport = field(default_factory=ReadingReport)
    picture: Picture | None = None


def storable(text: str, replacement: str = "") -> str:
    """The text without characters that cannot be stored as JSON or UTF-8."""
    return _UNSTORABLE.sub(replacement, text)


def one_line(text: str) -> str:
    """The text with every run of white space made one space."""
    return " ".join(storable(text, " ").split())
