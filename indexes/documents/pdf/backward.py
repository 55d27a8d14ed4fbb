"""Text that runs from right to left: what stands on a line → the order in which it is read.

A PDF may hold such text in either order, so only places count. Letters are read from the right,
but numbers and words of other scripts from the left.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

_ALEFS = "اأإآٱ"
_LAM = "ل"
_PAIRS = ("()", "[]", "{}", "«»")
_NUMBER = re.compile(r"N(?:[NO]*N)?")
# What belongs to the number before it.
_UNITS = "%‰°"


class Glyphs:
    """Characters of one line, from left to right.

    Args:
        characters: what each says
        kinds: R for letters that run backward, L for others, N for digits, M for marks, else O
        starts, ends: from where to where each goes
        ranks: in which order they were drawn
        begins: whether each begins a word
    """

    def __init__(
        self,
        characters: str,
        kinds: str,
        starts: Sequence[float],
        ends: Sequence[float],
        ranks: Sequence[int],
        begins: Sequence[bool],
    ) -> None:
        self._characters, self._kinds_given, self._ranks = characters, kinds, ranks
        self._starts, self._ends = starts, ends
        self._texts: list[str] = []
        self._kinds = ""
        for members, kind, begin in self._clusters(kinds, begins):
            if begin and self._texts:
                self._texts.append(" ")
                self._kinds += " "
            self._texts.append(self._said(members))
            self._kinds += kind

    def read(self, *, mirrored: bool) -> str:
        """The line as it is read, on a page that runs from right to left if it is mirrored."""
        if mirrored:
            return _paired("".join(self._backward(0, len(self._texts))))
        parts: list[str] = []
        at = 0
        for found in re.finditer(r"R(?:[^L]*R)?", self._kinds):
            parts += self._texts[at : found.start()]
            parts += self._backward(*found.span())
            at = found.end()
        return "".join(parts + self._texts[at:])

    def _clusters(
        self, kinds: str, begins: Sequence[bool]
    ) -> Iterator[tuple[list[int], str, bool]]:
        """Characters that share a place, with the marks on them."""
        clusters: list[list[int]] = []
        marks: list[int] = []
        for at, kind in enumerate(kinds):
            if kind == "M":
                marks.append(at)
            elif clusters and self._starts[clusters[-1][-1]] == self._starts[at]:
                clusters[-1].append(at)
            else:
                clusters.append([at])
        middles = [self._starts[cluster[0]] + self._ends[cluster[-1]] for cluster in clusters]
        for mark in marks:
            middle = self._starts[mark] + self._ends[mark]
            at = bisect_left(middles, middle)
            near = range(max(0, at - 1), min(len(middles), at + 1))
            if near:
                clusters[min(near, key=lambda at: abs(middles[at] - middle))].append(mark)
        if not clusters:
            clusters = [[mark] for mark in marks]
        for members in clusters:
            yield members, kinds[members[0]], any(begins[at] for at in members)

    def _said(self, members: Sequence[int]) -> str:
        order = sorted(members, key=lambda at: (self._kinds_given[at] == "M", self._ranks[at]))
        text = "".join(self._characters[at] for at in order)
        return _LAM + text[0] + text[2:] if text[:1] in _ALEFS and text[1:2] == _LAM else text

    def _backward(self, start: int, end: int) -> list[str]:
        """What stands from one place to another, read from the right."""
        parts: list[str] = []
        for first, last in reversed(list(self._forward(start, end))):
            parts += reversed(self._texts[last:end])
            parts += self._texts[first:last]
            end = first
        return parts + self._texts[start:end][::-1]

    def _forward(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where in it stands what is read from the left."""
        for stretch in re.finditer(r"[^R]+", self._kinds[start:end]):
            words = list(re.finditer(r"[^ ]+", stretch[0]))
            latin = [at for at, word in enumerate(words) if "L" in word[0]]
            offset = start + stretch.start()
            for at, word in enumerate(words):
                if latin and latin[0] < at <= latin[-1]:
                    continue
                if latin and at == latin[0]:
                    inner = stretch[0][word.start() : words[latin[-1]].end()]
                    found = re.search(r"[LN](?:.*[LN])?", inner)
                else:
                    found = _NUMBER.search(word[0])
                if found:
                    first, last = (offset + word.start() + place for place in found.span())
                    while last < end and self._texts[last] in _UNITS:
                        last += 1
                    yield first, last


def _paired(text: str) -> str:
    """A text whose brackets open before they close."""
    for pair in _PAIRS:
        places = [at for at, character in enumerate(text) if character in pair]
        if len(places) % 2 == 0:
            letters = list(text)
            for number, at in enumerate(places):
                letters[at] = pair[number % 2]
            text = "".join(letters)
    return text
