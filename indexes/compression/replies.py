"""What a model answered, read tolerantly: numbers, or yes and no. Any string is read in
linear time, and what can't be read is said to be unreadable, never guessed at.

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
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# Longer answers are those of a model that runs wild; their beginning is read.
_LONGEST = 50_000
_MOST_VALUES = 64
_MOST_LINES = 500
# A model that names a number this often does not mean it any more.
_STUCK = 4
# A copied sentence of fewer characters may stand in an answer by chance.
_SHORTEST_COPY = 12

_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_NUMBER = r"\d{1,6}"
_RANGE = re.compile(rf"({_NUMBER})\s?(?:-|–|—|\.\.|to|through)\s?({_NUMBER})", re.IGNORECASE)
_ONE = re.compile(rf"(?<!\d){_NUMBER}(?!\d)")
_WORDS_OF_A_LIST = re.compile(
    r"\b[sp](?=\d)|\b(?:the|relevant|helpful|needed|useful|sentences?|passages?|lines?|numbers?|nos?|ids?|"
    r"keep|kept|answer|order|ranking|output|result|json|and|also|plus|are|is|or|s|p|to|through)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"\b(?:sentences?|passages?|lines?|numbers?|nos?\.|items?)\s*[#:(\[]*\s?"
    rf"({_NUMBER}(?:\s?(?:,|;|/|&|-|–|and|or|to|through)\s?{_NUMBER}){{0,400}})(?!\d|[.,]\d)",
    re.IGNORECASE,
)
_MARKED = re.compile(
    rf"^[ \t]{{0,8}}(?:[-*•>][ \t])?[*_`]{{0,2}}(?:(?:sentence|passage|s|p)[ \t]?)?"
    rf"[#(\[<]?({_NUMBER})(?:[\])>:]|\.(?!\d)|\*\*)",
    re.IGNORECASE | re.MULTILINE,
)
_BRACKETED = re.compile(rf"[\[(<]\s?#?({_NUMBER})\s?[\])>]")
_BROKEN = re.compile(rf"\[\s*((?:\"?{_NUMBER}\"?\s*,\s*){{0,2000}})\"?(?:{_NUMBER})?\"?\s*\Z")
_NOTHING = re.compile(
    r"\W*(?:none|nothing|no|no[ _]?output|n/a|na|empty|null|nil|zero)"
    r"(?:\s+(?:of\s+(?:the|these|them)|(?:relevant\s+)?(?:sentences?|passages?|parts?|lines?)|"
    r"output|answer|is|are|help|helps|apply|applies|found|relevant|useful|needed|to|the|here|"
    r"question|it))*\W*\Z",
    re.IGNORECASE,
)
_ALL = re.compile(r"\W*(?:all|every(?:thing)?)(?:\s+\w+){0,6}\W*\Z", re.IGNORECASE)
# Words beside a judgement that have numbers of their own.
_NOT_NUMBERS = frozenset(
    {"score", "scores", "confidence", "relevance", "probability", "total", "count", "rating"}
    | {"question", "query", "reason", "why", "explanation", "comment", "note", "text"}
)
_DROPPED = frozenset(
    {"drop", "dropped", "irrelevant", "exclude", "excluded", "discard", "remove", "removed"}
)

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
    answer = _THOUGHTS.sub(" ", answer[:_LONGEST]).strip()
    if not answer:
        return Read((), readable=False, note="an empty answer")
    plain = {_plain(text) for text in texts}
    found, strings, none = _from_json(answer, plain)
    if found:
        return _within(found, count, "as JSON")
    if (broken := _BROKEN.search(answer)) and broken[1]:
        read = _within(_numbers(broken[1]), count, "as JSON that breaks off")
        return Read(read.numbers, read.readable, False, read.note)
    lines = answer.splitlines()[:_MOST_LINES]
    copies = _copied([*strings, *lines], answer, texts)
    if none and not copies:
        return Read((), note="none, as JSON")
    # A number at the head of a copied line may be the document's own.
    numbers = _from_words("\n".join(line for line in lines if _plain(line) not in plain))
    if numbers or copies:
        return _within([*numbers, *copies], count, "from the words" if numbers else "copied text")
    if _NOTHING.match(answer):
        return Read((), note="none, in words")
    if _ALL.match(answer):
        return Read(tuple(range(1, count + 1)), note="all, in words")
    return Read((), readable=False, note="no number in it could be understood")


def read_yes_no(answer: str) -> bool | None:
    """Whether an answer says yes; None where it says neither, or both."""
    answer = _THOUGHTS.sub(" ", answer[:_LONGEST]).strip()
    for _, value in _json_values(answer):
        if (said := _bool_of(value)) is not None:
            return said
    if _NO.match(answer):
        return False
    if _YES.match(answer):
        return True
    said_last = [match[1].lower() in ("yes", "true") for match in _LAST_WORD.finditer(answer)]
    return said_last[-1] if said_last else None


def _within(numbers: Sequence[int], count: int, how: str) -> Read:
    """Numbers that mean something. Counting from 0 would shift them all: unreadable."""
    inside = tuple(dict.fromkeys(number for number in numbers if 1 <= number <= count))
    outside = len({number for number in numbers if not 1 <= number <= count})
    if max(Counter(numbers).values(), default=0) >= _STUCK:
        return Read((), readable=False, note=f"{how}, but the model repeats itself")
    if 0 in numbers:
        return Read((), readable=False, note=f"{how}, but counted from 0")
    if numbers and not inside:
        return Read((), readable=False, note=f"{how}, but no number from 1 to {count}")
    return Read(inside, note=f"{how}, {outside} of no meaning ignored" if outside else how)


# JSON, wherever it stands in the answer


def _json_values(answer: str) -> Iterator[tuple[int, Any]]:
    decoder = json.JSONDecoder()
    place, tries = 0, 0
    while tries < _MOST_VALUES:
        opening = re.compile(r"[\[{]").search(answer, place)
        if opening is None:
            return
        tries += 1
        try:
            value, place = decoder.raw_decode(answer, opening.start())
        except (ValueError, RecursionError):
            place = opening.end()
            continue
        yield opening.start(), value


def _from_json(answer: str, plain: Container[str]) -> tuple[list[int], list[str], bool]:
    """All numbers and strings of all JSON values, and whether one says: none."""
    numbers: list[int] = []
    strings: list[str] = []
    none = False
    for _, value in _json_values(answer):
        numbers += _numbers_of(value, plain)
        strings += _strings_of(value)
        none = none or _denies(value)
    return numbers, strings, none


def _strings_of(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for inner in value for text in _strings_of(inner)]
        case dict():
            return [text for inner in value.values() for text in _strings_of(inner)]
    return []


def _denies(value: Any) -> bool:
    """Whether a value says that nothing helps: an empty list, or no more than "no"."""
    match value:
        case list():
            return all(_denies(inner) for inner in value)
        case dict():
            flags = [_bool_of(inner) for inner in value.values() if _is_flag(inner)]
            if flags:
                return not any(flags)
            return any(_denies(inner) for inner in value.values())
    return False


def _numbers_of(value: Any, plain: Container[str]) -> list[int]:
    match value:
        case bool() | None:
            return []
        case int():
            return [value]
        case float():
            return [int(value)] if value.is_integer() and abs(value) < 1e6 else []
        case str():
            return [] if _plain(value) in plain else _bare_numbers(value)
        case list():
            return [number for inner in value for number in _numbers_of(inner, plain)]
        case dict():
            return _numbers_of_object(value, plain)
    return []


def _numbers_of_object(value: dict[str, Any], plain: Container[str]) -> list[int]:
    judged = {name: _bool_of(inner) for name, inner in value.items() if _is_flag(inner)}
    # {"3": true, "4": "no"}
    named = [(name, said) for name, said in judged.items() if _ONE.fullmatch(name.strip(" []#Ss"))]
    if named:
        return [int(name.strip(" []#Ss")) for name, said in named if said]
    # {"sentence": 3, "relevant": false}
    if any(said is False for said in judged.values()):
        return []
    return [
        number
        for name, inner in value.items()
        if name.lower() not in _NOT_NUMBERS and name.lower() not in _DROPPED
        for number in _numbers_of(inner, plain)
    ]


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool) or (
        isinstance(value, str) and value.strip().lower() in ("yes", "no", "true", "false")
    )


def _bool_of(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"yes": True, "true": True, "no": False, "false": False}.get(value.strip().lower())
    if isinstance(value, dict):
        said = [_bool_of(inner) for inner in value.values() if _bool_of(inner) is not None]
        return said[0] if len(set(said)) == 1 else None
    return None


# Words


def _bare_numbers(text: str) -> list[int]:
    """The numbers of a text that is nothing but numbers: "3, 5-7 and [9]"."""
    rest = _ONE.sub(" ", _WORDS_OF_A_LIST.sub(" ", text))
    if re.search(r"[^\W_]", rest) or not _ONE.search(text) or re.search(r"\d\.\d", text):
        return []
    return _numbers(text)


def _numbers(text: str) -> list[int]:
    """All numbers in `text`, ranges written out, in order."""
    numbers: list[int] = []
    place = 0
    for match in _RANGE.finditer(text):
        numbers += map(int, _ONE.findall(text[place : match.start()]))
        first, last = int(match[1]), int(match[2])
        numbers += range(first, last + 1) if 0 < last - first < 1000 else (first, last)
        place = match.end()
    return numbers + list(map(int, _ONE.findall(text[place:])))


def _from_words(answer: str) -> list[int]:
    if bare := _bare_numbers(answer):
        return bare
    marked = [(m.start(1), int(m[1])) for m in _MARKED.finditer(answer)]
    marked += [(m.start(1), int(m[1])) for m in _BRACKETED.finditer(answer)]
    for match in _NAMED.finditer(answer):
        marked += [(match.start(1), number) for number in _numbers(match[1])]
    return [number for _, number in sorted(marked, key=lambda found: found[0])]


def _copied(lines: Sequence[str], answer: str, texts: Sequence[str]) -> list[int]:
    """The numbers of texts that were copied, in whole or in part, in the answer's order."""
    copies = [line for line in map(_plain, lines) if line]
    whole = _plain(answer)
    found = []
    for number, text in enumerate(texts, start=1):
        wanted = _plain(text)
        if wanted and (place := _place(wanted, copies, whole)) is not None:
            found.append((place, number))
    return [number for _, number in sorted(found)]


def _place(wanted: str, copies: Sequence[str], whole: str) -> int | None:
    if wanted in copies:
        return copies.index(wanted)
    if len(wanted) >= _SHORTEST_COPY and wanted in whole:
        return len(copies) + whole.index(wanted)
    parts = [copy for copy in copies if len(copy) >= _SHORTEST_COPY and copy in wanted]
    return copies.index(parts[0]) if parts else None


def _plain(text: str) -> str:
    """Letters and digits only: quotes, escapes and line breaks of a copy don't count."""
    return re.sub(r"(?:\\[nrt\"]|[\W_])+", " ", text).strip().casefold()
