"""Quotes before an answer and support behind it, each sentence embedded once.

    checker = Checker(question, contexts, embedding)
    checker.quotes()                  # at once
    checker.supports(answer)          # once it is written

What embedding fails at is noted in the trace: then there are no quotes, and support is found by
words alone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import QueryBundle

from indexes.answers import Context, Quote, Support
from indexes.compression.work import Steps, arun, run
from indexes.details import QuoteDetails, RankedLeaf
from indexes.trace import Trace, stage
from indexes.verdict.embedded import Known, Matrix, sentences_of
from indexes.verdict.quotes import likeliest, quotes_of
from indexes.verdict.support import LONGEST, supports
from indexes.verdict.vectors import Vectors
from indexes.verdict.windows import said_in, unchecked

# Of all sentences that could be quoted, those that are embedded: it takes about 10 ms each.
_MOST_EMBEDDED = 64


@dataclass(frozen=True)
class Found:
    """What a search knows of a question beyond the contexts that it delivered.

    Attributes:
        vector: the question's, if it was embedded
        passages: what can be quoted, which may be more than a model is given; empty for that
        leaves: the best, with what was measured of them
    """

    vector: Sequence[float] | None = None
    passages: Sequence[Context] = ()
    leaves: Sequence[RankedLeaf] = ()


class Checker:
    """What can be said of a question's passages, and of an answer from them.

    Args:
        question: as it was searched for
        contexts: what the answer is written from
        embedding: the index's; without it there are no quotes
        found: what the search knows besides
        vectors: of sentences that others have embedded with the same model
    """

    def __init__(
        self,
        question: str,
        contexts: Sequence[Context],
        embedding: BaseEmbedding | None,
        found: Found | None = None,
        vectors: Vectors | None = None,
    ) -> None:
        self._question = question
        self._contexts = contexts
        self._found = found or Found()
        self._sources = sentences_of(contexts)
        self._known: Known | None = None
        if embedding is not None:
            vector = self._found.vector
            bundle = QueryBundle(question, embedding=None if vector is None else list(vector))
            self._known = Known(embedding, bundle, Vectors() if vectors is None else vectors)

    def quotes(self, trace: Trace | None = None) -> list[Quote]:
        """The sentences that answer best, best first."""
        with stage("quote", trace) as record:
            quotes, note = run(self._quotes())
            record.details = QuoteDetails(quotes=len(quotes), note=note)
        return quotes

    async def aquotes(self, trace: Trace | None = None) -> list[Quote]:
        """The same, natively async."""
        with stage("quote", trace) as record:
            quotes, note = await arun(self._quotes())
            record.details = QuoteDetails(quotes=len(quotes), note=note)
        return quotes

    def supports(self, answer: str) -> tuple[list[Support], str]:
        """A verdict on each sentence of an answer, and what went wrong, in words."""
        similar, note = run(self._similar(answer))
        found = supports(answer, self._contexts, similar, self._sources)
        return found, _both(note, unchecked(answer, len(self._sources)))

    async def asupports(self, answer: str) -> tuple[list[Support], str]:
        """The same, natively async."""
        similar, note = await arun(self._similar(answer))
        # Reading every figure of every passage takes a tenth of a second: not of the loop's.
        found = await asyncio.to_thread(supports, answer, self._contexts, similar, self._sources)
        return found, _both(note, unchecked(answer, len(self._sources)))

    def _quotes(self) -> Steps[tuple[list[Quote], str]]:
        known, passages = self._known, self._found.passages
        sources = sentences_of(passages) if passages else self._sources
        if known is None or not sources:
            return [], ""
        likely = likeliest(self._question, sources, self._found.leaves, _MOST_EMBEDDED)
        vectors, note = yield from known.of([sources[p].told for p in likely], question=True)
        if note or known.asked is None:
            return [], f"no quotes: {note}"
        cosines = vectors @ known.asked
        quotes = quotes_of(self._question, sources, likely, cosines, self._found.leaves)
        return [_numbered(quote, self._contexts) for quote in quotes], ""

    def _similar(self, answer: str) -> Steps[tuple[Matrix | None, str]]:
        """Cosines of an answer's sentences to those of the passages."""
        spans = said_in(answer, len(self._sources))
        texts = [answer[start : min(end, start + LONGEST)] for start, end in spans]
        if not texts or not self._sources or self._known is None:
            return None, ""
        passages, note = yield from self._known.of([source.told for source in self._sources])
        if note:
            return None, note
        said, note = yield from self._known.of(texts)
        if note or said.shape[1] != passages.shape[1]:
            return None, note
        return np.asarray(said @ passages.T), ""


def _both(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _numbered(quote: Quote, contexts: Sequence[Context]) -> Quote:
    """A quote with the number of the passage that a model is given it in; 0 if in none."""
    number = next(
        (
            context.number or place
            for place, context in enumerate(contexts, 1)
            if context.document == quote.document
            and context.start <= quote.start < context.start + len(context.text)
        ),
        0,
    )
    return quote.model_copy(update={"context": number})
