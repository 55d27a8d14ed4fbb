"""A document at a place, for reading: the page as it looks beside its text, with marks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from markupsafe import Markup

from indexes.documents.layout import Box
from indexes.sentences import sentence_spans

from .markup import html, joined

if TYPE_CHECKING:
    from indexes.store.points import Manifest

_CELL = " | "
_RULE = re.compile(r"[|\s:-]+")
_TOKEN = re.compile(r"\w+")


@dataclass(frozen=True)
class Part:
    """What is shown of a document at a time.

    Attributes:
        start, end: characters of the document
        page: its page, from 1; 0 where there are none
        name: what the page is called
    """

    start: int
    end: int
    page: int
    name: str


@dataclass(frozen=True)
class Sheet:
    """A page's picture.

    Attributes:
        page: its number
        width, height: in points
        boxes: what is marked on it, in the same
        error: why there is none
    """

    page: int
    width: float
    height: float
    boxes: tuple[Box, ...]
    error: str = ""


@dataclass(frozen=True)
class Opened:
    """A document, opened at a place.

    Attributes:
        manifest: the document
        text: of the part that is shown
        parts: all of them
        place: which of them is shown
        passage: what a lane was given of the document, if that is where it was opened
        marked: the place itself
        words: the question's, case folded
        question: as it was asked
        sheet: the page's picture, where there is one
        has_file: whether the original can be saved
    """

    manifest: "Manifest"
    text: str
    parts: tuple[Part, ...]
    place: int
    passage: tuple[int, int]
    marked: tuple[int, int]
    words: frozenset[str]
    question: str
    sheet: Sheet | None
    has_file: bool

    @property
    def part(self) -> Part:
        """The part of the document that is shown."""
        return self.parts[self.place]


def opened(shown: Opened) -> str:
    """The dialog's content."""
    manifest = shown.manifest
    return html(
        '<article class="source" data-document="{id}" data-place="{place}" data-parts="{parts}">'
        '<header><div><h2 id="source-title" tabindex="-1">{title}</h2><p class="where">{where}</p>'
        '</div><nav aria-label="Document">{nav}</nav></header>'
        '<div class="sides{alone}">{sheet}<section class="words" tabindex="0" '
        'aria-label="Text">{text}</section></div></article>',
        id=manifest.document_id,
        place=shown.place,
        parts=len(shown.parts),
        title=manifest.title or manifest.source,
        where=_where(shown),
        nav=_buttons(shown),
        alone="" if shown.sheet else " alone",
        sheet=_sheet(shown),
        text=_text(shown),
    )


def _where(shown: Opened) -> str:
    part, count = shown.part, len(shown.manifest.page_starts or ())
    if part.page:
        return f"{part.name} of {count:,} · {shown.manifest.source}"
    if len(shown.parts) > 1:
        return f"part {shown.place + 1:,} of {len(shown.parts):,} · {shown.manifest.source}"
    return shown.manifest.source


def _buttons(shown: Opened) -> Markup:
    last = len(shown.parts) - 1
    what = "page" if shown.part.page else "part"
    steps = joined(
        html(
            '<button type="button" data-part="{}"{}>{}<span class="sr"> {}</span></button>',
            place,
            html("") if 0 <= place <= last else html(" disabled"),
            name,
            what,
        )
        for place, name in ((shown.place - 1, "‹ Previous"), (shown.place + 1, "Next ›"))
    )
    zoom = (
        html(
            '<button type="button" data-zoom="-1" aria-label="Smaller">−</button>'
            '<button type="button" data-zoom="1" aria-label="Larger">+</button>'
        )
        if shown.sheet and not shown.sheet.error
        else Markup("")
    )
    address = urlencode({"document": shown.manifest.document_id})
    file = (
        html('<a href="source/file?{}" download>Save the original</a>', address)
        if shown.has_file
        else html("<small>The original isn't kept here, only its text.</small>")
    )
    mark = html(
        '<button type="button" data-marking aria-pressed="false">Mark evidence</button>'
        '<span class="marking" role="status"></span>'
    )
    close = html('<button type="button" class="close" data-close>Close</button>')
    return html("{}{}{}{}{}", steps, zoom, mark, file, close)


# The page


