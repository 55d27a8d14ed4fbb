"""What events do to the components, without a browser."""

import asyncio
from typing import Any

import gradio as gr
import pytest
from llama_index.core.base.llms.types import ChatResponse

from app.page.api import Api
from app.page.compare import Compare
from app.page.conversation import Run
from app.page.documents import Documents
from app.page.history import History
from app.page.inspect import Inspect
from app.page.layout import build_page
from app.page.library import Indexing
from app.page.reopening import Reopening
from app.page.samples import example_questions
from app.page.workbench import Workbench
from indexes.errors import ModelError
from tests.page.conftest import request_of, unserved
from tests.page.fakes import ScriptedLLM

QUESTION = "How did the revenue of the cloud business develop?"
# Of the families of patterns, those in which nothing is ticked.
NO_MORE = (None, None, None, None)
KNOBS = (256, 50, "hybrid", 0.5, "auto")
BAD_KNOBS = [
    (1, 50, "hybrid", 0.5, "auto"),
    (256, 50, "x", 0.5, "auto"),
    (256, "9", "hybrid", 0.5, "auto"),
    (256, 50, "hybrid", 2, "auto"),
    (256, 50, "hybrid", 0.5, None),
]
SKIPPED = gr.skip()
# Of a lane that is not there. A function that yields nothing at all would leave no text but null.
EMPTY = [["", ""]]


class Page:
    """The tabs of a page, their functions called as Gradio would."""

    def __init__(self, workbench: Workbench) -> None:
        with unserved(), gr.Blocks(analytics_enabled=False):
            self.compare, self.inspect = Compare(workbench), Inspect(workbench)
            self.documents, self.api = Documents(workbench), Api(workbench)
            for tab in (self.compare, self.inspect, self.documents):
                tab.draw()
        self.documents.welcome = self.compare.show_welcome
        self.visitors = workbench.visitors

    async def begin(
        self,
        question: object,
        patterns: object,
        name: str = "ann",
        target: Any = None,
        *,
        documents: object = None,
        blind: object = False,
    ) -> list[list[Any]]:
        event = gr.EventData(target, {})
        stream = self.compare.begin(
            question, patterns, *NO_MORE, documents, blind, *KNOBS, event, request_of(name)
        )
        return [update async for update in stream]

    async def lane(self, place: int, name: str = "ann") -> list[list[Any]]:
        return [update async for update in self.compare.run_lane(place, request_of(name))]

    async def look(self, question: object, pattern: object, name: str = "ann") -> str:
        stream = self.inspect.look_up(question, pattern, None, *KNOBS, request_of(name))
        return [shown async for shown in stream][-1]


@pytest.fixture
async def page(workbench: Workbench) -> Page:
    """A coroutine, for Gradio makes a loop where it finds none."""
    return Page(workbench)


@pytest.mark.slow
async def test_asking_swaps_compare_for_stop_and_back(page: Page) -> None:
    last = (await page.begin(QUESTION, ["regular", "parent"]))[-1]
    assert [update["visible"] for update in last[2:5]] == [False, True, False]
    await page.lane(0)
    following = page.compare.follow(request_of("ann"))
    assert (await anext(following))[3:] == [SKIPPED] * 4  # the other lane still waits
    second = await page.lane(1)
    *_, shared = [shared async for shared in following]
    assert [update["visible"] for update in shared[4:]] == [True, False, True]
    assert "Done in" in shared[3]
    assert "3.18 billion" in second[-1][0]
    assert [again async for again in page.compare.follow(request_of("ann"))] == [[SKIPPED] * 7]


async def test_lanes_that_have_not_begun_are_over_when_all_is_stopped(page: Page) -> None:
    await page.begin(QUESTION, ["regular", "parent"])
    await page.compare.stop_all(request_of("ann"))
    (shared,) = [shared async for shared in page.compare.follow(request_of("ann"))]
    assert "Stopped." in shared[3]
    assert "stopped" in (await page.lane(0))[-1][0]


