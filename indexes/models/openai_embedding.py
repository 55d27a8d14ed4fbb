"""Embedding models behind OpenAI's API, in this process or anywhere: LlamaIndex's own class, with
what it lacks (see `indexes.models.openai_compatible`).

Requests go side by side, of as many texts as are taken; an instruction before queries only; texts
that are too long are cut instead of failing the batch.
"""

import asyncio
import logging
import math
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import openai
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from pydantic import BaseModel, Field, PrivateAttr

from indexes.models.clients import Clients
from indexes.models.endpoint import UNUSED, Connection
from indexes.models.forms import KIND
from indexes.models.refusals import Refusal, refusal_of
from indexes.models.sending import given_up

logger = logging.getLogger(__name__)

Vector = list[float]

# A text refused as too long is tried again with this share of it.
KEPT_WHEN_TOO_LONG = 0.75
SHORTEST_CUT = 16


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


class CompatibleEmbedding(OpenAILikeEmbedding):
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
        super().__init__(**UNUSED, **fields)
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
