"""An embedding model is known by what it does."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import Document
from pydantic import PrivateAttr

from indexes.errors import IndexMismatchError, ModelError
from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from indexes.store.collection import fingerprint_point
from indexes.store.points import FORMAT
from indexes.store.probe import PROBE, dimension_of, likeness, packed
from tests.conftest import LEVELS
from tests.fakes import ScriptedLLM, WordEmbedding

NEWT = Document(text="The newt count was nine.", id_="n")


class Twisted(WordEmbedding):
    """As many dimensions, another vector space."""

    def _embed(self, text: str) -> list[float]:
        return super()._embed(text[::-1])


class Shorter(WordEmbedding):
    """Half the dimensions."""

    def _embed(self, text: str) -> list[float]:
        return super()._embed(text)[:32]


class Rounded(WordEmbedding):
    """The same weights, quantised."""

    def _embed(self, text: str) -> list[float]:
        return [round(number, 2) for number in super()._embed(text)]


class Arrays(WordEmbedding):
    """The same model, with NumPy's arrays for lists."""

    def _embed(self, text: str) -> Any:
        return np.array(super()._embed(text), dtype="float32")


class Nameless(BaseEmbedding):
    """The model of someone who wrote the least that is needed; `texts` counts the async ones."""

    _texts: list[str] = PrivateAttr(default_factory=list)

    def _get_query_embedding(self, query: str) -> list[float]:
        return WordEmbedding()._embed(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return WordEmbedding()._embed(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return WordEmbedding()._embed(text)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        self._texts.append(text)
        await asyncio.sleep(0.01)
        return WordEmbedding()._embed(text)


Open = Callable[[BaseEmbedding], HierarchicalIndex]


@pytest.fixture
def opened(index: HierarchicalIndex) -> Open:
    """The same collection with another model."""

    def reopened(model: BaseEmbedding) -> HierarchicalIndex:
        return HierarchicalIndex(
            index.settings, engine=index.engine, embedding=model, llm=ScriptedLLM()
        )

    index.ingest(NEWT)
    return reopened


@pytest.mark.parametrize("model", [Twisted(), Twisted(model_name="others"), Shorter()])
@pytest.mark.parametrize("pattern", ["regular", "parent"])
async def test_a_model_that_embeds_otherwise_is_refused(
    opened: Open, model: BaseEmbedding, pattern: str
) -> None:
    other = opened(model)
    for wrong in (
        lambda: other.retrieve("newt", pattern),
        lambda: other.ask("newt", pattern),
        lambda: other.ingest(Document(text="More newts.", id_="m")),
    ):
        with pytest.raises(IndexMismatchError, match="made with embedding model words") as caught:
            await asyncio.to_thread(wrong)
        assert "choose another --collection" in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(IndexMismatchError, match="embeds the same text differently"):
        await other.aretrieve("newt", pattern)
    assert [manifest.document_id for manifest in other.documents()] == ["n"]


@pytest.mark.parametrize("model", [WordEmbedding(model_name="q8_0.gguf"), Rounded(), Arrays()])
def test_the_same_weights_are_accepted_under_any_name(opened: Open, model: BaseEmbedding) -> None:
    again = opened(model)
    assert again.retrieve("newt")[0]
    assert again.ingest(Document(text="More newts.", id_="m")).added == ["m"]
    assert again.store.fingerprint().embedding == "words"


def test_words_alone_need_no_model(opened: Open) -> None:
    assert opened(Twisted()).retrieve("newt", search="bm25")[0]


async def test_the_probe_costs_one_embedding_when_a_model_is_first_used(
    index: HierarchicalIndex, embedding: WordEmbedding, opened: Open
) -> None:
    assert embedding.texts.count(PROBE) == 1
    index.ingest(Document(text="More newts.", id_="m"))
    index.retrieve("newt")
    assert embedding.texts.count(PROBE) == 1
    again = WordEmbedding()
    asked = opened(again)
    assert again.texts == []
    for _ in range(3):
        asked.retrieve("newt")
    assert again.texts == [PROBE]
    nameless = Nameless()
    asked = opened(nameless)
    await asyncio.gather(*(asked.aretrieve(f"newt {n}") for n in range(5)))
    assert nameless._texts == [PROBE]


async def test_a_question_that_is_cancelled_does_not_cancel_the_others(opened: Open) -> None:
    asked = opened(Nameless())
    first, second = (asyncio.create_task(asked.aretrieve("newt")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second)[0]


def test_a_collection_without_a_probe_gets_one_by_name(index: HierarchicalIndex) -> None:
    index.ingest(NEWT)
    made = index.store.fingerprint()
    index.engine.client.upsert(
        index.settings.collection,
        [fingerprint_point(made.model_copy(update={"probe": "", "format": 2}))],
    )
    for wrong in (WordEmbedding(model_name="others"), Shorter()):
        other = HierarchicalIndex(index.settings, engine=index.engine, embedding=wrong)
        with pytest.raises(IndexMismatchError, match="was made with"):
            other.ingest([])
    other = HierarchicalIndex(
        index.settings, engine=index.engine, embedding=WordEmbedding(model_name="others")
    )
    with pytest.raises(IndexMismatchError, match="embedding model words, not others"):
        other.retrieve("newt")
    old = HierarchicalIndex(index.settings, engine=index.engine, embedding=WordEmbedding())
    assert old.retrieve("newt")[0]
    old.ingest([])
    fresh = HierarchicalIndex(index.settings, engine=index.engine, embedding=Twisted())
    assert (fresh.store.fingerprint().probe, fresh.store.fingerprint().format) == (
        made.probe,
        FORMAT,
    )
    with pytest.raises(IndexMismatchError):
        fresh.retrieve("newt")


def test_a_copy_and_an_import_know_the_model_too(index: HierarchicalIndex, tmp_path: Path) -> None:
    index.ingest(NEWT)
    index.export_file(tmp_path / "all.jsonl")
    for name, fill in (
        ("copied", lambda target: index.copy_to(target)),
        ("imported", lambda target: target.import_file(tmp_path / "all.jsonl")),
    ):
        settings = load_settings(index=str(tmp_path / name), levels=LEVELS)
        with HierarchicalIndex(settings, embedding=Twisted()) as target:
            fill(target)
            with pytest.raises(IndexMismatchError):
                target.retrieve("newt")


@pytest.mark.parametrize(
    "vector", [[], [0.0] * 64, [float("nan")] * 64, [float("inf")] * 64, ["a"], None]
)
def test_a_model_that_gives_no_vector_is_a_model_error(
    index: HierarchicalIndex, vector: Any
) -> None:
    class Broken(WordEmbedding):
        def _embed(self, text: str) -> Any:
            return vector

    broken = HierarchicalIndex(index.settings, engine=index.engine, embedding=Broken())
    with pytest.raises(ModelError, match="embedding model words failed"):
        broken.ingest(NEWT)


@pytest.mark.slow
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40).filter(
        lambda v: max(map(abs, v)) > 1e-9
    )
)
def test_a_packed_vector_is_like_itself(vector: list[float]) -> None:
    assert dimension_of(packed(vector)) == len(vector)
    assert likeness(packed(vector), packed(vector)) > 0.999


@pytest.mark.parametrize("text", ["", "x", "AAAA", "ÄÖ", "fH8="])
def test_what_is_no_packed_vector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no packed vector"):
        dimension_of(text)