async def test_passages_are_drawn_when_something_changed_only(page: Page, llm: ScriptedLLM) -> None:
    llm.pause = 0.07
    await page.begin(QUESTION, ["parent"])
    sent = [update[1] for update in await page.lane(0)]
    shown = list(dict.fromkeys(sent))
    assert len(shown) == 3  # none, found, cited
    assert len(sent) > 6
    assert "passage-1" not in shown[0]
    assert " cited" not in shown[1]
    assert " cited" in shown[2]


@pytest.mark.parametrize(
    ("question", "patterns", "error"),
    [
        ("  ", ["parent"], "the question is empty: ask something"),
        ("why? " * 1000, ["parent"], "ask in at most 4000"),
        (["not", "text"], ["parent"], "the question is empty"),
        (QUESTION, [], "0 patterns are chosen: choose 2 to 4"),
        (QUESTION, ["parent"] * 5, "5 patterns are chosen: choose 2 to 4"),
        (QUESTION, ["nonsense"], "&#39;nonsense&#39;"),
        (QUESTION, [None], "a pattern is chosen by its name"),
        (QUESTION, None, "0 patterns are chosen: choose 2 to 4"),
    ],
)
async def test_what_a_browser_sends_is_checked(
    page: Page, llm: ScriptedLLM, question: object, patterns: object, error: str
) -> None:
    (only,) = await page.begin(question, patterns)
    assert error in only[1]
    assert 'role="alert"' in only[1]
    assert await page.lane(0) == EMPTY
    assert not llm.asked


@pytest.mark.parametrize("knobs", BAD_KNOBS)
async def test_settings_are_checked_on_the_server(page: Page, knobs: tuple[Any, ...]) -> None:
    event = gr.EventData(None, {})
    stream = page.compare.begin(
        QUESTION, ["parent"], *NO_MORE, None, False, *knobs, event, request_of("ann")
    )
    assert "setting " in [update async for update in stream][-1][1]


async def test_a_second_question_waits_for_the_first(page: Page) -> None:
    await page.begin(QUESTION, ["parent"])
    (refused,) = await page.begin(QUESTION, ["parent"])
    assert "a question is being answered" in refused[1]


async def test_an_example_asks_its_own_question(page: Page, llm: ScriptedLLM) -> None:
    seen = await page.begin("something else", ["parent"], target=page.compare.chips[1])
    assert seen[0][0] == example_questions()[1]
    await page.lane(0)
    assert example_questions()[1] in llm.asked[0]


@pytest.mark.slow
async def test_a_follow_up_is_understood_from_the_conversation(
    page: Page, llm: ScriptedLLM
) -> None:
    await page.begin(QUESTION, ["parent"])
    await page.lane(0)
    llm.whole = "What was the margin of the cloud business?"
    seen = await page.begin("And its margin?", ["parent"])
    assert "Understanding" in seen[0][1]
    assert "Understood as</b> What was the margin of the cloud business?" in seen[-1][6]
    await page.lane(0)
    assert "Question: What was the margin of the cloud business?" in llm.asked[-1]
    # The lane's own trace begins with it.
    run = page.visitors.tab(request_of("ann")).run
    assert run is not None
    assert run.views[0].trace.stages[0].name == "condense"
    page.compare.forget(request_of("ann"))
    await page.begin("And its margin?", ["parent"])
    await page.lane(0)
    assert "Question: And its margin?" in llm.asked[-1]


