"""Bytes → characters: byte order mark, then UTF-8, then what a detector is sure of.

A wrong guess is worse than none: it makes a document that nobody finds and everybody believes.
So a detector's word is taken only where no other encoding would read as well.
"""

import codecs
import re
import unicodedata
from dataclasses import dataclass

from charset_normalizer import from_bytes

from indexes.documents.extracted import UnreadableError
from indexes.documents.readers.east_asian import east_asian_encoding
from indexes.documents.report import ReadingReport

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 64 * 1024
# What no text in a Western language has, read as Windows-1252: a sign inside a word, a capital
# behind a small letter, many accents in a row, or letters that are Turkish ones elsewhere.
_NOT_WESTERN = re.compile(
    r"[a-z][^\x00-\x7f\w’‘´·\xad][a-z]|[A-Za-z][¹³¾¶¥¤¦]|[¹³¿¾¶¥¤¦][a-z]|[a-z][À-ÞŽŠŒ]|Ÿ|[À-ÿ]{4}|[ýþðÝÞÐ]"
)
# Hungarian has ő and ű where these stand: they come with others in Portuguese and French.
# Czech has ř and ě: they come with others in Danish and Italian.
_TELLTALE = {"õ": "ãç", "û": "éèà", "ø": "åæÅÆ", "ì": "òàùé"}
_MANY = 0.35
_MESS = 0.1
_GAP = 0.15
_FLUENT = 0.3
_RARE = re.compile(r"cp(?:[47]\d\d|8(?!66|74)\d\d|1258)$|mac_|johab")
_TWO_BYTES = ("cp932", "shift", "euc", "gb", "big5", "cp949", "johab", "hz", "iso2022")


@dataclass(frozen=True)
class Decoded:
    """Decoded text, its encoding, and whether that was guessed because the file doesn't say."""

    text: str
    encoding: str
    guessed: bool = False

    def told(self, report: ReadingReport) -> str:
        """The text, once the report knows of its encoding."""
        report.encoding = self.encoding
        if self.guessed:
            report.guessed.append(f"encoding {self.encoding}")
        return self.text


def decode(data: bytes) -> Decoded:
    """The characters of a text file. UTF-8's byte order mark stays, so that offsets are the file's.

    Raises:
        UnreadableError: it is binary, or in an encoding that cannot be told from others.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark) and (text := _decoded(data, encoding)) is not None:
            return Decoded(text, encoding)
    text = _decoded(data, "utf-8")
    if text is not None and "\0" not in text:
        return Decoded(text, "utf-8")
    if b"\0" in data:
        return _wide(data)
    for found in (_western(data), _east_asian(data), _detected(data)):
        if found is not None:
            return found
    raise UnreadableError(
        "is text in an encoding that cannot be told for sure: save it as UTF-8 in the program that "
        "made it, or by iconv -f THE-ENCODING -t UTF-8"
    )


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (LookupError, ValueError):
        return None


def _wide(data: bytes) -> Decoded:
    """UTF-16 or UTF-32 without a mark: every second or fourth byte of plain text is zero."""
    sample = data[: _SAMPLE - _SAMPLE % 4]
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        begun = _decoded(sample[: len(sample) - len(sample) % 4], encoding)
        if begun and _reads_as_text(begun) and (text := _decoded(data, encoding)) is not None:
            return Decoded(text, encoding, guessed=True)
    raise UnreadableError("is binary, no text: export it as text or PDF")


def _reads_as_text(text: str) -> bool:
    odd = sum(unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs") for character in text)
    lines = sum(text.count(character) for character in "\t\n\r\x0c")
    latin = sum(character < "\u0250" for character in text)
    return odd == lines and "\0" not in text and latin > len(text) / 2


def _western(data: bytes) -> Decoded | None:
    """Windows-1252, if accents are few, and letters where letters belong."""
    text = _decoded(data, "cp1252")
    if text is None:
        return None
    sample = text[:_SAMPLE]
    accents = sum(character > "\x7f" and character.isalpha() for character in sample)
    if accents > _MANY * sum(map(str.isalpha, sample)) or _NOT_WESTERN.search(sample):
        return None
    for letter, company in _TELLTALE.items():
        if letter in sample and not any(other in sample for other in company):
            return None
    return Decoded(text, "cp1252", guessed=True)


def _east_asian(data: bytes) -> Decoded | None:
    encoding = east_asian_encoding(_whole_lines(data))
    text = _decoded(data, encoding) if encoding else None
    return Decoded(text, encoding, guessed=True) if encoding and text is not None else None


def _whole_lines(data: bytes) -> bytes:
    """Its beginning, to the end of a line if there is one."""
    sample = data[:_SAMPLE]
    return sample[: sample.rfind(b"\n") + 1] or sample if len(data) > _SAMPLE else sample


def _detected(data: bytes) -> Decoded | None:
    found = from_bytes(_whole_lines(data))
    best = found.best()
    if best is None or best.chaos > _MESS:
        return None
    others = [other for other in found if str(other) != str(best)]
    clear = all(other.chaos >= best.chaos + _GAP for other in others)
    fluent = best.coherence >= _FLUENT and all(
        other.coherence < best.coherence or other.chaos > _MESS for other in others
    )
    # Characters of two bytes hardly ever come out as a language's by chance.
    two_bytes = best.encoding.startswith(_TWO_BYTES) and all(
        other.coherence < best.coherence and other.chaos > best.chaos + _GAP / 3 for other in others
    )
    if not (clear or fluent or two_bytes):
        return None
    text = _decoded(data, best.encoding)
    # Hardly anybody writes in those of old consoles; and capitals or Japanese letters of half the
    # width only are small letters elsewhere.
    letters = [character for character in str(best) if character > "\x7f" and character.isalpha()]
    unlikely = sum(letter.isupper() or "\uff61" <= letter <= "\uff9f" for letter in letters)
    if _RARE.match(best.encoding) or unlikely > len(letters) / 2:
        return None
    return None if text is None else Decoded(text, best.encoding, guessed=True)
