"""Drafted questions: which are left out, and why."""

from pathlib import Path

import pytest

from indexes.errors import ModelError, SettingsError
from indexes.evaluation.advice.adviser import advise
from indexes.evaluation.advice.drafted import at_first_sight, draft_checked
from indexes.evaluation.drafting import Draft
from indexes.evaluation.questions import Question, Reference
from indexes.index import HierarchicalIndex
from indexes.models.described import described
from indexes.settings import load_settings
from tests.fakes import ScriptedLLM, WordEmbedding

LINES = [f"Keeper {n} looked after the lamp in year {n}." for n in range(64)]
YES = '{"understood": true, "answered": true}'
UNKNOWN = "unknown"


@pytest.fixture
def filled(index: HierarchicalIndex, tmp_path: Path) -> HierarchicalIndex:
    (tmp_path / "lamp.txt").write_text(" ".join(LINES), encoding="utf-8")
    index.ingest([tmp_path / "lamp.txt"])
    return index


def drafted(question: str, *sentences: int) -> str:
    return f'{{"question": "{question}", "sentences": {[*sentences]}}}'


def test_what_is_no_question_for_a_benchmark_is_left_out(
    filled: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    llm.enqueue(
        drafted("Who tended the light at the very start?", 1),
        drafted("What does this passage say about keepers?", 1),
        drafted("When did he tend the light?", 1),
        drafted("Who looked after the lamp in year 25?", 2),
        drafted("Who tended the light at the very START?", 1),
        drafted("Whose turn was it after four decades?", 2),
        drafted("How bright was the light at sea?", 1),
        drafted("Whose turn came towards the end?", 1),
        # Of each that is left: what the model knows, and what it thinks of it.
        *(UNKNOWN, YES),
        "Keeper 41 looked after the lamp in year 41.",
        *(UNKNOWN, '{"understood": true, "answered": false}'),
        *("I do not know.", "I'd rather not say."),
    )
    found = draft_checked(filled, 8)
    assert [question.question for question in found.questions] == [
        "Who tended the light at the very start?",
        "Whose turn came towards the end?",
    ]
    assert found.dropped == {
        "leans on what is not seen": 2,
        "copies its evidence": 1,
        "repeats another": 1,
        "answered without the documents": 1,
        "its evidence does not answer it": 1,
    }
    assert found.unchecked == 1
    [place] = found.questions[0].references
    assert " ".join(LINES)[place.start : place.end] == LINES[0]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("How much does it take to light the lamp?", ""),
        ("How long does it take to fill the lamp?", ""),
        ("In which year did its keeper leave?", ""),
        ("Why was it dark?", "leans on what is not seen"),
        ("What is their name?", "leans on what is not seen"),
        ("What is said in the following section?", "leans on what is not seen"),
        ("According to the text, who kept the lamp?", "leans on what is not seen"),
        ("What did the annual report say of the lamp?", ""),
    ],
)
def test_a_question_must_stand_alone(question: str, reason: str) -> None:
    place = Reference(document="lamp.txt", start=0, end=len(LINES[0]))
    draft = Draft(Question(id="d", question=question, references=(place,)), (LINES[0],))
    assert at_first_sight(draft, {"lamp.txt": LINES[0]}) == reason
    # The same evidence is not in another text.
    assert at_first_sight(draft, {"lamp.txt": "x" * 99}) == "evidence is not in the document"


def test_the_adviser_drafts_where_there_are_no_questions(
    filled: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    llm.enqueue(*(drafted(f"Whose turn came after {n * 9} years?", n % 8 + 1) for n in range(8)))
    llm.enqueue(UNKNOWN, '{"understood": false, "answered": true}', *[UNKNOWN, YES] * 6)
    advice = advise(
        filled, count=6, patterns=["regular"], searches=["bm25"], judges=["embedding"],
        budgets=[60],
    )  # fmt: skip
    assert len(advice.questions) == 6
    assert advice.dropped == {"leans on what is not seen": 1}
    assert "The 6 questions were drafted by a language model" in advice.markdown()


def test_a_weak_model_is_not_asked(tmp_path: Path, llm: ScriptedLLM) -> None:
    settings = load_settings(tmp_path / "index")
    weak = described(llm, fit=["answer"])
    with (
        HierarchicalIndex(settings, embedding=WordEmbedding(), llm=weak) as index,
        pytest.raises(SettingsError, match=r"not fit to draft any: give --questions, or choose"),
    ):
        draft_checked(index, 10)


def test_no_usable_draft_is_an_error_that_says_why(
    filled: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    llm.enqueue(*[drafted("What is in this document?", 1)] * 8)
    with pytest.raises(ModelError, match=r"no draft .* is usable \(leans on what is not seen: 8\)"):
        draft_checked(filled, 8)
