"""Quotes: chosen from more than the model reads, each sentence and the question embedded once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import Field

from indexes.details import MergeDetails, RankedLeaf, SearchDetails
from indexes.index import HierarchicalIndex
from indexes.settings import Settings
from indexes.verdict.checker import Checker
from indexes.verdict.quotes import likeliest, quotes_of
from indexes.verdict.windows import Source, sources_of
from tests.page.fakes import ScriptedLLM, WordEmbedding
from tests.page.test_verdict import context

TEXT = " ".join(
    [f"Keeper {number} of the harbour painted boat {number} in spring." for number in range(90)]
    + ["The lamp of the lighthouse is wound at dusk by Bosun Tregear."]
    + [f"Visitor {number} to the harbour asked about the lighthouse." for number in range(90)]
)
QUESTION = "Who winds the lamp of the lighthouse at dusk?"


class Counting(WordEmbedding):
    """Counts what it is asked for."""

    texts: Counter[str] = Field(default_factory=Counter)
    questions: list[str] = Field(default_factory=list)

    def _get_text_embedding(self, text: str) -> list[float]:
        self.texts[text] += 1
        return super()._get_text_embedding(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        self.questions.append(query)
        return super()._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[HierarchicalIndex]:
    (tmp_path / "harbour.txt").write_text(TEXT)
    settings = Settings(index=str(tmp_path / "index"), budget=64)
    llm = ScriptedLLM(reply="Bosun Tregear winds the lamp.")
    with HierarchicalIndex(settings, embedding=Counting(), llm=llm) as index:
        index.ingest([tmp_path / "harbour.txt"])
        yield index


@pytest.mark.parametrize("pattern", ["regular", "parent", "parent+extract"])
async def test_quotes_are_true_to_the_document_whatever_the_budget(
    index: HierarchicalIndex, pattern: str
) -> None:
    answer = await index.aask(QUESTION, pattern)
    assert any("Bosun Tregear" in quote.text for quote in answer.quotes)
    for quote in answer.quotes:
        assert TEXT[quote.start : quote.end] == quote.text
        given = [
            found.number for found in answer.contexts if found.start <= quote.start < found.end
        ]
        assert quote.context == (given[0] if given else 0)


async def test_what_is_quoted_may_be_more_than_the_model_reads(index: HierarchicalIndex) -> None:
    answer = await index.aask("Which keeper of the harbour painted boat 7?", "regular", budget=16)
    assert any(quote.context == 0 for quote in answer.quotes)


async def test_the_question_and_each_sentence_are_embedded_once(index: HierarchicalIndex) -> None:
    model = index.embedding
    assert isinstance(model, Counting)
    # The index asks now and then what is usual for it, in a thread of its own.
    await index.aask(QUESTION, "parent")
    model.texts.clear()
    model.questions.clear()
    answer = await index.aask("Which visitor asked about the lighthouse?", "parent")
    assert answer.support
    assert model.questions == ["Which visitor asked about the lighthouse?"]
    assert max(model.texts.values()) == 1


async def test_lanes_that_ask_at_once_embed_a_sentence_once(index: HierarchicalIndex) -> None:
    model = index.embedding
    assert isinstance(model, Counting)
    await index.aask(QUESTION, "parent")
    model.texts.clear()
    asked = "Which visitor asked about the lighthouse?"
    await asyncio.gather(*(index.aask(asked, name) for name in ("regular", "parent")))
    assert max(model.texts.values()) == 1


@pytest.mark.parametrize("gap", ["\n\n", "\n  \n", "\r\n\r\n"])
def test_a_quote_ends_with_its_paragraph(gap: str) -> None:
    text = f"Boats leave at dawn. Few do.{gap}On Sundays boats leave late.{gap}Keepers paint."
    quotes = Checker("When do boats leave?", [context(text)], Counting()).quotes()
    assert quotes[0].text == "On Sundays boats leave late."
    assert not [quote for quote in quotes if gap in quote.text]


@pytest.mark.parametrize("heading", ["Tides and boats", "THE TIDES."])
def test_a_heading_is_quoted_with_the_sentence_below_it(heading: str) -> None:
    text = f"{heading}\n\nThey turn at noon.\n\nKeepers paint."
    (quote, *_) = Checker("When do tides turn?", [context(text)], Counting()).quotes()
    assert quote.text == f"{heading}\n\nThey turn at noon."


@pytest.mark.parametrize("bullet", ["•", "-", "*", "–"])
def test_items_of_a_list_are_no_headings(bullet: str) -> None:
    text = (
        f"{bullet} Replace the filters in May\n{bullet} Paint the doors\n\n3. Break clause\n\nGo."
    )
    (quote, *_) = Checker("Replace which filters?", [context(text)], Counting()).quotes()
    assert quote.text == f"{bullet} Replace the filters in May\n{bullet} Paint the doors"


def test_a_quote_does_not_end_in_the_heading_of_what_follows() -> None:
    text = "# Tides\n\nTwice a day\n\n## Keepers\n\nThey paint."
    (quote, *_) = Checker("How often is the tide?", [context(text)], Counting()).quotes()
    assert quote.text == "# Tides\n\nTwice a day"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("## How do I cancel my membership?", "Write to the desk. It ends with that month."),
        ("Q: How do I cancel my membership?", "A: Write to the desk."),
        ("كيف ألغي العضوية؟", "اكتب إلى المكتب."),
        ("会員をやめるには？", "受付に書いてください。"),
    ],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_question_is_quoted_with_its_answer(asked: str, said: str, gap: str) -> None:
    text = f"Keepers paint.{gap}{asked}{gap}{said}{gap}Boats leave.{gap}May I bring my dog?"
    question = asked.removeprefix("## ").removeprefix("Q: ")
    quotes = Checker(question, [context(text)], Counting()).quotes()
    assert quotes[0].text.startswith(f"{asked}{gap}{said.split('. ')[0]}")
    assert not [quote for quote in quotes if quote.text.endswith("?")]


def test_of_questions_alone_the_likeliest_are_quoted() -> None:
    text = "Do you smoke?\n\nHow tall are you?\n\nWhere do you live?"
    (quote, *_) = Checker(
        "Is smoking asked about, do you smoke?", [context(text)], Counting()
    ).quotes()
    assert quote.text == "Do you smoke?"


async def test_the_trace_keeps_nothing_of_what_quotes_were_chosen_from(
    index: HierarchicalIndex,
) -> None:
    answer = await index.aask(QUESTION, "parent")
    searched, merged = answer.trace.find(SearchDetails), answer.trace.find(MergeDetails)
    assert searched is not None
    assert merged is not None
    assert searched.vector is None
    assert merged.reserve == ()
    told = answer.model_dump_json()
    assert '"reserve"' not in told
    assert '"vector"' not in told


def test_only_the_likeliest_sentences_are_embedded() -> None:
    text = " ".join(f"Sentence {number}." for number in range(200))
    places = [text.index(f"Sentence {number}.") for number in range(200)]
    whole = context(text)
    sources = [Source(1, whole, (at, at + 12)) for at in places]
    leaf = RankedLeaf(
        id="x", document=whole.document, document_id="id", position=0, hit=True, score=1,
        start=places[50], end=places[60], cosine=0.9, parent_cosine=0, bm25=0,
    )  # fmt: skip
    other = leaf.model_copy(update={"start": 0, "end": 1, "cosine": 0.1})
    chosen = likeliest("What of sentence 150?", sources, [leaf, other], 20)
    assert len(chosen) == 20
    assert chosen == sorted(chosen)
    assert {150, *range(50, 60)} <= set(chosen)


def test_the_names_of_columns_are_quoted_with_a_row_and_never_alone() -> None:
    fees = "Fees\n\nService | Small vessel | Large vessel\nMooring | 120 | 340\nWater | 45 | 45\n"
    sources = sources_of([context(fees)])
    alike = np.array([0.5, 0.9, 0.8, 0.1])  # the header is nearest to the question
    quotes = quotes_of("What does mooring a vessel cost?", sources, range(4), alike)
    assert quotes[0].text.strip() == "Mooring | 120 | 340"
    assert quotes[0].header == "Service | Small vessel | Large vessel"
    assert all("Service" not in quote.text for quote in quotes)


def test_a_row_is_compared_below_the_names_of_its_columns() -> None:
    text, embedding = "The vans left.\n\ndepot | vans\nAldbury | 5\nBrinton | 7\n", Counting()
    quotes = Checker("vans depot Aldbury", [context(text)], embedding).quotes()
    assert quotes[0].text.strip() == "Aldbury | 5"
    assert {*map(str.strip, embedding.texts)} >= {"depot | vans\nAldbury | 5", "The vans left."}


def test_a_row_alone_in_its_table_is_quoted() -> None:
    sources = sources_of([context("Mooring | 120 | 340\n\nThe lamp is lit.\n")])
    quotes = quotes_of("What does mooring cost?", sources, range(2), np.array([0.9, 0.1]))
    assert quotes[0].text.strip() == "Mooring | 120 | 340"
