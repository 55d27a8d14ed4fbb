"""`advanced-rag advise`: from documents to a settings file that other commands take."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import indexes.index
import indexes.models.providers
from app.cli.main import main
from indexes.models.capabilities import Capabilities
from tests.evaluation.made_corpora import BUDGET, corpus
from tests.fakes import ScriptedLLM, WordEmbedding
from tests.test_commands import Ran

SIZES = ("--levels", "96,48,24", "--budgets", "60,120", "--budget", str(BUDGET))


@pytest.fixture
def rag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(indexes.models.providers, "build_embedding", lambda _: WordEmbedding())
    monkeypatch.setattr(indexes.index, "build_embedding", lambda _: WordEmbedding())
    monkeypatch.setattr(indexes.index, "build_llm", lambda _: ScriptedLLM())

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["app", *arguments])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run


@pytest.mark.slow
def test_a_recommendation_a_report_and_a_settings_file(
    rag: Callable[..., Ran], tmp_path: Path
) -> None:
    made = corpus("regular", questions=14)
    (tmp_path / "docs").mkdir()
    for name, text in made.texts.items():
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    lines = (question.model_dump_json() for question in made.questions)
    (tmp_path / "q.jsonl").write_text("\n".join(lines), encoding="utf-8")
    ran = rag("advise", "docs", "--questions", "q.jsonl", *SIZES,
              "--patterns", "regular,parent", "--search", "hybrid", "--json",
              "--price-in", "3")  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.json["decided"]
    assert ran.json["settings"] == {
        "pattern": "regular", "search": "hybrid", "levels": [96, 48, 24], "budget": BUDGET,
    }  # fmt: skip
    assert json.loads((tmp_path / "advice.json").read_text()) == ran.json["settings"]
    page = (tmp_path / "advice.md").read_text(encoding="utf-8")
    for wanted in ("Take regular", "## Recall by budget", "for its money", "## How it was chosen"):
        assert wanted in page
    # No index is left behind, only vectors; and other commands take the file.
    assert [path.name for path in (tmp_path / ".rag" / "advice").iterdir()] == ["vectors.sqlite"]
    assert rag("ingest", "docs", "--settings", "advice.json").code == 0
    asked = rag("ask", made.questions[0].question, "--settings", "advice.json", "--json")
    assert asked.json["pattern"] == "regular"


@pytest.mark.slow
def test_without_questions_a_fit_model_drafts_them(
    rag: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    for topic in ("lamp", "roses"):
        said = [f"In {year} the {topic} cost {year % 37} crowns." for year in range(1900, 1964)]
        (tmp_path / "docs" / f"{topic}.txt").write_text(" ".join(said), encoding="utf-8")

    def unwanted(*_: object, **__: object) -> None:
        raise AssertionError("nothing need be indexed for that")

    with monkeypatch.context() as before:
        before.setattr(indexes.index.HierarchicalIndex, "ingest", unwanted)
        refused = rag("advise", "docs", *SIZES)
    assert refused.code == 1
    assert "not fit to draft any: give --questions" in refused.err

    def scripted(_: object) -> ScriptedLLM:
        llm = ScriptedLLM()
        for n in range(12):
            asked = f"Price of item number {n * 7}, in crowns?"
            llm.enqueue(f'{{"question": "{asked}", "sentences": [{n % 8 + 1}]}}')
        for _n in range(12):
            llm.enqueue("unknown", '{"understood": true, "answered": true}')
        return llm

    monkeypatch.setattr(indexes.index, "build_llm", scripted)
    monkeypatch.setattr(indexes.index, "describe_llm", lambda _: Capabilities("scripted", 4096))
    ran = rag("advise", "docs", *SIZES, "--count", "8", "--patterns", "regular,parent",
              "--judge", "embedding")  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.out.startswith(("Not decided by these 8 questions: keep parent", "Take "))
    assert "8 questions drafted (left out: none)" in ran.err.replace("\n", " ")
    assert len((tmp_path / ".rag/advice/drafted.jsonl").read_text().splitlines()) == 8
    assert "nobody has reviewed them" in (tmp_path / "advice.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_wrong_options_are_one_line(rag: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The lamp burns.", encoding="utf-8")
    (tmp_path / "q.jsonl").write_text(
        '{"id": 1, "question": "What burns?", "references": '
        '[{"document": "a.txt", "start": 0, "end": 8}]}'
    )
    few = rag("advise", "a.txt", "--questions", "q.jsonl")
    assert few.code == 1
    assert "1 questions with evidence: give 4 at least" in few.err
    wrong = rag("advise", "a.txt", "--questions", "q.jsonl", "--budgets", "many")
    assert "--budgets many: give numbers" in wrong.err
    assert (
        "no pattern is called 'parnt'"
        in rag("advise", "a.txt", "--questions", "q.jsonl", "--patterns", "parnt").err
    )
