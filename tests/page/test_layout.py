"""What events do to the components, without a browser."""

from typing import Any

import gradio as gr
import pytest

from app.page.ask import Stopper
from app.page.layout import _Page
from app.page.opening import Opening
from app.page.samples import example_questions
from indexes.index import HierarchicalIndex
from tests.page.fakes import ScriptedLLM

QUESTION = "How did the revenue of the cloud business develop?"
SKIPPED = gr.skip()


@pytest.fixture
async def page(index: HierarchicalIndex) -> _Page:
    """The page's functions. A coroutine, for Gradio makes a loop where it finds none."""
    with gr.Blocks(analytics_enabled=False):
        page = _Page(Opening.of(index))
        page.draw()
    return page


async def updates(page: _Page, question: object, target: Any) -> list[dict[str, Any]]:
    """All updates of a question, by what they are for."""
    names = ("question", "view", "status", "answer", "passages", "trace", "ask", "stop")
    event = gr.EventData(target, {})
    stream = page.answer_question(question, "parent", Stopper(), event)
    return [dict(zip(names, update, strict=True)) async for update in stream]


async def test_asking_swaps_ask_for_stop_and_back(page: _Page) -> None:
    seen = await updates(page, QUESTION, page.ask)
    assert (seen[0]["ask"]["visible"], seen[0]["stop"]["visible"]) == (False, True)
    assert (seen[-1]["ask"]["visible"], seen[-1]["stop"]["visible"]) == (True, False)
    assert seen[-1]["view"].phase == "done"


async def test_passages_are_sent_when_found_and_when_cited_only(
    page: _Page, llm: ScriptedLLM
) -> None:
    llm.pause = 0.05
    sent = [update["passages"] for update in await updates(page, QUESTION, page.ask)]
    shown = [piece for piece in sent if piece != SKIPPED]
    assert len(shown) == 3  # none, found, cited
    assert shown[0] == ""
    assert "cited" not in shown[1]
    assert "cited" in shown[2]


async def test_a_failure_gives_the_button_back(page: _Page) -> None:
    (only,) = await updates(page, "", page.ask)
    assert only["ask"]["visible"]
    assert "the question is empty" in only["answer"]


async def test_an_example_asks_its_own_question(page: _Page, llm: ScriptedLLM) -> None:
    seen = await updates(page, "something else", page.chips[1])
    assert seen[0]["question"] == example_questions()[1]
    assert example_questions()[1] in llm.asked[0]


async def test_examples_are_offered_with_the_sample_letters_only(page: _Page) -> None:
    *_, welcome, examples = page.show_library()
    assert welcome == ""
    assert examples["visible"] is False


@pytest.mark.parametrize("sent", [None, {}, {"document": 5}, {"document": "no such id"}, "text"])
async def test_deleting_checks_what_it_is_sent(page: _Page, sent: object) -> None:
    shelf = page.remove_document(gr.EventData(None, sent))[1]
    assert "letter.md" in shelf


@pytest.mark.parametrize("sent", [None, "text", [], [5]])
async def test_uploading_checks_what_it_is_sent(page: _Page, sent: object) -> None:
    last = list(page.add_files(sent))[-1]
    assert last[0] is None
    assert "alert" not in last[1]
