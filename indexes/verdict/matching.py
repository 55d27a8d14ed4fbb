"""Whether a figure of one text is one of another: the same worth, unit and place beside others."""

import re
from bisect import bisect
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from indexes.verdict.numbers import Figure
from indexes.verdict.vocabulary import LOSING

# "about 500" may stand for 514.
_ABOUT = Decimal("0.06")
CLAUSES = re.compile(r"[;:,]\s|,?\s(?:and|while|whereas|but|und|während)\s")
# A table's head may say so of all its numbers.
TABLE_SCALES = {"thousand": 3, "million": 6, "billion": 9}

Fit = Literal["same", "near", "no"]


def fit(
    said: Figure,
    source: Figure,
    scales: Sequence[int] = (),
    words: frozenset[str] = frozenset(),
) -> Fit:
    """Whether two figures are one.

    Args:
        said: that of an answer
        source: that of a passage
        scales: powers of ten that the passage gives its bare numbers: "in millions" is 6
        words: the words around both, in lower case

    Returns:
        `same`; `near` where it is rounded, or counts something else; else `no`.
    """
    if said.date or source.date:
        return _date_fit(said, source)
    if said.ordinal != source.ordinal or not _units_agree(said, source):
        return "no"
    if said.negative != source.negative and not words & LOSING:
        return "no"
    options = [(value, source.step) for value in source.values]
    if not source.scaled and source.unit != "%":
        options += [
            (value.scaleb(power), source.step.scaleb(power))
            for power in scales
            for value in source.values
        ]
    best: Fit = "no"
    for wanted in said.values:
        for place, (value, _) in enumerate(options):
            other_scale = said.scaled != source.scaled or place >= len(source.values)
            found = _value_fit(said, wanted, value, other_scale=other_scale)
            best = max(best, found, key=("no", "near", "same").index)
    return "near" if best == "same" and _counts_other(said, source) else best


def _value_fit(said: Figure, wanted: Decimal, value: Decimal, *, other_scale: bool) -> Fit:
    if wanted == value:
        return "same"
    if not wanted or not value or (wanted < 0) != (value < 0):
        return "no"
    if abs(wanted - value) <= said.step / 2 and abs(wanted - value) <= abs(value) * _ABOUT:
        # 469.8 billion for 469,822 million is the same; 5% for 5.4% is not quite.
        return "same" if said.hedged or other_scale else "near"
    if said.hedged and abs(wanted - value) <= _significant(wanted, said.step) / 2:
        return "same" if abs(wanted - value) <= abs(value) * _ABOUT else "no"
    return "no"


def _significant(value: Decimal, step: Decimal) -> Decimal:
    """Worth of the last digit that is not 0."""
    while value and value % (step * 10) == 0:
        step *= 10
    return step


def _units_agree(said: Figure, source: Figure) -> bool:
    if said.unit == source.unit:
        return True
    if not source.unit:
        # The unit may stand in a table's head, but not where the number counts something.
        return not source.noun
    return not said.unit and source.unit != "%"


def _counts_other(said: Figure, source: Figure) -> bool:
    """Whether one counts jobs and the other shops, or dollars."""
    if said.unit or not said.noun:
        return False
    return bool(source.unit) or bool(source.noun and said.noun[:5] != source.noun[:5])


def _date_fit(said: Figure, source: Figure) -> Fit:
    if not said.date:
        # A year alone, of a date.
        return "same" if said.year and any(date[0] == said.year for date in source.date) else "no"
    if not source.date:
        whole = [date for date in said.date if date[0] == source.year and not date[1]]
        return "same" if whole else "no"
    for one in said.date:
        for other in source.date:
            if all(a == b or not a for a, b in zip(one, other, strict=True)):
                return "same"
    return "no"


Mark = tuple[int, int, str]
Pair = tuple[Figure, str]


def pairs(text: str, figures: Sequence[Figure], marks: Sequence[Mark]) -> list[Pair]:
    """What each figure stands with: the nearest mark of its clause, else of all; or nothing.

    Args:
        text: whose clauses count
        figures: quantities of it
        marks: years of it, or names: start, end and label
    """
    cuts = [match.start() for match in CLAUSES.finditer(text)]

    def far(figure: Figure, mark: Mark) -> tuple[bool, int]:
        other = bisect(cuts, figure.start) != bisect(cuts, mark[0])
        return other, max(mark[0] - figure.end, figure.start - mark[1])

    found = []
    for figure in figures:
        apart = [mark for mark in marks if mark[1] <= figure.start or figure.end <= mark[0]]
        nearest = min(apart, key=lambda mark: far(figure, mark), default=None)
        found.append((figure, nearest[2] if nearest else ""))
    return found


def swapped(said: Sequence[Pair], source: Sequence[Pair]) -> Figure | None:
    """A figure that stands with what has another figure in the source, and is another's there.

    Args:
        said: figures and their partners in an answer's sentence
        source: those of the passage's
    """
    for figure, label in said:
        theirs = {other for found, other in source if fit(figure, found) == "same"}
        taken = {other for _, other in source}
        if label and theirs and label not in theirs and label in taken and len(taken) > 1:
            return figure
    return None
