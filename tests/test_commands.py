"""The command line: what it prints, where, and with which exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from qdrant_client.models import PointIdsList, PointStruct

import indexes.index
from app.cli.answer_output import _print_quotes
from app.cli.main import cli, main
from app.samples import LETTERS
from indexes.answers import Quote
from indexes.store.nodes import matching
from indexes.store.points import DENSE
from tests.fakes import DIMENSION, ScriptedLLM, WordEmbedding
from tests.store.stand_in import StandIn
from tests.store.stand_in_rules import Rules

TEXT = "The lighthouse keeper winds the lamp at dusk. He sleeps by day. " * 20


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def rag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Runs `advanced-rag …` in this process, on an index of its own, with quick models."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    monkeypatch.setattr(indexes.index, "build_embedding", lambda _: WordEmbedding())
    monkeypatch.setattr(indexes.index, "build_llm", lambda _: ScriptedLLM())
    (tmp_path / "lighthouse.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "garden.md").write_text("# Garden\n\nRoses need sun.\n", encoding="utf-8")

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
def test_ask_as_json_keeps_its_contract(rag: Callable[..., Ran]) -> None:
    assert rag("ingest", "lighthouse.txt", "garden.md").code == 0
    ran = rag("ask", "Who winds the lamp?", "--pattern", "parent", "--json")
    assert ran.code == 0
    answer = ran.json
    assert {"question", "pattern", "answer", "contexts", "trace"} <= set(answer)
    assert (answer["question"], answer["pattern"]) == ("Who winds the lamp?", "parent")
    for context in answer["contexts"]:
        fields = {"document", "start", "end", "pages", "text", "score", "level"}
        assert fields <= set(context)
    first = answer["contexts"][0]
    assert first["document"] == "lighthouse.txt"
    assert first["text"] == TEXT[first["start"] : first["end"]]
    assert [stage["name"] for stage in answer["trace"]][-2:] == ["answer", "cite"]


@pytest.mark.slow
def test_a_settings_file_is_taken_and_options_win(rag: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "advice.json").write_text('{"pattern": "regular", "levels": [48, 24]}', "utf-8")
    assert rag("ingest", "lighthouse.txt", "--settings", "advice.json").code == 0
    asked = ["ask", "Who winds the lamp?", "--settings", "advice.json", "--json"]
    assert rag(*asked).json["pattern"] == "regular"
    assert rag(*asked, "--pattern", "parent").json["pattern"] == "parent"
    (tmp_path / "advice.json").write_text('{"paterns": 1}', "utf-8")
    ran = rag(*asked)
    assert (ran.code, ran.out) == (1, "")
    assert "no setting is called 'paterns': did you mean pattern" in ran.err


@pytest.mark.slow
def test_ask_prints_the_answer_and_its_sources(rag: Callable[..., Ran]) -> None:
    rag("ingest", "lighthouse.txt")
    ran = rag("ask", "Who winds the lamp?")
    assert ran.out.startswith(
        "“The lighthouse keeper winds the lamp at dusk. He sleeps by day.”\n  [1] lighthouse.txt"
    )
    assert "\nScripted answer [1].\n" in ran.out
    assert "unsupported: Scripted answer [1]. (no passage says this)" in ran.out
    assert "[1] lighthouse.txt" in ran.out
    assert "\x1b" not in ran.out, "colour is for terminals"


def test_a_quote_that_is_in_no_passage_has_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    _print_quotes([Quote(text="So.", document="a.txt", start=0, end=3, context=n) for n in (0, 2)])
    assert capsys.readouterr().out == "“So.”\n  a.txt\n“So.”\n  [2] a.txt\n\n"


@pytest.mark.slow
def test_quotes_are_answered_without_a_language_model(
    rag: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a language model was made")

    rag("ingest", "lighthouse.txt")
    monkeypatch.setattr(indexes.index, "build_llm", refuse)
    found = json.loads(rag("ask", "Who winds the lamp?", "--answer", "quotes", "--json").out)
    quote = found["quotes"][0]
    text = Path("lighthouse.txt").read_text("utf-8")
    assert quote["text"] == text[quote["start"] : quote["end"]]
    assert (quote["document"], quote["pages"]) == ("lighthouse.txt", None)
    assert found["answer"].startswith(quote["text"])
    assert "answer" not in [stage["name"] for stage in found["trace"]]
    written = json.loads(
        rag("ask", "Who winds it?", "--answer", "quotes", "--pattern", "extract", "--json").out
    )
    assert written["quotes"]


@pytest.mark.slow
def test_a_written_answer_alone_has_no_quotes(rag: Callable[..., Ran]) -> None:
    rag("ingest", "lighthouse.txt")
    found = json.loads(rag("ask", "Who winds the lamp?", "--answer", "written", "--json").out)
    assert (found["quotes"], found["answer"]) == ([], "Scripted answer [1].")


@pytest.mark.slow
def test_run_writes_a_line_per_question(rag: Callable[..., Ran], tmp_path: Path) -> None:
    rag("ingest", "lighthouse.txt", "garden.md")
    questions = [{"id": n, "question": f"lamp {n}", "references": []} for n in range(3)]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, questions)) + "\n")
    ran = rag("run", "--questions", "q.jsonl", "--budget", "64", "--out", "run.jsonl")
    assert ran.code == 0
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [0, 1, 2]
    for line in lines:
        assert set(line) == {"id", "results", "seconds", "llm_calls"}
        assert line["llm_calls"] == 0
        assert set(line["results"][0]) == {"document", "start", "end", "score", "number"}


@pytest.mark.slow
def test_a_lane_is_run_like_a_pattern(rag: Callable[..., Ran], tmp_path: Path) -> None:
    rag("ingest", "lighthouse.txt")
    (tmp_path / "q.jsonl").write_text('{"id": 1, "question": "lamp"}\n')
    arguments = ("run", "--questions", "q.jsonl", "--out", "run.jsonl", "--pattern")
    assert rag(*arguments, "regular@bm25").code == 0
    assert json.loads((tmp_path / "run.jsonl").read_text())["results"]
    assert "no lane is called 'best'" in rag(*arguments, "best").err


@pytest.mark.slow
def test_documents_are_listed_and_removed(rag: Callable[..., Ran]) -> None:
    rag("ingest", ".")
    listed = rag("documents", "--json").json
    assert {document["source"] for document in listed} >= {"lighthouse.txt", "garden.md"}
    assert rag("remove", "garden.md").out.startswith("removed garden.md")
    assert "garden.md" not in rag("documents").out


@pytest.mark.slow
def test_ingest_reports_as_json(rag: Callable[..., Ran]) -> None:
    report = rag("ingest", "lighthouse.txt", "--json").json
    assert report["added"] == ["lighthouse.txt"]
    assert report["leaves"] > 0
    assert rag("ingest", "lighthouse.txt", "--json").json["unchanged"] == ["lighthouse.txt"]


def test_ingest_leaves_an_export_behind_it(rag: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "gull.md").write_text("A gull sat on the pier.")
    export = tmp_path / "all.jsonl"
    killed = tmp_path / f".all.jsonl.{'0a' * 16}"
    killed.write_text("half of")
    assert rag("ingest", str(tmp_path / "gull.md"), "--export-after-ingest", str(export)).code == 0
    assert "A gull sat on the pier." in export.read_text()
    assert not killed.exists()


def test_what_is_worth_knowing_of_a_server_is_a_note(
    rag: Callable[..., Ran], tmp_path: Path
) -> None:
    with StandIn(tmp_path / "served", rules=Rules(version="1.25.0")) as server:
        ran = rag("documents", "--index", server.url)
    assert ran.code == 0
    assert f"note: {server.url} is Qdrant 1.25.0, newer than what was tried\n" in ran.err


@pytest.mark.slow
def test_a_servers_index_is_looked_after_by_the_same_commands(
    rag: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, again = tmp_path / "all.jsonl.gz", tmp_path / "again.jsonl.gz"
    with StandIn(tmp_path / "served") as server:
        monkeypatch.setenv("RAG_INDEX", server.url)
        assert rag("ingest", "lighthouse.txt", "--export-after-ingest", str(export)).code == 0
        assert rag("verify", "--deep").out.startswith("clean: 1 documents")
        assert rag("export", str(again), "--json").json["copied"] == ["lighthouse.txt"]
        imported = rag("import", str(export), "--collection", "second", "--json").json
        assert imported["copied"] == ["lighthouse.txt"]
        copied = rag("copy", "--to", server.url, "--to-collection", "third", "--json").json
        assert copied["points"] == imported["points"]
        for name in ("second", "third"):
            assert rag("verify", "--deep", "--collection", name).code == 0

        (point,), _ = server.backend.scroll("documents", matching(kind="leaf"), limit=1)
        wrong = {DENSE: [0.0] * DIMENSION}
        server.backend.upsert(
            "documents", [PointStruct(id=point.id, vector=wrong, payload=point.payload)]
        )
        found = rag("verify", "--deep", "--json")
        assert found.code == 1
        assert {problem["fix"] for problem in found.json["problems"]} == {
            "run `advanced-rag rebuild`"
        }
        assert rag("rebuild").out.startswith("1 documents restored")
        assert rag("verify", "--deep").code == 0

        server.backend.delete(server.aliases["documents"], PointIdsList(points=[point.id]))
        lost = rag("rebuild")
        assert lost.code == 1
        assert "--from an export" in lost.err
        assert rag("rebuild", "--from", str(export), "--json").json["lost"] == []
        assert rag("verify", "--deep").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["ask", "hello"], 1, "run `advanced-rag ingest FILES` first"),
        (["ask"], 2, "Missing argument 'QUESTION'"),
        (["ask", "hello", "--budget", "much"], 2, "'much' is not a valid integer"),
        (["ask", "hello", "--budget", "3"], 1, "RAG_BUDGET"),
        (["ask", "hello", "--pattern", "best"], 1, "choose one of regular, parent"),
        (["ask", "hello", "--collection", "../x"], 1, "RAG_COLLECTION"),
        (["ingest", "nowhere.pdf"], 1, "mend what is named above"),
        (["run", "--questions", "none.jsonl", "--out", "x"], 2, "none.jsonl"),
        (["remove", "none.txt"], 1, "no document is called 'none.txt'"),
        (["dance"], 2, "No such command 'dance'"),
        (["ingest", str(LETTERS), "--provider", "openai"], 1, "RAG_"),
        (["ask", "hello", "--index", "http://127.0.0.1:9"], 1, "127.0.0.1:9"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes_end_as_one_line(
    rag: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, arguments, code, line
) -> None:
    if "openai" in arguments:
        monkeypatch.undo()
    ran = rag(*arguments)
    assert ran.code == code
    assert ran.out == ""
    last = ran.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert line in last


@pytest.mark.slow
def test_one_bad_file_does_not_stop_the_rest(rag: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"not a pdf")
    ran = rag("ingest", "bad.pdf", "lighthouse.txt")
    assert ran.code == 1
    assert "bad.pdf" in ran.err
    assert "lighthouse.txt" in rag("documents").out


def test_a_bad_line_of_questions_is_named(rag: Callable[..., Ran], tmp_path: Path) -> None:
    rag("ingest", "lighthouse.txt")
    (tmp_path / "q.jsonl").write_text('{"id": 1, "question": "a"}\n{"id": 2}\n')
    ran = rag("run", "--questions", "q.jsonl", "--out", "run.jsonl")
    assert "q.jsonl, line 2" in ran.err


@pytest.mark.slow
def test_codes_that_steer_a_terminal_are_not_printed(
    rag: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "evil.txt").write_text("lamp \x1b[2J\x1b]0;owned\x07 lamp", encoding="utf-8")
    rag("ingest", "evil.txt")
    ran = rag("ask", "lamp")
    assert "\x1b" not in ran.out + ran.err


@pytest.mark.parametrize(
    "command", [[], ["ask"], ["ingest"], ["run"], ["documents"], ["remove"], ["page"]]
)
def test_help_is_there_for_every_command(rag: Callable[..., Ran], command: list[str]) -> None:
    ran = rag(*command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert "Usage:" in ran.out


def test_help_tells_every_command_in_a_whole_sentence(rag: Callable[..., Ran]) -> None:
    ran = rag("--help")
    told = [line.split(maxsplit=1) for line in ran.out.splitlines() if line.startswith("  ")]
    first_words = {words[0]: words[1] for words in told if len(words) == 2}
    for name in cli.commands:
        assert first_words[name].endswith("."), name
        assert not first_words[name].endswith("..."), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("commands", "heavy"),
    [
        (["--help", "ask --help"], {"llama_index", "qdrant_client", "gradio", "xllamacpp"}),
        (
            [
                *("documents", "statistics", "verify", "export all.jsonl", "copy --to other"),
                *("remove garden.md", "import all.jsonl"),
            ],
            {"llama_index", "openai", "gradio", "xllamacpp"},
        ),
    ],
    ids=["help", "the store"],
)
def test_commands_load_only_what_they_need(
    rag: Callable[..., Ran], tmp_path: Path, commands: list[str], heavy: set[str]
) -> None:
    assert rag("ingest", "garden.md").code == 0
    code = (
        "import sys\n"
        "from app.cli.main import main\n"
        f"for command in {commands!r}:\n"
        "    sys.argv = ['app', *command.split()]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code, command\n"
        f"loaded = {heavy!r} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
        "models = sys.modules.get('qdrant_client.http.models.models')\n"
        "assert models is None or not models.DiscoverQuery.__pydantic_complete__\n"
    )
    checkout = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": checkout}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
