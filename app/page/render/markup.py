"""HTML that cannot be broken out of, and figures as people read them.

`gr.HTML` puts its value on the page as it is, so whatever comes from a document, a model or
a visitor has to be escaped on the way. All HTML of the page is made by `html`, which escapes
every value that it has not made itself:

>>> html("<p>{}</p>", "<script>")
Markup('<p>&lt;script&gt;</p>')
"""

import re
from collections.abc import Iterable
from typing import LiteralString

from markupsafe import Markup, escape

# Browsers drop or misread these; line ends and tabs stay.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# Characters that turn the reading direction of what follows: only good for disguise here.
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MISREAD = re.compile(f"{_CONTROL.pattern}|{_DIRECTION.pattern}")


def html(template: LiteralString, *values: object, **named: object) -> Markup:
    """A template filled with values, each escaped unless `html` or `joined` made it.

    Args:
        template: HTML as written in this program, with `{}` and `{name}` places.
        *values: what goes to the nameless places.
        **named: what goes to the named ones.
    """
    filled = template.format(
        *map(_safe, values), **{name: _safe(value) for name, value in named.items()}
    )
    return Markup(filled)  # noqa: S704 - the template is ours, and the values are escaped


def joined(parts: Iterable[Markup], between: LiteralString = "") -> Markup:
    """Pieces of HTML as one."""
    return Markup(between).join(parts)  # noqa: S704 - the separator is ours


def _safe(value: object) -> object:
    if isinstance(value, Markup | int | float):
        return value
    return escape(cleaned(str(value)))


def cleaned(text: str) -> str:
    """Text without what browsers misread, or what only serves disguise."""
    if not _MISREAD.search(text):
        return text
    return _DIRECTION.sub("", _CONTROL.sub("\ufffd", text))


def in_short(text: str, most: int = 160) -> str:
    """The beginning of a text in a line, without the rest of a word that doesn't fit."""
    plain = " ".join(text.split())
    return plain if len(plain) <= most else plain[:most].rsplit(" ", 1)[0] + " …"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 leaf`, `1,200 leaves`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def seconds(value: float) -> str:
    """A duration: `12 ms`, `1.4 s`."""
    return f"{value * 1000:.0f} ms" if value < 0.995 else f"{value:.1f} s"


def pages(span: tuple[int, int] | None) -> str:
    """`page 2`, `pages 2–3`, or nothing where there are no pages."""
    if span is None:
        return ""
    first, last = span
    return f"page {first}" if first == last else f"pages {first}–{last}"
