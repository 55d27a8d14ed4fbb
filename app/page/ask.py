"""The events of a question, as views. No Gradio here."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING

from app.page.upload import UNEXPECTED
from app.page.view import View
from indexes.answers import Answer, Event, Retrieved, Word, checked
from indexes.errors import RagError
from indexes.patterns import find_pattern

if TYPE_CHECKING:
    from indexes.index import HierarchicalIndex

logger = logging.getLogger(__name__)

# Words are shown as they come, but no more often than eyes can follow.
_SECONDS_BETWEEN_VIEWS = 0.04


class Stopper:
    """Lets one event of a session end another: the answer that is being written."""

    def __init__(self) -> None:
        self._writing: asyncio.Task[None] | None = None

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Begin something that `stop` can end."""
        self._writing = asyncio.create_task(work)
        return self._writing

    def stop(self) -> None:
        """End it at once, also while it waits for the model; without it, nothing happens."""
        if self._writing is not None:
            self._writing.cancel()


async def answering(
    index: "HierarchicalIndex", question: object, pattern: object, stopper: Stopper | None = None
) -> AsyncGenerator[View, None]:
    """Ask, and yield what there is to see each time that it changes.

    Whatever goes wrong is a view too. Closing the generator stops the model.

    Args:
        index: who is asked.
        question: as it came from the browser, which can send anything.
        pattern: likewise.
        stopper: stops the answer; what was written by then stays.
    """
    view = View("searching", question if isinstance(question, str) else "", str(pattern))
    writing: asyncio.Task[None] | None = None
    try:
        name = find_pattern(view.pattern).name
        view = replace(view, question=checked(view.question))
        yield view
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        # In a task of its own, so that it can be cancelled whatever it waits for.
        writing = (stopper or Stopper()).start(_write(index, view.question, name, events))
        shown = time.monotonic()
        while (event := await events.get()) is not None:
            match event:
                case Retrieved(contexts):
                    view = replace(view, phase="writing", contexts=tuple(contexts))
                case Word(text):
                    view = replace(view, text=view.text + text)
                    if time.monotonic() - shown < _SECONDS_BETWEEN_VIEWS:
                        continue
                case Answer():
                    view = replace(view, phase="done", text=event.answer, answer=event)
            shown = time.monotonic()
            yield view
        await asyncio.wait({writing})
        if writing.cancelled():
            yield replace(view, phase="stopped")
        else:
            writing.result()
    except RagError as error:
        yield replace(view, phase="failed", error=_one_line(error))
    except Exception:
        logger.exception("a question failed")
        yield replace(view, phase="failed", error=UNEXPECTED)
    finally:
        if writing is not None and writing.cancel():
            await asyncio.wait({writing})


async def _write(
    index: "HierarchicalIndex", question: str, pattern: str, events: "asyncio.Queue[Event | None]"
) -> None:
    """Put what happens into `events`, and None when no more does."""
    try:
        async for event in index.astream(question, pattern):
            events.put_nowait(event)
    finally:
        events.put_nowait(None)


def _one_line(error: RagError) -> str:
    return " ".join(str(error).split()) or type(error).__name__
