"""Characters → runs: stretches of a line without a wide gap, with their words told apart.

What is a gap between words is decided line by line: letters that are spaced out have gaps of
their own, which no word ends at. Right-to-left text comes from PDFium in its logical order;
here it is looked at as it stands on the page, and read out in that order again.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from indexes.documents.pdf.characters import Characters, Floats, Ints
from indexes.documents.pdf.rulings import Ruling, Rulings
from indexes.documents.pdf.scripts import Flags, Kinds, decoded, kinds_of
from indexes.documents.pdf.writing import SAME_LINE, Box, Run, Writing, turned

# Distances in ems, the size of the font at hand.
WORD_GAP = 0.1
_HINTED_WORD_GAP = 0.05
_SPACE = 0.2
CELL_GAP = 1.2
_COLUMN_GAP = 0.55
# Of a narrow gap between words on the page: what is wider may be one between columns.
_WIDER = 1.6
_RAISED = 0.6
_SMALL = 0.99
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
_LAM = ord("ل")
_ALEFS = [ord(letter) for letter in "اأإآٱ"]
_REPLACED = np.array(list(_LIGATURES))
_LATIN = re.compile(r"[!-~]*[A-Za-z]")
_LEADING_STOP = re.compile(r"^([،؛,.;:])(\d[\d.,]*)$")


def writing_of(characters: Characters, rulings: Rulings, height: float) -> list[Writing]:
    """What is written on a page, by direction.

    Args:
        characters: of the page.
        rulings: lines on the page; one between words divides them.
        height: of the page, in points.
    """
    written = []
    visible = characters.angle[characters.codes > ord(" ")]
    for angle in sorted(set(visible.tolist())):
        line = _Line(characters, np.flatnonzero(characters.angle == angle))
        runs = [run for run in line.runs(turned(rulings, angle).down, height) if run.text]
        if runs:
            written.append(Writing(angle, line.mirrored, runs))
    return written


class _Line:
    """All characters of one direction, as one long line."""

    def __init__(self, characters: Characters, chosen: Ints) -> None:
        codes = characters.codes[chosen]
        kinds = kinds_of(codes)
        self.mirrored = bool(kinds.right_to_left.sum() * 2 > kinds.letter.sum())
        order = np.arange(len(chosen))
        if kinds.right_to_left.any():
            order = _visual(characters, chosen, kinds.right_to_left)
        space = kinds.space[order]
        self._seen = order[~space]
        self._spaced = np.diff(np.cumsum(space)[~space]) > 0
        chosen = chosen[self._seen]
        self._codes = codes[self._seen]
        self._kinds = Kinds(*(kind[self._seen] for kind in kinds))
        self._start, self._end = characters.start[chosen], characters.end[chosen]
        self._baseline, self._size = characters.baseline[chosen], characters.size[chosen]
        self._box = characters.box[chosen]
        self._bold, self._mono = characters.bold[chosen], characters.mono[chosen]
        self._apart = characters.apart[chosen][1:]

    def runs(self, down: Sequence[Ruling], height: float) -> Iterator[Run]:
        """Cut it where gaps are wide, and where a line stands."""
        if not len(self._seen):
            return
        gap, joined = _joined(self._start, self._end, self._baseline, self._size)
        _divide(joined, down, self._start, self._end, self._baseline + 0.3 * self._size)
        cuts = np.flatnonzero(~joined) + 1
        firsts, lasts = np.r_[0, cuts], np.r_[cuts, len(self._seen)]
        gap = gap / np.minimum(self._size[1:], self._size[:-1])
        begins = self._words(gap, firsts, lasts)
        wide = self._wide(gap, begins, firsts, lasts)
        pieces = np.union1d(firsts, wide)
        last = lasts.tolist()
        ends = np.r_[pieces[1:], len(self._seen)]
        number = 0
        of_run: list[Run] = []
        for end, piece in zip(ends.tolist(), self._runs(begins, pieces, ends, height), strict=True):
            of_run.append(piece)
            if end == last[number]:
                yield Run.of([piece for piece in of_run if piece.text] or of_run)
                number, of_run = number + 1, []

    def _wide(self, gap: Floats, begins: Flags, firsts: Ints, lasts: Ints) -> Ints:
        """Which characters begin a word behind a gap that may be one between columns."""
        inner = begins.copy()
        inner[firsts] = False
        words = np.flatnonzero(inner)
        if not len(words):
            return words
        before = gap[words - 1]
        proper = before > WORD_GAP
        if not proper.any():
            return words[:0]
        least = max(_COLUMN_GAP, _WIDER * float(np.quantile(before[proper], 0.1)))
        backward = np.logical_or.reduceat(self._kinds.right_to_left, firsts)
        run = np.searchsorted(firsts, words, side="right") - 1
        both_mono = self._mono[words] & self._mono[words - 1]
        return words[(before > least) & ~backward[run] & ~both_mono]

    def _runs(self, begins: Flags, firsts: Ints, lasts: Ints, height: float) -> Iterator[Run]:
        """What stands from each first to each last character."""
        texts = self._texts(begins, firsts, lasts)
        begin, end = (
            np.minimum.reduceat(self._start, firsts),
            np.maximum.reduceat(self._end, firsts),
        )
        if self.mirrored:
            begin, end = -end, -begin
        em = np.maximum.reduceat(self._size, firsts)
        # Small print does not say where a line stands.
        largest = self._size >= np.repeat(em, lasts - firsts)
        baseline = np.maximum.reduceat(np.where(largest, self._baseline, -np.inf), firsts)
        bold = np.logical_and.reduceat(self._bold, firsts).tolist()
        mono = np.logical_and.reduceat(self._mono, firsts).tolist()
        left, bottom = np.minimum.reduceat(self._box[:, :2], firsts).T
        right, top = np.maximum.reduceat(self._box[:, 2:], firsts).T
        boxes = np.stack((left, height - top, right, height - bottom), 1).tolist()
        places = np.stack((begin, end, baseline, em), 1).tolist()
        for text, place, box, *style in zip(texts, places, boxes, bold, mono, strict=True):
            x0, x1, baseline, size = place
            yield Run(text, x0, x1, baseline, size, style[0], Box(*box), style[1])

    def _words(self, gap: Floats, firsts: Ints, lasts: Ints) -> Flags:
        """Which characters begin a word."""
        letter, cjk, spaced = self._kinds.letter, self._kinds.cjk, self._spaced
        wide = np.where(self._apart, _HINTED_WORD_GAP, WORD_GAP)
        wide = np.where(cjk[1:] & cjk[:-1], _CJK_GAP, wide)
        begins: Flags = np.r_[True, spaced | (gap > wide)] | self._notes()
        begins[firsts] = True
        between = np.r_[letter[1:] & letter[:-1] & ~spaced, False]
        gaps, loose, words = (
            np.add.reduceat(flags, firsts, dtype=int)
            for flags in (between, between & np.r_[gap > WORD_GAP / 4, False], begins & letter)
        )
        length = lasts - firsts
        odd = (length > _ENOUGH_GAPS) & ((2 * loose > gaps) | (words > 0.6 * length))
        for first, last in zip(firsts[odd].tolist(), lasts[odd].tolist(), strict=True):
            inner = slice(first, last - 1)
            own = gap[inner][between[inner]]
            if len(own) >= _ENOUGH_GAPS:
                usual = max(0.0, float(np.median(own)))
                apart = spaced[inner] | (gap[inner] > usual + wide[inner])
                # Letters that all stand apart are a list, if PDFium thinks so too.
                if usual < _SPACE or not self._apart[inner].all():
                    begins[first + 1 : last] = apart
            if begins[first:last].mean() > 0.6:
                words_begin = _spaced_out(gap[inner])
                if words_begin is not None:
                    begins[first + 1 : last] = words_begin
        return begins

    def _notes(self) -> Flags:
        """Which characters are a note's number behind a word: it is small, and raised."""
        small = self._size[1:] < _SMALL * self._size[:-1]
        raised = self._baseline[1:] > self._baseline[:-1] + 0.1 * self._size[:-1]
        digit = (self._codes[1:] >= ord("0")) & (self._codes[1:] <= ord("9"))
        # A single letter has an exponent rather than a note.
        letter = np.r_[False, False, self._kinds.letter]
        word = letter[2:-1] & letter[1:-2] & letter[:-3]
        notes: Flags = np.r_[False, small & raised & digit & word]
        return notes

    def _texts(self, begins: Flags, firsts: Ints, lasts: Ints) -> list[str]:
        """What each run says."""
        inner = begins.copy()
        inner[firsts] = False
        places = np.flatnonzero(inner)
        everything = decoded(np.insert(self._codes, places, ord(" ")))
        starts = firsts + np.searchsorted(places, firsts)
        ends = lasts + np.searchsorted(places, lasts)
        texts = [
            everything[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
        backward = np.logical_or.reduceat(self._kinds.right_to_left, firsts)
        for number in np.flatnonzero(backward).tolist():
            run = slice(firsts[number], lasts[number])
            texts[number] = self._read_out(run, begins[run])
        if np.isin(self._codes, _REPLACED).any():
            texts = [text.translate(_LIGATURES) for text in texts]
        return [" ".join(text.split()) for text in texts]

    def _read_out(self, run: slice, begins: Flags) -> str:
        """Right-to-left text, which PDFium gives in its logical order."""
        logical = self._ligatures_read(run, np.argsort(self._seen[run], kind="stable"))
        word = np.cumsum(begins)[logical]
        first = np.flatnonzero(np.diff(word, prepend=-1))
        text = decoded(self._codes[run][logical])
        words = [text[start:end] for start, end in pairwise([*first.tolist(), len(text)])]
        if self.mirrored:
            words = _in_logical_order(words, word[first].tolist())
        return " ".join(words)

    def _ligatures_read(self, run: slice, logical: Ints) -> Ints:
        """The order with alef behind the lam with which it is one glyph.

        PDFium turns both round with the rest where the font gives them as two characters.
        """
        codes, start = self._codes[run][logical], self._start[run][logical]
        swapped = np.flatnonzero(
            np.isin(codes[:-1], _ALEFS) & (codes[1:] == _LAM) & (np.diff(start) == 0)
        )
        order = logical.copy()
        order[swapped], order[swapped + 1] = logical[swapped + 1], logical[swapped]
        return order


def _visual(characters: Characters, chosen: Ints, right_to_left: Flags) -> Ints:
    """The order in which characters stand, from left to right, on lines that run the other way."""
    baseline, size = characters.baseline[chosen], characters.size[chosen]
    larger = np.maximum(size[1:], size[:-1])
    line = np.r_[0, np.cumsum(np.abs(np.diff(baseline)) > SAME_LINE * larger)]
    turned = np.zeros(int(line[-1]) + 1, bool)
    turned[line[right_to_left]] = True
    middle = (characters.start[chosen] + characters.end[chosen]) / 2
    return np.lexsort((np.where(turned[line], middle, 0.0), line))


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
    raised = (smaller < _SMALL * larger) & (gap < 0.5 * larger)
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
