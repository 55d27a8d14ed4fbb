"""Quotes before an answer and support behind it, each sentence embedded once.

    checker = Checker(question, contexts, embedding)
    checker.quotes()                  # at once
    checker.supports(answer)          # once it is written

What embedding fails at is noted in the trace: then there are no quotes, and support is found by
words alone.
"""

from collections.abc import Sequence

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding

from indexes.answers import Context, Quote, Support
from indexes.compression.embedding_judge import Embedding, Vectors
from indexes.compression.work import Steps, arun, run
from indexes.details import QuoteDetails
from indexes.trace import Trace, stage
from indexes.verdict.embedded import SECONDS, Matrix, Sentences
from indexes.verdict.quotes import quotes_of
from indexes.verdict.support import supports
from indexes.verdict.windows import said_in


class Checker:
    """What can be said of a question's passages, and of an answer from them.

    Args:
        question: as it was searched for
        contexts: what was found
        embedding: the index's; without it there are no quotes
    """

    def __init__(
        self, question: str, contexts: Sequence[Context], embedding: BaseEmbedding | None
    ) -> None:
        self._sentences = Sentences(question, contexts)
        self._embedding = embedding
        self._vectors: Vectors | None = None

    def quotes(self, trace: Trace | None = None) -> list[Quote]:
        """The sentences that answer best, best first."""
        with stage("quote", trace) as record:
            vectors = run(self._known())
            quotes = self._chosen(vectors)
            record.details = _described(quotes, vectors)
        return quotes

    async def aquotes(self, trace: Trace | None = None) -> list[Quote]:
        """The same, natively async."""
        with stage("quote", trace) as record:
            vectors = await arun(self._known())
            quotes = self._chosen(vectors)
            record.details = _described(quotes, vectors)
        return quotes

    def supports(self, answer: str) -> tuple[list[Support], str]:
        """A verdict on each sentence of an answer, and what went wrong, in words."""
        similar, note = run(self._similar(answer))
        return supports(answer, self._sentences.contexts, similar, self._sentences.sources), note

    async def asupports(self, answer: str) -> tuple[list[Support], str]:
        """The same, natively async."""
        similar, note = await arun(self._similar(answer))
        return supports(answer, self._sentences.contexts, similar, self._sentences.sources), note

    def _chosen(self, vectors: Vectors | None) -> list[Quote]:
        return quotes_of(self._sentences, vectors) if vectors else []

    def _known(self) -> Steps[Vectors | None]:
        if self._vectors is None and self._embedding is not None:
            self._vectors = yield from self._sentences.embedded(self._embedding)
        return self._vectors

    def _similar(self, answer: str) -> Steps[tuple[Matrix | None, str]]:
        """Cosines of an answer's sentences to those of the passages."""
        texts = [answer[start:end] for start, end in said_in(answer)]
        if not texts or not self._sentences.sources or self._embedding is None:
            return None, ""
        known = self._vectors
        if known is None:
            # Nobody asked for quotes: only what the answer says is compared.
            known = yield from self._sentences.embedded(self._embedding, question=False)
        if known.outcome != "judged":
            return None, known.note
        said: Vectors = yield Embedding(self._embedding, None, texts, SECONDS)
        passages = known.texts[: len(self._sentences.sources)]
        if said.outcome != "judged" or said.texts.shape[1] != passages.shape[1]:
            return None, said.note
        return np.asarray(said.texts @ passages.T), ""


def _described(quotes: Sequence[Quote], vectors: Vectors | None) -> QuoteDetails:
    failed = vectors is not None and vectors.outcome != "judged"
    note = f"no quotes: {vectors.note}" if vectors and failed else ""
    return QuoteDetails(quotes=len(quotes), note=note)
