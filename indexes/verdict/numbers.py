"""The figures of a text: numbers with scale and unit, and dates, however they are written.

    figures("It grew 37% to $1.2 billion on 3 May 2021.")

A figure knows what it is worth, not how it looks: `1,234.5`, `1.234,5` and `1 234.5` are one,
and so are `$5 bn` and `5,000 million dollars`. Whether a lone comma or full stop before three
digits divides thousands depends on the language, so a text is looked at for how it does it.
"""

import re
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

from indexes.verdict.vocabulary import (
    MONEY,
    MONTHS,
    ORDINALS,
    SCALES,
    SHORT_SCALES,
    SMALL,
    TENS,
    UNCOUNTED,
    UNITS,
)

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DATES = re.compile(
    rf"\b(?P<y1>\d{{4}})-(?P<m1>\d{{2}})(?:-(?P<d1>\d{{2}}))?\b"
    rf"|\b(?P<a>\d{{1,2}})[./](?P<b>\d{{1,2}})[./](?P<y2>\d{{4}})\b"
    rf"|\b(?P<d3>\d{{1,2}})(?:st|nd|rd|th|\.)?\s(?:of\s|de\s)?(?P<m3>{_MONTH})\b\.?"
    rf"(?:,?\s(?:de\s)?(?P<y3>\d{{4}})\b)?"
    rf"|\b(?P<m4>{_MONTH})\b\.?\s(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)(?:,?\s(?P<y4>\d{{4}})\b)?"
    rf"|\b(?P<m5>{_MONTH})\b\.?,?\s(?:of\s|de\s)?(?P<y5>\d{{4}})\b",
    re.IGNORECASE,
)
_SPACE = "\u00a0\u202f\u2009 "
_NUMBER = re.compile(
    rf"(?<![\w.,])(?P<sign>[-−–](?=\d|[$€£¥]))?(?P<money>(?:US)?[$€£¥₹]\s?)?(?P<loss>\()?"
    rf"(?P<digits>\d{{1,3}}(?:[{_SPACE}]\d{{3}})+(?!\d)(?:[.,]\d{{1,9}})?|"
    rf"\d{{1,18}}(?:[.,'’]\d{{1,18}}){{0,6}})(?![\d])"
)
_WORDS = "|".join((*TENS, *SMALL))
_WORD_NUMBER = re.compile(
    rf"\b(?P<first>{_WORDS}|an?(?=\s(?:hundred|thousand|[mb]illion)\b))"
    rf"(?:[-\s](?P<second>{'|'.join(SMALL)}))?\b(?P<hundred>\shundred)?",
    re.IGNORECASE,
)
_ORDINAL = re.compile(rf"\b(?:(\d{{1,4}})(?:st|nd|rd|th)|({'|'.join(ORDINALS)}))\b", re.IGNORECASE)
_SCALE_AFTER = re.compile(r"[-\s]?([A-Za-zÀ-ÿ]{1,9})\b\.?")
_UNIT_AFTER = re.compile(r"[-\s]?(?:(percentage|basis)\s(points?)|(per\scent)|(por\sciento)|"
                         r"(°\s?[CF]\b|[%٪％°¢€$£¥]|[A-Za-zÀ-ÿ]{1,12}\b))")  # fmt: skip
_AGAIN = re.compile(r"\s?\(\d{1,9}\)|\)")
_NOUN_AFTER = re.compile(r"[-\s]([^\W\d_]{3,30})\b")
# "The 2021 letter" counts no letters.
_YEAR = re.compile(
    r"\b(?:in|since|until|during|fiscal|year|the|before|after|by|im|seit|en|depuis)\s"
    r"(?:1[5-9]|20|21)\d\d$",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"(?:about|around|nearly|roughly|approximately|almost|some|circa|ca\.?|approx\.?|over|"
    r"more than|less than|just under|just over|close to|~|≈|rund|etwa|environ)\s?$",
    re.IGNORECASE,
)
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})*,\d{1,2}(?![\d,])|\d\.\d{3},\d")
_DECIMAL_POINT = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})*\.\d{1,2}(?![\d.])|\d,\d{3}[.,]\d")


@dataclass(frozen=True)
class Figure:
    """A number or a date of a text, `start` to `end`.

    Attributes:
        values: what it may be worth, its scale included; several where the writing is ambiguous
        step: worth of its last digit, for rounding
        unit: its unit by one name; empty if none follows
        noun: the word that it counts, in lower case
        hedged: it says "about", or the like
        scaled: a word like "million" gave it its size
        negative: it has a minus
        date: year, month and day, 0 for what is not said; several if ambiguous
        ordinal: it is a rank: "third"
    """

    start: int
    end: int
    values: tuple[Decimal, ...] = ()
    step: Decimal = Decimal(0)
    unit: str = ""
    noun: str = ""
    hedged: bool = False
    scaled: bool = False
    negative: bool = False
    date: tuple[tuple[int, int, int], ...] = ()
    ordinal: bool = False

    @property
    def year(self) -> int:
        """The year that it is, if it looks like one; else 0."""
        plain = self.values and not (self.unit or self.scaled or self.noun)
        four = plain and self.end - self.start == 4
        return int(self.values[0]) if four and 1000 <= self.values[0] <= 2199 else 0


def decimal_comma(text: str) -> bool:
    """Whether a text writes 3,5 and not 3.5."""
    return len(_DECIMAL_COMMA.findall(text)) > len(_DECIMAL_POINT.findall(text))


def figures(text: str, *, comma: bool = False) -> list[Figure]:
    """All figures of a text, in order.

    Args:
        text: any
        comma: its decimals stand behind a comma
    """
    found = [*_dates(text)]
    for figure in chain(_numbers(text, comma), _word_numbers(text), _ordinals(text)):
        # None overlaps another: only its neighbours can be in the way.
        place = bisect(found, figure.start, key=lambda other: other.start)
        free_before = place == 0 or found[place - 1].end <= figure.start
        if free_before and (place == len(found) or figure.end <= found[place].start):
            found.insert(place, figure)
    return found


