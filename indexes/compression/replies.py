"""What a model answered, read tolerantly: numbers, or yes and no. Any string is read in time
that grows with its length and no faster; what can't be read is said to be unreadable, never
guessed at.

    read_numbers('{"keep": [3, 4]}', 9).numbers        (3, 4)
    read_numbers("Sentences 3-5 and 7 help.", 9)       (3, 4, 5, 7)
    read_numbers("[3] The sentence, copied.", 9)       (3,)
    read_numbers("NO_OUTPUT.", 9)                      (), readable
    read_numbers("What a lovely question!", 9)         unreadable
    read_numbers('{"keep": [3, 4, 1', 9)               (3, 4), broken off

Where an answer can be understood in two ways, more is kept rather than less: what is lost
here can't be found again, and the answering model reads what is kept anyway.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from indexes.models.thoughts import without_thoughts

# An answer that is longer is cut here: its model runs wild. Thoughts before it may be longer.
LONGEST = 50_000
_LONGEST_THOUGHTS = 1_000_000
_MOST_VALUES = 64
_MOST_LINES = 500
_MOST_NUMBERS = 4000
# Answers in JSON are lists in objects in lists; what is nested deeper means nothing.
_DEEPEST = 8
# A model that names a number this often does not mean it any more.
_STUCK = 4
# A copied sentence of fewer characters may stand in an answer by chance.
_SHORTEST_COPY = 12

_OPENING = re.compile(r"[\[{]")
_UNCLOSED_LIST = re.compile(r"[\s\d\",]*")
_NUMBER = r"\d{1,6}"
_RANGE = re.compile(rf"({_NUMBER})\s?(?:-|–|—|\.\.|to|through)\s?({_NUMBER})", re.IGNORECASE)
_ONE = re.compile(rf"(?<!\d){_NUMBER}(?!\d)")
_WORDS_OF_A_LIST = re.compile(
    r"\b[sp](?=\d)|\b(?:the|relevant|helpful|needed|useful|sentences?|passages?|lines?|numbers?|nos?|ids?|"
    r"keep|kept|answer|order|ranking|output|result|json|and|also|plus|are|is|or|s|p|to|through)\b",
    re.IGNORECASE,
)
# Where numbers stand that are meant: behind a name, at a line's head, in brackets.
_MEANT = (
    re.compile(
        rf"\b(?:sentences?|passages?|lines?|numbers?|nos?\.|items?)\s{{0,8}}[#:(\[]{{0,8}}\s?"
        rf"({_NUMBER}(?:\s?(?:,|;|/|&|-|–|and|or|to|through)\s?{_NUMBER}){{0,400}})(?!\d|[.,]\d)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^[ \t]{{0,8}}(?:[-*•>][ \t])?[*_`]{{0,2}}(?:(?:sentence|passage|s|p)[ \t]?)?"
        rf"[#(\[<]?({_NUMBER})(?:[\])>:]|\.(?!\d)|\*\*)",
        re.IGNORECASE | re.MULTILINE,
    ),
    re.compile(rf"[\[(<]\s?#?({_NUMBER})\s?[\])>]"),
)
_NOTHING = re.compile(
    r"\W*(?:none|nothing|no|no[ _]?output|n/a|na|empty|null|nil|zero)"
    r"(?:\s+(?:of\s+(?:the|these|them)|(?:relevant\s+)?(?:sentences?|passages?|parts?|lines?)|"
    r"output|answer|is|are|help|helps|apply|applies|found|relevant|useful|needed|to|the|here|"
    r"question|it))*\W*\Z",
    re.IGNORECASE,
)
_ALL = re.compile(r"\W*(?:all|every(?:thing)?)(?:\s+\w+){0,6}\W*\Z", re.IGNORECASE)
# Words beside a judgement that have numbers of their own, and names of what does not help.
_ASIDE = frozenset(
    {"score", "scores", "confidence", "relevance", "probability", "total", "count", "rating"}
    | {"question", "query", "reason", "why", "explanation", "comment", "note", "text"}
)
_DROPPED = frozenset(
    {"drop", "dropped", "irrelevant", "exclude", "excluded", "discard", "remove", "removed"}
)
_FLAGS = {"yes": True, "true": True, "no": False, "false": False}
_YES = re.compile(r"\W*(?:yes|y|true|relevant|keep|ja|oui|sí|si|1)\b", re.IGNORECASE)
_NO = re.compile(r"\W*(?:no|n|false|irrelevant|not|drop|none|nein|non|0)\b", re.IGNORECASE)
_LAST_WORD = re.compile(
    r"\b(?:answer|verdict|relevant|judge?ment|conclusion|so|therefore)\b\W{0,8}(yes|no|true|false)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Read:
    """What an answer says.

    Attributes:
        numbers: those of 1 to the count, in the order of their mention, each once.
        readable: False when nothing in it could be understood.
        complete: False when it breaks off, so that more may have been meant.
        note: how it was understood, in plain words.
    """

    numbers: tuple[int, ...]
    readable: bool = True
    complete: bool = True
    note: str = ""


def read_numbers(answer: str, count: int, texts: Sequence[str] = ()) -> Read:
    """The numbers that an answer gives.

    Args:
        answer: what the model wrote: anything.
        count: the highest number that means something; 1 is the lowest.
        texts: what the numbers stand for; models that copy them are understood too.
    """
    said = _said(answer)
    if not said:
        return Read((), readable=False, note="an empty answer")
    wanted = [_plain(text) for text in texts]
    found = _Found(frozenset(wanted))
    for value in _json_values(said):
        found.take(value)
    if found.numbers:
        return _within(found.numbers, count, "as JSON")
    if broken := _broken_off(said):
        return _within(broken, count, "as JSON that breaks off", complete=False)
    lines = said.splitlines()[:_MOST_LINES]
    copies = _copied([*found.texts[:_MOST_LINES], *lines], said, wanted)
    if found.none and not copies:
        return Read((), note="none, as JSON")
    # A number at the head of a copied line may be the document's own.
    own_words = "\n".join(line for line in lines if _plain(line) not in found.copies)
    if numbers := _from_words(own_words):
        return _within([*numbers, *copies], count, "from the words")
    if copies:
        return _within(copies, count, "copied text")
    if _NOTHING.match(said):
        return Read((), note="none, in words")
    if _ALL.match(said):
        return Read(tuple(range(1, count + 1)), note="all, in words")
    return Read((), readable=False, note="no number in it could be understood")


def read_yes_no(answer: str) -> bool | None:
    """Whether an answer says yes; None where it says neither, or both."""
    said = _said(answer)
    for value in _json_values(said):
        flags = set(_flags(value))
        if len(flags) == 1:
            return flags.pop()
    if _NO.match(said):
        return False
    if _YES.match(said):
        return True
    last = [_FLAGS[match[1].lower()] for match in _LAST_WORD.finditer(said)]
    return last[-1] if last else None


def read_objects(answer: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of an answer, in their order, wherever they stand in it."""
    return (value for value in _json_values(_said(answer)) if isinstance(value, dict))


