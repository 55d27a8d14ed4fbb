"""Facts × lanes say what an evaluation counts, and one sentence says it to people."""

from collections.abc import Iterator

import pytest

from app.samples import LETTERS, QUESTIONS
from indexes import HierarchicalIndex, load_settings
from indexes.evaluation.facts import difference, facts, verdict_sentence, with_texts
from indexes.evaluation.questions import Reference, read_questions
from indexes.evaluation.runs import line_of
from indexes.evaluation.scores import score_run
from indexes.evaluation.spans import Place
from tests.fakes import ScriptedLLM, WordEmbedding

IN_2021 = Reference(document="letter-2021.txt", start=10, end=20)
IN_2022 = Reference(document="letter-2022.txt", start=0, end=10)
EVERYTHING = [Place("letter-2022.txt", 0, 30), Place("letter-2021.txt", 0, 40)]


def test_a_fact_is_found_partly_found_or_missed() -> None:
    found = facts("parent", [IN_2021, IN_2022], [Place("x", 0, 9), Place("letter-2021.txt", 0, 15)])
    first, second = found.facts
    assert (first.verdict, first.share, first.rank) == ("partly", 0.5, 2)
    assert first.missing == (Place("letter-2021.txt", 15, 20),)
    assert (second.verdict, second.share, second.rank) == ("missed", 0.0, None)
    assert (found.found, found.scores.recall) == (0, 0.25)


def test_the_sentence_says_who_found_what_and_what_it_cost() -> None:
    parent = facts("parent", [IN_2021, IN_2022], EVERYTHING, seconds=0.8)
    regular = facts("regular", [IN_2021, IN_2022], [], seconds=0.6)
    parent, regular = (with_texts(one, lambda _: "it was 5%") for one in (parent, regular))
    assert verdict_sentence([parent, regular]) == (
        "`parent` found the 2021 and 2022 figures that `regular` missed; finding took 0.2 s more."
    )
    level = facts("extract", [IN_2021, IN_2022], EVERYTHING, seconds=2.0)
    assert verdict_sentence([parent, level]) == (
        "Both found all 2 pieces of evidence; `parent` was 1.2 s faster than `extract`."
    )
    assert verdict_sentence([regular, facts("filter", [IN_2021, IN_2022], [])]) == (
        "None of them found any of the evidence."
    )
    assert verdict_sentence([regular, parent, level]).startswith(
        "`parent` and `extract` found the 2021 and 2022 figures that `regular` missed"
    )
    assert verdict_sentence([]) == ""


def test_a_difference_is_where_the_other_has_nothing() -> None:
    found = difference("a", [Place("x", 0, 30)], "b", [Place("x", 10, 20)])
    assert found.spans == (Place("x", 0, 10), Place("x", 20, 30))


def test_without_evidence_there_are_no_facts() -> None:
    with pytest.raises(ValueError, match="without evidence"):
        facts("parent", [], EVERYTHING)


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HierarchicalIndex]:
    folder = tmp_path_factory.mktemp("letters")
    settings = load_settings(index=str(folder), judge="embedding", provider="local")
    with HierarchicalIndex(settings, embedding=WordEmbedding(), llm=ScriptedLLM()) as index:
        index.ingest([LETTERS])
        yield index


@pytest.mark.slow
def test_on_all_sample_questions_facts_are_what_evaluate_counts(letters: HierarchicalIndex) -> None:
    questions = read_questions(QUESTIONS)
    assert len(questions) == 72
    asked = [question for question in questions if question.references]
    texts = {
        manifest.source: "".join(
            leaf.text for leaf in letters.store.leaves(manifest.document_id, manifest.version, 9999)
        )
        for manifest in letters.documents()
    }

    def blank(document: str, start: int, end: int) -> bool:
        return not texts.get(document, "-")[start:end].strip()

    for pattern in ("parent", "regular"):
        retrieved = [letters.retrieve(one.question, pattern, budget=512) for one in asked]
        lines = [line_of(q.id, *found) for q, found in zip(asked, retrieved, strict=True)]
        for question, (contexts, _), score in zip(
            asked, retrieved, score_run(asked, lines, texts=texts), strict=True
        ):
            found = facts(pattern, question.references, contexts, blank=blank)
            for name in ("recall", "precision", "iou", "whole"):
                assert getattr(found.scores, name) == score.values[name]
            assert (found.found == len(found.facts)) == (score.values["whole"] == 1)
