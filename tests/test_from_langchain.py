"""The migration guide: its Python runs, in its order, with the real local embeddings."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "from-langchain.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.slow
def test_the_guide_runs_from_top_to_bottom(tmp_path: Path) -> None:
    assert len(SNIPPETS) >= 7
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAG_")}
    environment |= {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(SNIPPETS)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed = done.stdout
    assert "It opens at six [1]. cafe.txt" in printed
    assert "['2020.md'] 1 leaf" in printed
    assert "The harbour cafe opens at six." in printed
    assert "Ada lit the lamp. [[11, 28]]" in printed
    assert "It grew." in printed


def test_every_piece_of_the_sample_is_in_it() -> None:
    pieces = (
        "PyPDFDirectoryLoader", "RecursiveCharacterTextSplitter", "SagemakerEndpoint",
        "SagemakerEndpointEmbeddings", "as_retriever", "ParentDocumentRetriever",
        "LLMChainExtractor", "LLMChainFilter", "ContextualCompressionRetriever", "RetrievalQA",
    )  # fmt: skip
    assert [piece for piece in pieces if piece not in GUIDE] == []
