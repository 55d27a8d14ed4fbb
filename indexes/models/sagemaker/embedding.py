"""LlamaIndex's `SageMakerEmbedding`, batched, concurrent and normalised."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.embeddings.sagemaker_endpoint import SageMakerEmbedding
from pydantic import Field, PrivateAttr

from indexes.errors import ModelError
from indexes.models.capabilities import EMBEDDING_WINDOW
from indexes.models.habits import Habits, habits_of
from indexes.models.instructed import InstructedEmbedding, Kind, Vector, in_threads, together
from indexes.models.sagemaker.batches import Batch
from indexes.models.sagemaker.connection import Connection
from indexes.models.sagemaker.failures import refusal_of
from indexes.models.sagemaker.manners import EmbeddingManner
from indexes.models.sagemaker.profiles import profile_of
from indexes.models.sagemaker.runtime import Runtime
from indexes.models.sagemaker.vectors import EmbeddingCodec
from indexes.tokens import count_tokens, token_starts

TEXTS_PER_REQUEST = 64
# WordPiece splits a text into more tokens than cl100k, which counts here.
_TOKENS_MARGIN = 1.35
# SageMaker takes 6 MB; base64 is not used, escapes are.
PAYLOAD_BYTES = 5 * 2**20


class EndpointEmbedding(InstructedEmbedding, SageMakerEmbedding):
    """An embedding model on a SageMaker endpoint.

    Takes the arguments of `SageMakerEmbedding` and those below; connects on first use.
    Vectors have length 1. What is sent, how many texts at once and what is put before queries
    is known from the model's profile; what is not is found out from what its container refuses.

        embedding = EndpointEmbedding("bge-large", aws_region_name="us-east-1")
        embedding.get_query_embedding("What happened to Bosun?")

    Args:
        endpoint_name: The endpoint.
        codec: What its container speaks; `auto` finds out.
        query_instruction: Put before queries only; the profile's by default.
        passage_instruction: Put before documents only; the profile's by default.
        window_tokens: Tokens that the model reads of a text; the profile's by default.
        too_long: `cut` a longer text at its end, or `refuse` it.
        tokens_per_request: Tokens in one request, padding left aside.
        texts_per_request: Texts in one request, at most.
        requests_at_once: Requests in flight for one call.
        dimension: Length that vectors must have; None takes the first's.
        Others as `Connection` has them.
    """

    codec: EmbeddingCodec = "auto"
    window_tokens: int = Field(EMBEDDING_WINDOW, ge=1)
    too_long: Literal["cut", "refuse"] = "cut"
    tokens_per_request: int = Field(16_384, ge=1)
    texts_per_request: int = Field(TEXTS_PER_REQUEST, ge=1)
    dimension: int | None = Field(None, ge=1)

    _runtime: Runtime = PrivateAttr()
    _manner: EmbeddingManner = PrivateAttr()
    _model: str = PrivateAttr(default="")
    _cache: Path | None = PrivateAttr(default=None)

    def __init__(self, endpoint_name: str, **given: Any) -> None:
        connection = Connection.taken_from(given, timeout=60.0)
        known = profile_of("embedding", given.get("model_name"), endpoint_name)
        if known is not None:
            given.setdefault("query_instruction", known.query_instruction)
            given.setdefault("passage_instruction", known.passage_instruction)
            given.setdefault("window_tokens", known.window)
            given.setdefault("texts_per_request", known.batch)
        named = "model_name" in given
        given.setdefault("embed_batch_size", 2048)
        given.setdefault("model_name", endpoint_name)
        # Not SageMakerEmbedding's own: it connects, and keeps secrets in its fields.
        BaseEmbedding.__init__(self, endpoint_name=endpoint_name, **connection.kept, **given)
        self._runtime = connection.made(endpoint_name, "embedding")
        self._model = given["model_name"] if named else ""
        fixed = self.codec != "auto"
        first = self.codec if self.codec != "auto" else known.payload if known else "jumpstart"
        self._cache = connection.cache
        manner = EmbeddingManner.of(first, self.texts_per_request, fixed=fixed)
        self._manner = manner.recalled(self._habits.all()) if self._habits else manner

    @property
    def runtime(self) -> Runtime:
        """What calls the endpoint."""
        return self._runtime

    def _vectors_of(self, texts: list[str], kind: Kind) -> list[Vector]:
        return in_threads(self._embed, self._batches(texts), self.requests_at_once)

    async def _avectors_of(self, texts: list[str], kind: Kind) -> list[Vector]:
        slots = asyncio.Semaphore(self.requests_at_once)

        async def embed(batch: list[str]) -> list[Vector]:
            async with slots:
                return await self._aembed(batch)

        return await together([embed(batch) for batch in self._batches(texts)])

    def _embed(self, batch: list[str]) -> list[Vector]:
        asked = Batch(batch, self._manner)
        while True:
            try:
                vectors = self._runtime.invoke(*asked.request(self._model))
            except ModelError as error:
                self._learn(asked, error)
            else:
                if asked.add(vectors):
                    return self._understood(asked)

    async def _aembed(self, batch: list[str]) -> list[Vector]:
        asked = Batch(batch, self._manner)
        while True:
            try:
                vectors = await self._runtime.ainvoke(*asked.request(self._model))
            except ModelError as error:
                self._learn(asked, error)
            else:
                if asked.add(vectors):
                    return self._understood(asked)

    @property
    def _habits(self) -> Habits | None:
        # Asked for each time: its lock can't be pickled.
        return habits_of(self._runtime.target.identity, self._cache) if self._cache else None

    def _learn(self, asked: Batch, error: ModelError) -> None:
        refusal = refusal_of(error.__cause__)
        if refusal is None or not asked.learns(refusal, cut=self.too_long == "cut"):
            raise error

    def _understood(self, asked: Batch) -> list[Vector]:
        learnt = asked.manner.answered()
        # Others may have learnt meanwhile that a request can hold even less.
        learnt = replace(learnt, batch=min(learnt.batch, self._manner.batch))
        habits, before, self._manner = self._habits, self._manner, learnt
        if habits is not None:
            for name, value in learnt.lessons(before).items():
                habits.learn(name, value)
        return self._checked(asked.vectors)

    def _batches(self, texts: Sequence[str]) -> list[list[str]]:
        """Texts in requests that hold few enough of them, of tokens and of bytes."""
        batches: list[list[str]] = []
        tokens = size = 0
        for given in texts:
            text, length = self._fitted(given or " ")
            weight = len(text.encode()) * 2  # quotes and control characters are escaped
            batch = batches[-1] if batches else None
            if (
                batch is None
                or len(batch) >= self._manner.batch
                or tokens + length > self.tokens_per_request
                or size + weight > PAYLOAD_BYTES
            ):
                batches.append([text])
                tokens, size = length, weight
            else:
                batch.append(text)
                tokens, size = tokens + length, size + weight
        return batches

    def _fitted(self, text: str) -> tuple[str, int]:
        """A text that the model reads to its end, and its length in tokens."""
        limit = max(1, int(self.window_tokens / _TOKENS_MARGIN))
        length = count_tokens(text)
        if length <= limit:
            return text, length
        if self.too_long == "refuse":
            raise ModelError(
                f"a text of {length} tokens is too long for {self._runtime.target}, which reads "
                f"about {limit}: make chunks smaller, or set RAG_SAGEMAKER_TOO_LONG to cut"
            )
        return text[: token_starts(text)[limit]], limit

    def _checked(self, vectors: list[Vector]) -> list[Vector]:
        length = len(vectors[0])
        expected = self.dimension or self._dimension or length
        if length != expected:
            raise ModelError(
                f"{self._runtime.target} gave vectors of length {length}, not {expected}: it is "
                f"another model; change {self._runtime.target.endpoint_setting}, or the collection"
            )
        self._dimension = length
        matrix = np.asarray(vectors, dtype=np.float64)
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        normalised: list[Vector] = (matrix / np.where(norms > 0, norms, 1)).tolist()
        return normalised
