"""No evidence is said where a question is no closer to an index than unrelated ones are."""

from pathlib import Path

from indexes import HierarchicalIndex
from indexes.details import MergeDetails, SearchDetails
from indexes.trace import Stage, Trace
from indexes.verdict.evidence import PROBES, Usual, closest_of, judged


def test_what_is_usual_is_not_moved_by_questions_that_the_documents_answer() -> None:
    few = Usual.of([0.1, 0.12, 0.14, 0.16, 0.18])
    assert Usual.of([0.1, 0.12, 0.14, 0.16, 0.95]).median == few.median
    assert few.median < few.least < 0.25


def test_a_question_has_evidence_if_its_closest_leaf_is_unusually_close() -> None:
    usual = Usual.of([0.1, 0.12, 0.14, 0.16, 0.18])
    assert judged(0.5, usual).found
    far = judged(0.15, usual)
    assert not far.found
    assert "no closer to the question (0.15)" in far.why


def test_a_search_by_words_only_says_nothing_of_closeness() -> None:
    searched = SearchDetails(
        mode="bm25", top_k=5, candidates=1, documents=1, changed_while_reading=False
    )
    trace = Trace(
        stages=[
            Stage(name="search", details=searched),
            Stage(name="merge", details=MergeDetails()),
        ]
    )
    assert closest_of(trace) is None
    assert closest_of(Trace()) is None


def test_an_index_says_so_in_its_answers(index: HierarchicalIndex, tmp_path: Path) -> None:
    text = "The lighthouse keeper winds the lamp at dusk. " * 3
    (tmp_path / "lamp.txt").write_text(text, encoding="utf-8")
    index.ingest([tmp_path / "lamp.txt"])
    known = index.ask("Who winds the lighthouse lamp at dusk?", answer="quotes").evidence
    unknown = index.ask("Zebras juggle quartz vinyl", answer="quotes").evidence
    assert known is not None
    assert unknown is not None
    assert (known.found, unknown.found) == (True, False)
    assert known.usual == unknown.usual
    assert len(PROBES) == 20
