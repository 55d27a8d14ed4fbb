"""For LangChain applications: our patterns as retrievers, our compressors as compressors,
LangChain's models as ours.

    retriever = PatternRetriever(index=HierarchicalIndex.open("my-index"), pattern="parent")
    chain = {"context": retriever | format_docs, "question": RunnablePassthrough()} | prompt | llm

    # ParentDocumentRetriever(vectorstore=…, docstore=…, child_splitter=…, parent_splitter=…)
    retriever = ParentDocuments.open("my-index", child_size=400, parent_size=2000)
    retriever.add_documents(documents)

Needs `langchain-core` only (extra `langchain`). `docs/from-langchain.md` has each piece side
by side with LangChain's.
"""

from indexes.langchain.compressor import PassageCompressor
from indexes.langchain.documents import to_langchain, to_llama_index
from indexes.langchain.models import LlamaIndexEmbeddings, chat_model
from indexes.langchain.parents import ParentDocuments
from indexes.langchain.retriever import PatternRetriever
from indexes.langchain.tool import passages_tool
from indexes.models.langchain import LangChainEmbedding, LangChainLLM, as_embedding, as_llm

__all__ = [
    "LangChainEmbedding",
    "LangChainLLM",
    "LlamaIndexEmbeddings",
    "ParentDocuments",
    "PassageCompressor",
    "PatternRetriever",
    "as_embedding",
    "as_llm",
    "chat_model",
    "passages_tool",
    "to_langchain",
    "to_llama_index",
]