def _sheet(shown: Opened) -> Markup:
    sheet = shown.sheet
    if sheet is None:
        return Markup("")
    if sheet.error:
        return html('<p class="notice error sheet">{}</p>', sheet.error)
    address = urlencode({"document": shown.manifest.document_id, "page": sheet.page})
    marks = joined(
        html(
            '<i style="left:{}%;top:{}%;width:{}%;height:{}%"></i>',
            f"{100 * left / sheet.width:.3f}",
            f"{100 * top / sheet.height:.3f}",
            f"{100 * (right - left) / sheet.width:.3f}",
            f"{100 * (bottom - top) / sheet.height:.3f}",
        )
        for left, top, right, bottom in sheet.boxes
    )
    told = "the marked passage is in the text beside it" if sheet.boxes else "nothing is marked"
    return html(
        '<figure class="sheet" tabindex="0" aria-label="{name}"><div class="page" '
        'style="aspect-ratio:{width}/{height}"><img src="source/page?{address}&width=1000" '
        'data-large="source/page?{address}&width=1800" alt="{name} as it looks; {told}">{marks}'
        "</div></figure>",
        name=shown.part.name,
        width=f"{sheet.width:g}",
        height=f"{sheet.height:g}",
        address=address,
        told=told,
        marks=marks,
    )


# The text


def _text(shown: Opened) -> Markup:
    """Paragraphs and tables, sentence by sentence, with what was marked in them."""
    if not shown.text.strip():
        return html('<p class="hint">There is no text here.</p>')
    return joined(_blocks(shown))


def _blocks(shown: Opened) -> Iterator[Markup]:
    lines: list[tuple[int, str]] = []
    at = 0
    for line in shown.text.split("\n"):
        lines.append((at, line))
        at += len(line) + 1
    rows: list[tuple[int, str]] = []
    prose: list[tuple[int, str]] = []
    for start, line in [*lines, (at, "")]:
        is_row = _CELL in line or line.startswith("|")
        if is_row and prose:
            yield _prose(shown, prose)
            prose = []
        if not is_row and rows:
            yield _rows(shown, rows)
            rows = []
        if is_row:
            rows.append((start, line))
        elif line.strip():
            prose.append((start, line))
        elif prose:
            yield _prose(shown, prose)
            prose = []


def _prose(shown: Opened, lines: list[tuple[int, str]]) -> Markup:
    start, end = lines[0][0], lines[-1][0] + len(lines[-1][1])
    return html('<p dir="auto">{}</p>', _sentences(shown, start, end))


def _rows(shown: Opened, rows: list[tuple[int, str]]) -> Markup:
    if len(rows) == 1:
        return _prose(shown, rows)
    found = [
        html(
            "<tr>{}</tr>",
            joined(
                html('<td dir="auto">{}</td>', _sentences(shown, start, end))
                for start, end in _cells(at, line)
            ),
        )
        for at, line in rows
        if not _RULE.fullmatch(line)
    ]
    return html(
        '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table><tbody>{}'
        "</tbody></table></div>",
        joined(found),
    )


def _cells(at: int, line: str) -> Iterator[tuple[int, int]]:
    """Where a row's cells are: of our readers' tables, or of Markdown's."""
    framed = line.startswith("|")
    between = "|" if framed else _CELL
    cells = line.rstrip().removesuffix("|").split(between) if framed else line.split(between)
    for place, cell in enumerate(cells):
        if place or not framed:
            yield at, at + len(cell)
        at += len(cell) + len(between)


def _sentences(shown: Opened, start: int, end: int) -> Markup:
    """Each sentence with its place in the document, for whoever marks some."""
    text = shown.text[start:end]
    base = shown.part.start + start
    spans = sentence_spans(text) or [(0, len(text))]
    found = []
    done = 0
    for first, last in spans:
        found.append(html("{}", text[done:first]))
        found.append(
            html(
                '<span class="sentence" data-start="{}" data-end="{}">{}</span>',
                base + first,
                base + last,
                joined(_pieces(shown, text[first:last], base + first)),
            )
        )
        done = last
    found.append(html("{}", text[done:]))
    return joined(found)


def _pieces(shown: Opened, text: str, base: int) -> Iterator[Markup]:
    """Text with the place, the passage around it, and the question's words marked."""
    cuts = {0, len(text)}
    for start, end in (shown.marked, shown.passage):
        cuts |= {min(max(edge - base, 0), len(text)) for edge in (start, end)}
    edges = sorted(cuts)
    for first, last in pairwise(edges):
        inside = joined(_with_words(text[first:last], shown.words))
        if shown.marked[0] <= base + first and base + last <= shown.marked[1]:
            yield html('<mark class="place">{}</mark>', inside)
        elif shown.passage[0] <= base + first and base + last <= shown.passage[1]:
            yield html('<span class="given">{}</span>', inside)
        else:
            yield inside


def _with_words(text: str, words: frozenset[str]) -> Iterator[Markup]:
    done = 0
    for match in _TOKEN.finditer(text) if words else ():
        word = match[0].casefold()
        if word in words or (word.endswith("s") and word[:-1] in words) or f"{word}s" in words:
            yield html('{}<b class="word">{}</b>', text[done : match.start()], match[0])
            done = match.end()
    yield html("{}", text[done:])
