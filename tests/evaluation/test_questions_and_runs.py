"""Questions and runs in files: what is read, and how a bad line is named."""

import re
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.answers import Context
from indexes.details import FitDetails, JudgeDetails, JudgedPassage
from indexes.errors import SettingsError
from indexes.evaluation.questions import (
    Question,
    Quotable,
    Reference,
    located,
    parse_questions,
    read_questions,
    write_questions,
)
from indexes.evaluation.runs import Line, Result, line_of, read_run, write_run
from indexes.trace import Stage, Trace


def test_questions_survive_a_round_trip(tmp_path: Path) -> None:
    asked = [
        Question(id="a", question="Why?", references=(Reference(document="x", start=0, end=5),)),
        Question(id=7, question="“How?”", answer="So."),
    ]
    write_questions(tmp_path / "q.jsonl", asked)
    assert read_questions(tmp_path / "q.jsonl") == asked


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_a_spreadsheet_has_a_row_for_each_reference(tmp_path: Path, between: str) -> None:
    path = tmp_path / "q.csv"
    rows = [
        ("id", "question", "document", "start", "end"),
        ("1", '"Who, and; when?"', "a.md", "0", "9"),
        ("1", '"Who, and; when?"', "b.md", "3", "4"),
        ("2", "What else?", "", "", ""),
    ]
    path.write_text("".join(f"{between.join(row)}\n" for row in rows), encoding="utf-8-sig")
    first, second = read_questions(path)
    assert first.question == "Who, and; when?"
    assert [(r.document, r.start, r.end) for r in first.references] == [
        ("a.md", 0, 9),
        ("b.md", 3, 4),
    ]
    assert second.references == ()
    assert first.group == "a.md b.md"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("q.jsonl", '{"id": 1, "question": "a"}\nnot json\n', "line 2: is no JSON"),
        ("q.jsonl", '{"id": 1}\n', "line 1: .*question"),
        ("q.json", '[\n{"question": "a"},\n{"id": 1}\n]', "item 2: .*question"),
        ("q.json", '[\n{"question": "a"},\n', "the list is no JSON"),
        ("q.jsonl", '{"id": 1, "question": "a"}\n' * 2, "two questions have the id 1"),
        ("q.jsonl", "\n", "has no questions"),
        (
            "q.jsonl",
            '{"id": 1, "question": "a", "references": [{"document": "x", "start": 5, "end": 5}]}',
            "end must be after start",
        ),
        (
            "q.jsonl",
            '{"id": 1, "question": "a", "references": [{"document": "x", "quote": " "}]}',
            "the quote is empty",
        ),
        ("q.csv", "question\nwho\n", "line 2: the column id is empty or missing"),
        ("q.csv", "id,question,document,start,end\n1,a,x,one,2\n", "line 2: .*references.0.start"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        read_questions(tmp_path / name)


def test_evidence_may_be_quoted_and_is_found_whatever_white_space_is_between_its_words(
    tmp_path: Path,
) -> None:
    (tmp_path / "q.jsonl").write_text(
        '{"question": "Who?", "references": [{"document": "a.md", "quote": "Ada  lit the\\nlamp"}]}'
    )
    (tmp_path / "q.csv").write_text('id,question,document,quote\n1,Who?,a.md,"Ada lit the lamp"\n')
    text = "It rained. Ada lit\n    the lamp. The sea was calm."
    for name in ("q.jsonl", "q.csv"):
        [question] = located(read_questions(tmp_path / name), {"a.md": text})
        [place] = question.references
        assert text[place.start : place.end] == "Ada lit\n    the lamp"
        assert place.quote is None
        assert str(question.id) == "1"


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_bytes(b'{"question": "Which caf\xe9?"}\n')
    with pytest.raises(SettingsError, match=r"q\.jsonl: can't be read as UTF-8 text"):
        read_questions(tmp_path / "q.jsonl")


def test_questions_may_be_one_list(tmp_path: Path) -> None:
    listed = '[\n  {"question": "Who\u2028lit it?"},\n  {"id": "b", "question": "When?"}\n]\n'
    (tmp_path / "q.json").write_text(listed, encoding="utf-8-sig")
    asked = [Question(id=1, question="Who\u2028lit it?"), Question(id="b", question="When?")]
    assert (
        read_questions(tmp_path / "q.json") == asked == parse_questions(StringIO(listed), "yours")
    )


@given(st.lists(st.sampled_from(["a", "b", "ab"]), max_size=8), st.lists(st.sampled_from(" \n\t")))
def test_quotes_are_found_as_a_plain_pattern_finds_them(words: list[str], gaps: list[str]) -> None:
    gaps = [gap + " " for gap in gaps] + [" "] * len(words)
    text = "".join(f"{gap}{word}" for gap, word in zip(gaps, words, strict=False))
    for quote in ("a", "b a", "ab", "a ab b"):
        plain = re.finditer(r"\s+".join(quote.split()), text)
        assert Quotable(text).spans_of(quote) == [found.span() for found in plain]


def test_a_quote_that_nearly_fits_everywhere_takes_no_time() -> None:
    text = "a " * 300_000
    assert Quotable(text).spans_of("a " * 20_000 + "b") == []


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"document": "b.md", "quote": "rain"}, "b.md is not indexed"),
        ({"document": "a.md", "quote": "snow"}, "a.md has no such words.*: snow"),
        ({"document": "a.md", "quote": "ra"}, "a.md has that 2 times, quote more of it: ra"),
        ({"document": "a.md", "start": 0, "end": 99}, "a.md ends before character 99"),
    ],
)
def test_evidence_that_is_not_there_is_named(reference: dict[str, object], message: str) -> None:
    asked = Question.model_validate({"id": "q7", "question": "a", "references": [reference]})
    with pytest.raises(SettingsError, match=rf"my\.jsonl, question q7: {message}"):
        located([asked], {"a.md": "rain, rain"}, "my.jsonl")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.jsonl"):
        read_questions(tmp_path / "none.jsonl")


