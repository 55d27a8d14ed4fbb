"""A model's word on which answer is best supported."""

import pytest
from llama_index.core.base.llms.types import CompletionResponse

from indexes.answers import Answer, Context
from indexes.verdict.preference import aprefer
from tests.page.fakes import ScriptedLLM

PASSAGE = "The depots shipped 418 million parcels."


def answer(text: str) -> Answer:
    context = Context(
        number=1, document="letter.md", start=0, end=len(PASSAGE), text=PASSAGE, score=1, level=1
    )
    return Answer(question="How many?", pattern="parent", answer=text, contexts=[context])


class Judge(ScriptedLLM):
    """Prefers the answer with a word in it; or whatever stands first, if it has no taste."""

    taste: str = "418"
    first: bool = False

    def complete(self, prompt: str, formatted: bool = False, **_: object) -> CompletionResponse:
        self.asked.append(prompt)
        shown = prompt.split("Answer ")[1:]
        number = next((n for n, text in enumerate(shown, 1) if self.taste in text[:40]), 0)
        return CompletionResponse(text="1" if self.first else f"Answer {number}.")


ANSWERS = [answer("Nobody knows."), answer("It was 418 million."), answer("It was 9.")]


async def test_the_answer_that_wins_in_both_orders_is_preferred() -> None:
    judge = Judge()
    found = await aprefer(judge, "How many?", ANSWERS)
    assert found.chosen == 1
    assert len(judge.asked) == 2
    assert judge.asked[0].index("Nobody") < judge.asked[0].index("It was 9")
    assert judge.asked[1].index("Nobody") > judge.asked[1].index("It was 9")
    assert all(PASSAGE in prompt for prompt in judge.asked)


async def test_a_judge_that_prefers_what_it_reads_first_is_undecided() -> None:
    found = await aprefer(Judge(first=True), "How many?", ANSWERS)
    assert found.chosen is None
    assert "depends on which answer it reads first" in found.why


async def test_none_better_is_undecided() -> None:
    found = await aprefer(Judge(taste="no such"), "How many?", ANSWERS)
    assert found.chosen is None
    assert "none better" in found.why


@pytest.mark.parametrize("said", ["", "the best one", "1 or 2", "7", "-", "9" * 5000])
async def test_a_reply_that_names_no_answer_is_undecided(said: str) -> None:
    found = await aprefer(ScriptedLLM(whole=said or " "), "How many?", ANSWERS)
    assert found.chosen is None
    assert "names no answer" in found.why
