"""Documents whose every sentence says which version it is of, so that a mix is seen.

text_of("doc-1", 7)  ==  "Sentence 0 of doc-1 in version 7 …. Sentence 1 of doc-1 in version 7 …."
"""

import hashlib
import random
import re
from typing import Any

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import Document

from indexes.index import HierarchicalIndex

LEVELS = (96, 48, 24)
_MARK = re.compile(r"of (\S+) in version (\d+)")


class HashEmbedding(BaseEmbedding):
    """A random direction for each text, at no cost."""

    model_name: str = "hashes"

    def _get_text_embedding(self, text: str) -> list[float]:
        digest = hashlib.blake2b(text.encode(), digest_size=32).digest()
        return list(map(float, np.frombuffer(digest, dtype=np.uint8) - 127.5))

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def text_of(name: str, version: int) -> str:
    """The document in a version; versions differ in length, and none has over 7 roots.

    A query looks at 64 roots at most: eight documents can be shown whole.
    """
    sentences = random.Random(f"{name}/{version}").randint(1, 18)
    return " ".join(
        f"Sentence {n} of {name} in version {version} is like no other." for n in range(sentences)
    )


def document(name: str, version: int) -> Document:
    """The document in a version, as it is ingested."""
    return Document(text=text_of(name, version), id_=name, metadata={"source": name})


def shown(index: HierarchicalIndex, **options: Any) -> dict[str, str]:
    """What queries see: each document's text, put together from its passages."""
    contexts, _ = index.retrieve(
        "sentence version like other", "parent", budget=1_000_000, **options
    )
    texts: dict[str, str] = {}
    for context in sorted(contexts, key=lambda found: (found.document, found.start)):
        texts[context.document] = texts.get(context.document, "") + context.text
    return texts


def versions_in(text: str) -> set[tuple[str, int]]:
    """Of which documents, in which versions, sentences are in the text."""
    return {(name, int(version)) for name, version in _MARK.findall(text)}
