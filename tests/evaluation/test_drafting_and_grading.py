"""Questions drafted, and answers graded, by a model that says what it is told to."""

import json
from pathlib import Path

import pytest

from indexes.errors import SettingsError
from indexes.evaluation.drafting import draft_questions
from indexes.evaluation.grading import grade
from indexes.evaluation.questions import Question, read_questions
from indexes.index import HierarchicalIndex
from indexes.models.described import described
from indexes.settings import load_settings
from tests.fakes import ScriptedLLM, WordEmbedding

TEXT = " ".join(f"Keeper {n} looked after the lamp in year {n}.\n" for n in range(16))


@pytest.fixture
def filled(index: HierarchicalIndex, tmp_path: Path) -> HierarchicalIndex:
    (tmp_path / "lamp.txt").write_text(TEXT, encoding="utf-8")
    index.ingest([tmp_path / "lamp.txt"])
    return index


def test_a_drafts_evidence_is_cut_from_the_document(
    filled: HierarchicalIndex, llm: ScriptedLLM, tmp_path: Path
) -> None:
    llm.enqueue('Sure! {"question": "Who kept the lamp  in year 1?", "sentences": [2, 99]}')
    llm.enqueue("I would rather not.")
    [draft] = draft_questions(filled, 2)
    assert draft.question.question == "Who kept the lamp in year 1?"
    [place] = draft.question.references
    assert TEXT[place.start : place.end] == "Keeper 1 looked after the lamp in year 1."
    assert draft.quotes == ("Keeper 1 looked after the lamp in year 1.",)
    assert "[2] Keeper 1 looked after" in llm.prompts[0]
    # What is written can be read again, quotes and all.
    (tmp_path / "q.jsonl").write_text(draft.to_json() + "\n", encoding="utf-8")
    assert read_questions(tmp_path / "q.jsonl") == [draft.question]


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[1]",
        '{"question": "Who?"}',
        '{"question": "Who kept the lamp?", "sentences": []}',
        '{"question": "Who kept the lamp?", "sentences": ["x"]}',
        '{"question": "' + "long " * 100 + '", "sentences": [1]}',
        "{" * 5000,
    ],
)
def test_an_answer_that_is_no_question_gives_none(
    filled: HierarchicalIndex, llm: ScriptedLLM, answer: str
) -> None:
    llm.enqueue(answer or " .")
    assert draft_questions(filled, 1) == []


def test_there_must_be_something_to_ask_about(index: HierarchicalIndex) -> None:
    with pytest.raises(SettingsError, match="nothing is indexed"):
        draft_questions(index, 1)
    with pytest.raises(SettingsError, match="from 1 to 1000"):
        draft_questions(index, 1001)


def test_answers_are_graded_by_llamaindexs_evaluators(
    filled: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    grader = ScriptedLLM()
    grader.enqueue("YES", "4.5\nNearly all of it.", "NO")
    llm.enqueue("Keeper 1 did [1].", "Nobody did.")
    asked = [
        Question(id="a", question="Who kept the lamp in year 1?", answer="Keeper 1."),
        Question(id="b", question="Who kept the lamp in year 2?"),
    ]
    first, second = grade(filled, asked, "regular", grader=grader)
    assert (first.answer, first.faithful, first.correctness) == ("Keeper 1 did [1].", True, 4.5)
    assert "Nearly all" in first.reason
    assert (second.faithful, second.correctness) == (False, None)
    assert "Keeper 1" in grader.prompts[1]


@pytest.mark.parametrize("said", ["It is wonderful.", "It is\nwonderful.", "4.0"])
def test_a_grade_that_cannot_be_read_is_none(
    filled: HierarchicalIndex, llm: ScriptedLLM, said: str
) -> None:
    grader = ScriptedLLM()
    grader.enqueue("YES", said)
    asked = [Question(id="a", question="Who kept the lamp?", answer="Keeper 1.")]
    [found] = grade(filled, asked, "regular", grader=grader)
    assert (found.faithful, found.correctness) == (True, None)


def test_a_model_that_is_handed_over_grades(filled: HierarchicalIndex, llm: ScriptedLLM) -> None:
    llm.enqueue("Keeper 1 did [1].", "YES")
    [found] = grade(filled, [Question(id="a", question="Who kept the lamp?")], "regular")
    assert (found.answer, found.faithful) == ("Keeper 1 did [1].", True)


def test_a_model_that_is_not_fit_to_grade_grades_nobody(
    tmp_path: Path, embedding: WordEmbedding
) -> None:
    question = Question(id="a", question="Who kept the lamp?")
    settings = load_settings(index=str(tmp_path / "index"))
    with (
        HierarchicalIndex(settings, embedding=embedding) as index,
        pytest.raises(SettingsError, match="SmolLM2-135M-Instruct is not fit to grade"),
    ):
        grade(index, [question], "regular")
    llm = described(ScriptedLLM(), fit=["answer", "judge"])
    with (
        HierarchicalIndex(settings, embedding=embedding, llm=llm) as index,
        pytest.raises(SettingsError, match=r"scripted is not fit to grade.*described\(llm, fit="),
    ):
        grade(index, [question], "regular")


def test_json_of_a_draft_is_one_line(filled: HierarchicalIndex, llm: ScriptedLLM) -> None:
    llm.enqueue('{"question": "Who kept the lamp in year 0?", "sentences": [1]}')
    [draft] = draft_questions(filled, 1)
    assert "\n" not in draft.to_json()
    assert json.loads(draft.to_json())["quotes"]
