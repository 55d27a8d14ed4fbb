"""Footnotes of a page: what refers to them, and how they are marked."""

import re
from collections.abc import Mapping

from indexes.documents.readers.html.tree import Element

_REFERENCES = frozenset({"footnote-ref", "footnote-reference", "noteref"})
_BACKLINKS = frozenset({"footnote-back", "footnote-backref", "footnote-backlink"})
_NOTES = frozenset({"footnote", "endnote", "rearnote"})
_MARKS = re.compile(r"\d{1,4}(?:\s?[,;–-]\s?\d{1,4}){0,9}|[*†‡§¶]")
# Arrows back from a note; what stands beside a heading to link to it.
_SIGNS = frozenset("↩↑⏎⤴▲△¶#🔗\ufe0e\ufe0f \n")
_LONGEST = 12


def reference(element: Element) -> str:
    """Return the mark by which an `a` or a `sup` refers to a note; "" if it does not."""
    link = _only(element, "a") if element.tag == "sup" else element
    if link is None or "#" not in (link.attributes.get("href") or ""):
        return ""
    mark = element.text().strip().strip("[]()").strip()
    if not mark or len(mark) > _LONGEST:
        return ""
    if _is_named(link, "noteref", _REFERENCES, "data-footnote-ref"):
        return mark
    high = element.tag == "sup" or _only(element, "sup") is not None
    return mark if high and _MARKS.fullmatch(mark) else ""


def says_nothing(element: Element) -> bool:
    """Whether a link is only a sign: from a note back to the text, or to the heading it is in."""
    if _is_named(element, "backlink", _BACKLINKS, "data-footnote-backref"):
        return True
    text = element.text()
    if "#" not in (element.attributes.get("href") or "") or not text:
        return False
    return set(text) <= _SIGNS or (text == "§" and "anchor" in element.says("class"))


def is_note(element: Element) -> bool:
    """Whether an element is one note. One in a list has its number there."""
    if element.tag not in ("aside", "div", "section", "p"):
        return False
    said = {*element.says("epub:type").split(), element.says("role").removeprefix("doc-")}
    return bool(said & _NOTES)


def marks_of(root: Element) -> dict[str, str]:
    """The marks of all notes that a page refers to, by their ids."""
    marks: dict[str, str] = {}
    for element in root.walk():
        if element.tag == "a" and (mark := reference(element)):
            marks.setdefault((element.attributes.get("href") or "").rpartition("#")[2], mark)
    return marks


def marked(element: Element, text: str, marks: Mapping[str, str]) -> tuple[str, str]:
    """A note's mark, and its text without it.

    Args:
        element: the note
        text: its text
        marks: of the page's notes
    """
    mark = marks.get(element.attributes.get("id") or "", "")
    own = re.match(r"\W?(\d{1,4}|[*†‡§¶])(?:[.):\]]\s?|\s)", text)
    if own and (not mark or own[1] == mark):
        return own[1], text[own.end() :]
    return mark, text


def _only(element: Element, tag: str) -> Element | None:
    """The element's only child, if it has that tag and there is no text beside it."""
    children = [child for child in element.children if not isinstance(child, str) or child.strip()]
    child = children[0] if len(children) == 1 else None
    return child if isinstance(child, Element) and child.tag == tag else None


def _is_named(element: Element, kind: str, classes: frozenset[str], attribute: str) -> bool:
    return (
        element.says("role") == f"doc-{kind}"
        or kind in element.says("epub:type").split()
        or not classes.isdisjoint(element.says("class").split())
        or attribute in element.attributes
    )
