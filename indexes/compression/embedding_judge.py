"""Embedding similarity as the judge: no language model, one batch of embeddings a question.

The default of `local`, whose language model is too small to judge. What it measured and
how the defaults were chosen: docs/compression.md.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import getattr_static

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import QueryBundle
from numpy.typing import NDArray

from indexes.compression.passages import Passage
from indexes.compression.scoring_judge import Ranking, ScoringJudge
from indexes.compression.similarity import Scoring, scored
from indexes.compression.verdicts import JudgeKind
from indexes.compression.work import Steps, TimedOutError, in_threads, on_the_loop
from indexes.details import JudgeDetails, Outcome

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Vectors:
    """The question's vector, the texts' as rows, of length 1; or what went wrong.

    Where no question was embedded, its vector is all zeros.
    The texts are the sentences, passage after passage, and behind them the titles.
    """

    question: Matrix
    texts: Matrix
    outcome: Outcome = "judged"
    note: str = ""


@dataclass(frozen=True)
class Embedding:
    """A question, if there is one, and texts to embed, in one batch."""

    model: BaseEmbedding
    question: QueryBundle | None
    texts: list[str]
    seconds: float

    def do(self) -> Vectors:
        """Embed the texts."""
        (outcome,) = in_threads(self._embed, [self.texts], at_once=1, seconds=self.seconds)
        return _vectors(outcome, len(self.texts))

    async def ado(self) -> Vectors:
        """The same; models that are only sync embed in a thread, not on the loop."""
        if _is_only_sync(self.model):
            return await asyncio.to_thread(self.do)
        (outcome,) = await on_the_loop(self._aembed, [self.texts], at_once=1, seconds=self.seconds)
        if isinstance(outcome, NotImplementedError):
            return await asyncio.to_thread(self.do)
        return _vectors(outcome, len(self.texts))

    def _embed(self, texts: list[str]) -> list[list[float]]:
        vectors = self.model.get_text_embedding_batch(texts)
        if self.question is None:
            return [[0.0] * len(vectors[0]), *vectors]
        known = self.question.embedding
        return [known or self.model.get_query_embedding(self.question.query_str), *vectors]

    async def _aembed(self, texts: list[str]) -> list[list[float]]:
        vectors = await self.model.aget_text_embedding_batch(texts)
        if self.question is None:
            return [[0.0] * len(vectors[0]), *vectors]
        known = self.question.embedding
        asked = known or await self.model.aget_query_embedding(self.question.query_str)
        return [asked, *vectors]


def _is_only_sync(model: BaseEmbedding) -> bool:
    """Whether its async methods are LlamaIndex's own, which call the sync ones."""
    return all(
        getattr_static(type(model), name) is getattr_static(BaseEmbedding, name)
        for name in ("_aget_text_embedding", "_aget_text_embeddings")
    )


def _vectors(outcome: list[list[float]] | BaseException, count: int) -> Vectors:
    nothing = np.zeros((0, 0))
    if isinstance(outcome, BaseException):
        late = isinstance(outcome, TimedOutError)
        note = " ".join(str(outcome).split())[:200] or type(outcome).__name__
        return Vectors(nothing, nothing, "timeout" if late else "failed", note)
    try:
        matrix = np.array(outcome, dtype=np.float64)
        well = matrix.shape[0] == count + 1 and bool(np.isfinite(matrix).all())
    except (ValueError, TypeError):
        well = False
    if not well:
        return Vectors(nothing, nothing, "unreadable", "vectors of different lengths, or none")
    if matrix.size:
        # By the largest first: squares of what is huge overflow.
        matrix /= np.maximum(np.abs(matrix).max(axis=1, keepdims=True), 1e-30)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True) + 1e-12
    return Vectors(matrix[0], matrix[1:])


class EmbeddingJudge(ScoringJudge):
    """Keeps what is similar to the question. Thread-safe.

    Args:
        embedding: any LlamaIndex model; best the index's own, which has the question's vector
        scoring: the thresholds
        seconds: the longest that embedding may take; after that everything is kept
    """

    kind: JudgeKind = "embedding"
    placed = True

    def __init__(
        self, embedding: BaseEmbedding, *, scoring: Scoring | None = None, seconds: float = 60.0
    ) -> None:
        super().__init__(scoring)
        self._embedding = embedding
        self._seconds = seconds

    @property
    def model(self) -> str:
        """The model's name."""
        return self._embedding.model_name

    def _sentences(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Ranking]:
        return (yield from self._scored(question, passages, whole=False))

    def _passages(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Ranking]:
        return (yield from self._scored(question, passages, whole=True))

    def _scored(
        self, question: QueryBundle, passages: Sequence[Passage], *, whole: bool
    ) -> Steps[Ranking]:
        texts = [passage.slice(span) for passage in passages for span in passage.sentences]
        titles = _titles(passages)
        if not texts:
            return Ranking(np.zeros(len(passages) if whole else 0))
        work = self._work(question, [*texts, *titles])
        vectors: Vectors = yield work
        if vectors.outcome != "judged":
            return Ranking(np.zeros(0), vectors.outcome, vectors.note)
        cosines = vectors.texts @ vectors.question
        similar, beyond = cosines[: len(texts)], cosines[len(texts) :]
        known = dict(zip(titles, beyond, strict=True))
        named = np.array([known.get(passage.title, 0.0) for passage in passages])
        found = scored(question.query_str, passages, similar, named, self._scoring.retriever)
        least = self._scoring.similarity
        if not whole:
            flat = np.array([share for shares in found.sentences for share in shares])
            return Ranking(flat, near=similar >= least)
        ends = np.cumsum([len(passage.sentences) for passage in passages])
        best = [own.max(initial=-1.0) for own in np.split(similar, ends)[: len(passages)]]
        return Ranking(np.array(found.passages), near=np.array(best) >= least)

    def _work(self, question: QueryBundle | str, texts: list[str]) -> Embedding:
        asked = QueryBundle(question) if isinstance(question, str) else question
        return Embedding(self._embedding, asked, texts, self._seconds)

    def _details(self, least: float) -> JudgeDetails:
        name = "share of the way from the average to the best of the question"
        return JudgeDetails(threshold=least, score=name, least_cosine=self._scoring.similarity)


def _titles(passages: Sequence[Passage]) -> list[str]:
    """The titles of passages with text, each once; one that all have says nothing of any."""
    titles = list(dict.fromkeys(passage.title for passage in passages if passage.sentences))
    return titles if len(titles) > 1 else []
