"""A file → a LlamaIndex document with a stable id, a title and a source."""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID, uuid5

from llama_index.core.schema import Document

from indexes.documents.extracted import UnreadableError, storable
from indexes.documents.files import (
    existing,
    shown,
    source_of,
    unreadable,
    unsupported,
)
from indexes.documents.formats import reader_of
from indexes.documents.reader import Reading
from indexes.documents.titles import choose_title, title_from_name
from indexes.errors import DocumentError

MAX_BYTES = 64 * 1024 * 1024
MAX_CHARACTERS = 64 * 1024 * 1024

# What readers make of a file: raise it when they make something else of the same bytes.
_READERS = b"1"
# Never change this: every document's id derives from it.
_IDS = UUID("6f1c4f1e-52a5-5c0b-9c55-6d1f0c6b8a11")


def load_document(
    path: str | Path, *, root: Path | None = None, max_bytes: int = MAX_BYTES
) -> Document:
    """One file as a document.

    The text of a plain text or Markdown file is exactly the file decoded as UTF-8, with its
    line ends and its byte order mark, if any, so that offsets mean the same everywhere.
    Other formats give reading text: paragraphs separated by a blank line, list items and
    table rows (cells separated by ` | `) on lines of their own.

    Metadata: `title`, `source`, `file_name`, `media_type`, `content_hash`, `file_digest`, and
    for a PDF `page_starts`, the offset at which each page begins (see `pages_of`). None of it
    is part of what LlamaIndex embeds or shows a model.

    Args:
        path: The file.
        root: The folder below which its path is its name; default: the one it lies in.
        max_bytes: Larger files are refused.

    Raises:
        DocumentError: the file cannot be turned into text; one line with its name and the fix.
    """
    path = Path(path)
    reader = reader_of(existing(path))
    if reader is None:
        raise unsupported(path)
    data = _bytes_of(path, max_bytes)
    reading = Reading(file_name=path.name, max_characters=MAX_CHARACTERS)
    try:
        extracted = reader.read(data, reading)
    except UnreadableError as error:
        raise DocumentError(f"{shown(path)}: {error}") from error
    if not extracted.text.strip("\ufeff \t\r\n\f\v"):
        raise DocumentError(f"{shown(path)}: has no text in it: leave it out")
    source = source_of(path, root)
    file_name = PurePath(source).name
    metadata: dict[str, Any] = {
        "title": choose_title(extracted, file_name),
        "source": source,
        "file_name": file_name,
        "media_type": reader.media_type,
        "file_digest": _digest(data),
    }
    if extracted.page_starts is not None:
        metadata["page_starts"] = list(extracted.page_starts)
    return _document(document_id_of(source), extracted.text, metadata)


def document_id_of(name: str) -> str:
    """The id of the document that a file whose source is `name` becomes."""
    return str(uuid5(_IDS, name))


def file_digest(path: Path, *, max_bytes: int = MAX_BYTES) -> str:
    """What `load_document` gives as `file_digest`, without reading the text out of the file.

    Files of one digest give the same document, but for its source.

    Raises:
        DocumentError: the file cannot be read.
    """
    return _digest(_bytes_of(existing(path), max_bytes))


def adopt(document: Document) -> Document:
    """A copy of a caller's document with id, title, source and hash filled in.

    An id that the caller gave stays, so that it can be deleted or replaced by it. One that
    LlamaIndex made up is replaced by one derived from source and content: the same document
    adopted twice is one document. (A changed one is then another; give it an id if it is to
    replace the old.) Characters that cannot be stored become U+FFFD, which moves no offset.

    Raises:
        DocumentError: the document has no text, or metadata that is no JSON.
    """
    given_id = document.id_ if "id_" in document.model_fields_set else None
    text = storable(document.text, "\ufffd")
    if not text.strip():
        raise DocumentError(f"document {document.id_}: has no text in it: leave it out")
    try:
        metadata: dict[str, Any] = _jsonable(document.metadata)
    except RecursionError as error:
        raise DocumentError(f"document {document.id_}: its metadata never ends: trim it") from error
    metadata.pop("content_hash", None)
    name = metadata.get("source") or metadata.get("file_name") or metadata.get("file_path")
    source = str(metadata.get("source") or PurePath(str(name or "")).name or given_id or "")
    id_ = given_id or document_id_of(source + "\n" + _hash(text, metadata))
    metadata["source"] = source or id_
    metadata["file_name"] = str(metadata.get("file_name") or PurePath(metadata["source"]).name)
    metadata["title"] = str(metadata.get("title") or "").strip() or (
        title_from_name(metadata["file_name"]) if source else text.strip().splitlines()[0][:80]
    )
    if not _is_page_map(metadata.get("page_starts")):
        metadata.pop("page_starts", None)
    return _document(id_, text, metadata)


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


def _digest(data: bytes) -> str:
    return hashlib.sha256(_READERS + data).hexdigest()


def _document(id_: str, text: str, metadata: dict[str, Any]) -> Document:
    said = {name: value for name, value in metadata.items() if name != "file_digest"}
    metadata = {**metadata, "content_hash": _hash(text, said)}
    return Document(
        id_=id_,
        text=text,
        metadata=metadata,
        excluded_embed_metadata_keys=sorted(metadata),
        excluded_llm_metadata_keys=sorted(metadata),
    )


def _hash(text: str, metadata: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([text, metadata], sort_keys=True).encode()).hexdigest()


def _jsonable(value: Any) -> Any:
    """The value as JSON can hold it; dates, paths and the like as text."""
    if isinstance(value, dict):
        return {storable(str(key), "\ufffd"): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_jsonable(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return storable(str(value), "\ufffd")


def _is_page_map(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(type(start) is int and start >= 0 for start in value)
        and value == sorted(value)
    )
