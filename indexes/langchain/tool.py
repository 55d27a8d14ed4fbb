"""A retriever as a tool for agents, which tells them what to cite."""

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, Field

from indexes.namespace import ours
from indexes.places import headline

_NOTHING = "Nothing was found."


class _Asked(BaseModel):
    query: str = Field(description="What to look up, as a question or in words.")


def passages_tool(retriever: BaseRetriever, name: str, description: str) -> StructuredTool:
    """A tool for `create_agent` that finds passages, numbered to be cited.

        tool = passages_tool(retriever, "letters", "Search the letters to shareholders.")
        agent = create_agent(model, [tool], system_prompt="Cite passages as [1].")

    The model reads passages with number, title and pages. The documents are the tool message's
    `artifact`, in the same order: `artifact[0]` is what `[1]` cites, with its place in its
    source under `metadata["advanced_rag"]`.

    Args:
        retriever: ours, or any of LangChain's
        name: what the model calls the tool
        description: what the model is told that it is good for
    """

    def search(query: str) -> tuple[str, list[Document]]:
        return _found(retriever.invoke(query))

    async def asearch(query: str) -> tuple[str, list[Document]]:
        return _found(await retriever.ainvoke(query))

    return StructuredTool.from_function(
        func=search,
        coroutine=asearch,
        name=name,
        description=description,
        args_schema=_Asked,
        response_format="content_and_artifact",
    )


def _found(documents: list[Document]) -> tuple[str, list[Document]]:
    shown = [
        f"[{number}] {_about(document)}\n{document.page_content.strip()}"
        for number, document in enumerate(documents, start=1)
    ]
    return "\n\n".join(shown) or _NOTHING, documents


def _about(document: Document) -> str:
    """What a passage is from, on one line; and the header of its table."""
    about, metadata = ours(document.metadata), document.metadata
    title = about.get("title") or metadata.get("title") or metadata.get("source") or ""
    page = metadata.get("page")
    place = about.get("place") or (f"page {page + 1}" if isinstance(page, int) else "")
    line = headline(" ".join(str(title).split()), about.get("heading", ""), place)
    return f"{line}\n{about['header']}" if about.get("header") else line
