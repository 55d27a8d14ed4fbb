"""A run of text and what can be found in it: figures, words, names. Each is looked for once."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from indexes.verdict.matching import TABLE_SCALES
from indexes.verdict.names import Name, names, words_of
from indexes.verdict.numbers import Figure, decimal_comma, figures
from indexes.verdict.vocabulary import EMPTY

# A twelfth more is another bucket: more than what "about" allows.
_BUCKETS = 30
_IN_THOUSANDS = re.compile(r"\b(thousand|million|billion)s\b", re.IGNORECASE)
# Of Argentina and of company, not of quay.
_LAST_VOWEL = re.compile(r"(?<=[^\W\daeiouy])[aeiouy]$")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]+")


class Text:
    """A text and what can be found in it."""

    def __init__(self, text: str, comma: bool | None = None) -> None:
        self.text = text
        self._comma = comma

    @cached_property
    def comma(self) -> bool:
        """Whether it writes 3,5 and not 3.5."""
        return decimal_comma(self.text) if self._comma is None else self._comma

    @cached_property
    def figures(self) -> list[Figure]:
        """Its numbers and dates."""
        return figures(self.text, comma=self.comma)

    @cached_property
    def readings(self) -> list[Figure]:
        """Its figures, and what else they may be: "North 120 130" may be two numbers."""
        found = list(self.figures)
        for figure in self.figures:
            written = self.text[figure.start : figure.end]
            if figure.values and " " in written.strip() and figure.values[0] >= 1000:
                found += [replace(part, start=figure.start, end=figure.end)
                          for part in figures(written.replace(" ", " | "))]  # fmt: skip
        return found

    @cached_property
    def _by_size(self) -> dict[int | None, list[Figure]]:
        """Its readings by their digits' worth, each but once."""
        found: dict[int | None, dict[Figure, None]] = {}
        for figure in self.readings:
            for size in _sizes(figure):
                found.setdefault(size, {})[
                    replace(figure, start=0, end=figure.end - figure.start)
                ] = None
        return {size: list(known) for size, known in found.items()}

    def like(self, figure: Figure) -> Iterator[Figure]:
        """Those of its readings that may be a figure, whatever their scale."""
        for size in _sizes(figure):
            near = (0,) if size is None else (-1, 0, 1)
            for step in near:
                key = size if size is None or size < 0 else (size + step) % _BUCKETS
                yield from self._by_size.get(key, ())

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words, in lower case."""
        return frozenset(word.lower() for _, _, word in words_of(self.text))

    @cached_property
    def small(self) -> frozenset[str]:
        """Words that it writes without a capital: no names."""
        return frozenset(word for _, _, word in words_of(self.text) if word.islower())

    @cached_property
    def named(self) -> frozenset[str]:
        """The words of its names, but of one that may be none."""
        return frozenset(
            word for name in names(self.text) if not name.doubtful for word in name.words
        )

    @cached_property
    def stems(self) -> frozenset[str]:
        """The beginnings of those that say something."""
        return frozenset(stem(word) for word in self.words if word not in EMPTY) | _bigrams(
            self.text
        )

    @cached_property
    def telling(self) -> frozenset[str]:
        """Stems of what is no figure."""
        text = self.text
        for figure in reversed(self.figures):
            text = f"{text[: figure.start]} {text[figure.end :]}"
        return Text(text).stems

    @cached_property
    def initials(self) -> str:
        """Initials of what is written with capitals, for AWS and the like."""
        return "".join(w[0] if w[0].isupper() else "" if w.lower() in ("of", "and", "the") else " "
                       for _, _, w in words_of(self.text))  # fmt: skip

    @cached_property
    def scales(self) -> tuple[int, ...]:
        """Powers of ten that a table's head gives its numbers."""
        found = {match[1].lower() for match in _IN_THOUSANDS.finditer(self.text)}
        return tuple(power for word, power in TABLE_SCALES.items() if word in found)

    def has(self, name: Name) -> bool:
        """Whether a name is in it: all its words, or their initials."""
        if all(word in self.words or self._has_form_of(word) for word in name.words):
            return True
        short = name.words[0].upper()
        return len(name.words) == 1 and 2 <= len(short) <= 6 and short in self.initials

    def _has_form_of(self, word: str) -> bool:
        root = _root(word)
        return any(_one_name(root, other) for other in self._roots.get(stem(word), ()))

    @cached_property
    def _roots(self) -> dict[str, set[str]]:
        """The roots of its words, by their stems."""
        found: dict[str, set[str]] = {}
        for word in self.words:
            found.setdefault(stem(word), set()).add(_root(word))
        return found


class Texts(Text):
    """Texts, a line each or more, that are read as one: what each holds is found but once."""

    def __init__(self, parts: Sequence[Text], comma: bool | None = None) -> None:
        super().__init__("\n".join(part.text for part in parts), comma)
        self._parts = parts

    @cached_property
    def _by_size(self) -> dict[int | None, list[Figure]]:
        found: dict[int | None, dict[Figure, None]] = {}
        for part in self._parts:
            for size, known in part._by_size.items():
                found.setdefault(size, {}).update(dict.fromkeys(known))
        return {size: list(known) for size, known in found.items()}

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of all."""
        return frozenset().union(*(part.words for part in self._parts))

    @cached_property
    def small(self) -> frozenset[str]:
        """Words that one of them writes without a capital."""
        return frozenset().union(*(part.small for part in self._parts))

    @cached_property
    def named(self) -> frozenset[str]:
        """Words of names that are one in one of them."""
        return frozenset().union(*(part.named for part in self._parts))

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of all."""
        return frozenset().union(*(part.stems for part in self._parts))

    @cached_property
    def initials(self) -> str:
        """The initials of all, in order."""
        return "".join(part.initials for part in self._parts)


def unspaced(text: str) -> bool:
    """Whether a text has words that no spaces divide."""
    return bool(_UNSPACED.search(text))


def shared(said: Text, source: Text) -> float:
    """The share of a sentence's words that the source has, figures aside."""
    return len(said.telling & source.stems) / len(said.telling) if said.telling else 0.0


def _sizes(figure: Figure) -> Iterator[int | None]:
    """Keys that figures share which may be one: dates one, others by their first digits."""
    if figure.date or figure.year:
        yield None
    for value in figure.values:
        digits = float(value)
        yield round(_BUCKETS * (math.log10(abs(digits)) % 1)) % _BUCKETS if digits else -9


def stem(word: str) -> str:
    """The beginning of a word, which its forms share."""
    return _root(word)[:7]


def _root(word: str) -> str:
    for ending in ("ies", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def _one_name(one: str, other: str) -> bool:
    """Whether roots may be one name's: Argentina and Argentine, not Washington and Washingham."""
    return any(
        longer.startswith(_LAST_VOWEL.sub("", root))
        for root, longer in ((one, other), (other, one))
    )


def _bigrams(text: str) -> frozenset[str]:
    """Pairs of characters of scripts that leave no spaces between words."""
    return frozenset(
        run[place : place + 2]
        for run in _UNSPACED.findall(text)
        for place in range(max(1, len(run) - 1))
    )
