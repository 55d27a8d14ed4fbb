"""LlamaIndex's `SageMakerEmbedding`, batched, concurrent and normalised."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.embeddings.sagemaker_endpoint import SageMakerEmbedding
from pydantic import BaseModel, Field, PrivateAttr

from indexes.errors import ModelError
from indexes.models.sagemaker.codecs import EmbeddingCodec, read_vectors, write_texts
from indexes.models.sagemaker.credentials import Keys
from indexes.models.sagemaker.runtime import Runtime, Target
from indexes.tokens import count_tokens, token_starts

Vector = list[float]

BGE_INSTRUCTION = "Represent this sentence for searching relevant passages: "
BGE_WINDOW_TOKENS = 512
# WordPiece splits a text into more tokens than cl100k, which counts here.
_TOKENS_MARGIN = 1.35
# SageMaker takes 6 MB; base64 is not used, escapes are.
PAYLOAD_BYTES = 5 * 2**20


class EndpointEmbedding(SageMakerEmbedding):  # type: ignore[misc]
    """BGE Large En, or another embedding model, on a SageMaker endpoint.

    Takes the arguments of `SageMakerEmbedding` and those below; connects on first use.
    Vectors have length 1.

        embedding = EndpointEmbedding("bge-large", aws_region_name="us-east-1")
        embedding.get_query_embedding("What happened to Bosun?")

    Args:
        endpoint_name: The endpoint.
        codec: What its container speaks.
        query_instruction: Put before queries only; BGE's by default.
        passage_instruction: Put before documents only.
        window_tokens: Tokens that the model reads of a text.
        too_long: `cut` a longer text at its end, or `refuse` it.
        tokens_per_request: Tokens in one request, padding left aside.
        texts_per_request: Texts in one request.
        requests_at_once: Requests in flight for one call.
        dimension: Length that vectors must have; None takes the first's.
        Others as `EndpointLLM`.
    """

    codec: EmbeddingCodec = "jumpstart"
    query_instruction: str = BGE_INSTRUCTION
    passage_instruction: str = ""
    window_tokens: int = Field(BGE_WINDOW_TOKENS, ge=1)
    too_long: Literal["cut", "refuse"] = "cut"
    tokens_per_request: int = Field(16_384, ge=1)
    texts_per_request: int = Field(64, ge=1)
    requests_at_once: int = Field(8, ge=1)
    dimension: int | None = Field(None, ge=1)

    _runtime: Runtime = PrivateAttr()
    _dimension: int = PrivateAttr(default=0)

    def __init__(
        self,
        endpoint_name: str,
        *,
        runtime: Runtime | None = None,
        client: Any = None,
        endpoint_kwargs: dict[str, Any] | None = None,
        model_kwargs: dict[str, Any] | None = None,
        profile_name: str | None = None,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        aws_region_name: str | None = None,
        max_retries: int = 8,
        timeout: float = 60.0,
        connect_timeout: float = 10.0,
        endpoint_url: str | None = None,
        inference_component: str | None = None,
        role: str | None = None,
        concurrency: int = 48,
        **fields: Any,
    ) -> None:
        region = region_name or aws_region_name
        fields.setdefault("embed_batch_size", 2048)
        fields.setdefault("model_name", endpoint_name)
        # Not SageMakerEmbedding's own: it connects, and keeps secrets in its fields.
        BaseEmbedding.__init__(
            self,
            endpoint_name=endpoint_name,
            endpoint_kwargs=dict(endpoint_kwargs or {}),
            model_kwargs=dict(model_kwargs or {}),
            profile_name=profile_name,
            region_name=region,
            aws_access_key_id=None,
            aws_secret_access_key=None,
            aws_session_token=None,
            max_retries=max_retries,
            timeout=timeout,
            **fields,
        )
        self._runtime = runtime or Runtime(
            Target(
                endpoint_name,
                inference_component=inference_component,
                region=region,
                profile=profile_name,
                role=role,
                endpoint_url=endpoint_url,
                connect_seconds=connect_timeout,
                read_seconds=timeout,
                retries=max_retries,
                at_once=concurrency,
                options=dict(endpoint_kwargs or {}),
            ),
            client,
            Keys.of(aws_access_key_id, aws_secret_access_key, aws_session_token),
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        BaseModel.__setstate__(self, state)

    @property
    def seen_dimension(self) -> int:
        """Length of the vectors seen so far; 0 before the first."""
        return self._dimension

    @property
    def runtime(self) -> Runtime:
        """What calls the endpoint."""
        return self._runtime

    def _get_query_embedding(self, query: str, **_: Any) -> Vector:
        return self._vectors_of([self.query_instruction + query])[0]

    async def _aget_query_embedding(self, query: str, **_: Any) -> Vector:
        return (await self._avectors_of([self.query_instruction + query]))[0]

    def _get_text_embedding(self, text: str, **_: Any) -> Vector:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str, **_: Any) -> Vector:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str], **_: Any) -> list[Vector]:
        return self._vectors_of([self.passage_instruction + text for text in texts])

    async def _aget_text_embeddings(self, texts: list[str], **_: Any) -> list[Vector]:
        return await self._avectors_of([self.passage_instruction + text for text in texts])

    def _vectors_of(self, texts: list[str]) -> list[Vector]:
        batches = self._batches(texts)
        if len(batches) <= 1:
            return [vector for batch in batches for vector in self._embed(batch)]
        failed = threading.Event()

        def embed(batch: list[str]) -> list[Vector]:
            if failed.is_set():
                return []  # nobody will see it: an earlier batch raises
            try:
                return self._embed(batch)
            except BaseException:
                failed.set()
                raise

        with ThreadPoolExecutor(self.requests_at_once, "sagemaker-embedding") as threads:
            try:
                return [v for vectors in threads.map(embed, batches) for v in vectors]
            finally:
                failed.set()

    async def _avectors_of(self, texts: list[str]) -> list[Vector]:
        slots = asyncio.Semaphore(self.requests_at_once)

        async def embed(batch: list[str]) -> list[Vector]:
            async with slots:
                body, read = self._request(batch)
                return self._checked(await self._runtime.ainvoke(body, read))

        tasks = [asyncio.ensure_future(embed(batch)) for batch in self._batches(texts)]
        try:
            return [v for vectors in await asyncio.gather(*tasks) for v in vectors]
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    def _embed(self, batch: list[str]) -> list[Vector]:
        return self._checked(self._runtime.invoke(*self._request(batch)))

    def _request(self, batch: list[str]) -> tuple[bytes, Callable[[bytes], list[Vector]]]:
        return write_texts(batch, self.codec), partial(read_vectors, expected=len(batch))

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
                or len(batch) >= self.texts_per_request
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
                "another model; change RAG_SAGEMAKER_EMBEDDING_ENDPOINT, or the collection"
            )
        self._dimension = length
        matrix = np.asarray(vectors, dtype=np.float64)
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        normalised: list[Vector] = (matrix / np.where(norms > 0, norms, 1)).tolist()
        return normalised
