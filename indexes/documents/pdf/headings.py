"""Which paragraphs are headings, and of what level: by the outline, by size, by weight."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from indexes.documents.pdf.rows import Row

# Of the size in which most of the document is set.
_LARGER = 1.1
_MOST_ROWS = 4
_LONGEST = 200
_LONGEST_BOLD = 100
_DEEPEST = 6
_TOP_ROWS = 12
# A title's further lines are nearly as large as its first, and no numbered heading.
_AS_LARGE = 0.7
_NUMBERED = re.compile(r"(?:\d+(?:\.\d+)*\.?|[A-Z]\.|[IVX]+\.)\s")
_BULLET = re.compile(r"[•‣◦▪●○■□▶➢✓∙·*–—-]\s")
_FEWEST_WORDS = 5


class Bookmark(NamedTuple):
    """An entry of a document's outline: title, page from 0, level from 1 (the outermost)."""

    title: str
    page: int
    level: int


class Headings:
    """Tells the headings of one document by all its rows and its bookmarks."""

    def __init__(self, rows: Sequence[Row], outline: Sequence[Bookmark]) -> None:
        sizes: Counter[float] = Counter()
        bold = 0
        for row in rows:
            sizes[round(row.size, 1)] += len(row.text)
            bold += len(row.text) if row.bold else 0
        self._body = sizes.most_common(1)[0][0] if sizes else 0.0
        self._bold_stands_out = 2 * bold < sizes.total()
        self._outline = {
            (bookmark.page, _plain(bookmark.title)): min(bookmark.level, _DEEPEST)
            for bookmark in outline
            if _plain(bookmark.title)
        }
        larger = {
            round(row.size) for row in rows if self._is_large(row) and len(row.text) <= _LONGEST
        }
        ranks = {size: rank for rank, size in enumerate(sorted(larger, reverse=True), 1)}
        self._levels = {**ranks, **self._levels_of_outline(rows)}
        self._bold_level = min(_DEEPEST, max(self._levels.values(), default=0) + 1)

    def level(self, rows: Sequence[Row]) -> int | None:
        """The level of the heading that rows make; None if they make none."""
        text = " ".join(row.text for row in rows)
        if len(rows) > _MOST_ROWS or len(text) > _LONGEST:
            return None
        known = self._outline and self._outline.get((rows[0].page, _plain(text)))
        if known:
            return known
        if (
            _BULLET.match(text)
            or _is_sentence(text)
            or rows[0].aside
            or not any(map(str.isalpha, text))
        ):
            return None
        if all(map(self._is_large, rows)):
            return min(_DEEPEST, self._levels.get(round(rows[0].size), self._bold_level))
        stands_out = self._bold_stands_out and all(row.bold for row in rows)
        ends = text.endswith((".", ",", ";", ":"))
        if stands_out and not ends and len(text) <= _LONGEST_BOLD:
            return self._bold_level
        return None

    def title(self, rows: Sequence[Row]) -> str | None:
        """The largest line near the top of the first page, and the large ones right below it."""
        first = [row for row in rows if row.page == rows[0].page and not row.aside]
        top = first[:_TOP_ROWS]
        if not top:
            return None
        largest = max(top, key=lambda row: row.size)
        if not self._is_large(largest):
            return None
        least = _AS_LARGE * largest.size
        below = top[top.index(largest) + 1 :]
        following = takewhile(lambda row: self._goes_on(row, least), below)
        text = " ".join([largest.text, *(row.text for row in following)])
        return None if _is_sentence(text) else text

    def _goes_on(self, row: Row, least: float) -> bool:
        """Whether a line below a title's is part of it."""
        return self._is_large(row) and row.size >= least and not _NUMBERED.match(row.text)

    def _is_large(self, row: Row) -> bool:
        return row.size >= _LARGER * self._body

    def _levels_of_outline(self, rows: Sequence[Row]) -> dict[int, int]:
        """What size the outline's headings of each level have."""
        seen: dict[int, Counter[int]] = defaultdict(Counter)
        for row in rows if self._outline else ():
            level = self._outline.get((row.page, _plain(row.text)))
            if level and self._is_large(row):
                seen[round(row.size)][level] += 1
        return {size: levels.most_common(1)[0][0] for size, levels in seen.items()}


def _is_sentence(text: str) -> bool:
    return text.endswith(".") and text.count(" ") >= _FEWEST_WORDS


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()
