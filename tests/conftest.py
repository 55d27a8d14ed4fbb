"""What several tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from tests.fakes import ScriptedLLM, WordEmbedding

# How long an example takes is this machine's affair, not the code's.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Small chunks, so that short texts have parents.
LEVELS = (96, 48, 24)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RAG_")]:
        if not name.startswith("RAG_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture
def embedding() -> WordEmbedding:
    return WordEmbedding()


@pytest.fixture
def llm() -> ScriptedLLM:
    return ScriptedLLM()


@pytest.fixture
def index(
    tmp_path: Path, embedding: WordEmbedding, llm: ScriptedLLM
) -> Iterator[HierarchicalIndex]:
    """An empty index on the real engine, with models that do what they are told."""
    settings = load_settings(
        index=str(tmp_path / "index"), levels=LEVELS, budget=120, judge="embedding"
    )
    with HierarchicalIndex(settings, embedding=embedding, llm=llm) as opened:
        yield opened
