"""Follow-up questions that can be understood alone."""

from collections.abc import Sequence

import pytest

from indexes.answers import Turn
from indexes.conversation import Condenser, together
from indexes.errors import ModelError
from indexes.trace import Trace
from tests.fakes import ScriptedLLM

TURNS = [Turn(question="How did Keelstrand's revenue develop?", answer="It rose by a third.")]


async def condensed(llm: ScriptedLLM | None, question: str, turns: Sequence[Turn]) -> str:
    """The question of both ways to ask, which must agree."""
    traces = Trace(), Trace()
    found = await Condenser(llm).acondense(question, turns, traces[0])
    assert Condenser(llm).condense(question, turns, traces[1]) == found
    assert [len(trace.stages) for trace in traces] == [bool(turns)] * 2
    return found


async def test_a_first_question_is_left_alone() -> None:
    assert await condensed(ScriptedLLM(), "And its margin?", []) == "And its margin?"


async def test_a_capable_model_rewrites_the_question(llm: ScriptedLLM) -> None:
    llm.enqueue("What was Keelstrand's margin?")
    trace = Trace()
    found = await Condenser(llm).acondense("And its margin?", TURNS, trace)
    assert found == "What was Keelstrand's margin?"
    record = trace["condense"]
    assert record.details.outcome == "rewritten by the model"
    assert record.details.question == "And its margin?"
    assert record.llm_calls == 1
    assert (record.llm_tokens_in, record.llm_tokens_out) == (100, 4)
    assert "It rose by a third." in llm.prompts[0]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (" - ", "did not reply"),
        ("It rose.\nThen it fell.", "did not reply with one question"),
        ("word " * 400, "too long to be one"),
        (ModelError("the model is gone: start it"), "the model failed (the model is gone"),
    ],
)
async def test_a_model_that_answers_otherwise_does_not_fail_the_question(
    llm: ScriptedLLM, reply: str | Exception, outcome: str
) -> None:
    llm.enqueue(reply)
    trace = Trace()
    found = Condenser(llm).condense("And its margin?", TURNS, trace)
    assert found == "How did Keelstrand's revenue develop? And its margin?"
    assert outcome in trace["condense"].details.outcome


async def test_what_decorates_a_models_question_is_dropped(llm: ScriptedLLM) -> None:
    llm.enqueue('Rewritten question: "What was its margin in 2020?"')
    assert Condenser(llm).condense("And 2020?", TURNS) == "What was its margin in 2020?"


@pytest.mark.parametrize("question", ["And its margin?", "Why?", "How large was it?", "In 2020?"])
async def test_without_a_model_the_question_before_is_put_in_front(question: str) -> None:
    assert await condensed(None, question, TURNS) == f"{TURNS[0].question} {question}"


async def test_without_a_model_a_question_that_names_its_things_is_left_alone() -> None:
    question = "How many parcels did the depots ship in 2021?"
    assert await condensed(None, question, TURNS) == question
    assert together(question, TURNS) == (question, "nothing in it points back")
