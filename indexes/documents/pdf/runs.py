"""Characters → runs: stretches of a line without a wide gap, with their words told apart.

What is a gap between words is decided line by line: letters that are spaced out have gaps of
their own, which no word ends at. Right-to-left text comes from PDFium in its logical order;
here it is looked at as it stands on the page, and read out in that order again.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from indexes.documents.pdf.backward import Glyphs
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
_BACK = 1.0
# Points.
_RULED_GAP = 0.5
_SHAPED_GAP = 0.17
_CLUSTER_GAP = 0.2
_UNSPACED_GAP = 0.45
_EQUAL = 0.01
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
_REPLACED = np.array(list(_LIGATURES))


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
        order = _visual(characters, chosen, kinds)
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
        gap, joined = _joined(self._start, self._end, self._baseline, self._size, self._kinds.mark)
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
                pieces_read = of_run[::-1] if self.mirrored else of_run
                yield Run.of([piece for piece in pieces_read if piece.text] or of_run)
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
        forward = self._kinds.letter & ~self._kinds.right_to_left
        inside = backward[run] & forward[words] & forward[words - 1]
        return words[(before > least) & ~inside & ~both_mono]

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
        shaped = self._kinds.shaped
        mark = self._kinds.mark & ~self._kinds.right_to_left
        wide = np.where(self._apart, _HINTED_WORD_GAP, WORD_GAP)
        if shaped.any():
            wide = np.where(shaped[1:] & shaped[:-1], self._shaped_gaps(), wide)
        wide[mark[1:]] = np.inf
        wide = np.where(cjk[1:] & cjk[:-1], _CJK_GAP, wide)
        begins: Flags = np.r_[True, (spaced & ~mark[1:]) | (gap > wide)] | self._notes()
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

    def _shaped_gaps(self) -> Floats:
        """How wide a gap between letters that join is, at least, if a word ends there."""
        width = self._end - self._start
        level = (np.abs(np.diff(self._box[:, 1::2], axis=0)) < _EQUAL).all(1)
        touch = np.abs(self._start[1:] - self._end[:-1]) < _EQUAL
        # Of a cluster only the first glyph's ink is known, in equal parts.
        # Elsewhere all boxes of a line are equally high.
        cluster = np.r_[False, level & touch & (np.abs(np.diff(width)) < _EQUAL), False]
        cluster = cluster[1:] | cluster[:-1]
        unspaced = self._kinds.unspaced[1:] & self._kinds.unspaced[:-1]
        after = np.where(unspaced, _UNSPACED_GAP, _CLUSTER_GAP)
        gaps = np.where(level, np.where(self._apart, _HINTED_WORD_GAP, WORD_GAP), _SHAPED_GAP)
        return np.where(cluster[1:] | cluster[:-1], after, gaps)

    def _notes(self) -> Flags:
        """Which characters are a note's number behind a word: it is small, and raised."""
        small = self._size[1:] < _SMALL * self._size[:-1]
        raised = self._baseline[1:] > self._baseline[:-1] + 0.1 * self._size[:-1]
        digit = (self._codes[1:] >= ord("0")) & (self._codes[1:] <= ord("9"))
        # A single letter has an exponent rather than a note.
        letter = np.r_[False, False, self._kinds.letter]
        joins = np.r_[False, False, ~self._spaced]
        word = letter[2:-1] & letter[1:-2] & letter[:-3] & joins[1:-1] & joins[:-2]
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
        """A line with right-to-left text."""
        codes = self._codes[run]
        kinds = np.select(
            [
                self._kinds.mark[run],
                self._kinds.right_to_left[run] & self._kinds.letter[run],
                self._kinds.letter[run],
                self._kinds.digit[run],
            ],
            ["M", "R", "L", "N"],
            "O",
        )
        glyphs = Glyphs(
            decoded(codes),
            "".join(kinds.tolist()),
            self._start[run].tolist(),
            self._end[run].tolist(),
            self._seen[run].tolist(),
            begins.tolist(),
        )
        return glyphs.read(mirrored=self.mirrored)


def _visual(characters: Characters, chosen: Ints, kinds: Kinds) -> Ints:
    """The order from left to right, on lines that run backward or were not drawn in order."""
    baseline, size = characters.baseline[chosen], characters.size[chosen]
    start, end = characters.start[chosen], characters.end[chosen]
    larger = np.maximum(size[1:], size[:-1])
    level = np.abs(np.diff(baseline)) <= SAME_LINE * larger
    back = level & (start[1:] < end[:-1] - _BACK * larger)
    if not (kinds.right_to_left.any() or back.any()):
        return np.arange(len(chosen))
    line = np.r_[0, np.cumsum(~level)]
    backward, jumping = np.zeros((2, int(line[-1]) + 1), bool)
    backward[line[kinds.right_to_left]] = True
    jumping[np.unique(line[1:][back])] = True
    # What is drawn over each other keeps its order, and so do marks behind their letters.
    letters = np.flatnonzero(jumping[line] & ~kinds.space & ~kinds.mark)
    letters = letters[np.lexsort((start[letters], line[letters]))]
    one, other = letters[:-1], letters[1:]
    over = (line[one] == line[other]) & (start[other] < (start[one] + end[one]) / 2)
    jumping[line[one[over]]] = False
    letter = np.maximum.accumulate(np.where(kinds.mark, 0, np.arange(len(chosen))))
    key = np.where(jumping[line], start[letter], 0.0)
    return np.lexsort((np.where(backward[line], (start + end) / 2, key), line))


def _joined(x0: Floats, x1: Floats, base: Floats, em: Floats, mark: Flags) -> tuple[Floats, Flags]:
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
    # A mark stands on its letter, which may be wide.
    joined = near & (gap > -np.where(mark[1:], 2, _OVERLAP) * larger) & (gap < CELL_GAP * larger)
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
