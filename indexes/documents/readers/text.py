"""Plain text: exactly the file's characters."""

from indexes.documents.extracted import Extracted, UnreadableError
from indexes.documents.reader import Reading


def read(data: bytes, reading: Reading) -> Extracted:
    """The file's text."""
    return Extracted(decode(data))


def decode(data: bytes) -> str:
    """The characters of a text file."""
    if b"\0" in data:
        kind = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "binary or UTF-16"
        raise UnreadableError(f"is {kind}, not UTF-8 text: save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"is not UTF-8 (byte {error.start}): save it as UTF-8, "
            "e.g. iconv -f WINDOWS-1252 -t UTF-8"
        ) from error
