"""LangChain's models in our index, and ours in LangChain's chains."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.language_models import FakeListLLM, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from llama_index.core.base.llms.types import ChatMessage

from indexes.errors import ModelError
from indexes.index import HierarchicalIndex
from indexes.langchain import LangChainEmbedding, LangChainLLM, LlamaIndexEmbeddings, chat_model
from indexes.settings import load_settings
from tests.fakes import ScriptedLLM, WordEmbedding

TEXT = "The lighthouse keeper winds the lamp at dusk. He sleeps by day. " * 20


class Chat(GenericFakeChatModel):
    """Streams word by word what it was told to say, and remembers what it was asked."""

    asked: list[Any] = []  # noqa: RUF012 - a pydantic field

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        self.asked.append(messages)
        return super()._generate(messages, *args, **kwargs)


def chat(*answers: str) -> Chat:
    used = {"input_tokens": 11, "output_tokens": 3, "total_tokens": 14}
    said = [AIMessage(content=answer, usage_metadata=used) for answer in answers]
    return Chat(messages=iter(said), asked=[])


@pytest.mark.slow
def test_an_index_takes_langchains_models_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "lamp.txt").write_text(TEXT, encoding="utf-8")
    model = chat("He winds it [1].")
    with HierarchicalIndex(
        load_settings(index=str(tmp_path / "index")),
        embedding=DeterministicFakeEmbedding(size=8),
        llm=model,
    ) as index:
        index.ingest([tmp_path / "lamp.txt"])
        answer = index.ask("Who winds the lamp?")
    assert answer.answer == "He winds it [1]."
    assert answer.citations[0].document == "lamp.txt"
    assert index.store.fingerprint().embedding == "DeterministicFakeEmbedding"
    [[message]] = model.asked
    assert isinstance(message, HumanMessage)
    assert "Who winds the lamp?" in message.content


@pytest.mark.slow
async def test_the_same_without_blocking(tmp_path: Path) -> None:
    (tmp_path / "lamp.txt").write_text(TEXT, encoding="utf-8")
    with HierarchicalIndex(
        load_settings(index=str(tmp_path / "index")),
        embedding=DeterministicFakeEmbedding(size=8),
        llm=chat("He does [1]."),
    ) as index:
        index.ingest([tmp_path / "lamp.txt"])
        answer = await index.aask("Who winds the lamp?")
    assert answer.answer == "He does [1]."


def test_roles_and_token_counts_are_kept() -> None:
    model = chat("Yes.")
    response = LangChainLLM(model).chat(
        [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content="Well?")]
    )
    assert response.message.content == "Yes."
    assert response.raw == {"usage": {"prompt_tokens": 11, "completion_tokens": 3}}
    assert [type(message) for message in model.asked[0]] == [SystemMessage, HumanMessage]


async def test_a_completion_model_is_asked_in_plain_words() -> None:
    llm = LangChainLLM(FakeListLLM(responses=["one", "two", "three", "four"]))
    assert llm.metadata.is_chat_model is False
    assert llm.complete("Count.").text == "one"
    assert (await llm.acomplete("Count.")).text == "two"
    assert "".join(piece.delta or "" for piece in llm.stream_complete("Count.")) == "three"
    stream = await llm.astream_complete("Count.")
    assert "".join([piece.delta or "" async for piece in stream]) == "four"


class Broken(Embeddings):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise ConnectionError("no route\nto host")

    def embed_query(self, text: str) -> list[float]:
        raise ConnectionError("no route\nto host")


def test_their_failures_are_one_line_of_ours() -> None:
    with pytest.raises(ModelError, match=r"Broken failed: no route to host"):
        LangChainEmbedding(Broken()).get_text_embedding("a")
    with pytest.raises(ModelError, match="failed"):
        LangChainLLM(chat()).complete("nothing is left to say")


@pytest.mark.parametrize("name", ["llm", "embedding"])
def test_what_is_no_model_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="int is no"):
        HierarchicalIndex(load_settings(index=str(tmp_path)), **{name: 4})


def test_our_llm_answers_in_a_chain() -> None:
    llm = ScriptedLLM()
    llm.enqueue("Paris is it.")
    chain = ChatPromptTemplate.from_template("Capital of {x}?") | chat_model(llm)
    answer = chain.invoke({"x": "France"})
    assert answer.content == "Paris is it."
    assert answer.usage_metadata["input_tokens"] == 100
    assert llm.prompts == ["Capital of France?"]


async def test_our_llm_streams_in_a_chain() -> None:
    llm = ScriptedLLM()
    llm.enqueue("one two three", "four five", "six")
    chain = chat_model(llm) | StrOutputParser()
    # LangChain ends a stream with an empty piece.
    assert list(chain.stream("Count.")) == ["one", " two", " three", ""]
    assert [piece async for piece in chain.astream("Count.")] == ["four", " five", ""]
    assert await chain.ainvoke("Count.") == "six"


async def test_our_embeddings_are_theirs() -> None:
    ours, theirs = WordEmbedding(), LlamaIndexEmbeddings(WordEmbedding())
    assert theirs.embed_query("lamp") == ours.get_query_embedding("lamp")
    assert theirs.embed_documents(["a", "b"]) == ours.get_text_embedding_batch(["a", "b"])
    assert await theirs.aembed_query("lamp") == theirs.embed_query("lamp")
    assert await theirs.aembed_documents(["a"]) == theirs.embed_documents(["a"])


async def test_there_and_back_is_the_same() -> None:
    there_and_back = LangChainEmbedding(LlamaIndexEmbeddings(WordEmbedding()))
    vector = WordEmbedding().get_query_embedding("lamp")
    assert there_and_back.get_query_embedding("lamp") == vector
    assert await there_and_back.aget_query_embedding("lamp") == vector