async def test_a_question_asked_while_documents_are_indexed_says_so(
    page: Page, workbench: Workbench, llm: ScriptedLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = iter([Indexing(0, 4, "b.pdf"), *[Indexing(3, 4, "b.pdf")] * 9])
    monkeypatch.setattr("app.page.ask._SECONDS_BETWEEN_WAITS", 0)
    monkeypatch.setattr(workbench.library, "indexing", lambda: next(there))
    llm.reply = "The documents do not say."
    seen = await page.begin(QUESTION, ["parent"])
    assert "Indexing b.pdf: 0 of 4 documents are in. Your question waits" in seen[0][1]
    assert "3 of 4 documents are in: others are still being indexed" in seen[-1][6]
    answered = (await page.lane(0))[-1][0]
    assert "The documents do not say" not in answered
    assert "Nothing was found yet" in answered


@pytest.mark.slow
async def test_a_comparison_has_an_address_that_shows_it_again(
    page: Page, workbench: Workbench
) -> None:
    reopening = Reopening(workbench, page.compare, [gr.Slider(0, 1)] * 5)
    await page.begin(QUESTION, ["regular", "parent"])
    await page.lane(0)
    await page.lane(1)
    first = page.visitors.tab(request_of("ann")).run
    assert first is not None
    page.compare.forget(request_of("ann"))
    await page.begin("How many parcels were shipped?", ["parent"])
    await page.lane(0)
    assert QUESTION in reopening.list_earlier(request_of("ann"))
    assert reopening.list_earlier(request_of("ben")) == ""

    # A colleague who is sent the address sees it, too.
    asked = request_of("ben")
    asked.__dict__["query_params"] = {"run": first.id}
    shown = reopening.reopen(asked)
    assert shown[0] == QUESTION
    assert shown[2] == {"run": first.id}
    assert "parent, regular" in shown[10]
    assert shown[18]["value"] == 256
    assert "3.18 billion" in shown[-8]

    # What its visitor has set since is as it was left; for others it is the comparison's.
    own = request_of("ann")
    second = page.visitors.tab(own).run
    assert second is not None
    own.__dict__["query_params"] = {"run": second.id}
    reopening.remember(512, *KNOBS[1:], own)
    assert reopening.reopen(own)[18] == 512
    own.__dict__["query_params"] = {"run": first.id}
    assert reopening.reopen(own)[18]["value"] == 256
    own.__dict__["query_params"] = {}
    left = reopening.reopen(own)
    assert "parent" in left[10]
    assert left[18] == 512

    asked.__dict__["query_params"] = {"run": first.id, "with": second.id}
    assert "Two comparisons" in reopening.reopen(asked)[5]
    asked.__dict__["query_params"] = {"run": "made-up"}
    assert "not kept any more" in reopening.reopen(asked)[1]


def test_the_oldest_comparisons_give_way_and_those_of_who_is_gone_go() -> None:
    history = History()
    runs = [Run("Why?", "Why?", None, {}, []) for _ in range(50)]
    for run in runs:
        history.keep("ann", run)
    history.keep("ben", Run("How?", "How?", None, {}, []))
    assert [entry.id for entry in history.of("ann")] == [run.id for run in runs[:9:-1]]
    assert history.find(runs[0].id) is None
    history.forget("ann")
    assert history.of("ann") == []
    assert len(history.of("ben")) == 1


async def test_what_is_done_once_is_prepared_before_and_not_counted(
    page: Page, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = iter([["parent"], []])

    async def prepare(_names: list[str]) -> None:
        await asyncio.sleep(0.05)

    monkeypatch.setattr(workbench.lanes, "cold", lambda _: next(cold))
    monkeypatch.setattr(workbench.lanes, "prepare", prepare)
    seen = await page.begin(QUESTION, ["parent"])
    assert "Preparing parent, which is done once and not counted" in seen[0][1]
    await page.lane(0)
    run = page.visitors.tab(request_of("ann")).run
    assert run is not None
    assert run.preparing >= 0.05
    saved = page.compare.export("json", request_of("ann"))
    assert saved is not None
    assert '"model": "Scripted-1"' in saved["text"]
    assert '"documents": "1 document"' in saved["text"]


async def test_understanding_a_follow_up_can_be_stopped(
    page: Page, llm: ScriptedLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.begin(QUESTION, ["parent"])
    answered = await page.lane(0)
    thinking = asyncio.Event()

    async def never_done(*_: Any, **__: Any) -> ChatResponse:
        thinking.set()
        await asyncio.sleep(60)
        raise AssertionError("it was stopped")

    monkeypatch.setattr(ScriptedLLM, "achat", never_done)
    asking = asyncio.ensure_future(page.begin("And its margin?", ["parent"]))
    await thinking.wait()
    await page.compare.stop_all(request_of("ann"))
    busy, stopped = await asking
    assert [update["visible"] for update in busy[2:5]] == [False, True, False]
    assert "Stopped." in stopped[1]
    assert [update["visible"] for update in stopped[2:5]] == [True, False, True]
    # The answer before stays, and no lane runs.
    assert await page.lane(0) == answered[-1:]
    assert len(llm.asked) == 1


@pytest.mark.slow
async def test_visitors_do_not_reach_each_others_runs(page: Page, llm: ScriptedLLM) -> None:
    await page.begin(QUESTION, ["parent"])
    await page.lane(0)
    for stranger in ("ben", ""):
        assert await page.lane(0, stranger) == EMPTY
        assert page.compare.export("json", request_of(stranger)) is None
        assert page.inspect.show_lane(0, request_of(stranger)) == [SKIPPED] * 4
    assert len(llm.asked) == 1


async def test_a_journey_can_be_looked_into_without_any_model(page: Page, llm: ScriptedLLM) -> None:
    shown = await page.look(QUESTION, "parent")
    assert "Keelstrand" in shown
    assert "exactly as the model would get it" in shown
    assert "Cite each passage" in shown
    assert not llm.asked


async def test_a_lanes_journey_shows_what_the_model_was_asked(page: Page, llm: ScriptedLLM) -> None:
    await page.begin(QUESTION, ["regular", "parent"])
    await page.lane(1)
    _, question, pattern, shown = page.inspect.show_lane(1, request_of("ann"))
    assert (question, pattern) == (QUESTION, "parent")
    assert "exactly as the model got it" in shown
    assert page.inspect.show_lane(3, request_of("ann")) == [SKIPPED] * 4


@pytest.mark.parametrize(("question", "pattern"), [("", "parent"), (5, "parent"), ("Why?", {})])
async def test_looking_checks_what_it_is_sent(
    page: Page, question: object, pattern: object
) -> None:
    assert 'role="alert"' in await page.look(question, pattern)


async def test_examples_are_offered_with_the_sample_letters_only(page: Page) -> None:
    *_, welcome, examples, _ = page.documents.show(request_of("ann"))
    assert welcome == ""
    assert examples["visible"] is False


@pytest.mark.parametrize("sent", [None, {}, {"remove": 5}, {"remove": "no such id"}, "text"])
async def test_deleting_checks_what_it_is_sent(page: Page, sent: object) -> None:
    page.documents.pressed(gr.EventData(None, sent), request_of("ann"))
    assert "letter.md" in page.documents.show(request_of("ann"))[0]


@pytest.mark.parametrize("sent", [None, "text", [], [5]])
async def test_uploading_checks_what_it_is_sent(page: Page, sent: object) -> None:
    last = list(page.documents.add(sent, False, request_of("ann")))[-1]
    assert last[0] is None
    assert "alert" not in last[1]


@pytest.mark.slow
async def test_nothing_but_the_two_endpoints_is_offered_as_an_api(workbench: Workbench) -> None:
    blocks = build_page(workbench)
    assert blocks.analytics_enabled is False
    public = {f.api_name for f in blocks.fns.values() if f.api_visibility != "private"}
    assert public == {"ask", "retrieve"}


async def test_endpoints_answer_as_the_command_line_does(page: Page) -> None:
    answer = await page.api.ask(QUESTION)
    assert answer["pattern"] == "parent"
    assert answer["contexts"][0]["document"] == "letter.md"
    assert [stage["name"] for stage in answer["trace"]][-1] == "cite"
    found = await page.api.retrieve(QUESTION, "regular", 64)
    assert sum(context["tokens"] for context in found["contexts"]) <= 64
    assert [stage["name"] for stage in found["trace"]] == ["embed question", "search", "merge"]


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"question": ""}, "the question is empty"),
        ({"question": QUESTION, "pattern": "x"}, "no pattern is called"),
        ({"question": QUESTION, "budget": 10**9}, "setting budget"),
        ({"question": QUESTION, "budget": "many"}, "setting budget"),
    ],
)
async def test_endpoints_check_what_they_are_sent(
    page: Page, sent: dict[str, Any], error: str
) -> None:
    for endpoint in (page.api.ask, page.api.retrieve):
        with pytest.raises(gr.Error, match=error):
            await endpoint(**sent)


async def test_endpoints_hand_errors_on_in_words(page: Page, llm: ScriptedLLM) -> None:
    llm.error = ModelError("the model is gone: start it")
    with pytest.raises(gr.Error, match="the model is gone: start it"):
        await page.api.ask(QUESTION)
