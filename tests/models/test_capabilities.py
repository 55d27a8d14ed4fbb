"""What a model that was handed over can do, and what the rest makes of it."""

import copy
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import FakeListChatModel
from llama_index.core import Document, MockEmbedding
from llama_index.core.base.llms.types import LLMMetadata
from llama_index.core.llms import MockLLM
from pydantic import Field

from indexes.compression import EmbeddingJudge, LLMJudge
from indexes.errors import SettingsError
from indexes.evaluation.lanes import open_lane
from indexes.index import HierarchicalIndex
from indexes.models.capabilities import Capabilities
from indexes.models.described import capabilities_of, described
from indexes.models.given import given_embedding, given_llm
from indexes.settings import load_settings
from tests.fakes import ScriptedLLM, WordEmbedding


class NamedLLM(ScriptedLLM):
    """Says what it is told to say of itself."""

    name: str = "unknown"
    model: str = ""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=self.context_window, num_output=-1, model_name=self.name)


class UnknownToItsLibrary(ScriptedLLM):
    """As LlamaIndex's `OpenAI` with a model that its table of windows lacks."""

    model: str = "my-finetune"

    @property
    def metadata(self) -> LLMMetadata:
        raise ValueError("Unknown model 'my-finetune'")


class Hashed(Embeddings):
    """LangChain embeddings without any name."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [WordEmbedding().get_text_embedding(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return WordEmbedding().get_query_embedding(text)


class Transformer:
    """As a SentenceTransformer: no model, but what holds one asks it."""

    def __init__(self, reads: int | None = None, tokenizer_reads: int | None = None) -> None:
        self.max_seq_length = reads
        self.tokenizer = type("Tokenizer", (), {"model_max_length": tokenizer_reads})()


# By what it says of itself


def test_a_language_model_is_what_its_metadata_says() -> None:
    found = capabilities_of(NamedLLM(name="gpt-9", context_window=200_000))
    assert (found.name, found.window, found.budget) == ("gpt-9", 200_000, 2048)
    assert all(map(found.fits, ("answer", "judge", "grade", "condense")))


@pytest.mark.parametrize("name", ["SmolLM2-135M-Instruct", "qwen2.5:0.5b", "gemma-3-270m-it"])
def test_a_model_that_is_small_by_its_name_only_answers(name: str) -> None:
    assert capabilities_of(NamedLLM(name=name)).fit == {"answer"}


@pytest.mark.parametrize(
    "name", ["Mixtral-8x7B-Instruct-v0.1", "Qwen3-30B-A3B", "Qwen2.5-7B-Instruct-1M", "gpt-4.1"]
)
def test_a_model_that_is_large_by_its_name_or_says_nothing_is_trusted(name: str) -> None:
    assert len(capabilities_of(NamedLLM(name=name)).fit) == 4


def test_a_model_without_a_name_in_its_metadata_has_that_of_its_fields_or_class() -> None:
    assert capabilities_of(NamedLLM(model="mine")).name == "mine"
    assert capabilities_of(NamedLLM()).name == "NamedLLM"


def test_a_model_that_its_library_does_not_know_is_still_described() -> None:
    found = capabilities_of(UnknownToItsLibrary())
    assert (found.name, found.window) == ("my-finetune", 8192)


def test_a_small_window_makes_a_small_budget() -> None:
    assert capabilities_of(NamedLLM(context_window=2048)).budget < 1400
    assert capabilities_of(NamedLLM(context_window=300)).budget == 64


def test_a_langchain_model_is_what_its_profile_says() -> None:
    model = FakeListChatModel(responses=["x"], profile={"max_input_tokens": 65_000})
    assert capabilities_of(given_llm(model)).window == 65_000


@pytest.mark.parametrize(
    ("inside", "window"),
    [
        (Transformer(reads=8192), 8192),
        (Transformer(tokenizer_reads=2048), 2048),
        (Transformer(reads=256, tokenizer_reads=512), 256),
        (Transformer(tokenizer_reads=10**30), 512),
        (Transformer(), 512),
        (Transformer(reads=0), 512),
    ],
)
def test_an_embedding_model_reads_what_is_inside_it_reads(inside: Any, window: int) -> None:
    embedding = Hashed()
    embedding._client = inside  # type: ignore[attr-defined]
    assert capabilities_of(given_embedding(embedding)).window == window


def test_an_embedding_model_is_known_by_its_name_where_it_says_no_more() -> None:
    embedding = MockEmbedding(embed_dim=4, model_name="text-embedding-3-large")
    assert capabilities_of(embedding).window == 8191


def test_a_field_of_the_model_itself_says_what_it_reads() -> None:
    class Long(WordEmbedding):
        max_length: int = Field(1024)

    assert capabilities_of(Long()).window == 1024


# By what the caller says of it


def test_the_caller_knows_better() -> None:
    llm = MockLLM()
    assert described(llm, name="mine", window=2000, fit=["answer", "judge"], at_once=2) is llm
    found = capabilities_of(llm)
    assert (found.name, found.window, found.at_once) == ("mine", 2000, 2)
    assert found.fit == {"answer", "judge"}
    assert found.budget < 1400, "what fits into the window that was told"


def test_what_is_not_said_is_as_before_and_can_be_said_later() -> None:
    llm = described(NamedLLM(name="big", context_window=9000), budget=300)
    described(llm, fit=[])
    found = capabilities_of(llm)
    assert (found.name, found.window, found.budget, found.fit) == ("big", 9000, 300, frozenset())


def test_a_description_goes_with_copies_and_into_no_dump() -> None:
    embedding = described(MockEmbedding(embed_dim=4), window=4096)
    for same in (copy.copy(embedding), copy.deepcopy(embedding)):
        assert capabilities_of(same).window == 4096
    assert "capabilities" not in str(embedding.to_dict())
    assert "capabilities" not in str(embedding)


def test_a_description_of_a_langchain_model_holds_for_what_is_made_of_it() -> None:
    embedding = described(Hashed(), window=3000)
    assert capabilities_of(given_embedding(embedding)).window == 3000
    llm = described(FakeListChatModel(responses=["x"]), fit=["answer"])
    assert capabilities_of(given_llm(llm)).fit == {"answer"}


def test_nonsense_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="no task is called 'jugde': a model is fit to answer"):
        described(MockLLM(), fit=["jugde"])  # type: ignore[list-item]
    with pytest.raises(SettingsError, match="window=0 of "):
        described(MockLLM(), window=0)
    with pytest.raises(SettingsError, match="budget='512'"):
        described(MockLLM(), budget="512")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="takes no attributes"):
        described(object(), window=5)


# What the rest makes of it


def opened(folder: Path, **given: Any) -> HierarchicalIndex:
    settings = load_settings(index=str(folder / "index"))
    return HierarchicalIndex(settings, **{"embedding": WordEmbedding(), **given})


def test_a_model_that_is_handed_over_is_not_taken_for_the_135m_one(tmp_path: Path) -> None:
    with opened(tmp_path, llm=ScriptedLLM()) as index:
        assert index.budget == 2048
        assert isinstance(index.judge, LLMJudge)
        assert index.condenser()._llm is index.llm


def test_a_model_that_is_not_fit_to_judge_or_condense_does_not(tmp_path: Path) -> None:
    with opened(tmp_path, llm=described(ScriptedLLM(), fit=["answer"])) as index:
        assert isinstance(index.judge, EmbeddingJudge)
        assert index.condenser()._llm is None
        index.ingest([Document(text="Bosun was sold in May.", id_="a")])
        assert open_lane("extract", index).info.options["judge"] == "embedding"


def test_an_embedding_alone_judges_by_similarity_and_makes_no_language_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: Any) -> Any:
        raise AssertionError("no language model is needed")

    monkeypatch.setattr("indexes.index.build_llm", never)
    with opened(tmp_path) as index:
        assert isinstance(index.judge, EmbeddingJudge)
        index.ingest([Document(text="Bosun was sold in May.", id_="a")])
        assert index.retrieve("Was Bosun sold?", "parent+extract")[0]


def test_leaves_may_be_as_large_as_the_embedding_reads(tmp_path: Path) -> None:
    settings = load_settings(index=str(tmp_path / "index"), levels=(4096, 1000))
    documents = [Document(text="Bosun was sold in May. " * 400, id_="a")]
    with HierarchicalIndex(settings, embedding=described(WordEmbedding(), window=8192)) as index:
        index.ingest(documents)
        assert max(leaf.tokens for leaf in index.outline("a").leaves) > 700


def test_leaves_that_are_larger_are_refused_with_the_way_out(tmp_path: Path) -> None:
    settings = load_settings(index=str(tmp_path / "index"), levels=(4096, 1000))
    with (
        HierarchicalIndex(settings, embedding=WordEmbedding()) as index,
        pytest.raises(SettingsError, match=r"512 that words reads: choose at most 379, or say wha"
                      r"t it reads by described\(embedding, window=…\)"),
    ):  # fmt: skip
        index.ingest([Document(text="Bosun was sold in May.", id_="a")])


def test_a_record_can_not_be_nonsense() -> None:
    with pytest.raises(SettingsError, match="at_once=True"):
        Capabilities("m", 512, at_once=True)
