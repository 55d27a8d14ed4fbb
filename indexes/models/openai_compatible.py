"""Models behind OpenAI's API, in this process or anywhere: LlamaIndex's own classes, with
what they lack.

- A connection instead of a key: the key is in no field, so `repr`, `to_dict` and
  `model_dump` cannot show it, and a local server starts on first use.
- Requests in the form that the endpoint takes, at its pace, and repeated where that helps
  (`indexes.models.sending`).
- An asynchronous client for each event loop, closed when the loop ends.
- Answers without the thoughts before them, which are beside (`indexes.models.replies`).
- Embedding requests side by side, of as many texts as are taken; an instruction before
  queries only; texts that are too long cut instead of failing the batch.
- Every failure a `ModelError`.
"""

import asyncio
import logging
import math
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
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
from indexes.models.forms import KIND
from indexes.models.refusals import Refusal, refusal_of
from indexes.models.replies import Piece, Reading, separated
from indexes.models.sending import given_up

logger = logging.getLogger(__name__)

Vector = list[float]

# What LlamaIndex's constructors ask for and would else take from OPENAI_API_KEY: a key for
# one service must not be sent to another.
_UNUSED = {"api_key": "unused", "api_base": "unused", "max_retries": 0}

# A text refused as too long is tried again with this share of it.
KEPT_WHEN_TOO_LONG = 0.75
SHORTEST_CUT = 16
# What a model that thinks may need for that before it judges.
THINKING_TOKENS = 2048


def make_llm(
    connection: Connection,
    model: str,
    *,
    context_window: int,
    max_tokens: int,
    temperature: float = 0.0,
    sampling: Mapping[str, Any] | None = None,
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
    extra_body: Mapping[str, Any] | None = None,
) -> BaseEmbedding:
    """An embedding model; nothing is loaded or reached until it is asked.

    Args:
        connection: Where it is served.
        model: Its name there.
        query_instruction: Put before queries, not before documents.
        passage_instruction: Put before documents, not before queries.
        texts_per_request: Texts in one request.
        requests_at_once: Requests in flight for one call.
        extra_body: What this server understands beyond OpenAI's API.
    """
    return CompatibleEmbedding(
        connection,
        model_name=model,
        query_instruction=query_instruction,
        passage_instruction=passage_instruction,
        texts_per_request=texts_per_request,
        requests_at_once=requests_at_once,
        additional_kwargs={"extra_body": dict(extra_body)} if extra_body else {},
        embed_batch_size=min(2048, texts_per_request * requests_at_once * 4),
    )


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
        thinks = self._clients.way.habits.get("thinks")
        return {
            "response_format": {"type": "json_schema", "json_schema": named},
            "max_tokens": max_tokens + (THINKING_TOKENS if thinks else 0),
        }

    def _get_client(self) -> openai.OpenAI:
        return self._clients.sync()

    def _get_aclient(self) -> openai.AsyncOpenAI:
        return self._clients.asynchronous()

    def _get_model_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        # LlamaIndex puts the model's own limit over that of a call.
        limit = {"max_tokens": kwargs["max_tokens"]} if "max_tokens" in kwargs else {}
        options: dict[str, Any] = super()._get_model_kwargs(**kwargs)
        return {**options, **limit}

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        with self._clients.errors():
            return self._whole(super()._chat(messages, **kwargs))

    def _stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        with self._clients.errors():
            if self._streams:
                stream = self._stream()
                try:
                    for response in super()._stream_chat(messages, **kwargs):
                        yield stream.take(response)
                except openai.APIStatusError as error:
                    self._streams_not(error)
                else:
                    yield from stream.end()
                    return
            yield self._whole(super()._chat(messages, **kwargs))

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        async with self._clients.aerrors():
            return self._whole(await super()._achat(messages, **kwargs))

    async def _astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        ask, whole = super()._astream_chat, super()._achat

        async def responses() -> ChatResponseAsyncGen:
            async with self._clients.aerrors():
                if self._streams:
                    stream = self._stream()
                    try:
                        async for response in await ask(messages, **kwargs):
                            yield stream.take(response)
                    except openai.APIStatusError as error:
                        self._streams_not(error)
                    else:
                        for response in stream.end():
                            yield response
                        return
                yield self._whole(await whole(messages, **kwargs))

        return responses()

    @property
    def _streams(self) -> bool:
        return self._clients.way.habits.get("streams") is not False

    def _streams_not(self, error: openai.APIStatusError) -> None:
        """Remember that the endpoint gives answers whole only.

        Raises:
            openai.APIStatusError: that is not what it says
        """
        if not refusal_of(error.response).is_no_stream:
            raise error
        self._clients.way.habits.learn("streams", False)

    def _whole(self, response: ChatResponse) -> ChatResponse:
        reading = self._reading()
        reading.take(response, whole_text=True)
        reading.end()
        self._learn(reading)
        whole = separated(response, reading, Piece())
        del whole.additional_kwargs["thinking_delta"]
        whole.additional_kwargs["thinking"] = reading.thinking
        whole.delta = response.delta
        return whole

    def _stream(self) -> "_Stream":
        return _Stream(self._reading(), self._learn)

    def _reading(self) -> Reading:
        return Reading(thinking=self._clients.way.habits.get("thinks untagged") is True)

    def _learn(self, reading: Reading) -> None:
        if reading.untagged:
            self._clients.way.habits.learn("thinks untagged", True)
        if reading.thinking or reading.spent:
            self._clients.way.habits.learn("thinks", True)


