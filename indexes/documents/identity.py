"""Which document a text is, and which version of it: ids and hashes that must never change."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

from indexes.namespace import OURS

# Never change this: every document's id derives from it.
_IDS = UUID("6f1c4f1e-52a5-5c0b-9c55-6d1f0c6b8a11")
# What makes a document another version.
VERSIONED = ("title", "source", "media_type", "page_starts", "page_labels", "places", "owner")
# The same in earlier versions of this project, whose indexes are still read.
EARLIER = (
    ("title", "source", "media_type", "page_starts", "owner"),
    ("media_type", "page_starts", "owner"),
)
# Reading a file must not make it another version.
PASSING = frozenset({"last_accessed_date"})
# What a text without a word consists of.
BLANK = "\ufeff \t\r\n\f\v\0"


def document_id_of(name: str) -> str:
    """The id of the document that a file whose source is `name` becomes."""
    return str(uuid5(_IDS, name))


def content_hash(
    text: str,
    metadata: Mapping[str, Any],
    about: Mapping[str, Any],
    hidden: Iterable[Iterable[str]],
    versioned: Iterable[str] = VERSIONED,
) -> str:
    """The version of a document: the hash of all that is stored of it.

    Args:
        text: its text
        metadata: what the user, or the reader, says of it
        about: what we know of it
        hidden: the metadata that a model that answers, and one that embeds, shall not see
        versioned: what of `about` counts
    """
    return digest(
        {
            "text": text,
            "metadata": {name: said for name, said in metadata.items() if name not in PASSING},
            "about": {name: about[name] for name in versioned if name in about},
            "hidden": [sorted({*keys, OURS}) for keys in hidden],
        }
    )


def digest(value: Any) -> str:
    """SHA-256 of a value as JSON, in hexadecimal."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
