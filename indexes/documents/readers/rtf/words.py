"""The source of an RTF file as it is written: groups, control words, bytes and text."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,40})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|([^\\{}]+)"
)
_RAW = re.compile(r"[^\x00-\x7f]+")
_NO_LINES = str.maketrans("", "", "\r\n\x00")


class Token(NamedTuple):
    """One piece of the source.

    Attributes:
        kind: "word", "byte" (written in hex), "symbol", "open", "close" or "text"
        text: the word without its number, the symbol, or text whose characters are bytes
        number: of a word that has one
    """

    kind: str
    text: str = ""
    number: int | None = None


def tokens(data: bytes) -> Iterator[Token]:
    """Divide a file into its pieces; binary data is left out."""
    source = _source(data)
    at = 0
    while match := _TOKEN.search(source, at):
        at = match.end()
        word, number, byte, symbol, brace, text = match.groups()
        if text is not None:
            text = text.translate(_NO_LINES)
            if text:
                yield Token("text", text)
        elif word is not None:
            count = int(number) if number else None
            if word == "bin" and count:
                at = at + count if 0 < count <= len(source) - at else at
                continue
            yield Token("word", word, count)
        elif byte is not None:
            yield Token("byte", chr(int(byte, 16)))
        elif symbol is not None:
            yield Token("symbol", symbol)
        else:
            yield Token("open" if brace == "{" else "close")


def _source(data: bytes) -> str:
    """The bytes as characters, one each; but programs write UTF-8 as well, against the rules."""
    if data.isascii():
        return data.decode("ascii")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
    return _RAW.sub(lambda found: "{" + "".join(map(_escaped, found[0])) + "}", text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    pairs = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "\\uc0" + "".join(f"\\u{unit} " for unit in pairs)