def _said(answer: str) -> str:
    """An answer without the thoughts before it, cut where it is too long to be one."""
    return without_thoughts(answer[:_LONGEST_THOUGHTS]).strip()[:LONGEST]


def _within(numbers: Sequence[int], count: int, how: str, *, complete: bool = True) -> Read:
    """Numbers that mean something. Counting from 0 would shift them all: unreadable."""
    inside = tuple(dict.fromkeys(number for number in numbers if 1 <= number <= count))
    outside = len({number for number in numbers if not 1 <= number <= count})
    if max(Counter(numbers).values(), default=0) >= _STUCK:
        return Read((), readable=False, note=f"{how}, but the model repeats itself")
    if 0 in numbers:
        return Read((), readable=False, note=f"{how}, but counted from 0")
    if numbers and not inside:
        return Read((), readable=False, note=f"{how}, but no number from 1 to {count}")
    note = f"{how}, {outside} of no meaning ignored" if outside else how
    return Read(inside, complete=complete, note=note)


# JSON, wherever it stands in the answer


def _json_values(said: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    place = 0
    for _ in range(_MOST_VALUES):
        opening = _OPENING.search(said, place)
        if opening is None:
            return
        try:
            value, place = decoder.raw_decode(said, opening.start())
        except (ValueError, RecursionError):
            place = opening.end()
        else:
            yield value


@dataclass
class _Found:
    """What JSON values mean.

    Attributes:
        copies: texts that are no answer, but what was asked about, in plain letters.
        numbers: those that are named as helpful.
        texts: all strings.
        none: whether a value says that nothing helps.
    """

    copies: frozenset[str]
    numbers: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    none: bool = False

    def take(self, value: Any, depth: int = 0) -> None:
        """Read a value, and what is in it."""
        if depth > _DEEPEST or len(self.numbers) > _MOST_NUMBERS:
            return
        match value:
            case bool() | None:
                pass
            case int():
                self.numbers.append(value)
            case float() if value.is_integer() and abs(value) < 1e6:
                self.numbers.append(int(value))
            case str():
                self.texts.append(value)
                if _plain(value) not in self.copies:
                    self.numbers += _bare_numbers(value)
            case list():
                self.none |= not value
                for inner in value:
                    self.take(inner, depth + 1)
            case dict():
                self._take_object(value, depth)

    def _take_object(self, value: dict[str, Any], depth: int) -> None:
        flags = {name: flag for name, inner in value.items() if (flag := _flag(inner)) is not None}
        self.none |= bool(flags) and not any(flags.values())
        # {"3": true, "4": "no"}
        named = {name: name.strip(" []#Ss") for name in flags}
        numbered = [name for name, number in named.items() if _ONE.fullmatch(number)]
        if numbered:
            self.numbers += [int(named[name]) for name in numbered if flags[name]]
        # {"sentence": 3, "relevant": false} says nothing more
        elif all(flags.values()):
            for name, inner in value.items():
                if name.lower() in _ASIDE:
                    self.texts += [inner] if isinstance(inner, str) else []
                elif name.lower() not in _DROPPED:
                    self.take(inner, depth + 1)


def _flag(value: Any) -> bool | None:
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _flags(value: Any, depth: int = 0) -> Iterator[bool]:
    """Every yes and no of an object."""
    if isinstance(value, dict) and depth <= _DEEPEST:
        for inner in value.values():
            if (flag := _flag(inner)) is not None:
                yield flag
            yield from _flags(inner, depth + 1)


def _broken_off(said: str) -> list[int]:
    """The numbers of a list that ends in the middle, but for the one in which it does."""
    _, opened, rest = said.rpartition("[")
    if not opened or not _UNCLOSED_LIST.fullmatch(rest):
        return []
    return list(islice(_numbers(rest.rpartition(",")[0]), _MOST_NUMBERS))


# Words


def _bare_numbers(text: str) -> list[int]:
    """The numbers of a text that is nothing but numbers: "3, 5-7 and [9]"."""
    rest = _ONE.sub(" ", _WORDS_OF_A_LIST.sub(" ", text))
    if re.search(r"[^\W_]", rest) or re.search(r"\d\.\d", text):
        return []
    return list(islice(_numbers(text), _MOST_NUMBERS))


def _numbers(text: str) -> Iterator[int]:
    """All numbers in `text`, ranges written out, in order."""
    place = 0
    for match in _RANGE.finditer(text):
        yield from map(int, _ONE.findall(text[place : match.start()]))
        first, last = int(match[1]), int(match[2])
        yield from range(first, last + 1) if 0 < last - first < 1000 else (first, last)
        place = match.end()
    yield from map(int, _ONE.findall(text[place:]))


def _from_words(text: str) -> list[int]:
    if bare := _bare_numbers(text):
        return bare
    meant = sorted((found.start(1), found[1]) for one in _MEANT for found in one.finditer(text))
    numbers = (number for _, named in meant for number in _numbers(named))
    return list(islice(numbers, _MOST_NUMBERS))


def _copied(lines: Sequence[str], said: str, wanted: Sequence[str]) -> list[int]:
    """The numbers of texts that were copied, in whole or in part, in the answer's order."""
    copies: dict[str, int] = {}
    for place, copy in enumerate(map(_plain, lines)):
        copies.setdefault(copy, place)
    whole = _plain(said)
    long = [copy for copy in copies if len(copy) >= _SHORTEST_COPY]
    found = []
    for number, text in enumerate(wanted, start=1):
        if not text:
            continue
        if text in copies:
            found.append((copies[text], number))
        elif len(text) >= _SHORTEST_COPY and (place := whole.find(text)) >= 0:
            found.append((len(lines) + place, number))
        elif part := next((copy for copy in long if copy in text), None):
            found.append((copies[part], number))
    return [number for _, number in sorted(found)]


def _plain(text: str) -> str:
    """Letters and digits only: quotes, escapes and line breaks of a copy don't count."""
    return re.sub(r"(?:\\[nrt\"]|[\W_])+", " ", text).strip().casefold()
