"""LlamaIndex's global `Settings` serve where nothing else says which model."""

from pathlib import Path

import pytest
from llama_index.core import Settings
from llama_index.core.schema import Document

from indexes.index import HierarchicalIndex
from tests.conftest import LEVELS
from tests.fakes import ScriptedLLM, WordEmbedding


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> tuple[ScriptedLLM, WordEmbedding]:
    llm, embedding = ScriptedLLM(), WordEmbedding(model_name="shared")
    monkeypatch.setattr(Settings, "_llm", llm)
    monkeypatch.setattr(Settings, "_embed_model", embedding)
    return llm, embedding


def test_they_serve_an_index_without_models(
    tmp_path: Path, shared: tuple[ScriptedLLM, WordEmbedding]
) -> None:
    with HierarchicalIndex.open(tmp_path / "index", levels=LEVELS) as index:
        assert (index.llm, index.embedding) == shared
        index.ingest(Document(text="The harbour closes at nine.", id_="a"))
        assert index.ask("When?").answer == "Scripted answer [1]."
        assert index.store.fingerprint().embedding == "shared"
        assert shared[0].prompts


def test_they_may_be_set_after_the_index_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HierarchicalIndex.open(tmp_path / "index", levels=LEVELS) as index:
        first, second = ScriptedLLM(), ScriptedLLM()
        monkeypatch.setattr(Settings, "_embed_model", WordEmbedding())
        index.ingest(Document(text="The harbour closes at nine.", id_="a"))
        for model in (first, second):
            monkeypatch.setattr(Settings, "_llm", model)
            assert index.ask("When?").answer == "Scripted answer [1]."
        assert len(first.prompts) == len(second.prompts) == 1


def test_arguments_win(
    tmp_path: Path,
    shared: tuple[ScriptedLLM, WordEmbedding],
    llm: ScriptedLLM,
    embedding: WordEmbedding,
) -> None:
    with HierarchicalIndex.open(tmp_path / "i", llm=llm, embedding=embedding) as index:
        assert (index.llm, index.embedding) == (llm, embedding)
        assert index.llm is llm


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_settings_of_ours_win(
    tmp_path: Path,
    shared: tuple[ScriptedLLM, WordEmbedding],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = {"provider": "openai", "base_url": "http://localhost:9/v1"}
    given = {**named, "llm_model": "m", "embedding_model": "e"}
    if how == "environment":
        for name, value in given.items():
            monkeypatch.setenv(f"RAG_{name.upper()}", value)
        given = {}
    with HierarchicalIndex.open(tmp_path / "index", **given) as index:
        assert index.llm.metadata.model_name == "m"
        assert index.embedding.model_name == "e"


def test_without_them_no_model_of_openai_is_made(tmp_path: Path) -> None:
    with HierarchicalIndex.open(tmp_path / "index") as index:
        assert "SmolLM2" in index.llm.metadata.model_name
    assert Settings._llm is None
    assert Settings._embed_model is None
