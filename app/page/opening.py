"""An index that is being opened while the page already answers.

Importing the library takes as long as importing Gradio. So the page is served first, made of
modules that need nothing but Gradio; the library follows in a thread, then the index, then
what is to be done with it. Whoever needs the index waits for it here.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from indexes import Capabilities, RagError, Settings
from indexes.errors import StoreUnreachableError
from indexes.models.providers import describe_llm

if TYPE_CHECKING:
    from indexes import HierarchicalIndex

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

SECONDS_BETWEEN_TRIES = 10.0


class Opening:
    """An index, now or soon.

    Args:
        settings: what to open.
        prepare: done with the index once it is open, before the models are loaded; the
            index can be asked meanwhile.
        paths: files and folders that are indexed so.
    """

    def __init__(
        self,
        settings: Settings,
        prepare: Callable[["HierarchicalIndex"], None] = lambda _: None,
        paths: Sequence[Path] = (),
    ) -> None:
        self.settings = settings
        self.paths = tuple(paths)
        self._prepare = prepare
        self._index: Future[HierarchicalIndex] = Future()
        self._prepared: Future[None] = Future()
        self._closing = False
        self.away_since: datetime | None = None
        self._ended = threading.Event()
        self._owned = True

    @classmethod
    def of(cls, index: "HierarchicalIndex") -> Self:
        """An index that is open already; whoever opened it closes it."""
        opening = cls(index.settings)
        opening._index.set_result(index)
        opening._prepared.set_result(None)
        opening._owned = False
        return opening

    @property
    def ready(self) -> bool:
        """Whether the index is open."""
        return self._index.done()

    @property
    def budget(self) -> int:
        """Context tokens that a pattern fills, whether the index is open yet or not."""
        return self.settings.budget or self.llm.budget

    @property
    def llm(self) -> Capabilities:
        """What the language model can do, whether the index is open yet or not."""
        if self.ready:
            return self.wait().llm_capabilities
        return describe_llm(self.settings)

    @property
    def away(self) -> str:
        """That the index's server can't be reached, and since when; empty while it can."""
        if self.away_since is None:
            return ""
        return f"The index cannot be reached since {self.away_since:%H:%M}; trying again"

    @property
    def prepared(self) -> bool:
        """Whether everything that was to be done at the start is done."""
        return self._prepared.done()

    def start(self, on_failure: Callable[[], None]) -> None:
        """Begin, in a thread; `on_failure` is called, in that thread, if it comes to nothing."""
        if not self._index.done():
            threading.Thread(target=self._work, args=(on_failure,), daemon=True).start()

    def wait(self) -> "HierarchicalIndex":
        """The index, as soon as it is open.

        Raises:
            RagError: it cannot be opened.
        """
        return self._index.result()

    async def index(self) -> "HierarchicalIndex":
        """Wait for the index without holding up the event loop."""
        return await asyncio.shield(asyncio.wrap_future(self._index))

    def close(self) -> None:
        """Close the index, whatever is being done with it; raise what went wrong with it.

        Raises:
            RagError: it could not be opened or prepared.
        """
        self._closing = True
        self._ended.set()
        if not self._index.done():
            return
        index = self.wait()
        if self._owned:
            index.close()
        if self._prepared.done():
            self._prepared.result()

    def _work(self, on_failure: Callable[[], None]) -> None:
        try:
            from indexes import HierarchicalIndex

            index = self._until_it_is_there(lambda: HierarchicalIndex(self.settings))
        except BaseException as error:  # noqa: BLE001 - handed to those who wait
            self._index.set_exception(error)
            on_failure()
            return
        self._index.set_result(index)
        if self._closing:
            index.close()
            return
        try:
            self._until_it_is_there(lambda: self._prepare(index))
            _warm_up(index)
        except BaseException as error:  # noqa: BLE001 - handed to `close`
            if not self._closing:
                self._prepared.set_exception(error)
                on_failure()
        else:
            self._prepared.set_result(None)

    def _until_it_is_there(self, work: Callable[[], Result]) -> Result:
        """Do something with a server, once it is there."""
        while True:
            try:
                done = work()
            except StoreUnreachableError as error:
                self.away_since = self.away_since or datetime.now()
                logger.warning("%s; trying again in %g s", error, SECONDS_BETWEEN_TRIES)
                if self._ended.wait(SECONDS_BETWEEN_TRIES):
                    raise
            else:
                self.away_since = None
                return done


def _warm_up(index: "HierarchicalIndex") -> None:
    """Load the models in this process, so that the first question need not wait for it.

    Models elsewhere are warm, and asking them costs: only what asks them is made ready. So is all
    that a search imports.
    """
    try:
        _ = index.embedding, index.llm
        if index.documents():
            index.retrieve("warm up", "parent", search="bm25", budget=64)
        if index.embedding_capabilities.in_process:
            index.embedding.get_query_embedding("warm up")
        if index.llm_capabilities.in_process:
            index.llm.complete("warm up", max_tokens=1)
    except RagError as error:
        logger.warning("the models are not ready: %s", error)
