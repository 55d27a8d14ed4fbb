"""A cell's value as Excel shows it: `25%`, `€1,234.50`, `31 Mar 2024`.

Formats are those of ECMA-376 part 1, 18.8.31. What depends on the reader's country, as the short
date does, is written as ISO 8601.

>>> shown(0.25, "0%"), shown(-1234.5, "#,##0.00;(#,##0.00)"), shown(7, "000")
('25%', '(1,234.50)', '007')
"""

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Quoted text, an escaped character, a colour or a country, padding.
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)(?:-[^\]]*)?\]|\[[^\]]*\]|_.|\*.')
_DATE_PART = re.compile(
    r'"[^"]*"|\\.|\[[^\]]*\]|am/pm|a/p|y{1,4}|m{1,5}|d{1,4}|h{1,2}|s{1,2}(?:\.0+)?|.', re.IGNORECASE
)
_NUMBER = re.compile(r"[#0?][#0?,]*(?:\.[#0?]*)?(?:E[+-]?0+)?,*|\.[#0?]+")
_BY_COUNTRY = frozenset({"mm-dd-yy", "m/d/yy h:mm", "m/d/yy", "m/d/yyyy"})
_LONGEST_FORMAT = 200
# Characters for private use hold the places of text.
_PLACES = 0xE000
_ROUNDING = Context(prec=40, rounding=ROUND_HALF_UP)

Value = str | int | float | bool | date | datetime | time | timedelta | None


def shown(value: Value, form: str = "General") -> str:
    """Format a cell's value by its number format, as a spreadsheet shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (datetime, date, time)):
        return _moment(value, form[:_LONGEST_FORMAT])
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, str):
        return value
    return _number(value, form[:_LONGEST_FORMAT])


def general(value: float) -> str:
    """A number without a format: at most 11 digits, as a sheet shows them."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.11g}"


def _number(value: float, form: str) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    sections = form.split(";")
    if form.lower() in ("general", "@", "") or "general" in sections[0].lower():
        return general(value)
    negative = value < 0
    if negative and len(sections) > 1 and sections[1]:
        section, value, negative = sections[1], -value, False
    elif value == 0 and len(sections) > 2:
        section = sections[2]
    else:
        section, value = sections[0], abs(value)
    literals: list[str] = []

    def kept(match: re.Match[str]) -> str:
        text = match[1] or match[2] or match[3] or ""
        literals.append(text)
        return chr(_PLACES + len(literals) - 1)

    bare = _LITERAL.sub(kept, section)
    found = list(_NUMBER.finditer(bare))
    if "?/" in bare or "#/" in bare:
        return general(-value if negative else value)
    if "%" in bare:
        value *= 100
    text = bare
    # "000-00-0000" is one number, with something between its digits.
    digits = _digits(value, "".join(match[0] for match in found))
    for match in reversed(found):
        width = len(match[0]) if match is not found[0] else len(digits)
        if match is found[-1] and "." in digits:
            width = max(width, len(digits) - digits.rindex(".") + match[0].find("."))
        cut = max(0, len(digits) - width)
        text = text[: match.start()] + digits[cut:] + text[match.end() :]
        digits = digits[:cut]
    text = text.translate({_PLACES + at: literal for at, literal in enumerate(literals)})
    return ("-" if negative and text.strip("0., ") else "") + text.strip()


def _digits(value: float, pattern: str) -> str:
    """A number in a pattern of digits: `#,##0.0#`."""
    mantissa, exponent, _ = pattern.partition("E")
    scaled = mantissa.rstrip(",")
    value /= 1000 ** (len(mantissa) - len(scaled))
    whole, _, after = scaled.partition(".")
    decimals = min(len(after), 15)
    if exponent:
        return f"{value:.{decimals}E}"
    text = f"{_rounded(value, decimals):{',' if ',' in whole else ''}.{decimals}f}"
    fixed = after.rstrip("#?")
    if decimals > len(fixed):
        head, _, tail = text.partition(".")
        tail = tail[: len(fixed)] + tail[len(fixed) :].rstrip("0")
        text = f"{head}.{tail}" if tail else head
    digits = whole.count("0")
    head, point, tail = text.partition(".")
    if "0" not in whole and head == "0":
        head = ""
    return head.zfill(digits) + point + tail if digits > len(head) else head + point + tail


