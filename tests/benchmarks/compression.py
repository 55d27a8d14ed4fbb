"""What compression costs, beside LangChain's, on the same passages and the same endpoint.

    python -m tests.benchmarks.compression [--questions N] [--index FOLDER] [--json]

The endpoint knows which sentences hold gold and answers each prompt rightly, in the time
that a real one takes (see `priced_endpoint`); so only what the two ask and how differs.
LangChain's lanes are `ContextualCompressionRetriever` with `LLMChainExtractor` and
`LLMChainFilter` of langchain-classic, asking through `ChatOpenAI`.
"""

import argparse
import asyncio
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import LLMChainExtractor, LLMChainFilter
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_openai import ChatOpenAI
from llama_index.core.schema import NodeWithScore
from pydantic import SecretStr

from indexes.compression import LLMJudge, PassageFilter, SentenceExtractor
from indexes.compression.compressor import Compressor
from indexes.models.endpoint import Endpoint
from indexes.models.openai_compatible import make_llm
from indexes.namespace import ours as our_fields
from tests.benchmarks.held import recall
from tests.benchmarks.passages import Asked, asked, opened
from tests.benchmarks.priced_endpoint import DECODE, PREFILL, SLOTS, PricedEndpoint

# A lane: what it does, how it is asked about all questions, returning texts and spans.
Lane = Callable[[Sequence[Asked]], list[tuple[list[str], list[dict[str, Any]]]]]


class Prepared(BaseRetriever):
    """Returns the passages of a question, as LangChain's documents."""

    found: dict[str, list[Document]]

    def _get_relevant_documents(self, query: str, **_: Any) -> list[Document]:
        return self.found[query]

    async def _aget_relevant_documents(self, query: str, **_: Any) -> list[Document]:
        return self.found[query]


def ours(compressor: Compressor, way: str) -> Lane:
    """One of our postprocessors, from sync code or natively async, a question at a time."""

    def run(questions: Sequence[Asked]) -> list[tuple[list[str], list[dict[str, Any]]]]:
        def sync() -> list[Any]:
            return [compressor.postprocess_nodes(q.nodes, query_str=q.question) for q in questions]

        async def native() -> list[Any]:
            return [
                await compressor.apostprocess_nodes(q.nodes, query_str=q.question)
                for q in questions
            ]

        results = sync() if way == "sync" else asyncio.run(native())
        return [
            (
                [node.node.get_content() for node in nodes],
                [
                    {"document": place["source"], "start": start, "end": end}
                    for place in (our_fields(node.node.metadata) for node in nodes)
                    for start, end in place["spans"]
                ],
            )
            for nodes in results
        ]

    return run


def langchain(compressor: Any, way: str) -> Lane:
    """One of LangChain's compressors, likewise."""

    def run(questions: Sequence[Asked]) -> list[tuple[list[str], list[dict[str, Any]]]]:
        found = {
            q.question: [
                Document(page_content=node.node.get_content(), metadata=node.node.metadata)
                for node in q.nodes
            ]
            for q in questions
        }
        retriever = ContextualCompressionRetriever(
            base_compressor=compressor, base_retriever=Prepared(found=found)
        )

        async def native() -> list[list[Document]]:
            return [await retriever.ainvoke(q.question) for q in questions]

        if way == "sync":
            results = [retriever.invoke(q.question) for q in questions]
        else:
            results = asyncio.run(native())
        return [([document.page_content for document in one], []) for one in results]

    return run


def measure(lane: Lane, questions: Sequence[Asked], endpoint: PricedEndpoint) -> dict[str, float]:
    endpoint.spent()
    started = time.perf_counter()
    results = lane(questions)
    seconds = time.perf_counter() - started
    row: dict[str, float] = {**endpoint.spent(), "wall_seconds": round(seconds, 3)}
    if any(spans for _, spans in results):  # LangChain's documents don't say where they are from
        row["verbatim"] = statistics.fmean(
            piece
            in {node.node.get_content()[a:b] for node in q.nodes for a, b in _ours(node, spans)}
            for q, (texts, spans) in zip(questions, results, strict=True)
            for text in texts
            for piece in text.split(" … ")
        )
        row["retention"] = statistics.fmean(
            recall(spans, q.held)
            for q, (_, spans) in zip(questions, results, strict=True)
            if q.held
        )
    return row


def _ours(node: NodeWithScore, spans: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """The spans that lie in a node, as offsets into its text."""
    place = our_fields(node.node.metadata)
    return [
        (span["start"] - place["start"], span["end"] - place["start"])
        for span in spans
        if span["document"] == place["source"]
        and place["start"] <= span["start"] < span["end"] <= place["end"]
    ]


def lanes(url: str) -> dict[str, Lane]:
    endpoint = Endpoint(url, SecretStr("none"), "oracle", "RAG_BASE_URL", "RAG_LLM_MODEL")
    llm = make_llm(endpoint, "oracle", context_window=32_768, max_tokens=512)
    chat = ChatOpenAI(model="oracle", base_url=url, api_key=SecretStr("none"), temperature=0)
    extractor, filtering = LLMChainExtractor.from_llm(chat), LLMChainFilter.from_llm(chat)
    each = LLMJudge(llm, packing="each")
    return {
        "ours": ours(SentenceExtractor(LLMJudge(llm)), "sync"),
        "ours_async": ours(SentenceExtractor(LLMJudge(llm)), "async"),
        "ours_each": ours(SentenceExtractor(each), "sync"),
        "langchain_sync": langchain(extractor, "sync"),
        "langchain_async": langchain(extractor, "async"),
        "ours_filter": ours(PassageFilter(LLMJudge(llm), fallback="empty"), "sync"),
        "ours_filter_each": ours(PassageFilter(each, fallback="empty"), "sync"),
        "langchain_filter_sync": langchain(filtering, "sync"),
        "langchain_filter_async": langchain(filtering, "async"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--index", type=Path, help="where the index is, or is kept")
    parser.add_argument("--prefill", type=float, default=PREFILL, help="prompt tokens a second")
    parser.add_argument("--decode", type=float, default=DECODE, help="answer tokens a second")
    parser.add_argument("--slots", type=int, default=SLOTS, help="answers at a time")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with opened("chunking_evaluation", options.index) as index:
        questions = asked(index, "chunking_evaluation", options.questions)
    gold = {question.question: question.relevant for question in questions}
    speeds = {name: getattr(options, name) for name in ("prefill", "decode", "slots")}
    with PricedEndpoint(gold, **speeds) as endpoint:
        table = {
            name: measure(lane, questions, endpoint) for name, lane in lanes(endpoint.url).items()
        }
    print(f"{len(questions)} questions, 12 passages each; {speeds}; load {os.getloadavg()[0]:.1f}")
    columns = (
        "llm_calls",
        "input_tokens",
        "output_tokens",
        "wall_seconds",
        "retention",
        "verbatim",
    )
    print(f"{'':24}" + "".join(f"{column:>15}" for column in columns))
    for name, row in table.items():
        print(f"{name:24}" + "".join(f"{row.get(column, math.nan):>15,.6g}" for column in columns))
    for part, whole in (("ours", "langchain_sync"), ("ours", "langchain_async")):
        tokens = table[part]["output_tokens"] / table[whole]["output_tokens"]
        seconds = table[part]["wall_seconds"] / table[whole]["wall_seconds"]
        print(f"{part} / {whole}: {tokens:.3f} of the output tokens, {seconds:.3f} of the time")
    if options.json:
        print(json.dumps(table))


if __name__ == "__main__":
    main()
