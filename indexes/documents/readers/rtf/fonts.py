"""Which characters the bytes of a text are: that depends on the font it is set in."""

import codecs
import re
from dataclasses import dataclass

from indexes.documents.readers.symbols import symbol

DEFAULT = "cp1252"

# \fcharset (Windows' LOGFONT) → encoding.
_CHARSETS = {
    0: "cp1252", 77: "mac_roman", 78: "cp932", 79: "cp949", 80: "gb2312", 81: "big5",
    82: "johab", 83: "cp1255", 84: "mac_arabic", 85: "mac_greek", 86: "mac_turkish", 87: "cp874",
    88: "mac_latin2", 89: "mac_cyrillic", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk",
    136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256",
    186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_SYMBOLS = 2
_FIXED = re.compile(r"courier|consol|mono\b|menlo|monaco|typewriter", re.IGNORECASE)


@dataclass
class Font:
    """A font of the file's table: what its name says, its character set, its code page."""

    name: str = ""
    charset: int = 1
    page: int = 0
    modern: bool = False

    @property
    def fixed(self) -> bool:
        """Whether all letters are equally wide, as in listings."""
        return self.modern or bool(_FIXED.search(self.name))

    def shown(self, text: str) -> str:
        """Return the text as it is seen: fonts of symbols show others, at private places."""
        if not any("\ue000" <= character < "\uf900" for character in text):
            return text
        return "".join(symbol(self.name, ord(character)) for character in text)

    def decoded(self, raw: str, default: str) -> str:
        """Characters of a text whose characters are bytes."""
        if self.charset == _SYMBOLS or _is_symbols(self.name):
            return "".join(symbol(self.name, ord(byte)) for byte in raw)
        if raw.isascii():
            return raw
        encoding = page_of(self.page) or _CHARSETS.get(self.charset) or default
        return raw.encode("latin-1").decode(encoding, "replace")


def page_of(number: int) -> str:
    """The encoding of a code page; "" if there is none."""
    name = {65001: "utf-8", 10000: "mac_roman"}.get(number, f"cp{number}")
    try:
        return codecs.lookup(name).name if number else ""
    except LookupError:
        return ""


def _is_symbols(name: str) -> bool:
    return name.lower().startswith(("symbol", "wingdings", "webdings", "zapf"))
