"""The events of a question."""

import asyncio
import logging
from itertools import pairwise

import pytest

from app.page.ask import Stopper, answering
from app.page.upload import UNEXPECTED
from app.page.view import View
from indexes.errors import ModelError
from indexes.index import HierarchicalIndex
from tests.page.fakes import ScriptedLLM

QUESTION = "How did the revenue of the cloud business develop?"


async def views(index: HierarchicalIndex, question: object, pattern: object) -> list[View]:
    return [view async for view in answering(index, question, pattern)]


async def test_an_answer_is_searched_written_and_done(index: HierarchicalIndex) -> None:
    seen = await views(index, f"  {QUESTION} ", "parent")
    phases = [view.phase for view in seen]
    assert phases[0] == "searching"
    assert phases[-1] == "done"
    assert set(phases[1:-1]) == {"writing"}
    assert seen[1].contexts
    assert not seen[1].text
    last = seen[-1]
    assert last.question == QUESTION
    assert last.text.strip() == "Cloud revenue rose to 3.18 billion [1]."
    assert last.answer is not None
    assert [found.context for found in last.answer.citations] == [1]


async def test_words_show_before_the_answer_is_done(
    index: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    llm.pause = 0.05
    texts = [view.text for view in await views(index, QUESTION, "regular")]
    assert len(set(texts)) > 4
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))


@pytest.mark.parametrize(
    ("question", "pattern", "error"),
    [
        ("  ", "parent", "the question is empty: ask something"),
        ("why? " * 1000, "parent", "ask in at most 4000"),
        (QUESTION, "nonsense", "no pattern is called 'nonsense'"),
        (QUESTION, None, "no pattern is called 'None'"),
        (["not", "text"], "parent", "the question is empty"),
    ],
)
async def test_what_a_browser_sends_is_checked(
    index: HierarchicalIndex, llm: ScriptedLLM, question: object, pattern: object, error: str
) -> None:
    (only,) = await views(index, question, pattern)
    assert only.phase == "failed"
    assert error in only.error
    assert not llm.asked


async def test_asking_an_empty_index_says_what_to_do(empty_index: HierarchicalIndex) -> None:
    last = (await views(empty_index, QUESTION, "parent"))[-1]
    assert last.phase == "failed"
    assert last.error.startswith("nothing is indexed")


async def test_our_errors_are_shown_in_one_line(index: HierarchicalIndex, llm: ScriptedLLM) -> None:
    llm.error = ModelError("the model is gone:\ncall it back")
    last = (await views(index, QUESTION, "parent"))[-1]
    assert last.error == "the model is gone: call it back"
    assert last.contexts


async def test_other_errors_are_logged_and_shown_as_a_plain_sentence(
    index: HierarchicalIndex, llm: ScriptedLLM, caplog: pytest.LogCaptureFixture
) -> None:
    llm.error = RuntimeError("secret detail")
    with caplog.at_level(logging.ERROR):
        last = (await views(index, QUESTION, "parent"))[-1]
    assert last.error == UNEXPECTED
    assert "secret detail" in caplog.text


async def test_closing_the_stream_stops_the_model(
    index: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    llm.reply, llm.pause = "word " * 200, 0.01
    events = answering(index, QUESTION, "parent")
    async for view in events:
        if view.text:
            break
    await events.aclose()
    assert llm.ended == ["cut"]
    assert len(llm.written) < 50


async def test_stopping_ends_the_model_and_keeps_what_was_written(
    index: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    llm.reply, llm.pause = "word " * 200, 0.01
    stopper, seen = Stopper(), []
    async for view in answering(index, QUESTION, "parent", stopper):
        seen.append(view)
        if view.text:
            stopper.stop()
    assert [view.phase for view in seen].count("stopped") == 1
    assert seen[-1].phase == "stopped"
    assert seen[-1].text.startswith("word")
    assert seen[-1].contexts
    assert llm.ended == ["cut"]


async def test_stopping_does_not_wait_for_the_models_first_word(
    index: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    llm.pause = 60
    stopper = Stopper()
    async for view in answering(index, QUESTION, "parent", stopper):
        if view.phase == "writing":
            asyncio.get_running_loop().call_later(0.05, stopper.stop)
    assert view.phase == "stopped"


def test_stopping_what_was_never_started_is_fine() -> None:
    Stopper().stop()
