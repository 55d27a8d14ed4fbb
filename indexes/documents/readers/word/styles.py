"""What styles say of their paragraphs. Each is based on another, and says only what differs."""

import re
from dataclasses import dataclass
from typing import Any

from indexes.documents.readers.word.names import VAL, W, number, switched_on, value

_HEADING = re.compile(r"heading ([1-9])")
_DEEPEST = 50


@dataclass(frozen=True)
class Style:
    """What a style says, with all that it is based on.

    Attributes:
        id: what paragraphs call it.
        name: its name in English, lower case.
        heading: its level as a heading, from 1 on; None if it is none.
        num_id: the numbering of its paragraphs.
        level: their level in it.
        hidden: whether their text is hidden.
    """

    id: str = ""
    name: str = ""
    heading: int | None = None
    num_id: str | None = None
    level: int | None = None
    hidden: bool = False


class Styles:
    """The styles of a document, from the root element of their part."""

    def __init__(self, root: Any) -> None:
        self._raw = {style.get(f"{W}styleId", ""): style for style in root.iter(f"{W}style")}
        self._known: dict[str, Style] = {}
        self._default = next((id_ for id_, raw in self._raw.items() if _is_default(raw)), "")

    def of(self, id_: str | None) -> Style:
        """The style of that id, or the default one."""
        return self._resolve(self._default if id_ is None else id_, 0)

    def _resolve(self, id_: str, depth: int) -> Style:
        if id_ in self._known:
            return self._known[id_]
        raw = self._raw.get(id_)
        if raw is None or depth > _DEEPEST:  # based on itself
            return Style(id_)
        base_id = value(raw, f"{W}basedOn")
        base = self._resolve(base_id, depth + 1) if base_id else Style()
        name = (value(raw, f"{W}name") or "").lower()
        num_id = value(raw, f"{W}pPr/{W}numPr/{W}numId")
        level = number(raw, f"{W}pPr/{W}numPr/{W}ilvl")
        hidden = switched_on(raw, f"{W}rPr/{W}vanish")
        style = Style(
            id_,
            name,
            _heading(name, outline_level(raw), base.heading),
            base.num_id if num_id is None else num_id,
            base.level if level is None else level,
            base.hidden if hidden is None else hidden,
        )
        self._known[id_] = style
        return style


def _is_default(raw: Any) -> bool:
    return raw.get(f"{W}type") == "paragraph" and raw.get(f"{W}default") in ("1", "true")


def outline_level(parent: Any) -> int | None:
    """The level of the outline that a paragraph or style claims: 1 to 9, 0 for running text."""
    level = number(parent, f"{W}pPr/{W}outlineLvl")
    return None if level is None else (level + 1 if 0 <= level < 9 else 0)


def _heading(name: str, outline: int | None, base: int | None) -> int | None:
    if named := _HEADING.match(name):
        return int(named[1])
    if name == "title":
        return 1
    if outline is not None:
        return outline or None
    # The heading above a table of contents is one, too, but of no level.
    return base


def style_id(paragraph: Any) -> str | None:
    """What a paragraph or a run calls its style."""
    for path in (f"{W}pPr/{W}pStyle", f"{W}rPr/{W}rStyle"):
        found = paragraph.find(path)
        if found is not None:
            said: str | None = found.get(VAL)
            return said
    return None
