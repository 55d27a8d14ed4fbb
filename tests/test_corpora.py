"""`fetch benchmarks`, against publishers on this machine."""

import io
import json
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import main
from app.corpora import Corpus, Original, chosen, corpora, fetch_corpora
from indexes.errors import DocumentError, SettingsError
from indexes.evaluation.questions import Question, read_questions
from tests.publishers import mirrored, originals, serving
from tests.test_development_data import DATA

needs_data = pytest.mark.skipif(
    not (DATA / "qmsum").exists(), reason="the development data is not here"
)


def test_the_data_file_says_of_each_corpus_whose_it_is_and_what_it_is_for() -> None:
    use = {corpus.name: corpus.use for corpus in corpora()}
    development = {"chunking_evaluation", "privacy_qa", "qmsum", "evidence_inference"}
    held_out = {"contractnli", "maud", "covid_qa", "obliqa"}
    assert use == dict.fromkeys(development, "development") | dict.fromkeys(held_out, "held-out")
    for corpus in corpora():
        assert corpus.licence
        for file in corpus.files:
            assert corpus.address(file, None).startswith("https://")
            assert file.url or len(file.commit) == 40
            assert not file.sha256 or len(file.sha256) == 64
    assert {corpus.name for corpus in chosen([])} == development
    assert {corpus.name for corpus in chosen([], held_out=True)} == development | held_out
    with pytest.raises(SettingsError, match="no benchmark is called 'squad': choose of chunking"):
        chosen(["squad"])


@pytest.mark.slow
@needs_data
@pytest.mark.parametrize("name", [corpus.name for corpus in chosen([])])
def test_what_is_fetched_is_the_development_data(name: str, tmp_path: Path) -> None:
    [corpus] = chosen([name])
    corpus = replace(corpus, files=tuple(replace(file, sha256="") for file in corpus.files))
    asked: list[str] = []
    with serving(mirrored(corpus, originals(corpus)), asked) as mirror:
        [found] = fetch_corpora(tmp_path, [corpus], mirror=mirror)
        fetch_corpora(tmp_path, [corpus], mirror=mirror)
    assert len(asked) == len(corpus.files) == found.downloaded == found.unknown
    assert found.left_out == {}
    there = {path.name: path.read_bytes() for path in (DATA / name / "corpora").iterdir()}
    assert {path.name: path.read_bytes() for path in (found.folder / "corpora").iterdir()} == there
    assert read_questions(found.folder / "questions.jsonl") == read_questions(
        DATA / name / "questions.jsonl"
    )


@pytest.mark.parametrize(
    "listed",
    [
        "",
        "[]",
        '{"corpora": [{"name": "a"}]}',
        '{"corpora": [{"name": "../a", "files": [], "layout": "squad"}]}',
        '{"corpora": [{"name": "a", "files": [{"path": "/etc/passwd"}], "layout": "squad"}]}',
        '{"corpora": [{"name": "a", "files": [{"path": "x/../../y"}], "layout": "squad"}]}',
        '{"corpora": [{"name": "a", "files": [], "layout": "other"}]}',
    ],
)
def test_a_list_of_ones_own_is_checked(tmp_path: Path, listed: str) -> None:
    (tmp_path / "list.json").write_text(listed, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"list\.json: is no list of benchmarks \(.*: mend it"):
        corpora(tmp_path / "list.json")


def small(layout: str, files: Mapping[str, str | bytes], **options: Any) -> Corpus:
    return Corpus(
        name="small",
        use="held-out",
        layout=layout,
        licence="none",
        publisher="https://example.org/small",
        files=tuple(Original(path) for path in files),
        options=options,
    )


def fetched(
    tmp_path: Path, layout: str, files: Mapping[str, str | bytes], **options: Any
) -> tuple[dict[str, str], list[Question], dict[str, int]]:
    """A small corpus's texts by name, its questions, and what was left out."""
    corpus = small(layout, files, **options)
    data = {path: said.encode() if isinstance(said, str) else said for path, said in files.items()}
    with serving(mirrored(corpus, data), []) as mirror:
        [found] = fetch_corpora(tmp_path, [corpus], mirror=mirror)
    texts = {
        path.name: path.read_text(encoding="utf-8") for path in (found.folder / "corpora").iterdir()
    }
    return texts, read_questions(found.folder / "questions.jsonl"), found.left_out


def quoted(texts: dict[str, str], question: Question) -> list[str]:
    return [texts[place.document][place.start : place.end] for place in question.references]


def test_squad(tmp_path: Path) -> None:
    text = "Masks helped, the study says. Gloves did not."
    qas = [
        {"id": 7, "question": " What helped? ", "answers": [{"text": "Masks", "answer_start": 0}]},
        {"id": 8, "question": "What hurt?", "answers": [{"text": "Masks", "answer_start": 3}]},
    ]
    paragraphs = [{"context": text, "document_id": 630, "qas": qas}]
    data = json.dumps({"data": [{"paragraphs": paragraphs}]})
    texts, questions, left_out = fetched(tmp_path, "squad", {"covid.json": data})
    assert texts == {"630.txt": text}
    assert [(one.id, one.question, quoted(texts, one)) for one in questions] == [
        ("7", "What helped?", ["Masks"])
    ]
    assert left_out == {
        "answers that are not where they are said to be": 1,
        "questions without evidence that can be placed": 1,
    }


