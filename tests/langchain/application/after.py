"""An application in the style of AWS's sample: load, split, retrieve parents, compress, answer."""

import json
import sys
import warnings
from typing import Any

from langchain_classic.chains import RetrievalQA
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import LLMChainExtractor
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_text_splitters import RecursiveCharacterTextSplitter
from models import BagOfWords, llm

from indexes.langchain import ParentDocuments

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # langchain-community says that it is being retired
    from langchain_community.document_loaders import PyPDFDirectoryLoader

QUERY = "What happened to Bosun?"


class Seen(BaseCallbackHandler):
    """Counts what LangSmith would show."""

    def __init__(self) -> None:
        self.counts = {"retriever": 0, "model": 0}

    def on_retriever_start(self, *args: Any, **kwargs: Any) -> None:
        self.counts["retriever"] += 1

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.counts["model"] += 1


# Load.
documents = PyPDFDirectoryLoader(sys.argv[1]).load()
for document in documents:
    document.metadata["url"] = "https://example.test/" + document.metadata["source"]

# Split and index.
parent_splitter = RecursiveCharacterTextSplitter(chunk_size=2000)
child_splitter = RecursiveCharacterTextSplitter(chunk_size=400)
retriever = ParentDocuments.open(
    "letters-index",
    embedding=BagOfWords(),
    child_splitter=child_splitter,
    parent_splitter=parent_splitter,
    search_kwargs={"k": 4},
)
retriever.add_documents(documents, ids=None)

# Compress.
compressor = LLMChainExtractor.from_llm(llm("Bosun was sold."))
compressed = ContextualCompressionRetriever(base_compressor=compressor, base_retriever=retriever)

# Answer, with RetrievalQA and in LCEL.
prompt = PromptTemplate.from_template(
    "<s>[INST] Use the following pieces of context to answer the question.\n\n{context}\n\n"
    "Question: {question} [/INST]"
)
qa = RetrievalQA.from_chain_type(
    llm=llm(),
    chain_type="stuff",
    retriever=retriever,
    return_source_documents=True,
    chain_type_kwargs={"prompt": prompt},
)
chain = (
    {
        "context": compressed | (lambda found: "\n\n".join(d.page_content for d in found)),
        "question": RunnablePassthrough(),
    }
    | ChatPromptTemplate.from_template("{context}\n\nQuestion: {question}")
    | llm()
    | StrOutputParser()
)

seen, seen_compressed = Seen(), Seen()
answered = qa.invoke({"query": QUERY}, {"callbacks": [seen]})
found = answered["source_documents"]
print(
    json.dumps(
        {
            "answer": answered["result"],
            "lcel": chain.invoke(QUERY, {"callbacks": [seen_compressed]}),
            "characters": [len(document.page_content) for document in found],
            "urls": [document.metadata["url"] for document in found],
            "pages": [document.metadata["page"] for document in found],
            "ours": [document.metadata.get("advanced_rag", {}) for document in found],
            "compressed": [document.page_content for document in compressed.invoke(QUERY)],
            "seen": seen.counts,
            "seen_compressed": seen_compressed.counts,
        }
    )
)
