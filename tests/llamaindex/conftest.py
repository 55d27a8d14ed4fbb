"""An index with documents that carry a user's metadata, for what LlamaIndex's users do."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core import Settings
from llama_index.core.schema import Document

from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from tests.conftest import LEVELS
from tests.fakes import ScriptedLLM, WordEmbedding

TOPICS = {"harbour": 2021, "orchard": 2022, "volcano": 2023}
QUESTION = "What does the harbour keeper do?"


@pytest.fixture(autouse=True)
def nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test leaves models behind in LlamaIndex's global settings."""
    for name in ("_llm", "_embed_model", "_callback_manager", "_prompt_helper"):
        monkeypatch.setattr(Settings, name, None)


@pytest.fixture(scope="session")
def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with three documents, closed: to be copied, for making one takes longer."""
    folder = tmp_path_factory.mktemp("filled") / "index"
    settings = load_settings(index=str(folder), levels=LEVELS)
    with HierarchicalIndex(settings, embedding=WordEmbedding()) as index:
        index.ingest(
            Document(
                text=" ".join(
                    f"Fact {n} about the {topic} concerns its {topic} keeper." for n in range(30)
                ),
                id_=topic,
                metadata={"year": year, "start": "noon"},
            )
            for topic, year in TOPICS.items()
        )
    return folder


@pytest.fixture
def filled(
    filled_folder: Path, tmp_path: Path, embedding: WordEmbedding, llm: ScriptedLLM
) -> Iterator[HierarchicalIndex]:
    """As the fixture `index`, with these documents in it."""
    # Unlike shutil, it leaves holes of files out.
    subprocess.run(["cp", "-r", filled_folder, tmp_path / "filled"], check=True)
    settings = load_settings(
        index=str(tmp_path / "filled"), levels=LEVELS, budget=120, judge="embedding"
    )
    with HierarchicalIndex(settings, embedding=embedding, llm=llm) as opened:
        yield opened
