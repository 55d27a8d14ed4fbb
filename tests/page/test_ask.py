"""The events of a question in one lane."""

import asyncio
import logging
from contextlib import ExitStack, aclosing
from itertools import pairwise

import pytest

from app.page.ask import _pause_after, answering
from app.page.conversation import Tab
from app.page.figures import figures
from app.page.lanes import Lanes
from app.page.opening import Opening
from app.page.render.lane import status
from app.page.render.strip import stages
from app.page.view import UNEXPECTED, View
from indexes.answers import Quoted, Retrieved
from indexes.errors import ModelError
from indexes.index import HierarchicalIndex
from indexes.patterns import PATTERNS, register_pattern
from indexes.trace import Trace
from indexes.waits import waiting
from tests.page.conftest import begun
from tests.page.fakes import ScriptedLLM

QUESTION = "How did the revenue of the cloud business develop?"


async def views(lanes: Lanes, tab: Tab | None = None) -> list[View]:
    """What the first lane of a new run shows."""
    tab = tab or Tab()
    run = begun(tab, QUESTION, "parent")
    return [view async for view in answering(lanes, tab, run, 0)]


async def test_an_answer_is_searched_written_and_done(lanes: Lanes) -> None:
    seen = await views(lanes)
    phases = [view.phase for view in seen]
    assert (phases[0], phases[-1]) == ("searching", "done")
    assert set(phases[1:-1]) == {"writing"}
    assert seen[1].contexts
    found = [stage.name for stage in seen[1].trace.stages]
    assert found[:3] == ["embed question", "search", "merge"]
    assert not seen[1].text
    last = seen[-1]
    assert last.text.strip() == "Cloud revenue rose to 3.18 billion [1]."
    assert last.answer is not None
    assert [found.context for found in last.answer.citations] == [1]


async def test_words_show_before_the_answer_is_done(lanes: Lanes, llm: ScriptedLLM) -> None:
    llm.pause = 0.05
    texts = [view.text for view in await views(lanes)]
    assert len(set(texts)) > 3
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))


async def test_a_model_that_pauses_leaves_no_word_unshown(lanes: Lanes, llm: ScriptedLLM) -> None:
    llm.holds = True
    async for view in answering(lanes, tab := Tab(), begun(tab, QUESTION), 0):
        if view.text == "Cloud revenue ":
            llm.holds = False
    assert view.phase == "done"


