"""Which sentences of an answer its passages bear out.

    for found in supports(answer, contexts, embedded):
        print(found.verdict, answer[found.start : found.end], found.why)

A sentence is *supported* where one place of the passages (a sentence and its neighbours, below
their heading and table header) has all of its figures and names, says about the same, and nothing
to the contrary (`contrary`); *partly* where that is spread, rounded, or only similar, and where it
is a single word; else *unsupported*. A figure that is in no passage makes a sentence unsupported
however similar the rest is. How alike two sentences are is the larger of their shared words and,
where there are vectors, of their cosine.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexes.answers import Context, Support, SupportVerdict
from indexes.verdict.contrary import contrary
from indexes.verdict.denial import denial
from indexes.verdict.matching import CLAUSES, Mark, fit, pairs, swapped
from indexes.verdict.names import Name, names
from indexes.verdict.numbers import Figure, decimal_comma, figures
from indexes.verdict.texts import Text, Texts, shared
from indexes.verdict.windows import (
    MARKER,
    Source,
    Window,
    abouts,
    said_in,
    sources_of,
    windows_of,
)

Matrix = NDArray[np.float64]

# What of a sentence is no part of it: markers, the number of a list's item, "The answer is:".
_BESIDE = re.compile(
    rf"{MARKER.pattern}|^\s*(?:[-*•#>]+\s+)*\d{{1,2}}[.)](?=\s)"
    r"|^\W*(?:(?:the|my|short|final|correct)\s)*answer\b[^:.;\n]{0,40}:[*_]*(?=\s)",
    re.IGNORECASE,
)
# Stands for the year before in "against 33.4 billion the year before".
_BEFORE = re.compile(r"\b(?:the|previous|prior|last)\s(?:year|quarter)(?:\s(?:before|earlier))?\b"
                     r"|\ba year (?:ago|earlier)\b", re.IGNORECASE)  # fmt: skip
_ARTICLES = frozenset(["a", "an", "the"])
_FOUR = re.compile(r"\d{4}")
_MOST_PAIRS = 60
# A sentence of more is none that somebody reads, and takes long to check.
LONGEST = 2_000
_MOST_FIGURES = 40
# How alike a sentence and its place must be: chosen on tests/verdict/pairs.jsonl.
SUPPORTED = 0.62
PARTLY = 0.45
# Where all figures agree, and some are no years, less is needed of the rest.
_WITH_FIGURES = 0.45
# The place that a sentence with a wrong figure was meant to come from.
_SAME_STATEMENT = 0.5


def supports(
    answer: str,
    contexts: Sequence[Context],
    similar: Matrix | None = None,
    sources: Sequence[Source] | None = None,
) -> list[Support]:
    """Judge every sentence of an answer that claims something.

    Args:
        answer: as it was written, markers and all
        contexts: what it was written from
        similar: cosines, a row for each of `said_in(answer, …)` and a column for each source
        sources: `sources_of(contexts)`, if they are known already
    """
    places = list(sources_of(contexts) if sources is None else sources)
    said = said_in(answer, len(places))
    if not said:
        return []
    if not places:
        return [Support(start=start, end=end, verdict="unsupported",
                        why="there are no passages") for start, end in said]  # fmt: skip
    windows = windows_of(places)
    every = Texts([*(window.own for window in windows), Text(abouts(contexts))])
    found = []
    for row, (start, end) in enumerate(said):
        cosines = similar[row] if similar is not None else np.zeros(len(places))
        judged = _Judged(answer[start : min(end, start + LONGEST)], windows, every, cosines)
        if end - start > LONGEST or len(judged.said.figures) > _MOST_FIGURES:
            verdict, why, best = judged.too_long()
        else:
            verdict, why, best = judged.verdict()
        source = places[best]
        found.append(
            Support(
                start=start,
                end=end,
                verdict=verdict,
                why=why,
                context=source.number,
                document=source.context.document,
                source_start=source.context.start + source.span[0],
                source_end=source.context.start + source.span[0] + len(source.text.rstrip()),
                similarity=round(float(judged.alike[best]), 4),
            )
        )
    return found


def figures_missing(sentence: str, contexts: Sequence[Context]) -> bool:
    """Whether a sentence has a figure that is not in these contexts, as it is written there."""
    source = Text("\n".join((*(context.text for context in contexts), abouts(contexts))))
    said = Text(_plain(sentence), decimal_comma(sentence) or source.comma)
    words = source.words | said.words
    return any(
        all(fit(figure, other, source.scales, words) != "same" for other in source.like(figure))
        for figure in said.figures
    )


def _plain(sentence: str) -> str:
    """A sentence with blanks for what is no part of it."""
    return _BESIDE.sub(lambda match: " " * len(match[0]), sentence)


class _Judged:
    """A sentence of an answer beside all places."""

    def __init__(
        self, sentence: str, windows: Sequence[Window], every: Text, cosines: Matrix
    ) -> None:
        plain = _plain(sentence)
        self.windows = windows
        self.every = every
        own = decimal_comma(plain)
        self.said = Text(plain, own or (every.comma and not re.search(r"\d\.\d{1,2}(?!\d)", plain)))
        self.names = self._names()
        common = np.array([shared(self.said, window.around) for window in windows])
        self.alike = np.maximum(common, cosines)
        # Of windows that share as much, the one whose own words do.
        self._order = self.alike + 0.1 * np.array([shared(self.said, w.own) for w in windows])

    def _names(self) -> list[Name]:
        taken = [(figure.start, figure.end) for figure in self.said.figures]
        return [
            name
            for name in names(self.said.text, self.every.small)
            if not any(start < name.end and name.start < end for start, end in taken)
        ]

    def too_long(self) -> tuple[SupportVerdict, str, int]:
        """What is said of a sentence that takes too long to check."""
        return "unsupported", "it is too long to be checked", int(self._order.argmax())

    def verdict(self) -> tuple[SupportVerdict, str, int]:
        """The verdict, why, and the place that it was found at."""
        numbers = self.said.figures
        fits = [self._fits(window.around, numbers) for window in self.windows]
        total = [
            row.count("same")
            + 0.5 * row.count("near")
            + 0.05 * self._fits(window.own, numbers).count("same")
            for row, window in zip(fits, self.windows, strict=True)
        ]
        best = int(np.argmax(np.array(total) + 0.049 * self._order))
        likeliest = int(self._order.argmax())
        if missing := self._absent(numbers):
            return "unsupported", f"{missing} is in no passage", likeliest
        if name := next((n for n in self.names if not self.every.has(n)), None):
            shown = self.said.text[name.start : name.end]
            if not name.doubtful:
                return "unsupported", f"{shown} is in no passage", likeliest
            return "partly", f"{shown} is in no passage", likeliest
        if clash := self._clash(best, numbers):
            return clash[0], clash[1], best
        alike = float(self.alike[best])
        if all(fit_ == "same" for fit_ in fits[best]):
            return self._by_likeness(best, alike, any(not figure.year for figure in numbers))
        return self._spread(numbers, fits, best, likeliest)

    def _by_likeness(
        self, best: int, alike: float, numbers: bool
    ) -> tuple[SupportVerdict, str, int]:
        apart = [n for n in self.names if not self.windows[best].around.has(n)]
        least = _WITH_FIGURES if numbers else SUPPORTED
        if apart and names(self.windows[best].own.text, self.every.small):
            shown = self.said.text[apart[0].start : apart[0].end]
            return "partly", f"{shown} is in the passages, but not here", best
        if alike >= least and not numbers and self._asked(self.windows[best].near, least):
            return "partly", "the passage asks this, and does not say it", best
        if alike >= least and not numbers and len(self.said.words - _ARTICLES) < 2:
            return "partly", "it only names what is in the passages", best
        if alike >= least:
            return "supported", "", best
        if alike >= PARTLY or numbers:
            return "partly", "the passages say something similar only", best
        return "unsupported", "no passage says this", best

    def _asked(self, near: Sequence[Text], least: float) -> bool:
        """Whether all of it stands in a question that nothing beside it affirms."""
        asked = [text for text in near if text.text.rstrip().endswith("?")]
        told = Texts([text for text in near if text not in asked])
        return (
            any(self.said.telling <= text.stems for text in asked)
            and shared(self.said, told) < least
            and "yes" not in told.words
        )

    def _spread(
        self, numbers: list[Figure], fits: list[list[str]], best: int, likeliest: int
    ) -> tuple[SupportVerdict, str, int]:
        """Where no one place has all figures: each part of the sentence may have its own."""
        if "near" in fits[best] and "no" not in fits[best]:
            figure = numbers[fits[best].index("near")]
            return "partly", f"{self._shown(figure)} is not quite what the passage says", best
        parts = _parts(self.said.text)
        if len(parts) > 1 and all(any(figures(part)) and Text(part).stems for part in parts):
            judged = [
                _Judged(part, self.windows, self.every, np.zeros(len(self.windows))).verdict()
                for part in parts
            ]
            if all(verdict == "supported" for verdict, _, _ in judged):
                return "supported", "", best
        if self.alike[likeliest] >= _SAME_STATEMENT and "no" in fits[likeliest]:
            figure = numbers[fits[likeliest].index("no")]
            quantity = [f for f in self.windows[likeliest].own.figures if not f.year and not f.date]
            if quantity and not figure.year:
                return (
                    "unsupported",
                    f"{self._shown(figure)} is not what the passage says",
                    likeliest,
                )
        figure = numbers[fits[best].index("no")]
        return "partly", f"{self._shown(figure)} stands elsewhere in the passages", best

    def _shown(self, figure: Figure) -> str:
        return self.said.text[figure.start : figure.end].strip()

    def _fits(self, text: Text, numbers: Sequence[Figure]) -> list[str]:
        words = text.words | self.said.words
        return [
            max(
                (fit(figure, other, text.scales, words) for other in text.like(figure)),
                key=("no", "near", "same").index,
                default="no",
            )
            for figure in numbers
        ]

    def _absent(self, numbers: Sequence[Figure]) -> str:
        """A figure that no passage has."""
        words = self.every.words | self.said.words
        for figure in numbers:
            fits = {
                fit(figure, other, self.every.scales, words) for other in self.every.like(figure)
            }
            if not fits & {"same", "near"}:
                return self._shown(figure)
        return ""

    def _clash(self, best: int, numbers: Sequence[Figure]) -> tuple[SupportVerdict, str] | None:
        """What a place says to the contrary."""
        window = self.windows[best]
        if numbers and (column := _wrong_column(self.said, window)):
            return "unsupported", f"{column} stands in another column"
        for marks_of in (_years, self._named):
            beside = [pair for text in window.near for pair in _paired(text, marks_of(text))]
            if figure := swapped(_paired(self.said, marks_of(self.said)), beside):
                shown = self._shown(figure)
                return "unsupported", f"{shown} belongs to something else in the passage"
        if self.alike[best] >= _SAME_STATEMENT:
            return denial(self.said, window.near) or contrary(
                self.said, window.own, window.near, self.every
            )
        return None

    def _named(self, text: Text) -> list[Mark]:
        return [(n.start, n.end, n.words[0]) for n in names(text.text, self.every.small)]


def _years(text: Text) -> list[Mark]:
    marks = [(f.start, f.end, str(f.year)) for f in text.figures if f.year]
    return marks + [(*match.span(), "before") for match in _BEFORE.finditer(text.text)]


def _paired(text: Text, marks: Sequence[Mark]) -> list[tuple[Figure, str]]:
    quantities = [f for f in text.figures if not f.year and not f.date]
    return pairs(text.text, quantities[:_MOST_PAIRS], marks[:_MOST_PAIRS])


def _wrong_column(said: Text, window: Window) -> str:
    """A figure of a table's row that stands below another year than the sentence says."""
    row = window.own.text.strip().strip("|").split("|")
    heads = [
        line.strip().strip("|").split("|")
        for line in window.around.text.split("\n")
        if "|" in line and line.strip() != window.own.text.strip()
    ]
    years = [figure.year for figure in said.figures if figure.year]
    quantities = [figure for figure in said.figures if not figure.year and not figure.date]
    if len(row) < 2 or len(years) != 1 or len(quantities) != 1:
        return ""
    for head in heads:
        below = [i for i, cell in enumerate(head) if str(years[0]) in cell]
        dated = sum(bool(_FOUR.search(cell)) for cell in head)
        if len(head) == len(row) and len(below) == 1 and dated > 1:
            cell = Text(row[below[0]], window.own.comma).figures
            scales = window.around.scales
            if not any(fit(quantities[0], other, scales, window.around.words | said.words) != "no"
                       for other in cell):  # fmt: skip
                return said.text[quantities[0].start : quantities[0].end].strip()
    return ""


def _parts(sentence: str) -> list[str]:
    """The clauses of a sentence; each keeps the words before the first."""
    return [part for part in CLAUSES.split(sentence) if part.strip()]
