"""Real documents, read where they are; skipped, loudly, where they are not."""

import json
from pathlib import Path

import pytest

from indexes.evaluation.questions import read_questions
from indexes.index import HierarchicalIndex

DATA = Path(__file__).parents[2] / "shared" / "data"


def data(name: str) -> Path:
    if not (DATA / name).exists():
        pytest.skip(f"THE DEVELOPMENT DATA IS MISSING: expected {name} in ../shared/data")
    return DATA / name


@pytest.mark.slow
def test_the_amazon_letters_are_read_page_by_page(index: HierarchicalIndex) -> None:
    report = index.ingest([data("amazon_letters")])
    assert (len(report.added), report.failed) == (6, [])
    for manifest in index.documents():
        assert manifest.page_starts and len(manifest.page_starts) >= 3
        assert "Shareholder Letter" in manifest.title
    contexts, _ = index.retrieve("How did AWS evolve?", budget=300)
    assert contexts and all(context.pages for context in contexts)


@pytest.mark.parametrize("corpus", ["chunking_evaluation", "privacy_qa"])
def test_gold_offsets_are_offsets_of_our_documents(index: HierarchicalIndex, corpus: str) -> None:
    from indexes.documents import load_documents

    def fail(path: Path, error: Exception) -> None:
        raise AssertionError(f"{path}: {error}")

    lengths = {
        document.metadata["source"]: len(document.text)
        for document in load_documents([data(corpus) / "corpora"], on_error=fail)
    }
    for question in read_questions(data(corpus) / "questions.jsonl"):
        for place in question.references:
            assert place.end <= lengths[place.document]


def test_the_sample_questions_point_at_their_evidence() -> None:
    from app.samples import LETTERS, QUESTIONS
    from indexes.documents import load_document

    questions = read_questions(QUESTIONS)
    assert len(questions) >= 40
    assert sum(len(q.references) > 1 for q in questions) >= len(questions) / 3
    assert sum(not q.references for q in questions) == 5
    texts = {path.name: load_document(path).text for path in LETTERS.glob("*.pdf")}
    authored = {
        question["id"]: [evidence["quote"] for evidence in question["evidence"]]
        for question in json.loads(QUESTIONS.with_suffix(".json").read_text(encoding="utf-8"))
    }
    for question in questions:
        found = [
            " ".join(texts[place.document][place.start : place.end].split())
            for place in question.references
        ]
        assert sorted(found) == sorted(" ".join(q.split()) for q in authored[question.id])