class _Stream:
    """The responses of one stream, with the answer apart from the thoughts."""

    def __init__(self, reading: Reading, learn: Callable[[Reading], None]) -> None:
        self._reading = reading
        self._learn = learn
        self._last: ChatResponse | None = None

    def take(self, response: ChatResponse) -> ChatResponse:
        self._last = response
        return separated(response, self._reading, self._reading.take(response))

    def end(self) -> list[ChatResponse]:
        """What was held back to the end.

        Raises:
            ValueError: nothing came: a page that is no stream of events reads like that
        """
        if self._last is None:
            raise ValueError("a stream without events")
        rest = self._reading.end()
        self._learn(self._reading)
        return [separated(self._last, self._reading, rest)] if rest.words or rest.thoughts else []


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
        return self._vectors_of([self.query_instruction + query], "query")[0]

    async def _aget_query_embedding(self, query: str) -> Vector:
        return (await self._avectors_of([self.query_instruction + query], "query"))[0]

    def _get_text_embedding(self, text: str) -> Vector:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> Vector:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[Vector]:
        return self._vectors_of([self.passage_instruction + text for text in texts], "passage")

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Vector]:
        passages = [self.passage_instruction + text for text in texts]
        return await self._avectors_of(passages, "passage")

    def _vectors_of(self, texts: list[str], kind: str) -> list[Vector]:
        with self._clients.errors():
            batches = self._batches(texts)
            embed = partial(self._embed, kind=kind)
            if len(batches) == 1:
                return embed(batches[0])
            return _flat(_side_by_side(embed, batches, self.requests_at_once))

    async def _avectors_of(self, texts: list[str], kind: str) -> list[Vector]:
        async with self._clients.aerrors():
            jobs = [self._aembed(batch, kind) for batch in self._batches(texts)]
            return _flat(await _all(jobs))

    def _batches(self, texts: list[str]) -> list[list[str]]:
        # OpenAI refuses the empty text; a blank embeds to the same everywhere.
        sent = [text or " " for text in texts]
        size = min(self.texts_per_request, self._clients.way.habits.number("batch") or 1 << 20)
        return [sent[start : start + size] for start in range(0, len(sent), size)]

    def _embed(self, texts: list[str], kind: str) -> list[Vector]:
        client = self._clients.sync()
        try:
            answer = client.embeddings.create(**self._request(texts, kind))
        except openai.APIStatusError as error:
            fewer = self._fewer(texts, error)
            return [vector for part in fewer for vector in self._embed(part, kind)]
        return self._vectors(answer, len(texts))

    async def _aembed(self, texts: list[str], kind: str) -> list[Vector]:
        client = self._clients.asynchronous()
        try:
            async with self._clients.slots():
                answer = await client.embeddings.create(**self._request(texts, kind))
        except openai.APIStatusError as error:
            fewer = self._fewer(texts, error)
            return [vector for part in fewer for vector in await self._aembed(part, kind)]
        return self._vectors(answer, len(texts))

    def _request(self, texts: list[str], kind: str) -> dict[str, Any]:
        options = dict(self.additional_kwargs)
        # Which of the two it is, for endpoints that want to know; `forms` takes it out.
        options["extra_body"] = {**options.get("extra_body", {}), KIND: kind}
        return {"input": texts, "model": self.model_name, **options}

    def _fewer(self, texts: list[str], error: openai.APIStatusError) -> list[list[str]]:
        """What to send instead of texts that were refused: fewer at once, then less of one.

        Raises:
            openai.APIStatusError: the refusal, where that doesn't help
        """
        refusal = refusal_of(error.response)
        if len(texts) == 1:
            return [[_shortened(texts[0], refusal, error)]]
        if refusal.is_too_many_texts:
            size = len(texts) // 2
            if "token" not in refusal.words.lower():
                size = refusal.limit_below(len(texts)) or size
                known = self._clients.way.habits.number("batch") or size
                self._clients.way.habits.learn("batch", min(known, size))
        elif refusal.is_too_long:
            size = len(texts) // 2
        else:
            raise error
        return [texts[start : start + size] for start in range(0, len(texts), size)]

    def _vectors(self, answer: openai.types.CreateEmbeddingResponse, expected: int) -> list[Vector]:
        """The vectors in the order of the texts, one for each."""
        found = answer.data
        if len(found) != expected:
            raise ValueError(f"{len(found)} vectors for {expected} texts")
        places = [getattr(item, "index", None) for item in found]
        if sorted(places, key=str) == sorted(range(expected), key=str):
            found = sorted(found, key=lambda item: item.index)
        elif any(places) and None not in places:
            raise ValueError(f"vectors numbered {places[:8]} for {expected} texts")
        vectors = [item.embedding for item in found]
        if len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
            raise ValueError("vectors of different lengths, or of none")
        if not all(_is_finite(vector) for vector in vectors):
            raise ValueError("a vector with something in it that is no number")
        self._dimension = len(vectors[0])
        return vectors


