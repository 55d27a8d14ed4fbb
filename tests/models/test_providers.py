"""From settings to models."""

from pathlib import Path
from typing import Any

import pytest

from indexes.errors import SettingsError
from indexes.models.providers import (
    build_embedding,
    build_llm,
    embedding_name,
    embedding_window,
)
from indexes.settings import Settings, load_settings
from tests.models.stand_in import StandIn


def openai_settings(url: str, **more: Any) -> Settings:
    given = {"llm_model": "mixtral", "embedding_model": "bge-large", "base_url": url, **more}
    return load_settings(provider="openai", **given)


def test_settings_reach_the_models(server: StandIn) -> None:
    settings = openai_settings(
        server.url,
        api_key="sk-mine",
        max_answer_tokens=77,
        temperature=0.5,
        context_window=9000,
        query_instruction="Represent: ",
    )
    llm = build_llm(settings)
    assert llm.metadata.context_window == 9000
    llm.complete("?")
    build_embedding(settings).get_query_embedding("?")
    chat, embed = server.seen
    assert chat["model"] == "mixtral"
    assert chat["max_tokens"] == 77
    assert chat["temperature"] == 0.5
    assert embed["model"] == "bge-large"
    assert embed["input"] == ["Represent: ?"]
    assert server.keys == ["sk-mine", "sk-mine"]


def test_the_embedding_model_can_be_elsewhere(server: StandIn) -> None:
    settings = openai_settings("http://127.0.0.1:9/v1", embedding_base_url=server.url)
    build_embedding(settings).get_query_embedding("?")
    assert len(server.seen) == 1


@pytest.mark.parametrize("missing", ["base_url", "llm_model"])
def test_openai_without_what_its_llm_needs_names_the_setting(missing: str) -> None:
    settings = openai_settings("http://host/v1", **{missing: ""})
    with pytest.raises(SettingsError, match=f"RAG_{missing.upper()}"):
        build_llm(settings)


@pytest.mark.parametrize("missing", ["base_url", "embedding_model"])
def test_openai_without_what_its_embedding_needs_names_the_setting(missing: str) -> None:
    settings = openai_settings("http://host/v1", **{missing: ""})
    with pytest.raises(SettingsError, match=f"RAG_{missing.upper()}"):
        build_embedding(settings)


def test_a_provider_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("indexes.models.sagemaker.find_spec", lambda _: None)
    settings = load_settings(provider="sagemaker")
    for build in (build_llm, build_embedding):
        with pytest.raises(SettingsError, match=r"--extra sagemaker -c requirements\.txt"):
            build(settings)


def test_the_fingerprint_names_the_weights_not_their_place() -> None:
    assert embedding_name(load_settings()) == "all-MiniLM-L6-v2"
    file = Path("somewhere/bge-large-en-q8_0.gguf")
    assert embedding_name(load_settings(embedding_gguf=file)) == "bge-large-en-q8_0.gguf"
    assert embedding_name(openai_settings("http://host/v1")) == "bge-large"


def test_the_window_is_what_the_positions_allow() -> None:
    assert embedding_window(load_settings()) == 512
