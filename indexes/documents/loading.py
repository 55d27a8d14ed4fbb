"""A file → a LlamaIndex document with a stable id, a title and a source."""

import hashlib
import json
import time
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from llama_index.core.schema import Document
from pydantic import PrivateAttr

from indexes.documents.adopting import document_of
from indexes.documents.extracted import Extracted, UnreadableError
from indexes.documents.files import (
    existing,
    shown,
    source_of,
    unreadable,
    unsupported,
)
from indexes.documents.formats import reader_of
from indexes.documents.identity import document_id_of
from indexes.documents.layout import packed
from indexes.documents.limits import Limits
from indexes.documents.pages import OnPage, ignore
from indexes.documents.reader import Reading
from indexes.documents.sandbox import read_limited
from indexes.documents.structure import Structure
from indexes.documents.titles import choose_title
from indexes.errors import DocumentError
from indexes.settings import load_settings
from indexes.tree import Tree

MAX_BYTES = 64 * 1024 * 1024
MAX_CHARACTERS = 64 * 1024 * 1024

# What readers make of a file: raise it when they make something else of the same bytes.
_READERS = b"2"


class ReadDocument(Document):
    """A document with the tree that it was cut into where it was read."""

    _tree: Tree | None = PrivateAttr(default=None)

    @property
    def tree(self) -> Tree | None:
        """Its tree, without ids (see `Tree.named`), if it was cut."""
        return self._tree


def load_document(
    path: str | Path,
    *,
    root: Path | None = None,
    max_bytes: int = MAX_BYTES,
    ocr: bool = False,
    limits: Limits | None = None,
    levels: tuple[int, ...] = (),
    on_page: OnPage = ignore,
) -> ReadDocument:
    """One file as a document.

    Example:
        document = load_document("letters/2020.pdf")
        print(document.metadata["title"], len(document.text))

    The text of a plain text or Markdown file is exactly the file decoded as UTF-8, with its
    line ends and its byte order mark, if any, so that offsets mean the same everywhere.
    Other formats give reading text: paragraphs separated by a blank line, list items and
    table rows (cells separated by ` | `) on lines of their own.

    It is read in a process of its own, within limits (`indexes.documents.sandbox`).

    Metadata: `title`, `source` and `file_name`, of which a model is shown the title; and under
    our key (`indexes.namespace`) `media_type`, `content_hash`, `file_digest`, `report` (what was
    read and what was not), and where there are any `structure`, `page_starts`, the offset at
    which each page begins (see `pages_of`), `page_labels`, `page_kind` and `layout`.

    Args:
        path: the file
        root: the folder below which its path is its name; default: the one it lies in
        max_bytes: larger files are refused
        ocr: whether the text of scanned pages is to be recognised
        limits: what reading may take; default: what is set
        levels: sizes of chunks to cut it into, root first; by default it stays whole
        on_page: told how many pages are read or recognised, and of how many

    Raises:
        DocumentError: the file cannot be turned into text; one line with its name and the fix
    """
    path = Path(path)
    reader = reader_of(existing(path))
    if reader is None:
        raise unsupported(path)
    data = _bytes_of(path, max_bytes)
    reading = Reading(file_name=path.name, max_characters=MAX_CHARACTERS, ocr=ocr)
    started = time.perf_counter()
    try:
        limits = limits or Limits.of(load_settings())
        outcome = read_limited(reader, data, reading, limits, levels, on_page)
    except UnreadableError as error:
        raise DocumentError(f"{shown(path)}: {error}") from error
    extracted = outcome.extracted
    if extracted is None or not extracted.text.strip("\ufeff \t\r\n\f\v"):
        raise DocumentError(f"{shown(path)}: {_why_empty(extracted)}")
    source = source_of(path, root)
    file_name = PurePath(source).name
    metadata = {
        "title": choose_title(extracted, file_name),
        "source": source,
        "file_name": file_name,
    }
    extracted.report.seconds = round(time.perf_counter() - started, 3)
    about = {
        **metadata,
        "media_type": reader.media_type,
        "file_digest": _digest(data, ocr=ocr),
        **_known_of(extracted),
    }
    document = document_of(
        document_id_of(source),
        extracted.text,
        dict(metadata),
        about,
        hidden=(["file_name", "source"], list(metadata)),
    )
    made = ReadDocument.model_validate(document.model_dump())
    made._tree = outcome.tree
    return made


def _why_empty(extracted: Extracted | None) -> str:
    if extracted is not None and extracted.report.unreadable:
        why = extracted.report.unreadable[0].removesuffix(": text may be missing")
        return f"has no text that can be read ({why}): save it again in the program that made it"
    return "has no text in it: leave it out"


def _known_of(extracted: Extracted) -> dict[str, Any]:
    """What is kept of a file beside its text and names."""
    known: dict[str, Any] = {"report": extracted.report.model_dump()}
    if extracted.structure != Structure():
        known["structure"] = extracted.structure.to_json()
    if extracted.page_starts is not None:
        known["page_starts"] = list(extracted.page_starts)
        known["page_kind"] = extracted.page_kind
    if extracted.page_labels is not None:
        known["page_labels"] = list(extracted.page_labels)
    if extracted.layout:
        known["layout"] = packed(extracted.layout)
    if places := [known[name] for name in ("structure", "layout") if name in known]:
        # A digest that stays with the document when they are gone.
        known["places"] = hashlib.sha256(json.dumps(places).encode()).hexdigest()[:16]
    return known


def file_digest(path: Path, *, max_bytes: int = MAX_BYTES, ocr: bool = False) -> str:
    """What `load_document` gives as `file_digest`, without reading the text out of the file.

    Files of one digest give the same document, but for its source.

    Raises:
        DocumentError: the file cannot be read.
    """
    return _digest(_bytes_of(existing(path), max_bytes), ocr=ocr)


def pages_of(page_starts: Sequence[int], start: int, end: int) -> tuple[int, int] | None:
    """First and last page, counted from 1, of the span `start:end`; None without pages.

    >>> pages_of([0, 100, 200], 90, 110)
    (1, 2)
    """
    if not page_starts:
        return None
    first = bisect_right(page_starts, start)
    last = bisect_right(page_starts, max(start, end - 1))
    return max(first, 1), max(last, 1)


def _bytes_of(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(data) > max_bytes:
        raise DocumentError(
            f"{shown(path)}: is larger than {max_bytes / 1024**2:g} MB: split it, or raise the "
            "limit (RAG_MAX_FILE_MB)"
        )
    if not data:
        raise DocumentError(f"{shown(path)}: is empty: leave it out")
    return data


def _digest(data: bytes, *, ocr: bool) -> str:
    return hashlib.sha256(_READERS + (b"ocr" if ocr else b"") + data).hexdigest()