@pytest.mark.slow
def test_legalbench_rag(tmp_path: Path) -> None:
    out = io.BytesIO()
    test = {
        "query": "Consider the agreement; may copies be kept?",
        "snippets": [{"file_path": "contractnli/A & B, Inc..txt", "span": [4, 17]}],
    }
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("benchmarks/contractnli.json", json.dumps({"tests": [test]}))
        archive.writestr("benchmarks/maud.json", json.dumps({"tests": []}))
        # Places are counted as Python reads text: a line break is one character.
        archive.writestr("corpus/contractnli/A & B, Inc..txt", "No.\r\nCopies may be kept.")
    data = {"legalbench-rag.zip": out.getvalue()}
    texts, questions, _ = fetched(tmp_path, "legalbench-rag", data, benchmark="contractnli")
    assert list(texts) == ["A___B_Inc..txt"]
    assert [quoted(texts, one) for one in questions] == [["Copies may be"]]
    with pytest.raises(DocumentError, match="not laid out as legalbench-rag"):
        fetched(tmp_path / "other", "legalbench-rag", data, benchmark="cuad")
    with pytest.raises(DocumentError, match="has no questions"):
        fetched(tmp_path / "empty", "legalbench-rag", data, benchmark="maud")
    with pytest.raises(DocumentError, match="no such archive"):
        fetched(tmp_path / "broken", "legalbench-rag", {"a.zip": "no zip"}, benchmark="maud")


@pytest.mark.slow
def test_obliqa(tmp_path: Path) -> None:
    passages = [
        {"PassageID": "1.", "Passage": "INTRODUCTION"},
        {"PassageID": "1.1", "Passage": ""},
        {"PassageID": "1.1.(a)", "Passage": "Records must be kept.\n"},
    ]
    asked = [
        {
            "QuestionID": name,
            "Question": "What must be kept?",
            "Passages": [{"DocumentID": 1, "PassageID": place, "Passage": said}],
        }
        for name, place, said in (
            ("placed", "1.1.(a)", "Records must be kept.\n"),
            ("elsewhere", "9.", "Records must be kept."),
            ("other words", "1.1.(a)", "Records should be kept."),
        )
    ]
    data = {"q.json": json.dumps(asked), "docs/1.json": json.dumps(passages)}
    texts, questions, left_out = fetched(tmp_path, "obliqa", data)
    assert texts == {"1.txt": "1. INTRODUCTION\n\n1.1.(a) Records must be kept.\n\n"}
    assert [(one.id, quoted(texts, one)) for one in questions] == [
        ("placed", ["Records must be kept."]),
        ("elsewhere", ["Records must be kept."]),
    ]
    assert left_out["passages that are in no document word for word"] == 1


@pytest.mark.slow
def test_a_file_that_is_not_its_publishers_is_refused(tmp_path: Path) -> None:
    corpus = small("squad", {"a.json": ""})
    wrong = replace(corpus, files=(Original("a.json", sha256="0" * 64),))
    with serving(mirrored(corpus, {"a.json": b"{}"}), []) as mirror:
        with pytest.raises(DocumentError, match=r"not the file that its publisher says: delete"):
            fetch_corpora(tmp_path, [wrong], mirror=mirror)
        # Not known beforehand, it is written down, and expected from then on.
        (tmp_path / "originals" / "small" / "a.json").unlink()
        with pytest.raises(DocumentError, match="not laid out as squad"):
            fetch_corpora(tmp_path, [corpus], mirror=mirror)
    (tmp_path / "originals" / "small" / "a.json").write_text("{ }")
    with pytest.raises(DocumentError, match="not the file that SHA256SUMS says"):
        fetch_corpora(tmp_path, [corpus])


def test_what_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    with (
        serving({}, []) as mirror,
        pytest.raises(DocumentError, match=r"small/-/a\.json.*404.*by hand"),
    ):
        fetch_corpora(tmp_path, [small("squad", {"a.json": ""})], mirror=mirror)


@pytest.mark.slow
@needs_data
def test_one_command_fetches_converts_and_says_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [corpus] = chosen(["qmsum"])
    with serving(mirrored(corpus, originals(corpus)), []) as mirror:
        words = ["fetch", "benchmarks", "--only", "qmsum", "--mirror", mirror]
        monkeypatch.setattr(sys, "argv", ["app", *words, "--folder", str(tmp_path)])
        main()
    said = capsys.readouterr().out
    assert "35 documents, 244 questions, development, 1 files downloaded" in said
    assert "hashes of 1 not known beforehand: see SHA256SUMS" in said
    assert (tmp_path / "benchmarks" / "originals" / "Yale-LILY--QMSum" / "SHA256SUMS").exists()
    assert len(read_questions(tmp_path / "benchmarks" / "qmsum" / "questions.jsonl")) == 244
