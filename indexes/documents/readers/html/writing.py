"""Elements → blocks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from indexes.documents.blocks import (
    Block,
    Code,
    Heading,
    Item,
    Note,
    Paragraph,
    Table,
    table_of,
)
from indexes.documents.readers.cells import flattened, raised
from indexes.documents.readers.html.formulas import linear
from indexes.documents.readers.html.grids import Grid
from indexes.documents.readers.html.notes import is_note, marked, reference, says_nothing
from indexes.documents.readers.html.tree import Element
from indexes.documents.readers.word.numbers import letters, roman

_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details",
        "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form",
        "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "html", "legend", "li",
        "main", "menu", "nav", "ol", "option", "p", "pre", "search", "section", "summary", "table",
        "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "listing", "xmp", "plaintext",
    }
)  # fmt: skip
_LISTS = ("ul", "ol", "menu", "dir")
_PREFORMATTED = ("pre", "listing", "xmp", "plaintext")
_SHOWN_INPUTS = ("", "text", "number", "date", "email", "tel", "url", "time", "datetime-local")
_COUNTERS: dict[str, Callable[[int], str]] = {
    "a": letters,
    "A": lambda number: letters(number).upper(),
    "i": roman,
    "I": lambda number: roman(number).upper(),
}
_STYLES = {
    "lower-alpha": "a", "lower-latin": "a", "upper-alpha": "A", "upper-latin": "A",
    "lower-roman": "i", "upper-roman": "I",
}  # fmt: skip
_LIST_STYLE = re.compile(r"list-style(?:-type)?\s*:\s*([\w-]{1,30})", re.IGNORECASE)
_SAYS_NOTHING = re.compile(
    r"\S+\.\w{2,4}|(?:image|img|photo|picture|logo|icon|spacer) ?\d*", re.IGNORECASE
)
# White space that survives the collapsing of white space; the text holds no control characters.
_LINE_BREAK = "\x00"
# Soft hyphens and what has no width.
_INVISIBLE = dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF))
_VALUE = "£€$¥+-−(#"
_LONG_CELL = 400
_LARGEST_NUMBER = 10**9


@dataclass
class _List:
    """An open list: its next number, and how it counts."""

    ordered: bool
    next: int = 1
    step: int = 1
    write: Callable[[int], str] = str


@dataclass
class _Entry:
    """An open item of a list, and whether its marker was written."""

    marker: str
    depth: int
    begun: bool = False


class Writer:
    """Walks over elements and makes blocks of them.

    Args:
        marks: of the notes that the page refers to, by their ids
    """

    def __init__(self, marks: Mapping[str, str]) -> None:
        self._marks = marks
        self.blocks: list[Block] = []
        self._buffer: list[str] = []
        self._lists: list[_List] = []
        self._entries: list[_Entry] = []
        self._term = ""
        self._within_heading = False

    def write(self, element: Element) -> list[Block]:
        """The blocks of all that is in an element."""
        self._children(element)
        self._flush()
        self._end_term()
        return self.blocks

    def _of_a_heading(self, element: Element) -> list[Block]:
        writer = Writer(self._marks)
        writer._within_heading = True
        return writer.write(element)

    def _children(self, element: Element) -> None:
        apart = element.tag in ("div", "li") and _holds_spans(element)
        for child in element.children:
            if isinstance(child, str):
                self._buffer.append(child)
                continue
            if apart and self._buffer:
                self._buffer.append(_between(self._buffer[-1], child))
            self._element(child)

    def _element(self, element: Element) -> None:
        tag = element.tag
        if tag in _BLOCKS:
            self._flush()
            self._block(element)
            self._flush()
        elif tag == "br":
            self._buffer.append(_LINE_BREAK)
        elif tag == "img" or tag == "area":
            self._picture(element)
        elif tag == "input":
            self._input(element)
        elif tag == "math":
            self._buffer.append(f" {linear(element)} ")
        elif tag in ("a", "sup") and (mark := reference(element)):
            self._buffer.append(f"[{mark}]")
        elif tag == "a" and says_nothing(element):
            return
        elif tag == "sup":
            self._raised(element)
        elif tag == "button":
            self._button(element)
        elif tag == "q":
            self._buffer.append("“")
            self._children(element)
            self._buffer.append("”")
        elif tag == "rt":
            self._buffer.append(f"({element.text()})")
        elif tag != "rp":
            self._children(element)

    def _block(self, element: Element) -> None:
        tag = element.tag
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            text = flattened(self._of_a_heading(element))
            if text:
                self.blocks.append(Heading(text, int(tag[1])))
        elif is_note(element):
            text = flattened(Writer(self._marks).write(element))
            mark, text = marked(element, text, self._marks)
            self.blocks.append(Note(text, mark))
        elif tag in _PREFORMATTED:
            self._code(element)
        elif tag == "table":
            self._table(element)
        elif tag in _LISTS:
            self._lists.append(_list(element))
            self._children(element)
            self._flush()
            self._lists.pop()
        elif tag == "li":
            self._item(element)
        elif tag == "dt":
            term = flattened(self._of_a_heading(element))
            self._term = f"{self._term}, {term}" if self._term and term else self._term or term
        elif tag == "dd":
            self._definition(element)
        else:
            self._children(element)
            self._flush()
            if tag == "dl":
                self._end_term()

    # Lists

    def _item(self, element: Element) -> None:
        marker = "•"
        if self._lists and (current := self._lists[-1]).ordered:
            value = element.says("value")
            if value.lstrip("-").isdecimal() and len(value) < 10:
                current.next = int(value)
            marker = f"{current.write(current.next)}."
            current.next += current.step
        self._entries.append(_Entry(marker, max(len(self._lists) - 1, 0)))
        self._children(element)
        self._flush()
        self._entries.pop()

    def _definition(self, element: Element) -> None:
        term, self._term = self._term, ""
        blocks = Writer(self._marks).write(element)
        first = blocks[0] if blocks else None
        if term and isinstance(first, Paragraph):
            joint = " " if term.endswith((":", "?", "!", ".")) else ": "
            blocks[0] = Item(f"{term}{joint}{first.text}", "")
        elif term:
            self.blocks.append(Paragraph(term))
        self.blocks += blocks

    def _end_term(self) -> None:
        if self._term:
            self.blocks.append(Paragraph(self._term))
            self._term = ""

    # Tables

    def _table(self, element: Element) -> None:
        grid = Grid.of(element)
        if grid.caption is not None:
            self._children(grid.caption)
            self._flush()
        held = {cell: Writer(self._marks).write(cell) for cell in grid.cells()}
        if _only_places(element, grid, list(held.values())):
            for blocks in held.values():
                self.blocks += blocks
        else:
            texts = grid.texts(lambda cell: flattened(held[cell]))
            table = table_of(texts, grid.header_rows())
            if table is not None:
                self.blocks.append(table)
        self._children(Element("div", children=list(grid.misplaced(element))))
        self._flush()

    # Text

    def _code(self, element: Element) -> None:
        text = "".join(_lines(element)).replace("\r\n", "\n").strip("\n")
        if not text.strip():
            return
        inside = any(child.tag in ("code", "span", "samp", "kbd") for child in element.elements())
        if inside or not _is_prose(text):
            self.blocks.append(Code(text))
        else:
            self.blocks += [Paragraph(part) for part in re.split(r"\n[ \t]*\n", text)]

    def _picture(self, element: Element) -> None:
        said = " ".join((element.attributes.get("alt") or "").split())
        if len(said) > 1 and any(map(str.isalpha, said)) and not _SAYS_NOTHING.fullmatch(said):
            self._buffer.append(f" {said} ")

    def _input(self, element: Element) -> None:
        kind = element.says("type")
        if kind in ("checkbox", "radio"):
            self._buffer.append(" ☒ " if "checked" in element.attributes else " ☐ ")
        elif kind in _SHOWN_INPUTS:
            self._buffer.append(f" {element.attributes.get('value') or ''} ")

    def _button(self, element: Element) -> None:
        """One that opens what is below it; of a word or two ("Menu"), only within a heading."""
        if self._within_heading:
            self._children(element)
        elif len(element.text().split()) > 2:
            self._flush()
            self._children(element)
            self._flush()

    def _raised(self, element: Element) -> None:
        text = element.text()
        before = self._buffer[-1][-1:] if self._buffer else ""
        if any(True for _ in element.elements()) or (shown := raised(text, before)) == text:
            self._children(element)
        else:
            self._buffer.append(shown)

    def _flush(self) -> None:
        """End a paragraph."""
        if not self._buffer:
            return
        whole = "".join(self._buffer).translate(_INVISIBLE)
        self._buffer.clear()
        lines = [" ".join(line.split()) for line in whole.split(_LINE_BREAK)]
        # Two line breaks are how many end a paragraph.
        for text in "\n".join(lines).split("\n\n"):
            if text.strip():
                self._paragraph(text.strip())

    def _paragraph(self, text: str) -> None:
        if not self._entries:
            self.blocks.append(Paragraph(text))
            return
        entry = self._entries[-1]
        marker, depth = ("", entry.depth + 1) if entry.begun else (entry.marker, entry.depth)
        self.blocks.append(Item(text, marker, depth))
        entry.begun = True


def _holds_spans(element: Element) -> bool:
    """Whether it holds nothing but spans: a style sets a label and its value apart."""
    children = element.children
    return len(children) > 1 and all(
        isinstance(child, Element) and child.tag == "span" for child in children
    )


def _between(before: str, after: Element) -> str:
    word = after.text()[:1]
    return " " if before[-1:].isalnum() and (word.isalnum() or word in _VALUE) else ""


def _lines(element: Element) -> list[str]:
    """The text of a listing, its lines as they stand."""
    parts: list[str] = []
    for child in element.children:
        if isinstance(child, str):
            parts.append(child)
        elif child.tag == "br":
            parts.append("\n")
        else:
            parts += _lines(child)
            if child.tag in ("div", "p", "li", "tr") and parts and not parts[-1].endswith("\n"):
                parts.append("\n")
    return parts


def _is_prose(text: str) -> bool:
    """Whether lines are those of running text, as in a letter that was typed."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    long = sum(len(line) >= 6 for line in lines)
    words = sum(word.strip("\"'(),.;:!?").isalpha() for line in lines for word in line)
    return long > len(lines) / 2 and words > 0.8 * sum(map(len, lines))


