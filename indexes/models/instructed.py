"""What embedding models behind an endpoint have in common: instructions, requests side by side."""

import asyncio
import threading
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import ContextVar
from typing import Any, Literal

from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import BaseModel, Field, PrivateAttr

Vector = list[float]
Kind = Literal["query", "passage"]

# Set by who no longer wants what its threads send: they wait no more.
given_up: ContextVar[threading.Event | None] = ContextVar("given_up", default=None)


class InstructedEmbedding(BaseEmbedding):
    """An embedding model that puts one instruction before queries and another before passages.

    What is made of it says how texts are embedded. Copies and pickles keep its private fields.
    """

    query_instruction: str = Field("", description="Put before queries only.")
    passage_instruction: str = Field("", description="Put before documents only.")
    requests_at_once: int = Field(8, ge=1, description="Requests in flight for one call.")

    _dimension: int = PrivateAttr(default=0)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # LlamaIndex's own calls __init__ and would lose the connection.
        BaseModel.__setstate__(self, state)

    @property
    def seen_dimension(self) -> int:
        """Length of the vectors seen so far; 0 before the first."""
        return self._dimension

    @abstractmethod
    def _vectors_of(self, texts: list[str], kind: Kind) -> list[Vector]:
        """The vectors of texts that have their instructions; from any thread."""

    @abstractmethod
    async def _avectors_of(self, texts: list[str], kind: Kind) -> list[Vector]:
        """The same on the event loop."""

    def _get_query_embedding(self, query: str, **_: Any) -> Vector:
        return self._vectors_of([self.query_instruction + query], "query")[0]

    async def _aget_query_embedding(self, query: str, **_: Any) -> Vector:
        return (await self._avectors_of([self.query_instruction + query], "query"))[0]

    def _get_text_embedding(self, text: str, **_: Any) -> Vector:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str, **_: Any) -> Vector:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str], **_: Any) -> list[Vector]:
        return self._vectors_of(self._passages(texts), "passage")

    async def _aget_text_embeddings(self, texts: list[str], **_: Any) -> list[Vector]:
        return await self._avectors_of(self._passages(texts), "passage")

    def _passages(self, texts: list[str]) -> list[str]:
        return [self.passage_instruction + text for text in texts]


def in_threads(
    embed: Callable[[list[str]], list[Vector]], batches: list[list[str]], at_once: int
) -> list[Vector]:
    """Embed batches in threads; after a failure, start no more and have none wait."""
    if len(batches) == 1:
        return embed(batches[0])
    failed, unwanted = threading.Event(), threading.Event()

    def one(batch: list[str]) -> list[Vector]:
        if failed.is_set():
            return []  # nobody will see it
        given_up.set(unwanted)
        try:
            return embed(batch)
        except BaseException:  # the other threads stop asking, whatever it was
            failed.set()
            raise

    with ThreadPoolExecutor(at_once, thread_name_prefix="embedding") as threads:
        asked = [threads.submit(one, batch) for batch in batches]
        try:
            for first in wait(asked, return_when=FIRST_EXCEPTION).done:
                first.result()
            return [vector for future in asked for vector in future.result()]
        finally:
            failed.set()
            unwanted.set()


async def together(jobs: Iterable[Coroutine[Any, Any, list[Vector]]]) -> list[Vector]:
    """Run jobs together; after a failure, stop the others and wait until they have."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        return [vector for vectors in await asyncio.gather(*tasks) for vector in vectors]
    except BaseException:  # cancelled, too, it leaves no request behind
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
