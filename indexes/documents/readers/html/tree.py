"""Markup → a tree of elements that can be walked without fear.

libxml2 reads the markup as a stream of tags, so that neither depth nor a malformed tag can make
the work explode: Python's own `html.parser`, and Beautiful Soup on top of it, need half a minute
for 30 kB of `<a <a <a`; libxml2's own tree loses what is nested too deep, and takes minutes for
200,000 attributes. Nothing is ever fetched and no entity is resolved.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Union

from lxml import etree

from indexes.documents.extracted import UnreadableError, storable

MAX_DEPTH = 120
MAX_TAGS = 300_000
MAX_ELEMENTS = 150_000
MAX_PIECES = 1_500_000

_NO_ATTRIBUTES: Mapping[str, str] = {}
_ABSURD = "holds an absurd number of elements: split it"
# What holds no text that a reader of the page reads.
_NO_TEXT = frozenset(
    {
        "script", "style", "template", "noscript", "iframe", "object", "embed", "canvas", "audio",
        "video", "datalist", "noframes", "svg", "head", "link", "meta", "select",
        "button",
    }
)  # fmt: skip


# Tables that are made of other elements.
_ROLES = {
    "table": "table", "grid": "table", "rowgroup": "tbody", "row": "tr", "cell": "td",
    "gridcell": "td", "columnheader": "th", "rowheader": "th",
}  # fmt: skip
_HEADS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary"})


@dataclass(eq=False, slots=True)
class Element:
    """An element. What was nested too deep in it stands in it directly.

    Attributes:
        tag: its name, lower case, without a prefix.
        attributes: as they stand there.
        children: elements and text, in order.
        words, linked, links: how many words it holds, how many of them in links, and how many
            links, once they are counted.
        holds_main: whether the page's main text is in it, or is it.
    """

    tag: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: list[Union["Element", str]] = field(default_factory=list)
    words: int = 0
    linked: int = 0
    links: int = 0
    holds_main: bool = False

    def elements(self) -> "Iterator[Element]":
        """Its children that are elements."""
        return (child for child in self.children if isinstance(child, Element))

    def walk(self) -> "Iterator[Element]":
        """Itself and all elements in it."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(list(element.elements())))

    def text(self) -> str:
        """All text in it."""
        parts: list[str] = []
        waiting: list[Element | str] = [self]
        while waiting:
            node = waiting.pop()
            if isinstance(node, str):
                parts.append(node)
            else:
                waiting.extend(reversed(node.children))
        return "".join(parts)

    def says(self, name: str) -> str:
        """An attribute, lower case; "" without it."""
        return (self.attributes.get(name) or "").strip().lower()


@dataclass(frozen=True)
class Parsed:
    """A parsed page.

    Attributes:
        root: all that may be text
        title: from its `title`
        found: how often each element without text occurred, and `svg text` one with text
    """

    root: Element
    title: str
    found: Mapping[str, int]


def parsed(markup: str) -> Parsed:
    """A page's tree.

    Raises:
        UnreadableError: it cannot be parsed, or holds an absurd number of elements.
    """
    if markup.count("<") > MAX_TAGS:
        raise UnreadableError(_ABSURD)
    target = _Target()
    clean = storable(markup, " ")
    if clean.strip():
        parser = etree.HTMLParser(target=target, encoding="utf-8", no_network=True, huge_tree=True)
        try:
            etree.fromstring(clean.encode("utf-8"), parser=parser)
        except etree.LxmlError as error:
            raise UnreadableError(
                "is not readable HTML: open it in a browser and save it"
            ) from error
    return Parsed(target.root, " ".join("".join(target.title)[:1000].split()), target.found)


@lru_cache(maxsize=1000)
def _plain(tag: str) -> str:
    return tag.rpartition(":")[2].lower()


class _Target:
    """Receives tags and text from the parser."""

    def __init__(self) -> None:
        self.root = Element("html")
        self.title: list[str] = []
        self.found: dict[str, int] = {}
        self._open = [self.root]
        self._skipping: str | None = None
        self._skip_depth = 0
        self._in_title = self._lettered = self._chosen = False
        self._elements = self._pieces = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A tag opens."""
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise UnreadableError(_ABSURD)
        tag = _plain(tag)
        if tag == "title" and self._skipping != "svg":
            self._in_title = True
        if self._skipping:
            self._skip_depth += tag == self._skipping
            if tag == "text" and self._skipping == "svg":
                self._lettered = True
            if tag == "option":
                self._chosen = self._skipping == "select" and "selected" in attributes
        elif tag in _NO_TEXT and not (tag == "button" and self._opens(attributes)):
            self.found[tag] = self.found.get(tag, 0) + 1
            self._skipping, self._skip_depth = tag, 1
        else:
            if attributes and tag in ("div", "span", "ul", "li", "button"):
                tag = _ROLES.get((attributes.get("role") or "").lower(), tag)
            element = Element(tag, dict(attributes) if attributes else _NO_ATTRIBUTES)
            self._open[min(len(self._open), MAX_DEPTH) - 1].children.append(element)
            self._open.append(element)

    def _opens(self, attributes: Mapping[str, str]) -> bool:
        """Whether a button opens what stands below it, as a question does its answer."""
        return "aria-expanded" in attributes or any(
            above.tag in _HEADS for above in self._open[-3:]
        )

    def end(self, tag: str) -> None:
        """A tag closes; the parser balances what the file left open."""
        tag = _plain(tag)
        if tag == "title":
            self._in_title = False
        if self._skipping:
            self._skip_depth -= tag == self._skipping
            self._chosen = self._chosen and tag != "option"
            if self._skip_depth == 0:
                self._skipping = None
                if self._lettered:
                    self._lettered = False
                    self.found["svg text"] = self.found.get("svg text", 0) + 1
        elif len(self._open) > 1:
            self._open.pop()

    def data(self, text: str) -> None:
        """Text between tags."""
        self._pieces += 1
        if self._pieces > MAX_PIECES:
            raise UnreadableError(_ABSURD)
        if self._in_title:
            self.title.append(text[:1000])
        elif not self._skipping or self._chosen:
            text = f" {text} " if self._chosen else text
            self._open[min(len(self._open), MAX_DEPTH) - 1].children.append(text)

    def comment(self, text: str) -> None:
        """Comments are not text."""

    def pi(self, target: str, data: str | None = None) -> None:
        """Processing instructions are not text."""

    def close(self) -> None:
        """The file ends."""
