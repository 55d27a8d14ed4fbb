"""A blind comparison tells nothing of its lanes until someone has voted."""

import json
from typing import Any

import gradio as gr
import pytest

from app.page.conversation import MOST_LANES, Run
from app.page.judging import Judging
from app.page.layout import make_workbench
from app.page.opening import Opening
from app.page.reopening import Reopening
from app.page.scope import MINE, scope_of
from app.page.votes import Votes, wilson
from app.page.voting import Voting
from app.page.workbench import Workbench
from indexes import SettingsError
from indexes.index import HierarchicalIndex
from indexes.models.described import described
from tests.page.conftest import request_of
from tests.page.fakes import ScriptedLLM
from tests.page.test_layout import QUESTION, Page

NAMES = ("regular", "parent")


@pytest.fixture
async def page(workbench: Workbench) -> Page:
    return Page(workbench)


async def asked(page: Page, **options: Any) -> tuple[list[Any], Run]:
    """A comparison of two lanes that have ended: what was shown of it, and its run."""
    shown = [
        update for lists in await page.begin(QUESTION, list(NAMES), **options) for update in lists
    ]
    for place in range(2):
        shown += [update for lists in await page.lane(place) for update in lists]
    async for shared in page.compare.follow(request_of("ann")):
        shown += shared
    run = page.visitors.tab(request_of("ann")).run
    assert run is not None
    return shown, run


def texts(shown: list[Any]) -> str:
    return "\n".join(update for update in shown if isinstance(update, str))


async def test_nothing_tells_which_lane_is_which_before_the_vote(
    page: Page, workbench: Workbench
) -> None:
    shown, run = await asked(page, blind=True)
    told = texts(shown)
    assert "Answer A" in told
    assert "Which answer is best?" in told
    assert not any(name in told for name in NAMES)
    assert page.compare.export("json", request_of("ann")) is None
    assert page.inspect.show_lane(0, request_of("ann")) == [gr.skip()] * 4
    reopening = Reopening(workbench, page.compare, [gr.Slider(0, 1)] * 5)
    request = request_of("ben")
    request.__dict__["query_params"] = {"run": run.id}
    again = reopening.reopen(request)
    assert "Which answer is best?" in again[4]
    assert not any(name in texts([*again[:10], *again[11:]]) for name in NAMES)
    # What was compared is known to who asked, but not in an order that tells.
    assert "parent, regular" in again[10]


async def test_a_vote_names_the_lanes_and_counts(page: Page, workbench: Workbench) -> None:
    _, run = await asked(page, blind=True)
    voting = Voting(workbench, page.compare)
    event = gr.EventData(None, {"vote": "2"})
    shown = voting.vote(event, request_of("ann"))
    chosen = run.views[1].pattern
    assert run.vote == (chosen,)
    assert f"You voted for {chosen}" in shown[0]
    assert "1 of 1" in shown[0]
    assert "95% interval" in shown[0]
    assert "What it took" in shown[1]
    assert all(name in texts(shown[4:]) for name in NAMES)
    # A comparison has one vote.
    assert voting.vote(event, request_of("ann")) == [gr.skip()] * (4 + 2 * MOST_LANES)
    saved = page.compare.export("json", request_of("ann"))
    assert saved is not None
    told = json.loads(saved["text"])
    assert told["vote"] == {"blind": True, "chosen": [chosen]}
    assert {one["pattern"]: one["chosen"] for one in told["votes"]} == {
        name: int(name == chosen) for name in NAMES
    }
    saved = page.compare.export("md", request_of("ann"))
    assert saved is not None
    assert f"Blind vote: {chosen}." in saved["text"]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [None, "vote", {"vote": "9"}, {"vote": None}, {"vote": ["1"]}])
async def test_a_vote_that_is_none_changes_nothing(
    page: Page, workbench: Workbench, sent: Any
) -> None:
    _, run = await asked(page, blind=True)
    Voting(workbench, page.compare).vote(gr.EventData(None, sent), request_of("ann"))
    assert run.vote is None


async def test_one_lane_is_nothing_to_vote_on(page: Page) -> None:
    shown = await page.begin(QUESTION, ["parent"], blind=True)
    assert "choose 2 patterns or more" in texts(shown[-1])