def _is_finite(vector: Any) -> bool:
    return isinstance(vector, list) and math.isfinite(math.fsum(vector))


def _shortened(text: str, refusal: Refusal, error: openai.APIStatusError) -> str:
    """Less of a text that is too long.

    Raises:
        openai.APIStatusError: it is not that, or nothing is left to cut
    """
    if not refusal.is_too_long or len(text) <= SHORTEST_CUT:
        raise error
    kept = int(len(text) * KEPT_WHEN_TOO_LONG)
    logger.warning(
        "a text of %d characters is too long to embed; its first %d are", len(text), kept
    )
    return text[:kept]


def _side_by_side(
    embed: Callable[[list[str]], list[Vector]], batches: list[list[str]], at_once: int
) -> list[list[Vector]]:
    """Embed batches in threads; after a failure, start no more and wait for none."""
    stop = threading.Event()

    def one(batch: list[str]) -> list[Vector]:
        given_up.set(stop)
        return embed(batch)

    with ThreadPoolExecutor(at_once, thread_name_prefix="embedding") as threads:
        try:
            asked = [threads.submit(one, batch) for batch in batches]
            for first in wait(asked, return_when=FIRST_EXCEPTION).done:
                first.result()
            return [future.result() for future in asked]
        except BaseException:
            stop.set()
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
