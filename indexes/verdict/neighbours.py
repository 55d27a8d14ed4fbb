"""The words of a sentence that say something, each with what stands beside it."""

import re
from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

from indexes.verdict.names import names, words_of
from indexes.verdict.texts import Text, stem
from indexes.verdict.vocabulary import EMPTY, MONTHS, OPPOSITES, PARTICIPLES, TITLES, words

# Where a clause begins or ends.
EDGE = "|"
_BREAK = re.compile(r"[.,;:!?()\[\]\n|–—]")
_PARTING = words("and or but while whereas because although if unless that")
_ARTICLES = words("a an the")
_BEING = words("is are was were be been being")
_LISTING = _ARTICLES | {"and", "or"}
_SMALL = _ARTICLES | _BEING
_SILENT = EMPTY | _PARTING
# Before a word they show that its clause goes on.
_BINDING = EMPTY - _ARTICLES - _PARTING
# What follows them may belong to anything before.
_PREPOSITIONS = words("at for from in into on to with")
_NO_NAMES = {*MONTHS, *OPPOSITES}
_GROUPS = {stem(word): f"~{group}" for word, (group, _) in OPPOSITES.items()}
# A sentence of more words is a list.
_MOST_WORDS = 80

# Before (-1) or behind (1), and a stem; of little words, -2 or 2.
Beside = tuple[int, str]


class Word(NamedTuple):
    """A word that says something, or a name of several.

    Attributes:
        text: as it is written
        low: in lower case; of a name, its last word
        stem: what its forms share
        kind: `name`, `figure`, `opposite` for what `OPPOSITES` has, else empty
        place: the stem before it and two behind it, within its clause; `EDGE` for none
        near: two stems on each side, within its clause, but none behind a preposition
        touching: one on each side, and little words there; "is bought by Bolt" is "Bolt bought"
        alone: whether it begins a clause that has nothing but figures: "…, South 4 million"
        at: how many words are before it that are no `and` of a list
    """

    text: str
    low: str
    stem: str
    kind: str
    place: tuple[str, str, str]
    near: frozenset[Beside]
    touching: frozenset[Beside]
    alone: bool
    at: int


class _Token(NamedTuple):
    text: str
    low: str
    kind: str
    parted: bool

    @property
    def telling(self) -> bool:
        return bool(self.kind) or self.low not in _SILENT

    @property
    def parts(self) -> bool:
        return self.low in _PARTING


def read(text: Text, small: Set[str], named: Set[str]) -> list[Word]:
    """The words of a sentence; none of one that is as long as a list.

    Args:
        text: the sentence
        small: words, in lower case, that are known to be no names
        named: those that are known to be in one: the first word of a sentence tells nothing itself
    """
    tokens = list(_tokens(text, small, named))
    if len(tokens) > _MOST_WORDS:
        return []
    return [_word(tokens, at) for at, token in enumerate(tokens) if token.telling]


def _tokens(text: Text, small: Set[str], named: Set[str]) -> Iterator[_Token]:
    figures = [(figure.start, figure.end) for figure in text.figures]
    found = {
        name.start: name
        for name in names(text.text, small)
        if not (name.doubtful and name.words[0] not in named)
        and not (len(name.words) == 1 and name.words[0] in _NO_NAMES)
        and not TITLES.issuperset(name.words)
        and not any(start < name.end and name.start < end for start, end in figures)
    }
    before = inside = 0
    for start, end, word in words_of(text.text):
        parted, before = bool(_BREAK.search(text.text, before, start)), end
        if start < inside:
            continue
        low, kind, shown = word.lower(), "", word
        if name := found.get(start):
            inside, kind, shown = name.end, "name", text.text[start : name.end]
            low = next(part for part in reversed(name.words) if part not in TITLES)
        elif any(first < end and start < last for first, last in figures):
            kind = "figure"
        elif low in OPPOSITES and not (word == "May" and start):
            kind = "opposite"
        yield _Token(shown, low, kind, parted)


def _word(tokens: Sequence[_Token], at: int) -> Word:
    token = tokens[at]
    back = list(_along(tokens, at, -1))
    ahead = list(_along(tokens, at, 1))
    bound = list(_along(tokens, at, 1, bound=True))
    little = [
        (2 * way, other.low)
        for way in (-1, 1)
        if (other := _next(tokens, at, way)) and not other.telling and not other.parts
    ]
    by = (-2, "by") in little
    passive = (
        at + 2 < len(tokens) and tokens[at + 1].low in _BEING and is_participle(tokens[at + 2].low)
    )
    touching = [(1 if by else -1, _shared(one)) for one in back[:1]]
    touching += [(-1 if passive else 1, _shared(one)) for one in ahead[:1]]
    near = {*((-1, one) for one in back), *((1, one) for one in bound)}
    before, (behind, beyond) = [*back, EDGE][0], [*ahead, EDGE, EDGE][:2]
    begins = not back and not (at and tokens[at - 1].low in _BINDING)
    return Word(
        text=token.text,
        low=token.low,
        stem=stem(token.low),
        kind=token.kind,
        place=(before, behind, beyond),
        near=frozenset(near),
        touching=frozenset(touching + [one for one in little if one != (-2, "by")]),
        alone=begins and all(one.startswith("#") for _, one in near),
        at=sum(other.low not in _LISTING for other in tokens[:at]),
    )


def _along(tokens: Sequence[_Token], at: int, way: int, *, bound: bool = False) -> Iterator[str]:
    """Up to two stems of its clause; if `bound`, none behind a preposition but a figure."""
    place, found = at, 0
    while found < 2 and 0 <= (place := place + way) < len(tokens):
        token = tokens[place]
        if tokens[max(place, place - way)].parted or token.parts:
            return
        if bound and token.low in _PREPOSITIONS:
            if place + 1 == len(tokens) or tokens[place + 1].kind != "figure":
                return
        elif token.telling:
            found += 1
            yield f"#{token.low}" if token.kind == "figure" else stem(token.low)


def _shared(found: str) -> str:
    """A stem, or what all words of a group of opposites share."""
    return _GROUPS.get(found, found)


def _next(tokens: Sequence[_Token], at: int, way: int) -> _Token | None:
    """The next word that is no article and no form of `be`."""
    place = at + way
    while 0 <= place < len(tokens) and tokens[place].low in _SMALL:
        place += way
    return tokens[place] if 0 <= place < len(tokens) else None


def is_participle(word: str) -> bool:
    """Whether it may be one of the passive voice."""
    return word.endswith("ed") or word in PARTICIPLES
