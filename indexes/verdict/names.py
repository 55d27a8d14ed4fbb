"""The names of a sentence: what is written with a capital, or with letters and digits.

The first word of a sentence has a capital anyway; it counts as a doubtful name unless it is one
of the words that sentences begin with.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from indexes.verdict.vocabulary import JOINING, OPENERS

# A word with what may stand inside it: O'Brien, Coca-Cola, A380, INV-2031, 4.2.1, 10:30.
_WORD = re.compile(r"[^\W_]+(?:[&'’./:-][^\W_]+)*")
_POSSESSIVE = re.compile(r"['’]s?$")
# What ends one.
_APART = re.compile(r"[,;:.!?()\n|]")

_COMMON_ENDS = (
    "ly", "ing", "tion", "tions", "sion", "ment", "ments", "ness", "ance", "ence", "ship", "ed",
    "ism", "ities", "ity", "ers",
)  # fmt: skip


@dataclass(frozen=True)
class Name:
    """A name of a sentence, `start` to `end` in it.

    Attributes:
        words: its parts that must be there, in lower case
        doubtful: it may be no name: the sentence begins with it
    """

    start: int
    end: int
    words: tuple[str, ...]
    doubtful: bool = False


def words_of(text: str) -> Iterator[tuple[int, int, str]]:
    """The words of a text with their places, without a possessive's ending."""
    for match in _WORD.finditer(text):
        word = match[0]
        ending = _POSSESSIVE.search(word)
        word = word[: ending.start()] if ending else word
        yield match.start(), match.start() + len(word), word


def names(sentence: str, ordinary: Iterable[str] = ()) -> list[Name]:
    """What of a sentence names somebody or something.

    Args:
        sentence: one sentence
        ordinary: words, in lower case, that are known to be no names
    """
    plain = OPENERS.union(ordinary)
    return [name for group in _groups(sentence) if (name := _named(group, plain))]


@dataclass
class _Group:
    """Named words that stand together."""

    first: bool
    parts: list[tuple[int, int, str]]


def _groups(sentence: str) -> list[_Group]:
    groups: list[_Group] = []
    end_before, joins = 0, False
    for place, (start, end, word) in enumerate(words_of(sentence)):
        apart = bool(_APART.search(sentence, end_before, start))
        end_before = end
        if _is_named(word):
            if joins and not apart:
                groups[-1].parts.append((start, end, word))
            else:
                groups.append(_Group(place == 0, [(start, end, word)]))
            joins = True
        else:
            joins = joins and not apart and word.lower() in JOINING
    return groups


def _named(group: _Group, plain: frozenset[str]) -> Name | None:
    certain = [_is_certain(word) for _, _, word in group.parts]
    kept = [
        part
        for part, sure in zip(group.parts, certain, strict=True)
        if sure or part[2].lower() not in plain
    ]
    if not kept:
        return None
    words = tuple(word.lower() for _, _, word in kept)
    doubtful = group.first and len(group.parts) == 1 and not certain[0]
    if doubtful and words[0].endswith(_COMMON_ENDS):
        return None
    return Name(kept[0][0], kept[-1][1], words, doubtful)


def _is_named(word: str) -> bool:
    return word != "I" and (word[0].isupper() or _is_certain(word))


def _is_certain(word: str) -> bool:
    """Whether a word is a name wherever it stands: AWS, iPhone, A380, 4.2.1."""
    letters = any(character.isalpha() for character in word)
    digits = any(character.isdigit() for character in word)
    if letters and digits:
        # "5m", "10-year", "3rd" are figures.
        return not word[0].isdigit()
    if digits:
        return bool(re.fullmatch(r"\d+(?:[.:/-]\d+){2,}|\d{1,2}:\d{2}", word))
    return sum(character.isupper() for character in word) > 1