def _dates(text: str) -> Iterator[Figure]:
    for match in _DATES.finditer(text):
        part = match.groupdict()
        options: tuple[tuple[int, int, int], ...]
        if part["y1"]:
            options = ((int(part["y1"]), int(part["m1"]), int(part["d1"] or 0)),)
        elif part["y2"]:
            one, two, year = int(part["a"]), int(part["b"]), int(part["y2"])
            options = ((year, two, one), (year, one, two))
        elif part["m3"]:
            options = ((int(part["y3"] or 0), MONTHS[part["m3"].lower()], int(part["d3"])),)
        elif part["m4"]:
            options = ((int(part["y4"] or 0), MONTHS[part["m4"].lower()], int(part["d4"])),)
        else:
            options = ((int(part["y5"]), MONTHS[part["m5"].lower()], 0),)
        options = tuple(dict.fromkeys(o for o in options if 1 <= o[1] <= 12 and o[2] <= 31))
        if options:
            yield Figure(match.start(), match.end(), date=options)


def _numbers(text: str, comma: bool) -> Iterator[Figure]:
    for match in _NUMBER.finditer(text):
        digits = match["digits"]
        values = _values(digits, comma)
        if not values:
            continue
        # Accounts write a loss of 2.7 as (2.7).
        loss = bool(match["loss"] and match["money"] and text[match.end() : match.end() + 1] == ")")
        start = match.start() if match["money"] or match["sign"] else match.start("digits")
        yield _measured(
            text,
            start,
            match.end() + loss,
            values,
            _step(values[0]),
            money=(match["money"] or "").strip(),
            negative=loss or bool(match["sign"]),
        )


def _values(digits: str, comma: bool) -> tuple[Decimal, ...]:
    """What a row of digits may be worth; nothing for one that is no number (`4.2.1`)."""
    plain = re.sub(f"[{_SPACE}'’]", "", digits)
    marks = re.findall("[.,]", plain)
    if not marks:
        return (Decimal(plain),)
    last = marks[-1]
    head, tail = plain.rsplit(last, 1)
    groups = re.split("[.,]", plain)
    grouped = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    if len(set(marks)) == 2 and marks.count(last) == 1:
        return (Decimal(re.sub("[.,]", "", head) + "." + tail),)
    if len(marks) > 1:
        return (Decimal("".join(groups)),) if grouped else ()
    thousands = grouped and groups[0] != "0" and (last == ".") == comma
    return (Decimal("".join(groups)),) if thousands else (Decimal(f"{head}.{tail}"),)


def _step(value: Decimal) -> Decimal:
    """Worth of the last digit."""
    return Decimal(1).scaleb(int(value.as_tuple().exponent))


def _measured(
    text: str,
    start: int,
    end: int,
    values: tuple[Decimal, ...],
    step: Decimal,
    *,
    money: str = "",
    negative: bool = False,
) -> Figure:
    """A number with its scale, its unit and what it counts."""
    unit = UNITS.get(money.lower().removeprefix("us"), "") if money else ""
    scaled = False
    while match := _SCALE_AFTER.match(text, end):
        word = match[1]
        power = SCALES.get(word.lower())
        if power is None and (unit in MONEY or word.isupper()):
            power = SHORT_SCALES.get(word.lower())
        if power is None:
            break
        values = tuple(value.scaleb(power) for value in values)
        step, end, scaled = step.scaleb(power), match.end(1), True
    # In "thirty (30) months" both count months.
    again = _AGAIN.match(text, end)
    after = again.end() if again else end
    if (match := _UNIT_AFTER.match(text, after)) and not unit:
        name = _unit_name(match)
        if name:
            unit, after = name, match.end()
            end = end if again else after
    noun = ""
    if (match := _NOUN_AFTER.match(text, after)) and match[1].lower() not in UNCOUNTED:
        noun = match[1].lower()
    if _YEAR.search(text[max(0, start - 12) : end]):
        noun = ""
    hedged = bool(_HEDGE.search(text[max(0, start - 16) : start]))
    return Figure(start, end, values, step, unit, noun, hedged, scaled, negative)


def _unit_name(match: re.Match[str]) -> str:
    if match[1]:
        return f"{match[1].lower()} points"
    if match[3] or match[4]:
        return "%"
    return UNITS.get(match[5].lower().replace(" ", ""), "")


def _word_numbers(text: str) -> Iterator[Figure]:
    for match in _WORD_NUMBER.finditer(text):
        first = match["first"].lower()
        second = (match["second"] or "").lower()
        if first in TENS:
            value, end = TENS[first] + SMALL.get(second, 0), match.end()
        elif second:
            # "two three" are two numbers; the rest is found when the next begins.
            value, end = SMALL.get(first, 1), match.end("first")
        else:
            value, end = SMALL.get(first, 1), match.end()
        if match["hundred"] and end == match.end():
            value *= 100
        found = _measured(text, match.start(), end, (Decimal(value),), Decimal(1))
        # "One" is mostly a pronoun, "second" a rank.
        if first != "one" or found.unit or found.scaled:
            yield found


def _ordinals(text: str) -> Iterator[Figure]:
    for match in _ORDINAL.finditer(text):
        value = int(match[1]) if match[1] else ORDINALS[match[2].lower()]
        # "First, …" counts nothing.
        if value == 1 and text[match.end() : match.end() + 1] == ",":
            continue
        yield Figure(match.start(), match.end(), (Decimal(value),), Decimal(1), ordinal=True)
