"""Embedding models behind OpenAI's API, in this process or anywhere: LlamaIndex's own class, with
what it lacks (see `indexes.models.openai_compatible`).

Requests go side by side, of as many texts as are taken; an instruction before queries only; texts
that are too long are cut instead of failing the batch.
"""

import logging
import math
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import openai
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from pydantic import Field, PrivateAttr

from indexes.models.clients import Clients
from indexes.models.endpoint import UNUSED, Connection
from indexes.models.forms import KIND
from indexes.models.instructed import InstructedEmbedding, Kind, Vector, in_threads, together
from indexes.models.refusals import Refusal, refusal_of
from indexes.models.shapes import OddVectorsError

logger = logging.getLogger(__name__)

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


class CompatibleEmbedding(InstructedEmbedding, OpenAILikeEmbedding):
    """An embedding model on any endpoint that speaks OpenAI's API.

    A text over the model's window is cut at its end until the endpoint takes it, with a
    warning in the log: its beginning is what its vector stands for.
    """

    texts_per_request: int = Field(32, ge=1)

    _clients: Clients = PrivateAttr()

    def __init__(self, connection: Connection, **fields: Any) -> None:
        super().__init__(**UNUSED, **fields)
        self._clients = Clients(connection, at_once=self.requests_at_once)

    def _vectors_of(self, texts: list[str], kind: Kind) -> list[Vector]:
        with self._clients.errors():
            embed = partial(self._embed, kind=kind)
            return in_threads(embed, self._batches(texts), self.requests_at_once)

    async def _avectors_of(self, texts: list[str], kind: Kind) -> list[Vector]:
        async with self._clients.aerrors():
            return await together([self._aembed(batch, kind) for batch in self._batches(texts)])

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
            size, limit = len(texts) // 2, refusal.limit_below(len(texts))
            # Of what may be said of one long text, or of a bad moment, nothing is learnt.
            passing = re.search("token|out of memory", refusal.words, re.IGNORECASE)
            if not passing and (limit or not refusal.is_too_long):
                size = limit or size
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
            raise OddVectorsError(f"{len(found)} vectors for {expected} texts")
        places = [getattr(item, "index", None) for item in found]
        if sorted(places, key=str) == sorted(range(expected), key=str):
            found = sorted(found, key=lambda item: item.index)
        elif any(places) and None not in places:
            raise OddVectorsError(f"vectors numbered {places[:8]} for {expected} texts")
        vectors = [item.embedding for item in found]
        if len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
            raise OddVectorsError("vectors of different lengths, or of none")
        if not all(_is_finite(vector) for vector in vectors):
            raise OddVectorsError("a vector with something in it that is no number")
        self._dimension = len(vectors[0])
        return vectors


def _is_finite(vector: Any) -> bool:
    try:
        return isinstance(vector, list) and math.isfinite(math.fsum(vector))
    except (TypeError, ValueError, OverflowError):
        return False


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
