"""Models behind OpenAI's API, in this process or anywhere: LlamaIndex's own classes, with
what they lack.

- A connection instead of a key: the key is in no field, so `repr`, `to_dict` and
  `model_dump` cannot show it, and a local server starts on first use.
- One set of retries, the client's own (LlamaIndex adds a second around it).
- An asynchronous client for each event loop, closed when the loop ends.
- Embedding requests side by side; an instruction before queries only; texts that are too
  long cut instead of failing the batch.
- Every failure a `ModelError`.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
)
from llama_index.core.llms import LLM
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel, Field, PrivateAttr

from indexes.models.clients import Clients
from indexes.models.endpoint import Connection
from indexes.models.failures import is_too_long

logger = logging.getLogger(__name__)

Vector = list[float]

# What LlamaIndex's constructors ask for and would else take from OPENAI_API_KEY: a key for
# one service must not be sent to another.
_UNUSED = {"api_key": "unused", "api_base": "unused", "max_retries": 0}

# A text refused as too long is tried again with this share of it.
KEPT_WHEN_TOO_LONG = 0.75
SHORTEST_CUT = 16


def make_llm(
    connection: Connection,
    model: str,
    *,
    context_window: int,
    max_tokens: int,
    temperature: float = 0.0,
    sampling: Mapping[str, float] | None = None,
) -> LLM:
    """A chat model; nothing is loaded or reached until it is asked.

    Args:
        connection: Where it is served.
        model: Its name there.
        context_window: Tokens of prompt and answer together.
        max_tokens: Tokens of an answer.
        temperature: 0 for the likeliest answer, up to 2.
        sampling: What this server understands beyond OpenAI's API.
    """
    return CompatibleLLM(
        connection,
        model=model,
        context_window=context_window,
        max_tokens=max_tokens,
        temperature=temperature,
        is_chat_model=True,
        # The last piece of a stream then tells the tokens; not sent where nothing streams.
        additional_kwargs={
            "stream_options": {"include_usage": True},
            **({"extra_body": dict(sampling)} if sampling else {}),
        },
    )


def make_embedding(
    connection: Connection,
    model: str,
    *,
    query_instruction: str = "",
    passage_instruction: str = "",
    texts_per_request: int = 32,
    requests_at_once: int = 8,
) -> BaseEmbedding:
    """An embedding model; nothing is loaded or reached until it is asked.

    Args:
        connection: Where it is served.
        model: Its name there.
        query_instruction: Put before queries, not before documents.
        passage_instruction: Put before documents, not before queries.
        texts_per_request: Texts in one request.
        requests_at_once: Requests in flight for one call.
    """
    return CompatibleEmbedding(
        connection,
        model_name=model,
        query_instruction=query_instruction,
        passage_instruction=passage_instruction,
        texts_per_request=texts_per_request,
        requests_at_once=requests_at_once,
        embed_batch_size=min(2048, texts_per_request * requests_at_once * 4),
    )


def _not_empty(last: ChatResponse | None) -> None:
    """A page that is no stream of events reads as a stream without any."""
    if last is None:
        raise ValueError("a stream without events")


class CompatibleLLM(OpenAILike):  # type: ignore[misc]
    """A chat model on any endpoint that speaks OpenAI's API."""

    _clients: Clients = PrivateAttr()

    def __init__(self, connection: Connection, **fields: Any) -> None:
        super().__init__(**_UNUSED, **fields)
        self._clients = Clients(connection)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # LlamaIndex's own calls __init__ and would lose the connection.
        BaseModel.__setstate__(self, state)

    def constrained(self, schema: dict[str, Any], max_tokens: int) -> dict[str, Any]:
        """How to ask for an answer of this form; see `indexes.compression.asking`."""
        named = {"name": "answer", "schema": schema, "strict": True}
        return {
            "response_format": {"type": "json_schema", "json_schema": named},
            "max_tokens": max_tokens,
        }

    def _get_client(self) -> openai.OpenAI:
        return self._clients.sync()

    def _get_aclient(self) -> openai.AsyncOpenAI:
        return self._clients.asynchronous()

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        with self._clients.errors():
            response: ChatResponse = super()._chat(messages, **kwargs)
            return response

    def _stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        with self._clients.errors():
            response = None
            for response in super()._stream_chat(messages, **kwargs):
                yield response
            _not_empty(response)

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        async with self._clients.aerrors():
            response: ChatResponse = await super()._achat(messages, **kwargs)
            return response

    async def _astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        ask = super()._astream_chat

        async def stream() -> ChatResponseAsyncGen:
            async with self._clients.aerrors():
                response = None
                async for response in await ask(messages, **kwargs):
                    yield response
                _not_empty(response)

        return stream()


