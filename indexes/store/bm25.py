"""Texts and questions as BM25 vectors, with the engine's own encoder."""

from functools import cache

import qdrant_edge
from qdrant_client import models

# A leaf holds about this many words that count (stop words don't).
_AVERAGE_LENGTH = 64


@cache
def _bm25() -> qdrant_edge.Bm25:
    # For a server, too: its own may be of another version than the one that encodes questions.
    return qdrant_edge.Bm25(qdrant_edge.Bm25Config(avg_len=_AVERAGE_LENGTH))


def bm25_document(text: str) -> qdrant_edge.SparseVector:
    """Term weights of a document; the engine multiplies in the inverse frequencies."""
    return _bm25().embed_document(text)


def bm25_query(text: str) -> models.SparseVector:
    """The terms of a query, each once."""
    vector = _bm25().embed_query(text)
    return models.SparseVector(indices=vector.indices, values=vector.values)
