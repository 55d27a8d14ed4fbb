"""What a question waits for, and its events in one lane, as views. No Gradio here."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import replace

from indexes import Answer, Quoted, RagError, Retrieved, Thought, Trace, Word
from indexes.answers import Event
from indexes.waits import awaited

from .conversation import Run, Tab
from .lanes import Lanes
from .library import Library
from .opening import Opening
from .view import UNEXPECTED, View, one_line

logger = logging.getLogger(__name__)


# Words are shown as they come, but no more often than eyes can follow; and where many watch, no
# more often than leaves time for all else, of which drawing may take this share.
_SECONDS_BETWEEN_VIEWS = 0.1
_SHARE_OF_DRAWING = 0.2
_MOST_SECONDS_BETWEEN_VIEWS = 1.0
# How often it is looked what an answer waits for.
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_BETWEEN_WAITS = 0.5


async def awaiting(opening: Opening, library: Library, tab: Tab) -> AsyncGenerator[str, None]:
    """What a question waits for, as long as it does: the index, its first document, models."""
    tab.halted = False
    while not tab.halted:
        if opening.away:
            told = f"{opening.away}. Your question waits."
        elif not opening.ready:
            told = "Opening the index…"
        elif missing := await asyncio.to_thread(library.indexing):
            if missing.done:
                return
            told = f"Indexing {missing.next}: {missing}. Your question waits for the first."
        elif not opening.prepared:
            told = "Loading the models, which is done once and not counted…"
        else:
            return
        yield told
        await asyncio.sleep(_SECONDS_BETWEEN_WAITS)


async def answering(lanes: Lanes, tab: Tab, run: Run, place: int) -> AsyncGenerator[View, None]:
    """Ask in one lane of a run, and yield what there is to see each time that it changes.

    Whatever goes wrong is a view too. Closing the generator stops the model, and so does
    `tab.stop()`; what was written by then stays. A lane runs once.

    Args:
        lanes: who answers.
        tab: whose run it is; it keeps the view.
        run: what is asked.
        place: which of its lanes, from 0.
    """
    if place in run.started:
        return
    run.started.add(place)
    writing: asyncio.Task[None] | None = None
    view = run.views[place]
    # It goes on growing; a view has it as it was then.
    trace = run.trace()

    def changed(**fields: object) -> View:
        nonlocal view
        view = run.views[place] = replace(view, **fields)  # type: ignore[arg-type]
        return view

    def now() -> Trace:
        return Trace(stages=list(trace.stages))

    try:
        if run.stopped:
            yield changed(phase="stopped")
            return
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        # In a task of its own, so that it can be cancelled whatever it waits for; and begun
        # before anything is shown, for meanwhile someone may stop it.
        writing = tab.start(_write(lanes, view, run, trace, events))
        writing.add_done_callback(lambda _: events.put_nowait(None))
        yield changed(phase="searching")
        shown, drawing = time.monotonic(), 0.0
        while True:
            try:
                event = await asyncio.wait_for(events.get(), _SECONDS_BETWEEN_LOOKS)
            except TimeoutError:
                if view.awaits != (awaits := awaited()):
                    yield changed(awaits=awaits)
                continue
            if event is None:
                break
            if view.awaits:
                changed(awaits="")
            match event:
                case Retrieved(contexts):
                    changed(phase="writing", contexts=tuple(contexts), trace=now())
                case Quoted(quotes):
                    changed(quotes=tuple(quotes))
                case Word() | Thought():
                    if isinstance(event, Word):
                        changed(text=view.text + event.text)
                    else:
                        changed(thinking=view.thinking + event.text)
                    await asyncio.sleep(shown + _pause_after(drawing) - time.monotonic())
                    # What came meanwhile is shown with it.
                    if not events.empty():
                        continue
                case Answer():
                    changed(
                        phase="done",
                        text=event.answer,
                        thinking=event.thinking,
                        answer=event,
                        trace=event.trace,
                    )
            shown = time.monotonic()
            yield view
            drawing = time.monotonic() - shown
        if writing.cancelled():
            yield changed(phase="stopped", trace=now())
        else:
            writing.result()
    except RagError as error:
        yield changed(phase="failed", error=one_line(error), trace=now())
    except Exception:  # other lanes go on; what it was is in the log
        logger.exception("a question failed")
        yield changed(phase="failed", error=UNEXPECTED, trace=now())
    finally:
        if writing is not None and writing.cancel():
            await asyncio.wait({writing})
        if view.busy:
            changed(phase="stopped", trace=now())
        tab.remember(run)


def _pause_after(drawing: float) -> float:
    """Seconds from one view to the next, if drawing one took so long."""
    wanted = drawing / _SHARE_OF_DRAWING
    return min(max(_SECONDS_BETWEEN_VIEWS, wanted), _MOST_SECONDS_BETWEEN_VIEWS)


async def _write(
    lanes: Lanes, view: View, run: Run, trace: Trace, events: "asyncio.Queue[Event | None]"
) -> None:
    """Answer in one lane, and put each event of it into `events`."""
    async for event in lanes.astream(view.question, view.pattern, trace, run.options):
        events.put_nowait(event)