class CompatibleEmbedding(OpenAILikeEmbedding):  # type: ignore[misc]
    """An embedding model on any endpoint that speaks OpenAI's API.

    A text over the model's window is cut at its end until the endpoint takes it, with a
    warning in the log: its beginning is what its vector stands for.
    """

    query_instruction: str = Field("", description="Put before queries only.")
    passage_instruction: str = Field("", description="Put before documents only.")
    texts_per_request: int = Field(32, ge=1)
    requests_at_once: int = Field(8, ge=1)

    _clients: Clients = PrivateAttr()
    _dimension: int = PrivateAttr(default=0)

    def __init__(self, connection: Connection, **fields: Any) -> None:
        super().__init__(**_UNUSED, **fields)
        self._clients = Clients(connection, at_once=self.requests_at_once)

    def __setstate__(self, state: dict[str, Any]) -> None:
        BaseModel.__setstate__(self, state)

    @property
    def seen_dimension(self) -> int:
        """Length of the vectors seen so far; 0 before the first."""
        return self._dimension

    def _get_query_embedding(self, query: str) -> Vector:
        return self._vectors_of([self.query_instruction + query])[0]

    async def _aget_query_embedding(self, query: str) -> Vector:
        return (await self._avectors_of([self.query_instruction + query]))[0]

    def _get_text_embedding(self, text: str) -> Vector:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> Vector:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[Vector]:
        return self._vectors_of([self.passage_instruction + text for text in texts])

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Vector]:
        return await self._avectors_of([self.passage_instruction + text for text in texts])

    def _vectors_of(self, texts: list[str]) -> list[Vector]:
        batches = self._batches(texts)
        with self._clients.errors():
            if len(batches) == 1:
                return self._embed(batches[0])
            return _flat(_side_by_side(self._embed, batches, self.requests_at_once))

    async def _avectors_of(self, texts: list[str]) -> list[Vector]:
        async with self._clients.aerrors():
            return _flat(await _all([self._aembed(batch) for batch in self._batches(texts)]))

    def _batches(self, texts: list[str]) -> list[list[str]]:
        # OpenAI refuses the empty text; a blank embeds to the same everywhere.
        sent = [text or " " for text in texts]
        size = self.texts_per_request
        return [sent[start : start + size] for start in range(0, len(sent), size)]

    def _embed(self, texts: list[str]) -> list[Vector]:
        client = self._clients.sync()
        try:
            answer = client.embeddings.create(
                input=texts, model=self.model_name, **self.additional_kwargs
            )
        except openai.APIStatusError as error:
            return [v for fewer in _shortened(texts, error) for v in self._embed(fewer)]
        return self._vectors(answer, len(texts))

    async def _aembed(self, texts: list[str]) -> list[Vector]:
        client = self._clients.asynchronous()
        try:
            async with self._clients.slots():
                answer = await client.embeddings.create(
                    input=texts, model=self.model_name, **self.additional_kwargs
                )
        except openai.APIStatusError as error:
            return [v for fewer in _shortened(texts, error) for v in await self._aembed(fewer)]
        return self._vectors(answer, len(texts))

    def _vectors(self, answer: openai.types.CreateEmbeddingResponse, expected: int) -> list[Vector]:
        """The vectors in the order of the texts, one for each."""
        vectors = [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
        if len(vectors) != expected:
            raise ValueError(f"{len(vectors)} vectors for {expected} texts")
        self._dimension = len(vectors[0])
        return vectors


def _shortened(texts: list[str], error: openai.APIStatusError) -> list[list[str]]:
    """What to send instead of texts that were refused: fewer at once, then less of one.

    Raises:
        openai.APIStatusError: the refusal, where it is not about length.
    """
    if not is_too_long(error) or (len(texts) == 1 and len(texts[0]) <= SHORTEST_CUT):
        raise error
    if len(texts) > 1:
        half = len(texts) // 2
        return [texts[:half], texts[half:]]
    kept = int(len(texts[0]) * KEPT_WHEN_TOO_LONG)
    logger.warning(
        "a text of %d characters is too long to embed; its first %d are", len(texts[0]), kept
    )
    return [[texts[0][:kept]]]


def _side_by_side(
    embed: Callable[[list[str]], list[Vector]], batches: list[list[str]], at_once: int
) -> list[list[Vector]]:
    """Embed batches in threads; after a failure, start no more."""
    with ThreadPoolExecutor(at_once, thread_name_prefix="embedding") as threads:
        try:
            return list(threads.map(embed, batches))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


async def _all(jobs: list[Coroutine[Any, Any, list[Vector]]]) -> list[list[Vector]]:
    """Run jobs together; after a failure, stop the others and wait until they have."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _flat(batches: list[list[Vector]]) -> list[Vector]:
    return [vector for batch in batches for vector in batch]
