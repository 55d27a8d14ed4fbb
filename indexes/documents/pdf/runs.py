"""Characters → runs: stretches of a line without a wide gap, with their words told apart.

What is a gap between words is decided line by line: letters that are spaced out have gaps of
their own, which no word ends at. Right-to-left text comes from PDFium in its logical order;
here it is looked at as it stands on the page, and read out in that order again.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from indexes.documents.pdf.characters import Characters, Flags, Floats
from indexes.documents.pdf.rulings import Ruling, Rulings

Ints = NDArray[np.int_]
Box = tuple[float, float, float, float]

# Distances in ems, the size of the font at hand.
WORD_GAP = 0.1
_HINTED_WORD_GAP = 0.05
CELL_GAP = 1.2
SAME_LINE = 0.3
_RAISED = 0.6
_OVERLAP = 0.6
# Points.
_RULED_GAP = 0.5
# Characters of Chinese and Japanese are set with gaps that end no word.
_CJK_GAP = 0.5
# So many gaps between letters say how a line is spaced.
_ENOUGH_GAPS = 4

_LIGATURES = str.maketrans(
    {
        "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
        "\u00a0": " ", "\u2010": "-", "\u2011": "-", "\uf0b7": "•", "\uf0a7": "▪", "\ufffd": "",
    }
)  # fmt: skip
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff]")
_LATIN = re.compile(r"[!-~]*[A-Za-z]")
_LEADING_STOP = re.compile(r"^([،؛,.;:])(\d[\d.,]*)$")
_CJK = re.compile(
    "[\u2e80-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]"
)


@dataclass(slots=True)
class Run:
    """Characters on one line without a wide gap between them.

    Attributes:
        text: its words.
        x0, x1: from where to where it goes, in the direction of reading.
        baseline: where it stands across that direction.
        size: of its largest characters, in points.
        bold: whether all of it is.
        box: left, top, right, bottom on the page as shown, from its top left corner.
    """

    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    bold: bool
    box: Box = field(repr=False)


def is_cjk(character: str) -> bool:
    """Whether a character is of a script that is written without spaces."""
    return bool(_CJK.match(character))


@dataclass(frozen=True, slots=True)
class Writing:
    """What is written in one direction on a page, in the order of drawing.

    Attributes:
        angle: the direction, in degrees against the clock.
        mirrored: whether it is read from right to left. Places of runs are mirrored then, so
            that what is read first has the smaller one.
        runs: not empty.
    """

    angle: int
    mirrored: bool
    runs: list[Run]

    def turned(self, rulings: Rulings) -> Rulings:
        """The lines of the page as seen in this direction; none if that is askew."""
        turned = _turned(rulings, self.angle)
        if not self.mirrored:
            return turned
        across = [Ruling(line.at, -line.end, -line.start) for line in turned.across]
        return Rulings(across, [line._replace(at=-line.at) for line in turned.down])


def _turned(rulings: Rulings, angle: int) -> Rulings:
    across, down = rulings
    if angle == 0:
        return rulings
    if angle == 90:
        return Rulings(
            [line._replace(at=-line.at) for line in down],
            [Ruling(line.at, -line.end, -line.start) for line in across],
        )
    if angle == 270:
        return Rulings(
            [Ruling(line.at, -line.end, -line.start) for line in down],
            [line._replace(at=-line.at) for line in across],
        )
    if angle == 180:
        return Rulings(*([Ruling(-at, -end, -start) for at, start, end in way] for way in rulings))
    return Rulings([], [])


def writing_of(characters: Characters, rulings: Rulings, height: float) -> list[Writing]:
    """What is written on a page, by direction.

    Args:
        characters: of the page.
        rulings: lines on the page; one between words divides them.
        height: of the page, in points.
    """
    written = []
    for angle in np.unique(characters.angle[~characters.space]).tolist():
        line = _Line(characters, np.flatnonzero(characters.angle == angle))
        runs = list(line.runs(_turned(rulings, angle).down, height))
        if runs:
            written.append(Writing(angle, line.mirrored, runs))
    return written


class _Line:
    """All characters of one direction, as one long line."""

    def __init__(self, characters: Characters, chosen: Ints) -> None:
        self._text = [characters.text[index] for index in chosen]
        joined = "".join(self._text)
        self._letters = np.fromiter(map(str.isalpha, self._text), bool, len(chosen))
        self._backward = bool(_RIGHT_TO_LEFT.search(joined))
        rightward = np.zeros(len(chosen), bool)
        if self._backward:
            hits = [bool(_RIGHT_TO_LEFT.match(text)) for text in self._text]
            rightward = np.array(hits)
        self._rightward = rightward
        self.mirrored = bool(rightward.sum() * 2 > self._letters.sum())
        self._cjk = np.zeros(len(chosen), bool)
        if _CJK.search(joined):
            self._cjk = np.array([is_cjk(text) for text in self._text])
        self._chosen = chosen
        self._all = characters

    def runs(self, down: Sequence[Ruling], height: float) -> Iterator[Run]:
        """Cut it where gaps are wide."""
        everything, chosen = self._all, self._chosen
        start, end = everything.start[chosen], everything.end[chosen]
        baseline, size = everything.baseline[chosen], everything.size[chosen]
        space = everything.space[chosen]
        order = (
            self._visual(start, end, baseline, size) if self._backward else np.arange(len(chosen))
        )
        seen = order[~space[order]]
        if not len(seen):
            return
        passed = np.cumsum(space[order])[~space[order]]
        spaced = np.diff(passed) > 0
        x0, x1, base, em = start[seen], end[seen], baseline[seen], size[seen]
        gap, joined = _joined(x0, x1, base, em)
        _divide(joined, down, x0, x1, base + 0.3 * em)
        cuts = np.flatnonzero(~joined) + 1
        firsts, lasts = np.r_[0, cuts], np.r_[cuts, len(seen)]
        narrow = np.minimum(em[1:], em[:-1])
        hinted = everything.apart[chosen][seen][1:]
        wide = np.where(hinted, _HINTED_WORD_GAP, WORD_GAP)
        words = self._words(seen, gap / narrow, wide, spaced, firsts, lasts)
        boxes = everything.box[chosen][seen]
        lefts, bottoms = (np.minimum.reduceat(boxes[:, side], firsts) for side in (0, 1))
        rights, tops = (np.maximum.reduceat(boxes[:, side], firsts) for side in (2, 3))
        bold = np.logical_and.reduceat(everything.bold[chosen][seen], firsts)
        largest = np.maximum.reduceat(em, firsts)
        begins, ends = np.minimum.reduceat(x0, firsts), np.maximum.reduceat(x1, firsts)
        for number, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
            text = self._read_out(seen[first:last], words[first:last])
            if not text:
                continue
            biggest = first + int(np.argmax(em[first:last]))
            extent = float(begins[number]), float(ends[number])
            yield Run(
                text,
                *(extent if not self.mirrored else (-extent[1], -extent[0])),
                float(base[biggest]),
                float(largest[number]),
                bool(bold[number]),
                (
                    float(lefts[number]),
                    height - float(tops[number]),
                    float(rights[number]),
                    height - float(bottoms[number]),
                ),
            )

    def _visual(self, start: Floats, end: Floats, baseline: Floats, size: Floats) -> Ints:
        """The characters as they stand, from left to right, line by line."""
        line = np.r_[
            0, np.cumsum(np.abs(np.diff(baseline)) > SAME_LINE * np.maximum(size[1:], size[:-1]))
        ]
        has = np.zeros(int(line[-1]) + 1, bool)
        has[line[self._rightward]] = True
        middle = (start + end) / 2
        key = np.where(has[line], middle, 0.0)
        return np.lexsort((key, line))

    def _words(
        self, seen: Ints, gap: Floats, wide: Floats, spaced: Flags, firsts: Ints, lasts: Ints
    ) -> Flags:
        """Which characters begin a word."""
        begins = np.ones(len(seen), bool)
        cjk, letters = self._cjk[seen], self._letters[seen]
        wide = np.where(cjk[1:] & cjk[:-1], _CJK_GAP, wide)
        between_letters = letters[1:] & letters[:-1]
        begins[1:] = spaced | (gap > wide)
        telling = between_letters & ~spaced & (gap > WORD_GAP / 2)
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
            inner = slice(first, last - 1)
            if last - first <= _ENOUGH_GAPS:
                continue
            if telling[inner].any():
                own = gap[inner][between_letters[inner] & ~spaced[inner]]
                usual = float(np.median(own)) if len(own) >= _ENOUGH_GAPS else 0.0
                if usual > WORD_GAP / 2:
                    begins[first + 1 : last] = spaced[inner] | (gap[inner] > usual + wide[inner])
            if begins[first:last].mean() > 0.6 and letters[first:last].mean() > 0.6:
                closed = _spaced_out(gap[inner])
                if closed is not None:
                    begins[first + 1 : last] = closed
        return begins

    def _read_out(self, seen: Ints, begins: Flags) -> str:
        word = np.cumsum(begins)
        right_to_left = self._backward and bool(self._rightward[seen].any())
        if right_to_left:
            logical = np.argsort(seen, kind="stable")
            seen, word = seen[logical], word[logical]
        parts = [self._text[index] for index in seen]
        for index in (np.flatnonzero(np.diff(word)) + 1).tolist():
            parts[index] = " " + parts[index]
        words = "".join(parts).translate(_LIGATURES).split()
        if right_to_left and self.mirrored:
            places = word[np.r_[True, np.diff(word) != 0]].tolist()
            if len(places) == len(words):
                words = _in_logical_order(words, places)
        return " ".join(words)


def _in_logical_order(words: list[str], places: list[int]) -> list[str]:
    """Words of a line that runs from right to left, with what PDFium leaves as it looks.

    That is: words of a script that runs the other way next to each other, and a mark that
    follows a number and so stands to its left.

    Args:
        words: in PDFium's order.
        places: each one's rank on the page, from left to right.
    """
    ordered: list[str] = []
    latin: list[str] = []
    for number, word in enumerate(words):
        goes_on = bool(latin) and places[number] == places[number - 1] - 1
        if _LATIN.match(word) and (goes_on or not latin):
            latin.append(word)
            continue
        ordered += latin[::-1]
        latin = [word] if _LATIN.match(word) else []
        if not latin:
            ordered.append(_LEADING_STOP.sub(r"\2\1", word))
    return ordered + latin[::-1]


def _joined(x0: Floats, x1: Floats, base: Floats, em: Floats) -> tuple[Floats, Flags]:
    """The gaps between neighbours, and which of them do not end a run."""
    larger, smaller = np.maximum(em[1:], em[:-1]), np.minimum(em[1:], em[:-1])
    shift = np.abs(np.diff(base))
    # An accent that is drawn over a letter ends before the letter does.
    over = (shift < SAME_LINE * larger) & (x0[1:] < x1[:-1]) & (x1[:-1] - x0[1:] < larger)
    reach = x1.copy()
    reach[1:] = np.where(over, np.maximum(x1[1:], x1[:-1]), x1[1:])
    gap = x0[1:] - reach[:-1]
    # A footnote mark or an exponent is smaller, raised and close by.
    raised = (smaller < 0.85 * larger) & (gap < 0.5 * larger)
    near = shift <= np.where(raised, _RAISED, SAME_LINE) * larger
    same_glyph = (x0[1:] == x0[:-1]) & (x1[1:] == x1[:-1]) & (shift == 0)
    joined = near & (gap > -_OVERLAP * larger) & (gap < CELL_GAP * larger)
    return np.where(same_glyph, 0.0, gap), joined | same_glyph


def _divide(joined: Flags, down: Sequence[Ruling], x0: Floats, x1: Floats, y: Floats) -> None:
    """End runs where a line stands between two characters."""
    candidates = np.flatnonzero(joined & (x0[1:] - x1[:-1] > _RULED_GAP))
    left, right, y = x1[candidates], x0[candidates + 1], y[candidates]
    for line in down if len(candidates) else ():
        between = (left - _RULED_GAP <= line.at) & (line.at <= right + _RULED_GAP)
        joined[candidates[between & (line.start <= y) & (y <= line.end)]] = False


def _spaced_out(gap: Floats) -> Flags | None:
    """Where words begin in a line that has a space after every letter; None if it is none."""
    usual = float(np.median(gap))
    wide = gap > 1.5 * usual + WORD_GAP
    return wide if wide.any() and wide.mean() < 0.4 else None