async def test_what_an_answer_waits_for_is_said_until_it_goes_on(
    lanes: Lanes, llm: ScriptedLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.page.ask._SECONDS_BETWEEN_LOOKS", 0.02)
    llm.holds = True
    said = []
    with ExitStack() as waits:
        waits.enter_context(waiting("the endpoint is waking up, about 5 minutes"))
        async for view in answering(lanes, tab := Tab(), begun(tab, QUESTION), 0):
            said.append(status(view))
            if view.awaits:
                waits.close()
                llm.holds = False
    assert "the endpoint is waking up, about 5 minutes" in said
    assert said[-1] == "done"


async def test_asking_an_empty_index_says_what_to_do(empty_index: HierarchicalIndex) -> None:
    last = (await views(Lanes(Opening.of(empty_index))))[-1]
    assert last.phase == "failed"
    assert last.error.startswith("nothing is indexed")


async def test_our_errors_are_shown_in_one_line(lanes: Lanes, llm: ScriptedLLM) -> None:
    llm.error = ModelError("the model is gone:\ncall it back")
    last = (await views(lanes))[-1]
    assert last.error == "the model is gone: call it back"
    assert last.contexts


async def test_other_errors_are_logged_and_shown_as_a_plain_sentence(
    lanes: Lanes, llm: ScriptedLLM, caplog: pytest.LogCaptureFixture
) -> None:
    llm.error = RuntimeError("secret detail")
    with caplog.at_level(logging.ERROR):
        last = (await views(lanes))[-1]
    assert last.error == UNEXPECTED
    assert "secret detail" in caplog.text


async def test_what_a_registered_pattern_raises_is_logged_and_not_shown(
    lanes: Lanes, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(question: str) -> list[str]:
        raise KeyError("secret detail")

    register_pattern("broken", broken)
    try:
        run = begun(tab := Tab(), QUESTION, "broken")
        last = [view async for view in answering(lanes, tab, run, 0)][-1]
    finally:
        PATTERNS.unregister("broken")
    assert last.error == UNEXPECTED
    assert "secret detail" in caplog.text
    assert "secret detail" not in stages(last.trace)


async def test_a_lane_that_fails_leaves_the_others_alone(lanes: Lanes, llm: ScriptedLLM) -> None:
    tab = Tab()
    run = begun(tab, QUESTION)
    llm.error = ModelError("the model is gone: call it back")
    first = [view async for view in answering(lanes, tab, run, 0)]
    llm.error = None
    second = [view async for view in answering(lanes, tab, run, 1)]
    assert (first[-1].phase, second[-1].phase) == ("failed", "done")
    # The conversation goes on from the lane that has an answer.
    assert [turn.answer.strip() for turn in tab.turns] == [second[-1].text.strip()]


async def test_lanes_stream_at_the_same_time(lanes: Lanes, llm: ScriptedLLM) -> None:
    llm.pause = 0.02
    tab = Tab()
    run = begun(tab, QUESTION, "regular", "parent", "parent-ratio", "regular")
    order: list[int] = []

    async def follow(place: int) -> None:
        async for _ in answering(lanes, tab, run, place):
            order.append(place)

    await asyncio.gather(*(follow(place) for place in range(4)))
    assert [view.phase for view in run.views] == ["done"] * 4
    first_ended = min(len(order) - order[::-1].index(place) for place in range(4))
    assert set(order[:first_ended]) == {0, 1, 2, 3}


async def test_closing_the_stream_stops_the_model(lanes: Lanes, llm: ScriptedLLM) -> None:
    llm.reply, llm.pause = "word " * 200, 0.01
    tab = Tab()
    run = begun(tab, QUESTION)
    events = answering(lanes, tab, run, 0)
    async for view in events:
        if view.text:
            break
    await events.aclose()
    assert llm.ended == ["cut"]
    assert run.views[0].phase == "stopped"


async def test_stopping_ends_the_model_and_keeps_what_was_written(
    lanes: Lanes, llm: ScriptedLLM
) -> None:
    llm.reply, llm.pause = "word " * 200, 0.01
    tab, seen = Tab(), []
    run = begun(tab, QUESTION)
    async for view in answering(lanes, tab, run, 0):
        seen.append(view)
        if view.text:
            tab.stop()
    assert seen[-1].phase == "stopped"
    assert seen[-1].text.startswith("word")
    assert seen[-1].contexts
    assert llm.ended == ["cut"]
    # What it took until then is told.
    spent = figures(seen[-1])
    assert spent.llm_calls == 1
    assert spent.first_word is not None and spent.total is not None
    assert spent.total > spent.first_word > (spent.finding or 0)
    # A lane that had not begun does not begin any more.
    assert [view.phase async for view in answering(lanes, tab, run, 1)] == ["stopped"]
    assert not run.busy
    assert tab.turns == []


@pytest.mark.slow
async def test_stopping_does_not_wait_for_the_models_first_word(
    lanes: Lanes, llm: ScriptedLLM
) -> None:
    llm.pause = 60
    tab = Tab()
    async for view in answering(lanes, tab, begun(tab, QUESTION), 0):
        if view.phase == "writing":
            asyncio.get_running_loop().call_later(0.05, tab.stop)
    assert view.phase == "stopped"


async def test_stopping_as_a_lane_begins_is_not_lost(lanes: Lanes, llm: ScriptedLLM) -> None:
    tab = Tab()
    phases = []
    async for view in answering(lanes, tab, begun(tab, QUESTION), 0):
        phases.append(view.phase)
        if view.phase == "searching":
            # The page is still being told, when someone stops what it is told of.
            tab.stop()
            await asyncio.sleep(0)
    assert phases == ["searching", "stopped"]
    assert llm.asked == []


async def test_a_lane_runs_once_however_often_it_is_asked_to(lanes: Lanes) -> None:
    tab = Tab()
    run = begun(tab, QUESTION)
    assert [view async for view in answering(lanes, tab, run, 0)]
    assert [view async for view in answering(lanes, tab, run, 0)] == []


def test_stopping_what_was_never_started_is_fine() -> None:
    Tab().stop()


async def test_lanes_take_turns_at_finding_and_none_at_answering(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.page.lanes._FIND_AT_ONCE", 1)
    lanes = Lanes(Opening.of(index))
    one, other = (lanes.astream(QUESTION, "parent", Trace(), {}) for _ in range(2))
    async with aclosing(one), aclosing(other):
        assert isinstance(await anext(one), Retrieved)
        waits = asyncio.ensure_future(anext(other))
        await asyncio.sleep(0.1)
        assert not waits.done()
        assert isinstance(await anext(one), Quoted)
        assert isinstance(await waits, Retrieved)  # though the first has not answered yet
    async with aclosing(lanes.astream(QUESTION, "parent", Trace(), {})) as third:
        assert isinstance(await anext(third), Retrieved)  # those that left made room


def test_words_are_drawn_as_often_as_there_is_time() -> None:
    assert [_pause_after(drawing) for drawing in (0.0, 0.05, 9.0)] == [0.1, 0.25, 1.0]


async def test_the_first_connection_to_the_embedding_model_is_prepared_and_may_fail(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> list[float]:
        raise ModelError("nobody is there")

    monkeypatch.setattr(type(index.embedding), "aget_query_embedding", fails)
    lanes = Lanes(Opening.of(index))
    assert lanes.cold(["parent"]) == ["the embedding model"]
    await lanes.prepare(["parent"])
    assert lanes.cold(["parent"]) == []
