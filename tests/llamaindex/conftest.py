"""An index with documents that carry a user's metadata, for what LlamaIndex's users do."""

from collections.abc import Iterator

import pytest
from llama_index.core import Settings
from llama_index.core.schema import Document

from indexes.index import HierarchicalIndex

TOPICS = {"harbour": 2021, "orchard": 2022, "volcano": 2023}
QUESTION = "What does the harbour keeper do?"


@pytest.fixture(autouse=True)
def nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test leaves models behind in LlamaIndex's global settings."""
    for name in ("_llm", "_embed_model", "_callback_manager", "_prompt_helper"):
        monkeypatch.setattr(Settings, name, None)


@pytest.fixture
def filled(index: HierarchicalIndex) -> Iterator[HierarchicalIndex]:
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
    yield index
