"""The sentences of a question's passages, embedded once for all that compares them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from numpy.typing import NDArray

from indexes.answers import Context, passages_of
from indexes.compression.embedding_judge import Embedding, Vectors
from indexes.compression.passages import Passage, Segment
from indexes.compression.work import Steps
from indexes.namespace import OURS
from indexes.verdict.windows import Source

Matrix = NDArray[np.float64]

SECONDS = 60.0


@dataclass(frozen=True)
class Sentences:
    """The passages of a question as sentences.

    Args:
        question: what was asked
        contexts: what was found
    """

    question: str
    contexts: Sequence[Context]

    @cached_property
    def passages(self) -> list[Passage]:
        """The contexts as compression reads them."""
        return [_passage(number, parts) for number, parts in passages_of(self.contexts).items()]

    @cached_property
    def sources(self) -> list[Source]:
        """Their sentences, in order."""
        return [
            Source(number, context, (start - context.start, end - context.start))
            for (number, parts), passage in zip(
                passages_of(self.contexts).items(), self.passages, strict=True
            )
            for start, end in passage.sentences
            for context in _around(parts, start, end)
        ]

    @cached_property
    def titles(self) -> list[str]:
        """What the passages are from, each once; one that all have says nothing of any."""
        titles = list(dict.fromkeys(passage.title for passage in self.passages))
        return titles if len(titles) > 1 else []

    def embedded(self, model: BaseEmbedding, *, question: bool = True) -> Steps[Vectors]:
        """Embed sentences and titles, and the question if it is wanted, in one batch."""
        texts = [*(source.text for source in self.sources), *self.titles]
        if not texts:
            return Vectors(np.zeros(1), np.zeros((0, 1)))
        asked = QueryBundle(self.question) if question else None
        vectors: Vectors = yield Embedding(model, asked, texts, SECONDS)
        return vectors


def _around(parts: Sequence[Context], start: int, end: int) -> list[Context]:
    found = [part for part in parts if part.start <= start and end <= part.start + len(part.text)]
    return found[:1]


def _passage(number: int, parts: Sequence[Context]) -> Passage:
    first = parts[0]
    about: dict[str, Any] = {
        name: getattr(first, name)
        for name in ("title", "heading", "header")
        if getattr(first, name)
    }
    node = TextNode(id_=first.id or str(number), text="", metadata={OURS: about})
    segments = tuple(Segment(part.start, part.text) for part in parts)
    return Passage(NodeWithScore(node=node, score=first.score), first.document, segments)