def test_runs_survive_a_round_trip(tmp_path: Path) -> None:
    lines = [
        Line(id="a", results=(Result(document="x", start=0, end=5, score=1.5),), seconds=0.1),
        Line(id=2, results=(), error="gave up"),
    ]
    write_run(tmp_path / "run.jsonl", lines)
    assert read_run(tmp_path / "run.jsonl") == lines
    (tmp_path / "run.jsonl").write_text("{}\n")
    with pytest.raises(SettingsError, match="line 1"):
        read_run(tmp_path / "run.jsonl")


def test_a_line_knows_what_there_was_before_compression() -> None:
    passages = (JudgedPassage(document="x", start=0, end=90, outcome="timeout"),)
    trace = Trace(
        stages=[
            Stage(name="search", seconds=0.5),
            Stage(
                name="extract", seconds=0.25, tokens_in=20, llm_calls=1, llm_tokens_in=50,
                llm_tokens_out=3, details=JudgeDetails(passages=passages),
            ),
        ]
    )  # fmt: skip
    said = Context(document="x", start=3, end=9, text="abcdef", score=1, level=0, tokens=2)
    made_up = Context(document="x", start=0, end=0, text="Sure!", score=1, level=0, tokens=2)
    line = line_of("q", [said, made_up], trace)
    assert (line.seconds, line.llm_calls, line.llm_tokens_in, line.llm_tokens_out) == (
        0.75, 1, 50, 3,
    )  # fmt: skip
    assert (line.tokens, line.invented, line.tokens_before) == (4, 2, 20)
    assert line.undecided == 1
    assert line.results_before == (Result(document="x", start=0, end=90),)


@pytest.mark.parametrize(("order", "ranks"), [("relevance", [9, 0]), ("document", [0, 9])])
def test_what_is_left_of_a_passage_ranks_by_its_own_scores(order: str, ranks: list[int]) -> None:
    trace = Trace(
        stages=[
            Stage(name="extract", details=JudgeDetails(fills=100)),
            Stage(name="fit", details=FitDetails(budget=100, order=order)),
        ]
    )
    contexts = [
        Context(document="x", start=start, end=start + 2, text="ab", score=score, level=0)
        for start, score in ((0, 0.2), (9, 1.0))
    ]
    assert [result.start for result in line_of("q", contexts, trace).results] == ranks
