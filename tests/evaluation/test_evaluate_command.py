"""`advanced-rag evaluate`: from questions and documents to a table, a page, plots and JSON."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import indexes.models.providers
from app.cli.main import main
from indexes.errors import ModelError
from indexes.evaluation import comparison
from tests.fakes import ScriptedLLM, WordEmbedding
from tests.test_commands import Ran

TOPICS = ("lamp", "roses", "bees")
LANES = "regular,parent,extract@llm@chosen,langchain-regular,langchain-extract"


def text(topic: str) -> str:
    return "\n\n".join(
        f"Part {n} of the {topic}. Keeper {n} looked after the {topic}. It rained a little."
        for n in range(40)
    )


@pytest.fixture
def evaluate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(indexes.models.providers, "build_embedding", lambda _: WordEmbedding())
    monkeypatch.setattr("indexes.index.build_llm", lambda _: ScriptedLLM())
    (tmp_path / "docs").mkdir()
    questions = []
    for topic in TOPICS:
        (tmp_path / "docs" / f"{topic}.txt").write_text(text(topic), encoding="utf-8")
        for n in (3, 17):
            evidence = f"Keeper {n} looked after the {topic}."
            start = text(topic).index(evidence)
            place = {"document": f"{topic}.txt", "start": start, "end": start + len(evidence)}
            asked = f"Who was keeper {n} of the {topic}?"
            questions.append({"id": f"{topic}-{n}", "question": asked, "references": [place]})
    questions.append({"id": "none", "question": "What is missing?", "references": []})
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, questions)), encoding="utf-8")

    def run(*arguments: str) -> Ran:
        words = ["app", "evaluate", "--questions", "q.jsonl", "--documents", "docs", *arguments]
        monkeypatch.setattr(sys, "argv", words)
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run


@pytest.mark.slow
def test_one_command_makes_table_page_plots_and_json(
    evaluate: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = evaluate(
        "--lanes", LANES, "--budgets", "64,128", "--out", "out/page.md", "--json-out", "all.json",
        "--title", "Lamps", "--caveat", "All of it is invented.", "--price-in", "3",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "recall, 6 questions" in ran.out
    page = (tmp_path / "out" / "page.md").read_text(encoding="utf-8")
    assert page.startswith("# Lamps\n")
    assert "advanced-rag evaluate --questions q.jsonl" in page
    for lane in LANES.split(","):
        assert page.count(f"`{lane}`") >= 3
    for wanted in (
        "95% intervals", "## Differences to", "What goes against", "## Compression",
        "- All of it is invented.", "stand-in that knows the evidence", "cost, 1,000 questions",
        "langchain-core 1.", "3 documents or sets of documents",
    ):  # fmt: skip
        assert wanted in page, wanted
    for picture in ("page-recall.png", "page-cost.png"):
        assert (tmp_path / "out" / "images" / picture).read_bytes().startswith(b"\x89PNG")
        assert f"](images/{picture})" in page
    figures = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    found = {lane["name"]: lane["budgets"]["128"]["all"] for lane in figures["lanes"]}
    assert set(found) == set(LANES.split(","))
    for lane in found.values():
        assert 0 <= lane["recall"]["low"] <= lane["recall"]["mean"] <= lane["recall"]["high"] <= 1
    # A perfect judge drops everything but the evidence: its compressors are precise.
    assert (
        found["extract@llm@chosen"]["precision"]["mean"] > 3 * found["regular"]["precision"]["mean"]
    )
    assert found["langchain-extract"]["llm_calls"] > found["extract@llm@chosen"]["llm_calls"] > 0
    assert found["extract@llm@chosen"]["verbatim"] == found["langchain-extract"]["verbatim"] == 1


@pytest.mark.slow
def test_the_stand_in_judges_only_where_a_model_is_asked_for(
    evaluate: Callable[..., Ran], tmp_path: Path
) -> None:
    evaluate("--lanes", "extract,extract@llm", "--budgets", "64", "--json-out", "all.json")
    figures = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    judges = {lane["name"]: lane["options"]["judge"] for lane in figures["lanes"]}
    assert judges == {"extract": "embedding", "extract@llm": "llm"}


@pytest.mark.slow
def test_a_second_time_runs_are_read(
    evaluate: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate("--lanes", "parent,langchain-regular", "--budgets", "64", "--json")

    def refuse(*_: Any) -> None:
        raise AssertionError("this was run before")

    # A peer that is opened cuts all documents, and imports its framework.
    monkeypatch.setattr(comparison, "open_lane", refuse)
    second = evaluate("--lanes", "parent,langchain-regular", "--budgets", "64", "--json")
    assert second.code == 0
    assert json.loads(second.out) == json.loads(first.out)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_stopped(
    evaluate: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexes.lanes import PatternLane

    asked: list[str] = []
    retrieve = PatternLane.retrieve

    def until_the_third(lane: PatternLane, question: str, **options: Any) -> Any:
        asked.append(question)
        if len(asked) == 3:
            raise KeyboardInterrupt
        if len(asked) == 5:
            raise ModelError("it was busy")
        return retrieve(lane, question, **options)

    monkeypatch.setattr(PatternLane, "retrieve", until_the_third)
    arguments = ("--lanes", "regular", "--budgets", "64", "--json")
    assert evaluate(*arguments).code == 130
    assert evaluate(*arguments).code == 0
    # Two were known, one had not ended, and one of those after it failed.
    assert asked[2] == asked[3]
    assert len(asked) == 3 + 4
    figures = evaluate(*arguments)
    # Only that one is asked again.
    assert len(asked) == 8 and asked[7] == asked[4]
    assert json.loads(figures.out)["lanes"][0]["errors"] == {}


@pytest.mark.slow
def test_documents_of_an_earlier_comparison_are_not_searched(
    evaluate: Callable[..., Ran], tmp_path: Path
) -> None:
    alone = evaluate("--lanes", "regular,langchain-regular", "--budgets", "64", "--json")
    (tmp_path / "others").mkdir()
    for number in range(3):  # as good as the evidence, which they would crowd out
        decoy = tmp_path / "others" / f"decoy-{number}.txt"
        decoy.write_text(f"Decoy {number}. {text('lamp')}", encoding="utf-8")
    others = ("--documents", "others", "--documents", "docs")
    among = evaluate(*others, "--lanes", "regular,langchain-regular", "--budgets", "64", "--json")
    again = evaluate("--lanes", "regular,langchain-regular", "--budgets", "64", "--json")
    figures = [json.loads(ran.out) for ran in (alone, among, again)]
    assert [made["documents"] for made in figures] == [3, 6, 3]
    assert figures[2]["lanes"][0]["budgets"] == figures[0]["lanes"][0]["budgets"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--lanes", "best"], "no lane is called 'best'"),
        (["--budgets", "some"], "--budgets some: give numbers"),
        (["--lanes", "parent@sideways"], "no lane is called 'parent@sideways'"),
        (["--judge", "nobody"], "--judge"),
    ],
)
def test_mistakes_end_as_one_line(
    evaluate: Callable[..., Ran], arguments: list[str], line: str
) -> None:
    ran = evaluate(*arguments)
    assert ran.code != 0
    last = ran.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert line in last


@pytest.mark.slow
def test_evidence_that_is_not_there_is_named(evaluate: Callable[..., Ran], tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(path.read_text().replace('"lamp.txt"', '"lamps.txt"'), encoding="utf-8")
    ran = evaluate("--lanes", "regular", "--budgets", "64")
    assert "question lamp-3: lamps.txt is not indexed" in ran.err
    path.write_text('{"id": 1, "question": "Who?"}\n', encoding="utf-8")
    assert "none of its questions has references" in evaluate("--lanes", "regular").err
