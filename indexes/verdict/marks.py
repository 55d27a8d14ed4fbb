"""Words that have opposites, and names, each with the words that stand beside it."""

import re
from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

from indexes.verdict.names import names, words_of
from indexes.verdict.texts import Text, stem
from indexes.verdict.vocabulary import (
    EMPTY,
    MONTHS,
    OPPOSITES,
    PARTICIPLES,
    ROLES,
    TITLES,
    words,
)

# What parts words that belong together, unless it stands between the things of a list.
_BREAK = re.compile(r"[.,;:!?()\[\]\n|–—]")
_PARTING = words("and or but while whereas because although if unless that")
_ARTICLES = words("a an the")
_JOINING = _ARTICLES | words("and or")
_BEING = words("is are was were be been being")
# What follows them may belong to anything before.
_PREPOSITIONS = words("at for from in into on to with")
_NO_NAMES = {*MONTHS, *ROLES, *OPPOSITES}
# How many words are read on either side: "the north depot closed".
_BESIDE = 2
# A sentence of more marks is a list.
_MOST_MARKS = 40

# Before (-1) or behind (1), and the stem of a word there; a figure has a sign before it.
Beside = tuple[int, str]


class Mark(NamedTuple):
    """A word that has opposites, or a name.

    Attributes:
        group: what it may be exchanged with; negative for what acts, roles and names
        sides: what it is itself: marks of a group that share one are the same
        word: as it is written
    """

    group: int
    sides: frozenset[object]
    word: str

    @property
    def acts(self) -> bool:
        """Whether it does things, or has them done to it."""
        return self.group < 0


class Place(NamedTuple):
    """A mark of a sentence.

    Attributes:
        mark: itself
        beside: what stands beside it, up to a comma or the like; of what acts, "is bought by Bolt"
            is read as "Bolt bought"
        bare: whether its clause has no more than figures: "North earned 5 million, South 4 million"
    """

    mark: Mark
    beside: frozenset[Beside]
    bare: bool


class _Word(NamedTuple):
    """A word, or the words of a name.

    Attributes:
        low: in lower case
        gap: what stands before it
        figure: whether it is one, or a part of one
        mark: if it is one
    """

    low: str
    gap: str
    figure: bool
    mark: Mark | None


def places_of(text: Text, small: Set[str], named: Set[str]) -> list[Place]:
    """The marks of a sentence.

    Args:
        text: the sentence
        small: words, in lower case, that are known to be no names
        named: those that are known to be in one: the first word of a sentence tells nothing itself
    """
    run = _words(text, small, named)
    marks = [(at, word.mark) for at, word in enumerate(run) if word.mark][:_MOST_MARKS]
    found = []
    for at, mark in marks:
        beside = frozenset([*_beside(run, at, -1, mark.group), *_beside(run, at, 1, mark.group)])
        bare = _begins(run, at) and all(word.startswith("#") for _, word in beside)
        found.append(Place(mark, beside, bare))
    return found


def _words(text: Text, small: Set[str], named: Set[str]) -> list[_Word]:
    figures = [(figure.start, figure.end) for figure in text.figures]
    found_names = [
        name
        for name in names(text.text, small)
        if not (name.doubtful and name.words[0] not in named)
        and not (len(name.words) == 1 and name.words[0] in _NO_NAMES)
        and not TITLES.issuperset(name.words)
        and not any(start < name.end and name.start < end for start, end in figures)
    ]
    starts = {name.start: name for name in found_names}
    run: list[_Word] = []
    before = inside = 0
    for start, end, word in words_of(text.text):
        gap, before = text.text[before:start], end
        if start < inside:
            continue
        low, mark = word.lower(), None
        if name := starts.get(start):
            inside = name.end
            sides = frozenset(map(stem, {*name.words} - TITLES))
            mark = Mark(-1, sides, text.text[start:inside])
        elif low in ROLES:
            group, side = ROLES[low]
            mark = Mark(-2 - group, frozenset([side]), word)
        elif low in OPPOSITES and not (word == "May" and start):
            group, side = OPPOSITES[low]
            mark = Mark(group, frozenset([side]), word)
        figure = any(first < end and start < last for first, last in figures)
        run.append(_Word(low, gap, figure, mark))
    return run


def _beside(run: Sequence[_Word], at: int, way: int, group: int) -> Iterator[Beside]:
    side, found, place = way, 0, at
    while found < _BESIDE and 0 <= (place := place + way) < len(run):
        word, between = run[place], run[max(place, place - way)]
        if _BREAK.search(between.gap) or word.low in _PARTING:
            if not found:
                yield from _listed(run, place, way, group)
            return
        if word.mark and word.mark.group == group:
            return
        if group < 0 and way < 0 and word.low == "by":
            side = 1
        if way > 0 and word.low in _PREPOSITIONS and not _is_figure(run, place + 1):
            return
        if word.low in EMPTY and not word.mark:
            continue
        if group < 0 and way > 0 and run[place - 1].low in _BEING and _is_participle(word.low):
            side = -1
        found += 1
        yield side, f"#{word.low}" if word.figure else stem(word.low)


def _listed(run: Sequence[_Word], place: int, way: int, group: int) -> Iterator[Beside]:
    """What stands beside the next thing of a list, which stands beside all of them."""
    while 0 <= place < len(run) and run[max(place, place - way)].gap in (" ", ", "):
        word = run[place]
        if word.mark and word.mark.group == group:
            yield from _beside(run, place, way, group)
        if word.low not in _JOINING:
            return
        place += way


def _begins(run: Sequence[_Word], at: int) -> bool:
    """Whether a clause begins with a word, articles aside."""
    while at and not _BREAK.search(run[at].gap) and run[at - 1].low in _ARTICLES:
        at -= 1
    return not at or bool(_BREAK.search(run[at].gap)) or run[at - 1].low in _PARTING


def _is_figure(run: Sequence[_Word], at: int) -> bool:
    return at < len(run) and run[at].figure


def _is_participle(word: str) -> bool:
    return word.endswith("ed") or word in PARTICIPLES
