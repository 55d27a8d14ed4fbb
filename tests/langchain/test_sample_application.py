"""An application written as AWS's sample is, before and after its retriever is swapped."""

import difflib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from qdrant_client import models

from indexes.documents import load_document
from indexes.errors import DocumentError
from indexes.index import HierarchicalIndex
from indexes.langchain import ParentDocuments, PatternRetriever
from indexes.namespace import OURS
from indexes.settings import load_settings
from tests.fakes import WordEmbedding
from tests.langchain.test_retriever import LETTERS
from tests.test_development_data import DATA

APPLICATION = Path(__file__).parent / "application"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each version prints, run from a folder of its own."""
    printed = {}
    for version in ("before", "after"):
        folder = tmp_path_factory.mktemp(version)
        for name in ("models.py", f"{version}.py"):
            shutil.copy(APPLICATION / name, folder)
        done = subprocess.run(
            [sys.executable, f"{version}.py", LETTERS],
            cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        printed[version] = json.loads(done.stdout.splitlines()[-1])
    return printed


def test_imports_and_the_constructor_are_all_that_changes() -> None:
    before, after = (
        (APPLICATION / f"{version}.py").read_text(encoding="utf-8").splitlines()
        for version in ("before", "after")
    )
    changed = [
        line[2:].strip()
        for line in difflib.ndiff(before, after)
        if line.startswith(("+ ", "- ")) and line[2:].strip()
    ]
    imports = [line for line in changed if line.startswith(("from ", "import "))]
    constructor = [line for line in changed if line not in imports]
    assert sorted(constructor) == [
        '"letters-index",',
        "docstore=InMemoryStore(),",
        "embedding=BagOfWords(),",
        "retriever = ParentDocumentRetriever(",
        "retriever = ParentDocuments.open(",
        "vectorstore=InMemoryVectorStore(BagOfWords()),",
    ]


@pytest.mark.slow
def test_it_answers_on_either(ran: dict[str, dict[str, Any]]) -> None:
    for printed in ran.values():
        assert (printed["answer"], printed["lcel"]) == ("It was sold.", "It was sold.")
        assert set(printed["compressed"]) == {"Bosun was sold."}


@pytest.mark.slow
def test_with_the_swap_whole_parents_come_as_long_as_before(
    ran: dict[str, dict[str, Any]],
) -> None:
    before, after = ran["before"]["characters"], ran["after"]["characters"]
    assert len(after) == 4
    assert [place["level"] for place in ran["after"]["ours"]] == [0] * 4
    assert sum(after) > 0.75 * sum(before)


@pytest.mark.slow
def test_with_the_swap_the_users_metadata_comes(ran: dict[str, dict[str, Any]]) -> None:
    assert all(url.startswith("https://example.test/") for url in ran["after"]["urls"])
    assert all(isinstance(page, int) for page in ran["after"]["pages"])


@pytest.mark.slow
def test_with_the_swap_callbacks_see_as_much(ran: dict[str, dict[str, Any]]) -> None:
    assert ran["after"]["seen"] == ran["before"]["seen"] == {"retriever": 1, "model": 1}
    retrievers, calls = ran["after"]["seen_compressed"].values()
    assert (retrievers, calls) == (2, 4 + 1)  # a judgement for each parent, and the answer


# --- offsets, there and back --------------------------------------------------------------


class OneVector(WordEmbedding):
    """Quick: what is found doesn't matter, where it is does."""

    def _embed(self, text: str) -> list[float]:
        return [1.0, len(text) / 1000]


@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["chunking_evaluation", "privacy_qa", "amazon_letters"])
def test_offsets_are_exact_for_every_document_of_the_set(tmp_path: Path, corpus: str) -> None:
    """Document → LangChain → our index → LangChain: every text is where it says it is."""
    folder = DATA / corpus
    if not folder.exists():
        pytest.skip(f"THE DEVELOPMENT DATA IS MISSING: expected {corpus} in ../shared/data")
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".md", ".txt", ".pdf"})
    texts: dict[str, str] = {}
    for path in files:
        try:
            texts[path.name] = load_document(path).text
        except DocumentError as error:
            raise AssertionError(path) from error
    given = [Document(page_content=t, metadata={"source": name}) for name, t in texts.items()]
    with HierarchicalIndex(
        load_settings(index=str(tmp_path / "index"), budget=100_000, top_k=1000),
        embedding=OneVector(),
    ) as index:
        ParentDocuments(index=index).add_documents(given)
        seen: set[str] = set()
        for pattern in ("regular", "parent", "parent-whole"):
            for name, text in texts.items():
                wanted = {"must": [{"key": "metadata.source", "match": {"value": name}}]}
                retriever = PatternRetriever(
                    index=index, pattern=pattern, filters=models.Filter(**wanted)
                )
                for document in retriever.invoke(f"What about {text[:40]}?"):
                    place = json.loads(document.model_dump_json())["metadata"]
                    assert place["source"] == name
                    run = place[OURS]
                    assert document.page_content == text[run["start"] : run["end"]]
                    seen.add(name)
    assert seen == set(texts)
