"""Vectors that are shared: the lanes of a comparison embed each sentence once, with one result."""

import asyncio
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pydantic import Field

from indexes.answers import Context
from indexes.verdict.checker import Checker
from indexes.verdict.vectors import Vectors
from tests.page.fakes import WordEmbedding
from tests.page.test_verdict import context

QUESTION = "Who winds the lamp of the lighthouse?"
ANSWER = "Bosun Tregear winds the lamp at dusk. Keeper 3 painted boat 4 [1]."
SENTENCES = [f"Keeper {number} of the harbour painted boat {number}." for number in range(20)]
SENTENCES.insert(7, "The lamp of the lighthouse is wound at dusk by Bosun Tregear.")
LANES = [context(" ".join(SENTENCES[:14])), context(" ".join(SENTENCES[4:]))]


class Slow(WordEmbedding):
    """Takes a while, counts what it is asked for, and fails once with the first lane's."""

    texts: Counter[str] = Field(default_factory=Counter)
    failing: bool = False

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        self.texts.update(texts)
        time.sleep(0.05)
        if self.failing and SENTENCES[0] in texts:
            self.failing = False
            raise RuntimeError("out of memory")
        return super()._get_text_embeddings(texts)


def checkers(model: Slow, vectors: Vectors | None) -> list[Checker]:
    return [Checker(QUESTION, [lane], model, None, vectors) for lane in LANES]


def told(checker: Checker) -> tuple[object, ...]:
    return checker.quotes(), *checker.supports(ANSWER)


async def atold(checker: Checker) -> tuple[object, ...]:
    return await checker.aquotes(), *await checker.asupports(ANSWER)


@pytest.mark.parametrize("natively", [True, False])
async def test_lanes_embed_each_sentence_once_and_find_what_each_would_alone(
    natively: bool,
) -> None:
    alone, together = Slow(), Slow()
    expected = [told(checker) for checker in checkers(alone, None)]
    lanes = checkers(together, Vectors())
    if natively:
        found = list(await asyncio.gather(*map(atold, lanes)))
    else:
        with ThreadPoolExecutor() as threads:
            found = list(threads.map(told, lanes))
    assert found == expected
    assert max(alone.texts.values()) == 2
    assert together.texts.keys() == alone.texts.keys()
    assert max(together.texts.values()) == 1


async def test_where_one_lane_fails_the_other_embeds_for_itself() -> None:
    model = Slow(failing=True)
    one, other = await asyncio.gather(
        *(checker.asupports(ANSWER) for checker in checkers(model, Vectors()))
    )
    assert "out of memory" in one[1]
    assert other[1] == ""
    assert other[0] == Checker(QUESTION, [LANES[1]], Slow()).supports(ANSWER)[0]


async def test_where_one_lane_is_stopped_the_other_does_not_wait_for_it() -> None:
    held = threading.Event()

    class Held(Slow):
        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            if not self.texts:
                self.texts.update(texts)
                held.wait(20)
            return super()._get_text_embeddings(texts)

    one, other = checkers(Held(), Vectors())
    stopped = asyncio.create_task(one.asupports(ANSWER))
    await asyncio.sleep(0.05)
    going = asyncio.create_task(other.asupports(ANSWER))
    await asyncio.sleep(0.05)
    stopped.cancel()
    support, note = await asyncio.wait_for(going, 10)
    held.set()
    assert support
    assert note == ""


def test_they_are_bounded_and_the_least_used_go_first() -> None:
    vectors = Vectors(most=2)
    for text in ("one", "two"):
        vectors.settle(vectors.claim("model", [text]), {text: np.ones(3)})
    assert vectors.claim("model", ["one"]).known
    vectors.settle(vectors.claim("model", ["three"]), {"three": np.ones(3)})
    assert len(vectors) == 2
    assert vectors.claim("model", ["one", "two", "three"]).mine == ["two"]


def test_another_model_has_vectors_of_its_own() -> None:
    vectors = Vectors()
    vectors.settle(vectors.claim("model", ["one"]), {"one": np.ones(3)})
    assert vectors.claim("other", ["one"]).mine == ["one"]


def test_a_model_that_changes_its_dimension_is_told() -> None:
    class Changing(WordEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            vector = super()._get_text_embedding(text)
            return vector[:8] if "harbour" in text else vector

    vectors, passages = Vectors(), [context("The harbour is old."), context("The lamp is new.")]
    for passage in passages:
        Checker("", [passage], Changing(), None, vectors).supports("It is old.")
    both: list[Context] = [passages[0], passages[1].model_copy(update={"number": 2})]
    found, note = Checker("", both, Changing(), None, vectors).supports("It is old.")
    assert note == "vectors of different lengths, or none"
    assert found