def test_votes_are_told_with_intervals() -> None:
    votes = Votes()
    votes.add("1", NAMES, ("parent",))
    votes.add("1", NAMES, ("regular",))  # has its vote already
    votes.add("2", NAMES, NAMES)
    votes.add("3", NAMES, ())
    first, second = votes.standings()
    assert (first.pattern, first.chosen, first.shown) == ("parent", 2, 3)
    assert (second.pattern, second.chosen, second.shown) == ("regular", 1, 3)
    assert first.low < first.share < first.high


def test_wilsons_interval() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I.
    for hits, trials, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605),
                                    (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)):  # fmt: skip
        assert wilson(hits, trials) == pytest.approx((low, high), abs=2e-4)


# Choosing documents


@pytest.mark.slow
async def test_a_question_asks_the_chosen_documents_only(
    page: Page, index: HierarchicalIndex, workbench: Workbench, tmp_path: Any
) -> None:
    (tmp_path / "harbour.md").write_text("# Harbour\n\nThe cloud revenue of the harbour is nil.\n")
    index.ingest([tmp_path / "harbour.md"])
    (wanted,) = (one for one in index.documents() if one.source == "harbour.md")
    for choice in (wanted.document_id, "HARB"):
        _, run = await asked(page, documents=[choice])
        assert {c.document for view in run.views for c in view.contexts} == {"harbour.md"}
        assert run.scope == "1 of 2 documents: Harbour"
        assert run.documents == (choice,)
        saved = page.compare.export("json", request_of("ann"))
        assert saved is not None
        assert json.loads(saved["text"])["documents"] == run.scope
        page.compare.forget(request_of("ann"))
    reopening = Reopening(workbench, page.compare, [gr.Slider(0, 1)] * 5)
    request = request_of("ann")
    request.__dict__["query_params"] = {"run": run.id}
    assert ["HARB"] in [one for one in reopening.reopen(request) if isinstance(one, list)]


async def test_only_mine_are_only_mine(workbench: Workbench, tmp_path: Any) -> None:
    library = workbench.library
    with pytest.raises(SettingsError, match="none of the documents is yours"):
        await scope_of(library, "ann", [MINE])
    (tmp_path / "mine.md").write_text("The depots shipped 3 parcels of mine.")
    list(library.add("ann", [tmp_path / "mine.md"]))
    scope = await scope_of(library, "ann", [MINE])
    assert scope.told == "1 of 2 documents: only yours"
    contexts, _ = await workbench.lanes.aretrieve(
        "parcels", "regular", {"budget": 256, **scope.options}
    )
    assert {context.document for context in contexts} == {"mine.md"}
    # Nobody else's can be chosen, by whatever name.
    (own,) = (one.document_id for one in library.documents("ann") if one.owner)
    for name in (own, "mine.md"):
        with pytest.raises(SettingsError, match="no document here is called"):
            await scope_of(library, "ben", [name])


@pytest.mark.parametrize("sent", ["x", 7, {"a": 1}, None])
async def test_what_is_no_choice_asks_all(workbench: Workbench, sent: Any) -> None:
    assert (await scope_of(workbench.library, "ann", sent)).chosen == ()


# A model's word


async def test_a_capable_model_is_asked_which_answer_is_better_supported(
    workbench: Workbench, index: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    described(index.llm, fit=["answer", "grade"])
    capable = HierarchicalIndex(
        index.settings, engine=index.engine, embedding=index.embedding, llm=index.llm
    )
    workbench = make_workbench(Opening.of(capable))
    page = Page(workbench)
    await asked(page, blind=True)
    judging = Judging(workbench, page.compare)
    assert [update async for update in judging.judge(request_of("ann"))] == []
    Voting(workbench, page.compare).vote(gr.EventData(None, {"vote": "none"}), request_of("ann"))
    llm.whole = "1"
    *_, (below, told) = [update async for update in judging.judge(request_of("ann"))]
    assert "undecided: its choice depends on which answer it reads first (2 calls" in below
    assert "see the verdict" in told
    saved = page.compare.export("json", request_of("ann"))
    assert saved is not None
    assert "undecided" in json.loads(saved["text"])["judged"]


async def test_a_weak_model_is_not_asked(page: Page, workbench: Workbench) -> None:
    await asked(page)
    ((_, told),) = [
        update async for update in Judging(workbench, page.compare).judge(request_of("ann"))
    ]
    assert "not fit to grade" in told
