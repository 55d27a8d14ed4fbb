"""A visitor's own questions: marked, edited, taken along, and tried on all patterns."""

import asyncio
import json
import sys

import pytest

from app.page.lanes import Lanes
from app.page.marked import MOST_QUESTIONS, Marked
from app.page.render.mine import listed, result
from app.page.trial import BUDGETS, Trial, try_all
from indexes import SettingsError
from indexes.evaluation.power import questions_needed
from indexes.evaluation.questions import Question, Reference
from tests.page.conftest import LETTER

ASKED = "How did cloud revenue develop?"


def texts(names: set[str]) -> dict[str, str]:
    return dict.fromkeys(names & {"letter.md"}, LETTER)


def place(start: int, end: int, document: str = "letter.md") -> Reference:
    return Reference(document=document, start=start, end=end)


def test_a_place_is_marked_and_unmarked() -> None:
    marked = Marked()
    assert marked.toggle(ASKED, place(40, 60))
    assert marked.toggle(f"  {ASKED.upper()}", place(0, 20))
    assert marked.references(ASKED) == (place(0, 20), place(40, 60))
    assert not marked.toggle(ASKED, place(50, 55))
    assert marked.references(ASKED) == (place(0, 20),)
    marked.toggle(ASKED, place(0, 20))
    assert marked.questions == []


@pytest.mark.slow
def test_evidence_belongs_to_a_question_and_there_are_not_too_many() -> None:
    marked = Marked()
    with pytest.raises(SettingsError, match="ask one first"):
        marked.toggle("  ", place(0, 1))
    for number in range(MOST_QUESTIONS):
        marked.toggle(f"Question {number}?", place(0, 1))
    with pytest.raises(SettingsError, match="delete some"):
        marked.toggle("One more?", place(0, 1))


def test_what_is_exported_can_be_imported_and_edited() -> None:
    marked, other = Marked(), Marked()
    marked.toggle(ASKED, place(0, 20))
    text = marked.as_jsonl()
    line = json.loads(text)
    assert line["references"] == [{"document": "letter.md", "start": 0, "end": 20}]
    assert other.replace(text, ["letter.md"], texts) == 1
    assert other.questions == marked.questions
    assert other.replace("", [], texts) == 0
    assert other.questions == []


def test_evidence_that_is_quoted_is_found_in_its_document() -> None:
    marked = Marked()
    quote = "revenue rose\\n to 3.18 billion"
    line = f'{{"question": "a", "references": [{{"document": "letter.md", "quote": "{quote}"}}]}}'
    marked.replace(line, ["letter.md"], texts)
    [reference] = marked.questions[0].references
    assert LETTER[reference.start : reference.end] == "revenue rose to 3.18 billion"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no JSON", "line 1"),
        ('{"id": 1, "question": ""}', "line 1"),
        ('{"id": 1, "question": "a", "references": [{"document":"x","start":0,"end":1}]}', "x"),
        ('{"id": 1, "question": "a"}\n{"id": 1, "question": "b"}', "the id 1"),
        (
            '{"question": "a", "references": [{"document":"letter.md","quote":"nobody said"}]}',
            "question 1: letter.md has no such words",
        ),
    ],
)  # fmt: skip
def test_what_can_not_be_taken_is_refused_and_nothing_changes(text: str, why: str) -> None:
    marked = Marked()
    marked.toggle(ASKED, place(0, 20))
    with pytest.raises(SettingsError, match=why):
        marked.replace(text, ["letter.md"], texts)
    assert len(marked.questions) == 1


@pytest.mark.slow
def test_all_patterns_are_tried_and_scored_as_an_evaluation_does(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = LETTER.index("Its revenue")
    document = lanes.opening.wait().documents()[0].source
    question = Question(id=1, question=ASKED, references=(place(start, start + 30, document),))

    # The page needs nothing that is for evaluations alone.
    monkeypatch.setitem(sys.modules, "ir_measures", None)

    async def last() -> Trial:
        seen = [trial async for trial in try_all(lanes, [question], {"budget": 512})]
        return seen[-1]

    trial = asyncio.run(last())
    assert trial.done == trial.total
    assert {score.pattern for score in trial.scores} >= {"regular", "parent", "extract"}
    assert all(len(score.recall) == len(BUDGETS) for score in trial.scores)
    assert trial.scores[0].recall[-1].mean == 1
    shown = result(trial)
    assert "Recall of your evidence" in shown
    assert "100%" in shown
    assert "Mark evidence for four questions" in shown
    with pytest.raises(SettingsError, match="no question has evidence yet"):
        asyncio.run(anext(aiter(try_all(lanes, [], {}))))


@pytest.mark.slow
def test_a_visitor_is_told_which_pattern_to_take_or_that_it_is_not_decided(lanes: Lanes) -> None:
    document = lanes.opening.wait().documents()[0].source
    questions = [
        Question(id=n, question=ASKED, references=(place(n, n + 30, document),)) for n in range(4)
    ]

    async def last() -> Trial:
        return [trial async for trial in try_all(lanes, questions, {})][-1]

    trial = asyncio.run(last())
    assert trial.advice is not None
    assert not trial.advice.decided
    assert trial.advice.settings["pattern"] == lanes.opening.settings.pattern
    assert "levels" not in trial.advice.settings
    assert "Not decided by these 4 questions: keep parent" in result(trial)


def test_how_many_more_questions_it_takes() -> None:
    assert questions_needed([1.0] * 9 + [0.0], [0.0] * 9 + [1.0]).more == 0
    few = questions_needed([1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0])
    assert few.more is not None
    assert few.more > 0
    assert questions_needed([0.5, 0.5], [0.5, 0.5]).more is None
    assert questions_needed([1.0], [0.0]).more is None


def test_hostile_questions_stay_text() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    shown = listed([Question(id=1, question=hostile, references=(place(0, 1, hostile),))])
    assert "<img" not in shown
    assert "No question has evidence yet" in listed([])
