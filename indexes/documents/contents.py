"""What a file is by its first bytes, where its name says otherwise.

People rename files, and programs write RTF, HTML or another office format under a name that
opens in the program they have in mind.
"""

import io
import zipfile

from indexes.documents.formats import READERS
from indexes.documents.reader import Reader

_PACKAGES = {
    "word/": "Word",
    "xl/": "Excel",
    "ppt/": "PowerPoint",
    "meta-inf/container.xml": "EPUB",
}
_MIMETYPES = {
    b"application/epub+zip": "EPUB",
    b"application/vnd.oasis.opendocument.text": "OpenDocument text",
    b"application/vnd.oasis.opendocument.spreadsheet": "OpenDocument sheet",
    b"application/vnd.oasis.opendocument.presentation": "OpenDocument slides",
}
_ZIP = b"PK\x03\x04"
_MOST_NAMES = 10_000
# Formats that can't begin as a page does.
_BINARY = {"PDF", "RTF", "Outlook", *_PACKAGES.values(), *_MIMETYPES.values()}


def by_content(reader: Reader, data: bytes) -> Reader:
    """Choose the reader by what is in the file, where its name misleads.

    Args:
        reader: the one for the file's name; a reader of the user's own always stays
        data: the file
    """
    if not isinstance(reader.function, str) or READERS.get(reader.name) is None:
        return reader
    found = READERS.get(_format(data, reader.name) or reader.name)
    return found or reader


def _format(data: bytes, named: str) -> str | None:
    if data.startswith(b"%PDF-"):
        return "PDF"
    if data.startswith(b"{\\rtf"):
        return "RTF"
    if data.startswith(_ZIP):
        return _packed(data)
    start = data[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if named in _BINARY and start.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    return None


def _packed(data: bytes) -> str | None:
    """What is in an archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()[:_MOST_NAMES]
            if "mimetype" in names:
                with archive.open("mimetype") as stream:
                    return _MIMETYPES.get(stream.read(100).strip())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return None
    folders = {name.replace("\\", "/").lower() for name in names}
    return next(
        (what for folder, what in _PACKAGES.items() if any(n.startswith(folder) for n in folders)),
        None,
    )
