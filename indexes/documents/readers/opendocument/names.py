"""Names of OpenDocument's elements and attributes."""

_NAMES = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"
TEXT, TABLE, OFFICE, DRAWING, STYLE, PRESENTATION = (
    "{" + _NAMES.format(name) + "}"
    for name in ("text", "table", "office", "drawing", "style", "presentation")
)


def number_of(said: str | None, default: int) -> int:
    """An attribute that is a whole number; the default for any other."""
    return int(said) if said and said.isdecimal() and len(said) < 8 else default
