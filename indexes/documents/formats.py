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
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OASIS = "application/vnd.oasis.opendocument."
_CODE = (
    ".py", ".pyi", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".java", ".kt", ".scala", ".c",
    ".h", ".cc", ".cpp", ".hpp", ".cs", ".go", ".rs", ".rb", ".php", ".swift", ".r", ".jl", ".lua",
    ".pl", ".sh", ".bash", ".ps1", ".bat", ".sql", ".css", ".scss", ".vue", ".yaml", ".yml",
    ".toml", ".ini", ".cfg", ".conf", ".xml", ".proto", ".tf", ".graphql",
)  # fmt: skip

_OURS = (
    Reader("PDF", (".pdf",), "application/pdf", f"{_HERE}.pdf:read"),
    Reader("PNG", (".png",), "image/png", f"{_HERE}.picture:read", "ocr"),
    Reader("JPEG", (".jpg", ".jpeg"), "image/jpeg", f"{_HERE}.picture:read", "ocr"),
    Reader("TIFF", (".tif", ".tiff"), "image/tiff", f"{_HERE}.picture:read", "ocr"),
    Reader(
        "Word",
        (".docx", ".docm", ".dotx"),
        f"{_OFFICE}wordprocessingml.document",
        f"{_HERE}.word.body:read",
    ),
    Reader("Excel", (".xlsx", ".xlsm"), f"{_OFFICE}spreadsheetml.sheet", f"{_HERE}.sheets:read"),
    Reader(
        "PowerPoint",
        (".pptx", ".pptm", ".ppsx"),
        f"{_OFFICE}presentationml.presentation",
        f"{_HERE}.slides:read",
        extra="formats",
    ),
    Reader("HTML", (".html", ".htm", ".xhtml"), "text/html", f"{_HERE}.html.page:read"),
    Reader(
        "Markdown",
        (".md", ".markdown", ".mdx", ".qmd", ".rmd"),
        "text/markdown",
        f"{_HERE}.markdown:read",
    ),
    Reader("text", (".txt", ".text", ".log"), "text/plain", f"{_HERE}.text:read"),
    Reader("reStructuredText", (".rst",), "text/x-rst", f"{_HERE}.markup:read_restructured"),
    Reader("AsciiDoc", (".adoc", ".asciidoc"), "text/asciidoc", f"{_HERE}.markup:read_asciidoc"),
    Reader("Org", (".org",), "text/org", f"{_HERE}.markup:read_org"),
    Reader("LaTeX", (".tex",), "application/x-tex", f"{_HERE}.markup:read_latex"),
    Reader("CSV", (".csv", ".tsv", ".tab"), "text/csv", f"{_HERE}.delimited:read"),
    Reader("JSON", (".json",), "application/json", f"{_HERE}.data:read"),
    Reader("JSON lines", (".jsonl", ".ndjson"), "application/jsonl", f"{_HERE}.data:read_lines"),
    Reader("EPUB", (".epub",), "application/epub+zip", f"{_HERE}.epub:read"),
    Reader("e-mail", (".eml", ".mht", ".mhtml"), "message/rfc822", f"{_HERE}.mail:read"),
    Reader("Outlook", (".msg",), "application/vnd.ms-outlook", f"{_HERE}.outlook:read", "formats"),
    Reader("calendar", (".ics",), "text/calendar", f"{_HERE}.calendar:read"),
    Reader("RTF", (".rtf",), "application/rtf", f"{_HERE}.rtf.body:read"),
    Reader("OpenDocument text", (".odt",), f"{_OASIS}text", f"{_HERE}.opendocument.content:read"),
    Reader(
        "OpenDocument sheet",
        (".ods",),
        f"{_OASIS}spreadsheet",
        f"{_HERE}.opendocument.content:read",
    ),
    Reader(
        "OpenDocument slides",
        (".odp",),
        f"{_OASIS}presentation",
        f"{_HERE}.opendocument.content:read",
    ),
    Reader("Jupyter", (".ipynb",), "application/x-ipynb+json", f"{_HERE}.notebook:read"),
    Reader("subtitles", (".vtt", ".srt"), "text/vtt", f"{_HERE}.captions:read"),
    Reader("code", _CODE, "text/x-code", f"{_HERE}.code:read"),
)

READERS: Registry[Reader] = Registry(
    "reader",
    {reader.name: reader for reader in _OURS},
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

    Example:
        register_reader("diary", lambda data: data.decode(), suffixes=[".diary"])

    Args:
        name: what people call the format
        read: a file's bytes → its text, or blocks, or an `Extracted`; called for each ingest,
            though the file may be known
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
