"""A judge that knows the evidence answers each compressor's own prompt."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexes.evaluation.judges import PerfectJudge
from indexes.evaluation.lanes import open_lane
from indexes.evaluation.questions import Question, Reference
from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from tests.fakes import WordEmbedding

FACT = "The lamp was lit\nby Ada in 1903."
FILLER = "Nothing of note was said about the {}. It rained: all day, and {} went home."
TEXT = " ".join(FILLER.format(n, n) for n in range(30))
TEXT = f"{TEXT}\n\nIt was a long winter. {FACT} The sea was calm.\n\n{TEXT}"
START = TEXT.index(FACT)
QUESTION = Question(
    id="q",
    question="Who lit the lamp?",
    references=(Reference(document="lamp.txt", start=START, end=START + len(FACT)),),
)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[HierarchicalIndex]:
    (tmp_path / "lamp.txt").write_text(TEXT, encoding="utf-8")
    judge = PerfectJudge([QUESTION], {"lamp.txt": TEXT})
    settings = load_settings(index=str(tmp_path / "index"), levels=(96, 48, 24), judge="llm")
    with HierarchicalIndex(settings, embedding=WordEmbedding(), llm=judge) as index:
        index.ingest([tmp_path / "lamp.txt"])
        yield index


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["extract@chosen", "filter", "parent+extract@chosen", "langchain-extract", "langchain-filter"],
)
def test_it_keeps_the_evidence_and_little_else(asked: HierarchicalIndex, name: str) -> None:
    contexts, trace = open_lane(name, asked).retrieve(QUESTION.question, budget=400)
    stage = trace["filter" if "filter" in name else "extract"]
    found = " ".join(context.text for context in contexts)
    assert FACT in found
    assert stage.llm_calls > 0
    assert stage.llm_tokens_out > 0
    assert stage.tokens_out < stage.tokens_in
    if "extract" in name:
        assert len(found) <= len(FACT) + 2


@pytest.mark.slow
def test_reranked_the_evidence_comes_first(asked: HierarchicalIndex) -> None:
    contexts, _ = open_lane("rerank", asked).retrieve(QUESTION.question, budget=400)
    assert FACT in contexts[0].text


@pytest.mark.slow
def test_a_passage_asked_for_alone_is_judged(asked: HierarchicalIndex) -> None:
    settings = asked.settings.model_copy(update={"judge_packing": "each"})
    each = HierarchicalIndex(
        settings, engine=asked.engine, embedding=asked.embedding, llm=asked.llm
    )
    contexts, trace = each.retrieve(QUESTION.question, "filter", budget=400)
    assert FACT in " ".join(context.text for context in contexts)
    assert len(contexts) < trace["filter"].nodes_in


def test_it_refuses_what_it_was_not_told() -> None:
    judge = PerfectJudge([QUESTION], {"lamp.txt": TEXT})
    with pytest.raises(ValueError, match="prompts of compressors only"):
        judge.complete("Tell me a joke.")
    with pytest.raises(ValueError, match=r"not told about the question 'Why\?'"):
        judge.complete("Question: Why?\n\nNumbered sentences from documents:\n\n[1] a")
