"""Settings by name: all of them known to type checkers, and what is wrong said at the call."""

import inspect
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.setting_options import SettingOptions
from indexes.settings import Settings, load_settings
from tests.fakes import ScriptedLLM, WordEmbedding


def test_every_setting_can_be_given_by_name_and_no_other() -> None:
    assert set(get_type_hints(SettingOptions)) == set(Settings.model_fields) - {
        "index",
        "llm",
        "embedding",
        "answer_prompt",
    }
    shown = inspect.signature(HierarchicalIndex.open).parameters
    assert {"index", "engine", "embedding", "llm", *Settings.model_fields} == set(shown)


def test_opening_takes_what_the_constructor_takes(tmp_path: Path) -> None:
    embedding, llm = WordEmbedding(), ScriptedLLM()
    with HierarchicalIndex.open(
        tmp_path, embedding=embedding, llm=llm, levels=(96, 24), budget=100
    ) as index:
        assert (index.embedding, index.llm) == (embedding, llm)
        assert (index.settings.levels, index.settings.budget) == ((96, 24), 100)
        with HierarchicalIndex.open(engine=index.engine, embedding=embedding) as other:
            assert other.engine is index.engine
        assert index.documents() == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"budgett": 100}, "no setting is called 'budgett': did you mean budget"),
        ({"levls": None}, "no setting is called 'levls': did you mean levels"),
        ({"embed_model": WordEmbedding()}, "models are embedding=…"),
        ({"model": "x"}, "models are llm=…"),
        ({"xyzzy": 1}, "no setting is called 'xyzzy'"),
        ({"levels": ()}, "setting levels .* at least one"),
        ({"levels": (128, 128)}, "setting levels .* smaller than the one before"),
        ({"levels": (128, 256)}, "setting levels .* smaller than the one before"),
        ({"levels": (0,)}, "setting levels"),
        ({"levels": "a,b"}, "setting levels"),
        ({"levels": 128}, "setting levels"),
        ({"budget": -5}, "setting budget"),
        ({"budget": 2.5}, "setting budget"),
        ({"search": "semantic"}, "setting search .*hybrid"),
        ({"provider": "nobody"}, "setting provider"),
        ({"top_k": 0}, "setting top_k"),
        ({"extra_body": "reasoning_effort=low"}, "setting extra_body .*a JSON object, like"),
        ({"extra_body": "[1]"}, "setting extra_body .*a JSON object, like"),
        ({"extra_headers": {"X-A": "two\nlines"}}, "setting extra_headers .*one ASCII line"),
        ({"extra_headers": {"a b": "c"}}, "setting extra_headers .*one ASCII line"),
        ({"api_key": "sk-two\nlines"}, "setting api_key .*RAG_API_KEY.*one line of ASCII"),
        ({"qdrant_api_key": "“sk-curly”"}, "setting qdrant_api_key .*one line of ASCII"),
        ({"model_retries": -1}, "setting model_retries"),
    ],
)
def test_a_wrong_setting_is_refused_at_the_call(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    for call in (load_settings, HierarchicalIndex.open):
        with pytest.raises(SettingsError, match=said) as caught:
            call(tmp_path / "index", **wrong)
        assert "\n" not in str(caught.value)
        assert "sk-" not in str(caught.value)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("given", ["sk-a\r\n", " sk-a ", '"sk-a"', "'sk-a'\n", "Bearer sk-a"])
def test_a_key_is_what_files_and_quoted_lines_have_around_it(given: str) -> None:
    key = load_settings(embedding_api_key=given).embedding_api_key
    assert key is not None
    assert key.get_secret_value() == "sk-a"


def test_a_folder_is_no_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"HierarchicalIndex\.open"):
        HierarchicalIndex(str(tmp_path))  # type: ignore[arg-type]


def test_what_models_are_sent_beside_is_json_and_headers_are_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAG_EXTRA_BODY", '{"chat_template_kwargs": {"enable_thinking": false}}')
    monkeypatch.setenv("RAG_EXTRA_HEADERS", '{"X-Tenant": "tenant-secret"}')
    settings = load_settings(embedding_extra_body={"dimensions": 512})
    basic = load_settings(extra_headers={"authorization": "Basic a", "x-b": "c"}).extra_headers
    assert list(basic or ()) == ["Authorization", "x-b"]
    assert settings.extra_body == {"chat_template_kwargs": {"enable_thinking": False}}
    assert settings.embedding_extra_body == {"dimensions": 512}
    assert settings.extra_headers is not None
    assert settings.extra_headers["X-Tenant"].get_secret_value() == "tenant-secret"
    assert "tenant-secret" not in f"{settings!r} {settings.model_dump_json()}"


@pytest.mark.parametrize("index", [5, True, ["index"], object()])
def test_an_index_is_a_folder_or_a_url(index: Any) -> None:
    with pytest.raises(SettingsError, match=r"^index=.*: give a folder or a server's URL$"):
        load_settings(index)
