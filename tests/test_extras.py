"""Packages that are missing, and what to say then."""

import subprocess
import sys

import pytest

from indexes.errors import SettingsError
from indexes.extras import needed

NOT_IN_THE_CORE = (
    "boto3",
    "gguf",
    "gradio",
    "langchain_core",
    "llama_index.embeddings.openai_like",
    "llama_index.llms.openai_like",
    "matplotlib",
    "openai",
    "safetensors",
    "sagemaker",
    "xllamacpp",
)

# Asks with models of one's own, in a process that finds none of these packages.
CORE_ONLY = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in {NOT_IN_THE_CORE!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from llama_index.core import Document
from indexes.index import HierarchicalIndex
from tests.fakes import ScriptedLLM, WordEmbedding
from indexes.settings import load_settings
models = {{"embedding": WordEmbedding(), "llm": ScriptedLLM()}}
index = HierarchicalIndex(load_settings(index=sys.argv[1]), **models)
index.ingest([Document(text="Bosun was sold in May.", id_="a")])
print(index.ask("Was Bosun sold?", "parent+extract").answer)
"""


def test_a_missing_package_names_the_extra() -> None:
    with (
        pytest.raises(SettingsError, match=r'^a thing needs the package nowhere_to_be_found, which '
                      r'is not installed: pip install "advanced-rag-patterns\[page\]"$'),
        needed("page", "a thing"),
    ):  # fmt: skip
        import nowhere_to_be_found  # noqa: F401


@pytest.mark.slow
def test_the_core_does_without_any_extra(tmp_path: object) -> None:
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CORE_ONLY, str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert found.stdout == "Scripted answer [1].\n", found.stderr
