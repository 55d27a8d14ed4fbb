r"""Text whose lines were wrapped by hand: which line breaks are spaces.

    unwrapped("The board agreed to\ndredge the entrance.")   "The board agreed to dredge the …"

The result has as many characters as the text, so that offsets stay true. Lines of lists,
tables, headings, addresses and verse keep their breaks.

A break within a paragraph is a space if something says so where it stands: the next line
goes on in lower case, or the line ends in a word that ends nothing ("by", "the", "Mrs").
Other breaks of a paragraph follow the majority, and its width: a line is full if the next
line's first word had no room on it.
"""

import re
from itertools import pairwise
from typing import NamedTuple

# Lines that are not blank; a group if there are several. Possessive, and begun at the starts of
# lines only: linear in the length of the text.
_PARAGRAPH = re.compile(
    r"(?<![^\r\n])[^\S\r\n]*+\S[^\r\n]*+((?:(?:\r\n?|\n)[^\S\r\n]*+\S[^\r\n]*+)++)?"
)
_LINE = re.compile(r"([^\r\n]*)(\r\n?|\n|$)")
# Bullets, numbers with a point or in parentheses, quotation marks of mail, rulers, headings.
_STARTS_ITEM = re.compile(
    r"[ \t]*(?:[-*+•‣◦▪●–—>#|]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxlc]{1,5})[.)]|[\[\{]|={3}|~{3}|`{3})"
    r"(?=\s|$|[-=~`|])"
)
_CELLS = re.compile(r"\||\t\S|\S {3,}\S")
_CLOSED = re.compile(r"[.!?:;…。！？：]['\"”’»)\]]*$")
# Behind it an item of a list may begin, in lower case as well.
_ENDS_ITEM = re.compile(r":$|;(?: \w{1,3})?$")
_FIRST_WORD = re.compile(r"\S+")
_LONGEST_WORD = 60
_LONGEST_LINE = 200
_SHORTEST_FULL_LINE = 40

# Words that end no heading, no address, no line of a list.
_OPEN_WORDS = """
a about after against all also although am among an and any are as at be because been before
between both but by can could did do does during each either every for from had has have he her
his how i if in into is it its may might must my neither nor not of on or our over per shall she
should since so some such than that the their them then there these they this those through to
under unless until upon was we were what when where whether which while who whom whose will with
within without would you your
"""
_TITLES = frozenset({"dr", "mr", "mrs", "ms", "prof", "st", "messrs", "vs"})
_OPEN_END = frozenset(_OPEN_WORDS.split()) | _TITLES


class _Line(NamedTuple):
    start: int
    text: str
    end: int  # where its break begins
    following: int  # where the next line begins


def unwrapped(text: str) -> str:
    """`text` with a space for each character of a line break that only wraps a line.

    Linear in the length of the text.
    """
    parts: list[str] = []
    done = 0
    for paragraph in _PARAGRAPH.finditer(text):
        if paragraph[1] is None:
            continue
        for line, following in _soft_breaks(_lines(text, *paragraph.span())):
            parts += (text[done : line.end], " " * (following.start - line.end))
            done = following.start
    return "".join([*parts, text[done:]]) if parts else text


def _lines(text: str, start: int, end: int) -> list[_Line]:
    lines = []
    while start < end:
        match = _LINE.match(text, start, end)
        assert match is not None  # noqa: S101 - it matches the empty string, too
        lines.append(_Line(start, match[1], match.end(1), match.end()))
        start = match.end()
    return lines


def _soft_breaks(lines: list[_Line]) -> list[tuple[_Line, _Line]]:
    width = max(len(line.text) for line in lines)
    soft, open_ = [], []
    against = 0
    listed = False
    for line, following in pairwise(lines):
        listed = listed or line.text.rstrip().endswith(":")
        if not _may_join(line.text, following.text):
            against += not _CLOSED.search(line.text[-4:])
        elif _goes_on(line.text, following.text) and not (listed and _is_short(line.text)):
            soft.append((line, following))
        elif _is_full(line.text, following.text, width):
            open_.append((line, following))
        else:
            against += not _CLOSED.search(line.text[-4:])
    if open_ and (len(soft) > against or (not against and len(open_) > 1 and _is_prose(lines))):
        soft += open_
        soft.sort()
    return soft


def _may_join(line: str, following: str) -> bool:
    return not (
        len(line) > _LONGEST_LINE
        or _STARTS_ITEM.match(following)
        or line.lstrip().startswith("#")
        or _CELLS.search(line.strip())
        or _CELLS.search(following.strip())
    )


def _goes_on(line: str, following: str) -> bool:
    """Whether the two lines themselves say that a sentence goes on."""
    stripped = line.rstrip()
    if _ENDS_ITEM.search(stripped[-8:]):
        return False
    if following.lstrip(" \t\"'“‘(")[:1].islower():
        return True
    last = stripped[-_LONGEST_WORD:].rpartition(" ")[2].lower().lstrip("(\"“'").rstrip(".")
    return last in _OPEN_END and (not stripped.endswith(".") or last in _TITLES)


def _is_short(line: str) -> bool:
    """Whether it may be an item of a list that was announced ("You need:")."""
    return len(line.strip()) < _SHORTEST_FULL_LINE


def _is_full(line: str, following: str, width: int) -> bool:
    first = _FIRST_WORD.search(following)
    needed = len(first[0]) if first else 0
    return width >= _SHORTEST_FULL_LINE and len(line.rstrip()) + 1 + needed > width


def _is_prose(lines: list[_Line]) -> bool:
    """Whether a sentence ends within a line, as it does in running text and not in verse."""
    return any(re.search(r"[.!?。！？]['\"”’)]* +\S", line.text) for line in lines)
