"""Counters as Word writes them: `iv`, `bb`, `03`, `Second`.

>>> written(28, "lowerLetter"), written(4, "upperRoman"), written(3, "ordinal")
('bb', 'IV', '3rd')
"""

from collections.abc import Callable

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"),
    (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = (
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
_LATIN = "abcdefghijklmnopqrstuvwxyz"
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщыэюя"
_HEBREW = "אבגדהוזחטיכלמנסעפצקרשת"
_ARABIC = "أبتثجحخدذرزسشصضطظعغفقكلمنهوي"
_ABJAD = "أبجدهوزحطيكلمنسعفصقرشتثخذضظغ"
_KANA = (
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
)
_CHINESE = "〇一二三四五六七八九"
_SYMBOLS = ("*", "†", "‡", "§")


def roman(number: int) -> str:
    """A number in lower case Roman figures; beyond 3,999 in Arabic ones."""
    if not 0 < number < 4000:
        return str(number)
    written = ""
    for worth, figure in _ROMAN:
        written += figure * (number // worth)
        number %= worth
    return written


def letters(number: int, alphabet: str = _LATIN) -> str:
    """As Word counts in letters: after z come aa, bb, cc."""
    if not 0 < number <= 100 * len(alphabet):
        return str(number)
    times, place = divmod(number - 1, len(alphabet))
    return alphabet[place] * (times + 1)


def _cardinal(number: int) -> str:
    if not 0 <= number < 100:
        return str(number)
    if number < 20:
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


def _ordinal_word(number: int) -> str:
    if not 0 < number < 100:
        return ordinal(number)
    head, dash, last = _cardinal(number).rpartition("-")
    if last.endswith("y"):
        return head + dash + last[:-1] + "ieth"
    return head + dash + _ORDINALS.get(last, last + ("h" if last.endswith("t") else "th"))


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `11th`."""
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _chinese(number: int) -> str:
    if not 0 < number < 100:
        return "".join(_CHINESE[int(figure)] for figure in str(abs(number)))
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else ("" if tens == 1 else _CHINESE[tens]) + "十"
    return head + (_CHINESE[ones] if ones else "")


def _circled(number: int) -> str:
    return chr(0x2460 + number - 1) if 0 < number <= 20 else str(number)


def _symbol(number: int) -> str:
    return letters(number, "".join(_SYMBOLS))


_FORMATS: dict[str, Callable[[int], str]] = {
    "decimalZero": lambda number: f"{number:02d}",
    "lowerLetter": letters,
    "upperLetter": lambda number: letters(number).upper(),
    "lowerRoman": roman,
    "upperRoman": lambda number: roman(number).upper(),
    "ordinal": ordinal,
    "cardinalText": lambda number: _cardinal(number).capitalize(),
    "ordinalText": lambda number: _ordinal_word(number).capitalize(),
    "none": lambda _number: "",
    "hex": lambda number: f"{number:X}",
    "chicago": _symbol,
    "numberInDash": lambda number: f"- {number} -",
    "russianLower": lambda number: letters(number, _RUSSIAN),
    "russianUpper": lambda number: letters(number, _RUSSIAN).upper(),
    "hebrew2": lambda number: letters(number, _HEBREW),
    "arabicAlpha": lambda number: letters(number, _ARABIC),
    "arabicAbjad": lambda number: letters(number, _ABJAD),
    "aiueoFullWidth": lambda number: letters(number, _KANA),
    "aiueo": lambda number: letters(number, _KANA),
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "chineseCounting": _chinese,
    "chineseCountingThousand": _chinese,
    "ideographDigital": _chinese,
    "japaneseCounting": _chinese,
    "taiwaneseCountingThousand": _chinese,
    "decimalFullWidth": lambda number: str(number).translate(
        {ord(str(figure)): chr(0xFF10 + figure) for figure in range(10)}
    ),
}


def written(number: int, form: str) -> str:
    """Write a number in one of Word's formats (`w:numFmt`); unknown ones read as decimal."""
    return _FORMATS.get(form, str)(number)
