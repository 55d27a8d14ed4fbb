"""A retriever as a tool for agents, which tells them what to cite."""

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, Field

from indexes.namespace import ours

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
    """Title and pages, on one line."""
    place = ours(document.metadata)
    title = place.get("title") or document.metadata.get("title") or document.metadata.get("source")
    parts = [" ".join(str(title).split())] if title else []
    pages, page = place.get("pages"), document.metadata.get("page")
    if pages:
        first, last = pages
        parts.append(f"page {first}" if first == last else f"pages {first} to {last}")
    elif isinstance(page, int):
        parts.append(f"page {page + 1}")
    return ", ".join(parts)
