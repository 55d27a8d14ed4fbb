"""A LangChain application of a stranger's, type-checked likewise."""

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from indexes.langchain import ParentDocuments


def parents(folder: str, documents: list[Document], embedding: Embeddings) -> list[Document]:
    retriever = ParentDocuments.open(folder, child_size=400, parent_size=2000, embedding=embedding)
    retriever.add_documents(documents)
    return retriever.invoke("When does the cafe open?")
