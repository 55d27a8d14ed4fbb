"""Whatever a model replies, each reader of replies understands it or says that it does not."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage, ChatResponse

from indexes.answers import Answer, Context, Turn
from indexes.citations import citations_of
from indexes.compression.replies import LONGEST, read_numbers, read_objects, read_yes_no
from indexes.conversation import Condenser
from indexes.evaluation.advice import drafted
from indexes.evaluation.drafting import _read as read_draft
from indexes.evaluation.grading import _Examiner
from indexes.evaluation.questions import Question
from indexes.models.thoughts import without_thoughts
from indexes.verdict.numbers import figures
from indexes.verdict.preference import aprefer
from indexes.verdict.support import supports
from tests.compression.test_replies import HOSTILE, cost
from tests.fakes import ScriptedLLM


class Parrot(ScriptedLLM):
    """Says one thing, in one piece."""

    said: str = ""

    def _words(self, messages: Any) -> Iterator[ChatResponse]:
        yield ChatResponse(message=ChatMessage(role="assistant", content=self.said))


SAID = "Ada lit 12 lamps in 2021. It cost $3 million."
PASSAGES = [Context(document="a", start=0, end=45, text=SAID, score=1, level=2, number=1)]
TURNS = [Turn(question="Which?", answer="That.")]


def answer(text: str) -> Answer:
    return Answer.model_construct(question="?", pattern="leaf", answer=text, contexts=[])


def condensed(reply: str) -> str:
    return Condenser(Parrot(said=reply)).condense("And the year after?", TURNS)


def preferred(reply: str) -> object:
    return asyncio.run(aprefer(Parrot(said=reply), "Which?", [answer("One."), answer("Two.")]))


def graded(reply: str) -> float | None:
    examiner = _Examiner(Parrot(said=reply))
    asked = Question(id="1", question="Which is it?", answer="This.")
    return asyncio.run(examiner.grade(asked, answer("This."))).correctness


READERS: dict[str, Callable[[str], object]] = {
    "numbers": lambda said: read_numbers(said, 40, ["It cost 3 million."]),
    "yes or no": read_yes_no,
    "objects": lambda said: list(read_objects(said)),
    "thoughts": without_thoughts,
    "a draft": lambda said: read_draft(said, 8),
    "a check of a draft": drafted._read,
    "a follow-up": condensed,
    "a preference": preferred,
    "a grade": graded,
    "its citations": lambda said: citations_of(said, PASSAGES, []),
    "its support": lambda said: supports(said, PASSAGES),
}
ONE_MORE: dict[str, Callable[[int], str]] = {
    **HOSTILE,
    "nested lists in an object": lambda n: '{"question":' + "[" * (n // 2) + "]" * (n // 2) + "}",
    "objects that close at the end": lambda n: "{" * (n - 1) + "}",
    "a score and digits": lambda n: "1" * n + "\nreason",
    "years in a list": lambda n: "2019, " * (n // 6),
    "letters of a question": lambda n: "a" * n,
    "blanks in a question": lambda n: "Question:" + " " * n + "?",
}

# What replies are made of, and what they should not be made of.
PIECES = st.one_of(
    st.sampled_from(
        [
            *[
                '{"question": "What is it about?", "sentences": [',
                '{"understood": true, "answered":',
            ],
            *["1e999", "-1e999", "NaN", "Infinity", "1" * 5_000, "-1", "0", "3", "true", "null"],
            *["[", "]", "{", "}", '"', "\\", ",", ":", " " * 40, "\n", "[" * 2_000, '{"a":' * 300],
            *["\\ud800", "<think>", "</think>", "yes", "none", "Question: ", "5\nGood."],
        ]
    ),
    st.binary(max_size=12).map(lambda raw: raw.decode("utf-8", "replace")),
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join), st.sampled_from([1, 1, 50]))
@pytest.mark.parametrize("name", READERS)
def test_any_reply_is_read_at_once_and_without_a_failure(name: str, said: str, times: int) -> None:
    started = time.process_time()
    READERS[name](said * times)
    assert time.process_time() - started < 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["thoughts", "a draft", "a check of a draft", "a follow-up", "its citations", "its support"],
)
@pytest.mark.parametrize("shape", ONE_MORE)
def test_time_grows_no_faster_than_the_reply(name: str, shape: str) -> None:
    read, make = READERS[name], ONE_MORE[shape]
    small, large = cost(read, make(10_000)), cost(read, make(40_000))
    assert large < 0.5
    assert large < 8 * small + 0.02


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["lists that never end", "ranges", "years in a list"])
def test_figures_are_found_in_time_that_grows_as_the_text_does(shape: str) -> None:
    small, large = (cost(figures, ONE_MORE[shape](size)) for size in (6_000, 24_000))
    assert large < 8 * small + 0.02


def test_of_an_oversized_reply_only_the_beginning_counts() -> None:
    whole = '{"question": "What is it about?", "sentences": [2]}'
    assert read_draft(" \n" * 10 + whole, 3) == ("What is it about?", [2])
    assert read_draft("x" * LONGEST + whole, 3) is None
    assert read_numbers("x" * LONGEST + "[2]", 3).numbers == ()


def test_half_a_character_does_not_reach_a_file_of_drafts() -> None:
    found = read_draft('{"question": "What is \\ud800 about?", "sentences": [1]}', 3)
    assert found is not None
    assert found[0].encode() == "What is \ufffd about?".encode()


@pytest.mark.parametrize(
    ("reply", "score"),
    [("4.5\nGood.", 4.5), ("nan\nGood.", None), ("inf\nGood.", None), ("9\nGood.", None)],
)
def test_a_score_that_is_none_is_not_counted(reply: str, score: float | None) -> None:
    assert graded(reply) == score
