"""Where fields of ours live in metadata, so that they can't overwrite anyone else's.

    node.metadata["year"]              # the user's, as it was handed in
    ours(node.metadata)["pages"]       # ours: metadata["advanced_rag"]["pages"]

A document or node that enters or leaves carries its user's metadata flat and untouched, and
everything of ours under one key. What stands under that key in a document that is handed in
is ours: it may be read, and is never stored as the user's.
"""

from collections.abc import Mapping
from typing import Any

OURS = "advanced_rag"


def ours(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Our fields in a document's or node's metadata: the dict itself, or a new empty one.

    >>> ours({"start": "noon", "advanced_rag": {"start": 120}})
    {'start': 120}
    """
    found = metadata.get(OURS)
    return found if isinstance(found, dict) else {}


def theirs(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The user's metadata without our fields, as a new dict.

    >>> theirs({"start": "noon", "advanced_rag": {"start": 120}})
    {'start': 'noon'}
    """
    return {name: value for name, value in metadata.items() if name != OURS}