def _list(element: Element) -> _List:
    if element.tag != "ol":
        return _List(ordered=False)
    style = _LIST_STYLE.search((element.attributes.get("style") or "")[:1000])
    kind = element.attributes.get("type") or (_STYLES.get(style[1].lower(), "") if style else "")
    made = _List(ordered=True, write=_COUNTERS.get(kind, str))
    start = element.says("start")
    backwards = "reversed" in element.attributes
    if start.lstrip("-").isdecimal() and len(start) < 10:
        made.next = int(start)
    elif backwards:
        made.next = sum(child.tag == "li" for child in element.elements())
    made.step = -1 if backwards else 1
    return made


def _only_places(table: Element, grid: Grid, cells: list[list[Block]]) -> bool:
    """Whether a table only places things on the page, as they did before style sheets."""
    if table.says("role") in ("presentation", "none") or len(cells) <= 1:
        return True
    structured = [
        blocks for blocks in cells if any(isinstance(block, (Table, Heading)) for block in blocks)
    ]
    if structured:
        in_one_line = len(grid.rows) == 1 or len(cells) == len(grid.rows)
        return in_one_line or max(len(flattened(blocks)) for blocks in structured) > _LONG_CELL
    several = any(
        len(blocks) > 1 and not all(isinstance(block, (Item, Note)) for block in blocks)
        for blocks in cells
    )
    longest = max(len(flattened(blocks)) for blocks in cells)
    headed = grid.head or any(cell.tag == "th" for cell in grid.cells())
    return several and longest > _LONG_CELL and not headed
