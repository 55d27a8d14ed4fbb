"""Readers: one for each format, found by a file's extension.

    register_reader("vtt", read_captions, suffixes=[".vtt"])

where `read_captions(data: bytes)` gives the text, or blocks (`indexes.documents.blocks`), or an
`Extracted`. Reading happens in a process of its own, which imports the function by its name:
it must be at the top of a module; one from a notebook cell or a lambda is read in this process.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block
from indexes.documents.extracted import Extracted
from indexes.errors import SettingsError


@dataclass(frozen=True)
class Reading:
    """How a file is to be read.

    Attributes:
        file_name: the file's name, for formats that say little themselves.
        max_characters: how long its text may be.
        ocr: whether pages without text are to be recognised.
    """

    file_name: str = ""
    max_characters: int = 64 * 1024 * 1024
    ocr: bool = False


ReadFile = Callable[[bytes, Reading], Extracted]
Simple = Callable[[bytes], "str | Iterable[Block] | Extracted"]


@dataclass(frozen=True)
class Reader:
    """A format.

    Attributes:
        name: what people call it: "PDF", "Word".
        suffixes: file name extensions, lower case, with their dot.
        media_type: as in a `Content-Type`.
        read: bytes → what was read; raises `UnreadableError`.
        extra: the extra of this package that it needs, if it needs one.
    """

    name: str
    suffixes: tuple[str, ...]
    media_type: str
    read: ReadFile
    extra: str | None = None


_readers: dict[str, Reader] = {}


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
        name: what people call the format.
        read: bytes → its text, or blocks, or an `Extracted`.
        suffixes: extensions, with or without dot.
        media_type: as in a `Content-Type`.
        replace: whether an extension that has a reader gets this one.

    Raises:
        SettingsError: an extension is none, or has a reader already.
    """

    def read_file(data: bytes, reading: Reading) -> Extracted:
        result = read(data)
        if isinstance(result, Extracted):
            return result
        if isinstance(result, str):
            return Extracted(text=result)
        return assemble(result, max_characters=reading.max_characters)

    dotted = tuple("." + suffix.lower().lstrip(".") for suffix in suffixes)
    reader = Reader(name, dotted, media_type, read_file)
    add_reader(reader, replace=replace)
    return reader


def add_reader(reader: Reader, *, replace: bool = False) -> None:
    """Make a reader known."""
    for suffix in reader.suffixes:
        if len(suffix) < 2:
            raise SettingsError(f"reader {reader.name}: {suffix!r} is no file extension")
        if suffix in _readers and not replace:
            raise SettingsError(
                f"reader {reader.name}: {suffix} files are read by {_readers[suffix].name}: "
                "pass replace=True to read them by this one"
            )
    _readers.update(dict.fromkeys(reader.suffixes, reader))


def readers() -> Mapping[str, Reader]:
    """All readers, by extension."""
    return _readers
