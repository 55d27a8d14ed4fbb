"""All formats that can be read, found by a file's extension; yours go beside ours.

    register_reader("WebVTT", read_captions, suffixes=[".vtt"])

where `read_captions(data: bytes)` gives the text, or blocks (`indexes.documents.blocks`), or an
`Extracted`. Light to import: the page lists the extensions before the library is there.
"""

from collections.abc import Iterable
from pathlib import Path

from indexes.documents.reader import FromBytes, Reader, Simple
from indexes.errors import SettingsError
from indexes.registry import Registry

_HERE = "indexes.documents.readers"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

READERS: Registry[Reader] = Registry(
    "reader",
    {
        reader.name: reader
        for reader in (
            Reader(
                "Excel",
                (".xlsx", ".xlsm"),
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                f"{_HERE}.spreadsheet:read",
                "formats",
            ),
            Reader("PDF", (".pdf",), "application/pdf", f"{_HERE}.pdf:read"),
            Reader("Word", (".docx", ".docm", ".dotx"), _WORD, f"{_HERE}.word.body:read"),
            Reader("HTML", (".html", ".htm", ".xhtml"), "text/html", f"{_HERE}.html.page:read"),
            Reader("Markdown", (".md", ".markdown"), "text/markdown", f"{_HERE}.markdown:read"),
            Reader("text", (".txt", ".text", ".log", ".rst"), "text/plain", f"{_HERE}.text:read"),
        )
    },
    valid=r"\w[\w .+/-]{0,63}",
    takes="letters, digits, spaces and . + / -, at most 64",
)


def register_reader(
    name: str,
    read: Simple,
    *,
    suffixes: Iterable[str],
    media_type: str = "application/octet-stream",
    replace: bool = False,
) -> Reader:
    """Read files with these extensions by a function of your own.

    Args:
        name: what people call the format
        read: a file's bytes → its text, or blocks, or an `Extracted`
        suffixes: extensions, with or without dot
        media_type: as in a `Content-Type`
        replace: whether a name or an extension that has a reader gets this one

    Raises:
        SettingsError: no extension, or one that has a reader already
    """
    given = [suffixes] if isinstance(suffixes, str) else suffixes
    dotted = tuple("." + suffix.strip().lower().lstrip(".") for suffix in given)
    if not dotted or min(map(len, dotted)) < 2:
        raise SettingsError(f'reader {name}: name its file extensions, as in suffixes=[".vtt"]')
    taken = {suffix: by for suffix, by in by_suffix().items() if by.name != name}
    for suffix in dotted:
        if suffix in taken and not replace:
            raise SettingsError(
                f"reader {name}: {suffix} files are read by {taken[suffix].name}: "
                "pass replace=True to read them by this one"
            )
    reader = Reader(name, dotted, media_type, FromBytes(read))
    READERS.register(name, reader, replace=replace)
    return reader


def unregister_reader(name: str) -> None:
    """Take away a reader that was added; one of ours that it replaced is back.

    Raises:
        SettingsError: none was added under that name
    """
    READERS.unregister(name)


def by_suffix() -> dict[str, Reader]:
    """All readers by extension; of two for one, the one that was added last."""
    return {suffix: reader for reader in READERS.values() for suffix in reader.suffixes}


def suffixes() -> list[str]:
    """All extensions that can be read, sorted."""
    return sorted(by_suffix())


def reader_of(path: Path) -> Reader | None:
    """What reads files with this one's extension."""
    return by_suffix().get(path.suffix.lower())
