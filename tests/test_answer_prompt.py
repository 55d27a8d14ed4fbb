"""The answer's prompt can be replaced wherever a question is asked, and is checked there."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from llama_index.core import PromptTemplate
from llama_index.core.schema import Document

from indexes.answer_prompt import ANSWER_PROMPT, as_prompt
from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from tests.conftest import LEVELS
from tests.fakes import ScriptedLLM, WordEmbedding

MINE = "In one word. {context} {question}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "prompt.txt"
    file.write_text(MINE, encoding="utf-8-sig")
    return file


def asked(index: HierarchicalIndex) -> str:
    index.ingest(Document(text="The harbour closes at nine.", id_="a"))
    answer = index.ask("When does the harbour close?")
    return answer.trace["answer"].details.prompt  # type: ignore[attr-defined,no-any-return]


@pytest.mark.slow
def test_by_an_argument_of_the_index(
    tmp_path: Path, embedding: WordEmbedding, llm: ScriptedLLM
) -> None:
    with HierarchicalIndex.open(
        tmp_path / "index", levels=LEVELS, embedding=embedding, llm=llm, answer_prompt=MINE
    ) as index:
        assert asked(index).startswith("In one word. [1] ")
        index.query_engine().query("When?")
        assert llm.prompts[-1].startswith("In one word. [1] ")


def test_by_an_argument_of_the_question(index: HierarchicalIndex, file: Path) -> None:
    asked(index)
    for given in (MINE, file, PromptTemplate(MINE)):
        answer = index.ask("When?", answer_prompt=given)
        assert answer.trace["answer"].details.prompt.startswith("In one word.")  # type: ignore[attr-defined]
    assert index.ask("When?").trace["answer"].details.prompt_version == "answer-1"  # type: ignore[attr-defined]


async def test_by_an_argument_of_an_async_question(index: HierarchicalIndex) -> None:
    asked(index)
    answer = await index.aask("When?", answer_prompt=MINE)
    assert answer.trace["answer"].details.prompt_version.startswith("custom-")  # type: ignore[attr-defined]


@pytest.mark.slow
def test_by_a_setting_that_names_a_file(
    tmp_path: Path, file: Path, embedding: WordEmbedding, llm: ScriptedLLM,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("RAG_ANSWER_PROMPT", str(file))
    settings = load_settings(index=str(tmp_path / "index"), levels=LEVELS)
    with HierarchicalIndex(settings, embedding=embedding, llm=llm) as index:
        assert asked(index).startswith("In one word.")


def test_by_an_option_of_the_command_line(tmp_path: Path) -> None:
    from app.cli.main import cli

    done = CliRunner().invoke(
        cli, ["ask", "When?", "--index", str(tmp_path), "--answer-prompt", str(tmp_path / "no.txt")]
    )
    assert isinstance(done.exception, SettingsError)
    assert "no.txt can't be read" in str(done.exception)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{context} only", r"prompt\.txt has no place for {question}"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"{context}{question}" + b"x" * 70_000, "too large"),
    ],
)
def test_a_file_that_is_no_prompt_is_refused_when_the_index_is_opened(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "prompt.txt"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        HierarchicalIndex(load_settings(index=str(tmp_path / "i"), answer_prompt=file))


@pytest.mark.parametrize("given", ["", "{context}", "{query_str}", PromptTemplate("hello"), 7])
def test_a_prompt_without_its_places_is_refused(given: object) -> None:
    with pytest.raises(SettingsError, match=r"answer.prompt"):
        as_prompt(given)  # type: ignore[arg-type]


def test_braces_that_are_no_places_stay() -> None:
    prompt = as_prompt('{context} {question} like {"a": 1} or {other}')
    (message,) = prompt.messages(ScriptedLLM(), "C {question}", "Q")
    assert message.content == 'C {question} Q like {"a": 1} or {other}'


def test_versions_tell_prompts_apart() -> None:
    assert as_prompt(None) is ANSWER_PROMPT
    versions = {as_prompt(MINE).version, as_prompt(MINE + "!").version, ANSWER_PROMPT.version}
    assert len(versions) == 3
    assert as_prompt(MINE).version == as_prompt(PromptTemplate(MINE)).version
