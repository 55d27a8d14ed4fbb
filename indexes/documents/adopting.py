"""A caller's document → one that can be stored, with id, name, title and version.

What the caller said of it stays as it is, as far as JSON can hold it (dates become ISO 8601,
tuples lists, other objects text). What we add stands under one key (`indexes.namespace`).
"""

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time
from enum import Enum
from pathlib import PurePath
from typing import Any

from llama_index.core.schema import BaseNode, Document, MetadataMode

from indexes.documents.extracted import one_line, storable
from indexes.documents.identity import BLANK, PASSING, content_hash, digest, document_id_of
from indexes.documents.titles import title_from_name
from indexes.errors import DocumentError
from indexes.namespace import OURS, ours, theirs

# What our readers say of a file under our key; nothing else there is taken over.
_FROM_READERS = (
    "media_type", "file_digest", "page_starts", "page_labels", "page_kind", "structure", "layout",
    "places", "report", "owner",
)  # fmt: skip
# Where a document's name stands, in the metadata of LlamaIndex's and LangChain's loaders.
_NAMES = ("source", "file_name", "file_path", "url", "URL")
# What LlamaIndex's file reader says of a file: copied or touched, it is the same document.
_OF_THE_FILE = frozenset({"last_modified_date", "creation_date", "file_size"})
_DEEPEST = 32
_LONGEST_NAME = 500
_LONGEST_TITLE = 150
_MAX_METADATA = 4 * 1024 * 1024


def is_blank(document: BaseNode) -> bool:
    """Whether there is no text in it: an empty page, or only a picture."""
    text = document.get_content(metadata_mode=MetadataMode.NONE)
    return not text.strip(BLANK)


def name_of(document: BaseNode) -> str:
    """What a document's metadata calls it, on one line; "" if nothing."""
    return _name(theirs(document.metadata)) or str(ours(document.metadata).get("source") or "")


def adopt(given: BaseNode) -> Document:
    """A copy of a caller's document, with what we need to know of it under our key.

    An id that the caller gave stays, so that it can be deleted or replaced by it. One that
    LlamaIndex made up is replaced by one derived from name, content and metadata: the same
    document adopted twice is one document, and rows of one file are many. (A changed one is
    then another; give it an id if it is to replace the old.) Characters that cannot be
    stored become U+FFFD, which moves no offset.

    Under our key: `source`, `title`, `file_name` (the caller's if there are any, else
    derived), `content_hash`, and what our readers said of the file.

    Raises:
        DocumentError: the document has no text, or metadata that JSON can't hold.
    """
    given_id = given.id_ if "id_" in given.model_fields_set else None
    if is_blank(given):
        raise DocumentError(f"document {given.id_}: has no text in it: leave it out")
    text = storable(given.get_content(metadata_mode=MetadataMode.NONE), "\ufffd")
    metadata = _metadata(given)
    said = ours(given.metadata)
    about = {name: said[name] for name in _FROM_READERS if name in said}
    if not _is_page_map(about.get("page_starts")):
        about.pop("page_starts", None)
    name = _name(metadata) or str(said.get("source") or "")
    id_ = given_id or document_id_of(name + "\n" + _identity(text, metadata, about))
    source = name or id_
    file_name = str(metadata.get("file_name") or PurePath(source).name or source)
    title = _title(metadata.get("title")) or _title(said.get("title"))
    if not title:
        named = name or given_id
        title = _title(title_from_name(file_name) if named else text.strip().splitlines()[0])
    return document_of(
        id_,
        text,
        metadata,
        {**about, "source": source, "title": title, "file_name": file_name[:_LONGEST_NAME]},
        hidden=(given.excluded_llm_metadata_keys, given.excluded_embed_metadata_keys),
    )


def document_of(
    id_: str,
    text: str,
    metadata: dict[str, Any],
    about: dict[str, Any],
    *,
    hidden: tuple[list[str], list[str]] = ([], []),
) -> Document:
    """A document whose version is known: the hash of all that is stored of it.

    Args:
        id_: its id.
        text: its text.
        metadata: what the user, or the reader, says of it.
        about: what we know of it.
        hidden: the metadata that a model that answers, and one that embeds, shall not see.
    """
    for_llm, for_embedding = (sorted({*keys, OURS}) for keys in hidden)
    version = content_hash(text, metadata, about, hidden)
    return Document(
        id_=id_,
        text=text,
        metadata={**metadata, OURS: {**about, "content_hash": version}},
        excluded_llm_metadata_keys=for_llm,
        excluded_embed_metadata_keys=for_embedding,
    )


def _identity(text: str, metadata: dict[str, Any], about: dict[str, Any]) -> str:
    """What tells apart documents that nobody gave an id."""
    left_out = _OF_THE_FILE | PASSING
    lasting = {name: said for name, said in metadata.items() if name not in left_out}
    return digest([text, lasting, about.get("owner")])


def _name(metadata: Mapping[str, Any]) -> str:
    """What the document's metadata calls it, on one line; "" if nothing."""
    for key in _NAMES:
        if said := metadata.get(key):
            name = PurePath(str(said)).name if key == "file_path" else str(said)
            return one_line(name)[:_LONGEST_NAME]
    return ""


def _title(said: Any) -> str:
    return one_line(str(said))[:_LONGEST_TITLE].strip() if said else ""


def _metadata(given: BaseNode) -> dict[str, Any]:
    try:
        metadata: dict[str, Any] = _plain(theirs(given.metadata), 0)
    except (ValueError, RecursionError) as error:
        raise DocumentError(
            f"document {given.id_}: its metadata is nested more than {_DEEPEST} deep: flatten it"
        ) from error
    size = len(json.dumps(metadata))
    if size > _MAX_METADATA:
        raise DocumentError(
            f"document {given.id_}: its metadata takes {size / 1024**2:.0f} MB: keep it below "
            f"{_MAX_METADATA // 1024**2}"
        )
    return metadata


def _plain(value: Any, depth: int) -> Any:
    """The value as JSON can hold it."""
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(value, Mapping):
        return {
            storable(str(key), "\ufffd"): _plain(item, depth + 1) for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        items = value if isinstance(value, list | tuple) else sorted(value, key=repr)
        return [_plain(item, depth + 1) for item in items]
    if isinstance(value, Enum):
        return _plain(value.value, depth + 1)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if callable(numbers := getattr(value, "tolist", None)):  # NumPy's scalars and arrays
        return _plain(numbers(), depth + 1)
    return storable(str(value), "\ufffd")


def _is_page_map(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(type(start) is int and start >= 0 for start in value)
        and value == sorted(value)
    )
