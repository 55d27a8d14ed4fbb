"""The tool for agents: numbered passages to read, documents to cite."""

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_it_says_under_which_headings_and_table_header_a_passage_stood() -> None:
    fields = {"title": "Fees", "heading": "Fees › Berths", "place": "page 2", "header": "| a | b |"}
    found = [Document(page_content="| 1 | 2 |", metadata={OURS: fields})]
    assert called(Canned(documents=found)).content == (
        "[1] Fees › Berths, page 2\n| a | b |\n| 1 | 2 |"
    )


class Scripted(GenericFakeChatModel):
    """A chat model that says what it is told to, and remembers what it was shown."""

    shown: list[list[BaseMessage]]

    def bind_tools(self, tools: Any, **kwargs: Any) -> "Scripted":
        assert [tool.name for tool in tools] == ["letters"]
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        self.shown.append(messages)
        return super()._generate(messages, *args, **kwargs)


@pytest.mark.slow
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_agent_calls_it_and_its_citations_can_be_followed(
    parents: ParentDocuments,  # noqa: F811
    asynchronous: bool,
) -> None:
    from langchain.agents import create_agent

    asks = AIMessage("", tool_calls=[{"name": "letters", "args": {"query": QUESTION}, "id": "1"}])
    model = Scripted(messages=iter([asks, AIMessage("The keeper does [1].")]), shown=[])
    agent = create_agent(model, [passages_tool(parents, "letters", "Search the letters.")])
    asked = {"messages": [("user", QUESTION)]}
    said = (await agent.ainvoke(asked) if asynchronous else agent.invoke(asked))["messages"]
    assert [message.type for message in said] == ["human", "ai", "tool", "ai"]
    cited = said[2].artifact[0]
    assert f"[1] lamp, page 4\n{cited.page_content.strip()}" in said[2].content
    assert cited.metadata["source"] == "lamp.txt"
    # The model read passages, and nothing of ours.
    assert OURS not in str(model.shown[-1][-1].content)
