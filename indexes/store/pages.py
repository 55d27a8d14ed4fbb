"""Looking at all points of a collection, within what a server allows."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from qdrant_client import models

from indexes.errors import StoreError
from indexes.store.connect import Engine
from indexes.store.limits import Limits
from indexes.store.refusals import said, store_errors

Answer = TypeVar("Answer")

_PAGE = 1000


class Pages:
    """The points of one collection, a page at a time."""

    def __init__(self, engine: Engine, collection: str) -> None:
        self.engine = engine
        self.collection = collection
        self.limits = Limits()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.collection!r} in {self.engine.address!r})"

    def scroll(
        self,
        condition: models.Filter | None,
        *,
        payload: bool | Sequence[str] | models.PayloadSelectorExclude = True,
        vectors: bool | Sequence[str] = False,
        page: int | None = None,
    ) -> Iterator[list[models.Record]]:
        """All points that match, a page at a time, in the order of their ids; so far as a server
        bounds what a filter may name, in one such order after the other.
        """
        left = [condition]
        given: dict[str, Any] = {
            "with_payload": list(payload) if isinstance(payload, Sequence) else payload,
            "with_vectors": vectors if isinstance(vectors, bool) else list(vectors),
        }
        while left:
            first, *others = self.limits.filters(left.pop(0))
            left = [*others, *left]
            offset = None
            while True:
                try:
                    with store_errors(self.engine.address):
                        points, offset = self.engine.client.scroll(
                            self.collection,
                            first,
                            limit=self.limits.page(page or _PAGE),
                            offset=offset,
                            **given,
                        )
                except StoreError as error:
                    if not self.learns(error):
                        raise
                    if offset is None:
                        left.insert(0, first)
                        break
                    continue
                if points:
                    yield points
                if offset is None:
                    break

    def count(self, condition: models.Filter | None = None) -> int:
        """How many points there are, or match."""
        return self.learning(
            lambda: sum(self._count(part) for part in self.limits.filters(condition))
        )

    def _count(self, condition: models.Filter | None) -> int:
        if not self.limits.exact:
            return sum(len(points) for points in self.scroll(condition, payload=False))
        with store_errors(self.engine.address):
            return self.engine.client.count(self.collection, condition, exact=True).count

    def learning(self, ask: Callable[[], Answer]) -> Answer:
        """Ask a server, again where a refusal told how to ask.

        Raises:
            StoreError: it is refused all the same, or fails.
        """
        while True:
            try:
                return ask()
            except StoreError as error:
                if not self.learns(error):
                    raise

    def learns(self, error: StoreError) -> bool:
        """Whether a refusal tells of a limit that was not known."""
        return error.__cause__ is not None and self.limits.learn(said(error.__cause__))
