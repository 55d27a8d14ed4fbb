"""Which number or bullet a paragraph has: `3.2`, `(a)`, `Appendix A`, `•`.

A numbering (`num`) uses an abstract one, which describes nine levels. All numberings of one
abstract numbering share its counters, unless they say where theirs begin.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from indexes.documents.readers.word.names import W, number, switched_on, value
from indexes.documents.readers.word.numbers import written
from indexes.documents.readers.word.styles import Styles

LEVELS = 9
_PLACE = re.compile(r"%([1-9])")
_MOST_LEFT = 1_000_000


@dataclass(frozen=True)
class Level:
    """One level of a numbering.

    Attributes:
        start: its first number.
        form: how its number is written, as in `w:numFmt`.
        text: what stands before the paragraph; `%2` is the number of the second level.
        legal: whether all numbers in it are written as decimals.
        restart: the level behind whose numbers this one starts again; None: any above.
        glued: whether nothing stands between number and text.
        style: the style whose paragraphs are at this level.
    """

    start: int = 1
    form: str = "decimal"
    text: str = ""
    legal: bool = False
    restart: int | None = None
    glued: bool = False
    style: str | None = None


@dataclass
class _Counters:
    """How far an abstract numbering has come."""

    values: list[int | None] = field(default_factory=lambda: [None] * LEVELS)
    begun: set[tuple[str, int]] = field(default_factory=set)


@dataclass(frozen=True)
class Marker:
    """The number or bullet before a paragraph, its level from 0, whether it touches the text."""

    text: str
    depth: int
    glued: bool = False


class Numbering:
    """The numberings of a document, and how far each has counted.

    Args:
        root: the root element of its part with numberings
        styles: its styles, some of which stand for a numbering
    """

    def __init__(self, root: Any, styles: Styles) -> None:
        self._styles = styles
        self._abstract = {
            element.get(f"{W}abstractNumId", ""): element
            for element in root.iter(f"{W}abstractNum")
        }
        self._nums = {element.get(f"{W}numId", ""): element for element in root.iter(f"{W}num")}
        self._levels: dict[str, tuple[str, dict[int, Level], dict[int, int]]] = {}
        self._counters: dict[str, _Counters] = {}

    def marker(self, num_id: str, level: int | None, style: str) -> Marker | None:
        """Count the next paragraph and return its marker; None without one.

        Args:
            num_id: its numbering
            level: its level, if the paragraph says so
            style: the id of its style, which says so otherwise
        """
        abstract, levels, starts = self._numbering(num_id)
        if not levels:
            return None
        if level is None:
            level = next((at for at, found in levels.items() if found.style == style), 0)
        level = max(0, min(level, LEVELS - 1))
        described = levels.get(level, Level())
        counters = self._counters.setdefault(abstract, _Counters())
        self._count(counters, num_id, level, levels, starts)
        text = self._text(described, level, levels, counters.values)
        return Marker(text, level, described.glued) if text else None

    def _count(
        self,
        counters: _Counters,
        num_id: str,
        level: int,
        levels: dict[int, Level],
        starts: dict[int, int],
    ) -> None:
        values = counters.values
        current = values[level]
        if level in starts and (num_id, level) not in counters.begun:
            values[level] = starts[level]
        elif current is None:
            values[level] = levels.get(level, Level()).start
        else:
            values[level] = min(current + 1, _MOST_LEFT)
        counters.begun.add((num_id, level))
        for below in range(level + 1, LEVELS):
            restart = levels.get(below, Level()).restart
            if restart is None or level < restart:
                values[below] = None

    @staticmethod
    def _text(
        described: Level, level: int, levels: dict[int, Level], values: list[int | None]
    ) -> str:
        if described.form == "bullet":
            return _bullet(described.text)

        def number_of(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            other = levels.get(place, Level())
            count = values[place]
            form = other.form
            if described.legal and form not in ("decimal", "bullet", "none"):
                form = "decimal"
            return written(other.start if count is None else count, form) if place <= level else ""

        return " ".join(_PLACE.sub(number_of, described.text).split())

    def _numbering(self, num_id: str) -> tuple[str, dict[int, Level], dict[int, int]]:
        """The abstract numbering that one uses, its levels, and where it begins."""
        if num_id in self._levels:
            return self._levels[num_id]
        num = self._nums.get(num_id)
        abstract_id = value(num, f"{W}abstractNumId") or ""
        abstract = self._abstract.get(abstract_id)
        linked = value(abstract, f"{W}numStyleLink")
        if linked:  # a style describes it
            other = self._nums.get(self._styles.of(linked).num_id or "")
            other_id = value(other, f"{W}abstractNumId") or ""
            if other_id in self._abstract:
                abstract_id, abstract = other_id, self._abstract[other_id]
        levels = {} if abstract is None else _levels(abstract)
        starts: dict[int, int] = {}
        for override in () if num is None else num.iter(f"{W}lvlOverride"):
            level = _level_of(override)
            start = number(override, f"{W}startOverride")
            levels |= _levels(override)
            if start is not None:
                starts[level] = start
        self._levels[num_id] = abstract_id, levels, starts
        return self._levels[num_id]


def _levels(parent: Any) -> dict[int, Level]:
    found = {}
    for element in parent.iter(f"{W}lvl"):
        start = number(element, f"{W}start")
        found[_level_of(element)] = Level(
            start=1 if start is None else start,
            form=value(element, f"{W}numFmt") or "decimal",
            text=value(element, f"{W}lvlText") or "",
            legal=bool(switched_on(element, f"{W}isLgl")),
            restart=number(element, f"{W}lvlRestart"),
            glued=value(element, f"{W}suff") == "nothing",
            style=value(element, f"{W}pStyle"),
        )
    return found


def _level_of(element: Any) -> int:
    said = element.get(f"{W}ilvl", "0")
    return min(int(said), LEVELS - 1) if said.isdecimal() and len(said) < 5 else 0


def _bullet(text: str) -> str:
    """A bullet; most are letters of a font of symbols."""
    shown = text.strip()
    if not shown:
        return ""
    kind = unicodedata.category(shown[0])
    symbol = kind.startswith(("S", "P")) and ord(shown[0]) not in (0xA7, 0xB7)
    return shown[:3] if symbol else "•"
