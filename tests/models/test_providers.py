"""From settings to models."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Document

from indexes.errors import ModelError, SettingsError
from indexes.extensions import PROVIDERS, register_provider
from indexes.index import HierarchicalIndex
from indexes.models.described import described
from indexes.models.providers import (
    build_embedding,
    build_llm,
    describe_embedding,
    describe_llm,
)
from indexes.settings import Settings, load_settings
from tests.fakes import ScriptedLLM, WordEmbedding
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
        with pytest.raises(SettingsError, match=r"advanced-rag-patterns\[sagemaker\]"):
            build(settings)


def test_the_name_is_that_of_the_weights_not_of_their_place() -> None:
    assert describe_embedding(load_settings()).name == "all-MiniLM-L6-v2"
    file = Path("somewhere/bge-large-en-q8_0.gguf")
    assert describe_embedding(load_settings(embedding_gguf=file)).name == "bge-large-en-q8_0.gguf"
    assert describe_embedding(openai_settings("http://host/v1")).name == "bge-large"


# What the settings' models can do


def test_the_135m_model_is_trusted_with_nothing_and_fills_little() -> None:
    found = describe_llm(load_settings())
    assert (found.fit, found.budget, found.in_process) == (frozenset(), 512, True)


def test_another_gguf_file_is_trusted_unless_it_is_small_by_its_name() -> None:
    def fit(file: str) -> int:
        return len(describe_llm(load_settings(llm_gguf=Path(file))).fit)

    assert fit("mixtral-8x7b-instruct.Q4_K_M.gguf") == 4
    assert fit("qwen2.5-0.5b-instruct.gguf") == 1


def test_the_default_budget_leaves_room_in_the_window() -> None:
    def budget(**given: Any) -> int:
        return describe_llm(openai_settings("http://host/v1", **given)).budget

    assert budget() == 2048
    assert budget(context_window=128_000) == 2048
    assert 300 < budget(context_window=1024) < 400
    assert budget(context_window=512) == 64


def test_an_embedding_model_is_known_by_its_name() -> None:
    def known(name: str, **given: Any) -> tuple[int, str, str]:
        found = describe_embedding(openai_settings("http://host/v1", embedding_model=name, **given))
        return found.window, found.query_instruction[:6], found.passage_instruction

    assert known("text-embedding-3-small") == (8191, "", "")
    assert known("BAAI/bge-large-en-v1.5") == (512, "Repres", "")
    assert known("intfloat/multilingual-e5-large") == (512, "query:", "passage: ")
    assert known("nobody-knows") == (512, "", "")
    told = {"embedding_window": 4096, "query_instruction": "Q: "}
    assert known("nobody-knows", **told) == (4096, "Q: ", "")
    assert known("BAAI/bge-large-en", query_instruction="") == (512, "", "")


def test_instructions_are_put_where_the_model_wants_them(server: StandIn) -> None:
    embedding = build_embedding(openai_settings(server.url, embedding_model="e5-base-v2"))
    embedding.get_query_embedding("how?")
    embedding.get_text_embedding("so.")
    assert [call["input"] for call in server.seen] == [["query: how?"], ["passage: so."]]


def test_describing_needs_no_model_that_is_not_asked() -> None:
    settings = openai_settings("http://host/v1", llm_model="")
    assert describe_llm(settings).budget == 2048


# Providers that are registered


@pytest.fixture
def mine() -> Iterator[None]:
    yield
    PROVIDERS.unregister("mine")


@pytest.mark.usefixtures("mine")
def test_a_provider_of_ones_own_serves_the_index(tmp_path: Path) -> None:
    llm = ScriptedLLM()
    register_provider("mine", llm=lambda settings: llm, embedding=lambda: WordEmbedding())
    with HierarchicalIndex.open(tmp_path, provider="mine") as index:
        index.ingest([Document(text="Bosun was sold in May.", id_="a")])
        assert index.ask("Was Bosun sold?").answer == "Scripted answer [1]."
        assert index.llm is llm
        assert (index.llm_capabilities.name, index.llm_capabilities.provider) == (
            "scripted",
            "mine",
        )


@pytest.mark.usefixtures("mine")
def test_a_provider_of_ones_own_is_given_the_settings_and_may_describe(tmp_path: Path) -> None:
    def make(settings: Settings) -> ScriptedLLM:
        return described(ScriptedLLM(), name=settings.llm_model, fit=["answer"], budget=77)

    register_provider("mine", llm=make)
    with HierarchicalIndex.open(tmp_path, provider="mine", llm_model="seven") as index:
        assert (index.llm_capabilities.name, index.budget) == ("seven", 77)


@pytest.mark.usefixtures("mine")
def test_a_provider_without_an_embedding_says_so() -> None:
    register_provider("mine", llm=ScriptedLLM)
    with pytest.raises(SettingsError, match="provider 'mine' has no embedding model: pass embed"):
        build_embedding(load_settings(provider="mine"))


@pytest.mark.usefixtures("mine")
def test_a_provider_without_a_language_model_still_retrieves(tmp_path: Path) -> None:
    register_provider("mine", embedding=WordEmbedding)
    with HierarchicalIndex.open(tmp_path, provider="mine") as index:
        index.ingest([Document(text="Bosun was sold in May.", id_="a")])
        contexts, _ = index.retrieve("Was Bosun sold?", "parent+extract")
        assert contexts[0].text == "Bosun was sold in May."
        with pytest.raises(SettingsError, match="provider 'mine' has no language model"):
            index.ask("Was Bosun sold?")


def test_a_provider_that_makes_nothing_is_refused_when_it_is_registered() -> None:
    with pytest.raises(SettingsError, match="provider 'mine': pass llm="):
        register_provider("mine")
    with pytest.raises(SettingsError, match="asks for key: its parameters are among settings"):
        register_provider("mine", llm=lambda settings, key: None)
    with pytest.raises(SettingsError, match="'local' is there already"):
        register_provider("local", llm=ScriptedLLM)
    assert "mine" not in PROVIDERS


@pytest.mark.usefixtures("mine")
def test_a_provider_that_returns_no_model_says_so() -> None:
    register_provider("mine", llm=lambda: None, embedding=lambda: 3)
    settings = load_settings(provider="mine")
    with pytest.raises(SettingsError, match="returned no language model"):
        build_llm(settings)
    with pytest.raises(ModelError, match="int is no embedding model"):
        build_embedding(settings)
    register_provider("mine", llm=lambda: 1 / 0, replace=True)
    with pytest.raises(
        ModelError, match=r"'mine': .* failed \(ZeroDivisionError: .*\): correct it"
    ):
        build_llm(settings)


def test_an_unknown_provider_is_refused_at_the_call() -> None:
    with pytest.raises(
        SettingsError, match=r"RAG_PROVIDER.*no provider is called 'ollama': .*local, openai, sage"
    ):
        load_settings(provider="ollama")


# What is not installed


def test_a_provider_whose_packages_are_missing_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for ours in ("openai_compatible", "openai_embedding"):
        monkeypatch.delitem(sys.modules, f"indexes.models.{ours}", raising=False)
    for theirs in ("llms", "embeddings"):
        monkeypatch.setitem(sys.modules, f"llama_index.{theirs}.openai_like", None)
    for provider, extra in (("openai", "openai"), ("local", "local")):
        settings = openai_settings("http://host/v1").model_copy(update={"provider": provider})
        for build in (build_llm, build_embedding):
            with pytest.raises(SettingsError, match=rf"advanced-rag-patterns\[{extra}\]"):
                build(settings)
