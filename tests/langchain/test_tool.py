"""The tool for agents: numbered passages to read, documents to cite."""

from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import ToolMessage
from langchain_core.retrievers import BaseRetriever

from indexes.langchain import ParentDocuments, passages_tool
from indexes.namespace import OURS
from tests.langchain.test_callbacks import Runs
from tests.langchain.test_compressor import Canned
from tests.langchain.test_documents import parents  # noqa: F401 - a fixture
from tests.langchain.test_retriever import QUESTION


def called(retriever: BaseRetriever, **config: Any) -> ToolMessage:
    tool = passages_tool(retriever, "letters", "Search the letters.")
    call = {"type": "tool_call", "id": "1", "name": "letters", "args": {"query": QUESTION}}
    return tool.invoke(call, config)


def test_the_model_reads_numbers_and_the_artifact_says_what_they_cite(
    parents: ParentDocuments,  # noqa: F811
) -> None:
    message = called(parents)
    assert message.content.startswith("[1] lamp, page 4\nThe lamp were")
    for number, document in enumerate(message.artifact, start=1):
        assert f"[{number}] " in message.content
        assert document.page_content.strip() in message.content
        assert document.metadata[OURS]["number"] == number
        assert document.metadata["url"].startswith("https://example.test/")


async def test_it_is_async_and_its_retriever_runs_below_it(
    parents: ParentDocuments,  # noqa: F811
) -> None:
    tool = passages_tool(parents, "letters", "Search the letters.")
    seen = Runs()
    text = await tool.ainvoke({"query": QUESTION}, {"callbacks": [seen]})
    assert text.startswith("[1] lamp")
    assert len(seen.retrievers) == 1


def test_any_retriever_will_do() -> None:
    found = [
        Document(page_content="Ada lit it.", metadata={"title": "The\nlamp", "page": 2}),
        Document(page_content="So it is said."),
    ]
    message = called(Canned(documents=found))
    assert message.content == "[1] The lamp, page 3\nAda lit it.\n\n[2] \nSo it is said."
    assert message.artifact == found
    assert called(Canned(documents=[])).content == "Nothing was found."
