"""The events of a question, as views. No Gradio here."""

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import cast

from app.page.upload import UNEXPECTED
from app.page.view import View
from indexes.answering import Answer
from indexes.errors import RagError
from indexes.index import Event, HierarchicalIndex, Retrieved, Word, checked
from indexes.patterns import find_pattern

logger = logging.getLogger(__name__)

# Words are shown as they come, but no more often than eyes can follow.
_SECONDS_BETWEEN_VIEWS = 0.04


async def answering(
    index: HierarchicalIndex, question: object, pattern: object
) -> AsyncGenerator[View, None]:
    """Ask, and yield what there is to see each time that it changes.

    Whatever goes wrong is a view too. Closing the generator, or cancelling the task that
    drives it, stops the model.

    Args:
        index: who is asked.
        question: as it came from the browser, which can send anything.
        pattern: likewise.
    """
    view = View("searching", question if isinstance(question, str) else "", str(pattern))
    try:
        name = find_pattern(view.pattern).name
        view = replace(view, question=checked(view.question))
        yield view
        shown = time.monotonic()
        stream = cast(AsyncGenerator[Event, None], index.astream(view.question, name))
        async with aclosing(stream) as events:
            async for event in events:
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
    except RagError as error:
        yield replace(view, phase="failed", error=_one_line(error))
    except Exception:
        logger.exception("a question failed")
        yield replace(view, phase="failed", error=UNEXPECTED)


def stopped(view: View) -> View:
    """What stays when a visitor stops an answer: all that was there."""
    return replace(view, phase="stopped") if view.busy else view


def _one_line(error: RagError) -> str:
    return " ".join(str(error).split()) or type(error).__name__