def _rounded(value: float, decimals: int) -> Decimal | float:
    """A number as sheets round it: its 15 digits, and a half up."""
    if abs(value) >= 1e15:
        return value
    return Decimal(f"{value:.15g}").quantize(Decimal(1).scaleb(-decimals), context=_ROUNDING)


def _moment(value: datetime | date | time, form: str) -> str:
    section = form.split(";")[0]
    plain = re.sub(r"\[\$[^\]]*\]|\[[A-Za-z]+\]", "", section)
    if form in _BY_COUNTRY and "h" not in form and isinstance(value, datetime):
        return _iso(value.date())
    if form in _BY_COUNTRY or not re.search(
        "[ymdhs]", re.sub(r'"[^"]*"', "", plain), re.IGNORECASE
    ):
        return _iso(value)
    parts = _DATE_PART.findall(plain)
    twelve = any(part.lower() in ("am/pm", "a/p") for part in parts)
    written = [_part(parts, at, value, twelve) for at in range(len(parts))]
    return "".join(written).strip() or _iso(value)


def _part(parts: list[str], at: int, value: datetime | date | time, twelve: bool) -> str:
    part = parts[at]
    kind, width = part[0].lower(), len(part)
    if part[0] == '"':
        return part[1:-1]
    if part[0] in "\\[":
        return part[1:] if part[0] == "\\" else ""
    hour = getattr(value, "hour", 0)
    if part.lower() in ("am/pm", "a/p"):
        return ("AM" if hour < 12 else "PM")[: 2 if width > 3 else 1]
    if kind == "h" and width <= 2:
        return f"{(hour % 12 or 12) if twelve else hour:0{width}d}"
    if kind == "s":
        return f"{getattr(value, 'second', 0):0{min(width, 2)}d}"
    if kind == "m" and _is_minute(parts, at):
        return f"{getattr(value, 'minute', 0):0{min(width, 2)}d}"
    if kind in "ymd" and isinstance(value, date):
        return _date_part(kind, width, value)
    return "" if kind in "ymd" else part


def _date_part(kind: str, width: int, value: date) -> str:
    if kind == "y":
        return f"{value.year % 100:02d}" if width <= 2 else str(value.year)
    if kind == "d":
        name = _DAYS[value.weekday()]
        return f"{value.day:0{width}d}" if width <= 2 else name[:3] if width == 3 else name
    name = _MONTHS[value.month - 1]
    if width <= 2:
        return f"{value.month:0{width}d}"
    return name[:3] if width == 3 else name if width == 4 else name[0]


def _is_minute(parts: list[str], at: int) -> bool:
    """Whether an `m` is for minutes: behind hours, or before seconds."""
    letters = [part[0].lower() for part in parts[:at] if part[0].lower() in "ymdhs"]
    following = [part[0].lower() for part in parts[at + 1 :] if part[0].lower() in "ymdhs"]
    return letters[-1:] == ["h"] or following[:1] == ["s"]


def _iso(value: datetime | date | time) -> str:
    if isinstance(value, datetime):
        if value.time() == time(0):
            return value.date().isoformat()
        return value.isoformat(" ", "minutes" if value.second == 0 else "seconds")
    if isinstance(value, time):
        return value.isoformat("minutes" if value.second == 0 else "seconds")
    return value.isoformat()


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    hours, rest = divmod(abs(seconds), 3600)
    return f"{'-' if seconds < 0 else ''}{hours}:{rest // 60:02d}:{rest % 60:02d}"
