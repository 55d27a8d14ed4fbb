"""The sentences of passages, each embedded once for all that compares them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from numpy.typing import NDArray

from indexes.answers import Context, passages_of
from indexes.compression.embedding_judge import Embedding
from indexes.compression.embedding_judge import Vectors as Embedded
from indexes.compression.passages import Passage, Segment
from indexes.compression.work import Steps
from indexes.namespace import OURS
from indexes.verdict.vectors import Claim, Vectors, Waiting
from indexes.verdict.windows import Source

Matrix = NDArray[np.float64]

SECONDS = 60.0


@dataclass
class Known:
    """Vectors of texts, as far as they were asked for.

    Args:
        model: embeds what is missing
        question: the question, with its vector if that is known
        shared: what others have embedded, and are at
    """

    model: BaseEmbedding
    question: QueryBundle
    shared: Vectors = field(default_factory=Vectors)
    asked: Matrix | None = None
    texts: dict[str, Matrix] = field(default_factory=dict)

    def of(self, texts: Sequence[str], *, question: bool = False) -> Steps[tuple[Matrix, str]]:
        """The vectors of texts, a row each, and what went wrong, in words.

        Args:
            texts: in any order, also twice
            question: embed the question with them; it is `asked` then
        """
        # Others may fail at what they are at: then it is done here.
        for patient in (True, False):
            missing = [text for text in dict.fromkeys(texts) if text not in self.texts]
            claim = self.shared.claim(self.model.model_name, missing, patient=patient)
            note = yield from self._embed(claim, question=question)
            if note:
                return np.zeros((0, 0)), note
            if not claim.awaited:
                break
            yield Waiting(claim.awaited, SECONDS)
        rows = [self.texts[text] for text in texts]
        # Not all are of one batch; a model behind an endpoint may be another by now.
        asked = [self.asked] if question and self.asked is not None else []
        if len({len(row) for row in (*rows, *asked)}) > 1:
            return np.zeros((0, 0)), "vectors of different lengths, or none"
        return np.array(rows), ""

    def _embed(self, claim: Claim, *, question: bool) -> Steps[str]:
        """Embed what is ours of a claim, and the question; what went wrong, in words."""
        self.texts.update(claim.known)
        embedded: dict[str, Matrix] = {}
        try:
            bundle = self.question if question and self.asked is None else None
            if claim.mine or bundle:
                found: Embedded = yield Embedding(self.model, bundle, claim.mine, SECONDS)
                if found.outcome != "judged":
                    return found.note
                embedded = dict(zip(claim.mine, found.texts, strict=True))
                self.asked = found.question if bundle else self.asked
                self.texts.update(embedded)
        finally:
            self.shared.settle(claim, embedded)
        return ""


def sentences_of(contexts: Sequence[Context]) -> list[Source]:
    """The sentences of contexts as compression reads them, in order."""
    passages = passages_of(contexts)
    return [
        Source(number, context, (start - context.start, end - context.start))
        for number, parts in passages.items()
        for start, end in _passage(number, parts).sentences
        for context in _around(parts, start, end)
    ]


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
