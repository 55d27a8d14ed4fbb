"""How well judges keep the evidence and drop the rest, on 12 passages a question.

    python -m tests.benchmarks.judges [--index FOLDER] [--corpus chunking_evaluation]
        [--plot docs/images/compression.png] [--llm N] [--json]

Retention is the share of the gold characters in the passages that is kept, the kept ratio
the share of all their characters; both are means over questions. The curve sweeps the
threshold of the embedding judge, of its parts alone, and of LangChain's `EmbeddingsFilter`.
`--llm N` lets the local language model judge N of the questions as well.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import NodeWithScore
from pydantic import PrivateAttr

from indexes.compression import (
    EmbeddingJudge,
    LLMJudge,
    PassageFilter,
    Scoring,
    SentenceExtractor,
    similarity,
)
from indexes.compression.compressor import Compressor
from indexes.details import JudgeDetails, JudgedPassage
from indexes.evaluation.spans import characters
from indexes.index import HierarchicalIndex
from indexes.namespace import ours
from indexes.trace import tracing
from tests.benchmarks.held import recall, spans_of
from tests.benchmarks.passages import Asked, asked, opened

SWEEP = [round(-1 + step * 0.025, 3) for step in range(81)]
# Each part of the score taken away, and what the retriever's part counts then.
_WORDLESS = {"BM25_WEIGHT": 0.0, "NEIGHBOURS_WEIGHT": 0.0}
_UNTITLED = {"TITLE_WEIGHT": 0.0, "PASSAGE_TITLE_WEIGHT": 0.0}
WITHOUT: dict[str, tuple[dict[str, float], float]] = {
    "no BM25": ({"BM25_WEIGHT": 0.0}, 1.0),
    "no neighbours": ({"NEIGHBOURS_WEIGHT": 0.0}, 1.0),
    "no concentration": ({"MOST_CONCENTRATED": 0.0}, 1.0),
    "no retriever": ({}, 0.0),
    "no title": (_UNTITLED, 1.0),
    "cosine alone": ({**_WORDLESS, **_UNTITLED}, 0.0),
}

Point = tuple[float, float, float]  # threshold, kept ratio, retention


class Remembering(BaseEmbedding):
    """An embedding model that embeds each text once: sweeps ask for the same ones."""

    _model: BaseEmbedding = PrivateAttr()
    _known: dict[str, list[float]] = PrivateAttr(default_factory=dict)

    def __init__(self, model: BaseEmbedding) -> None:
        super().__init__(model_name=model.model_name)
        self._model = model

    def _get_query_embedding(self, query: str) -> list[float]:
        if f"? {query}" not in self._known:
            self._known[f"? {query}"] = self._model.get_query_embedding(query)
        return self._known[f"? {query}"]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        self._known.update(zip(new, self._model.get_text_embedding_batch(new), strict=True))
        return [self._known[text] for text in texts]


def figures(
    questions: Sequence[Asked], keep: Callable[[Asked], list[NodeWithScore]]
) -> dict[str, float]:
    """Retention and kept ratio of whatever keeps nodes of a question."""
    retention, ratio = [], []
    for question in questions:
        kept = [
            {"document": ours(node.node.metadata)["source"], "start": start, "end": end}
            for node in keep(question)
            for start, end in _spans(node)
        ]
        given = [
            {"document": ours(node.node.metadata)["source"], "start": start, "end": end}
            for node in question.nodes
            for start, end in _spans(node)
        ]
        ratio.append(characters(spans_of(kept)) / characters(spans_of(given)))
        if question.held:
            retention.append(recall(kept, question.held))
    return {"retention": statistics.fmean(retention), "kept": statistics.fmean(ratio)}


def _spans(node: NodeWithScore) -> list[list[int]]:
    place = ours(node.node.metadata)
    return place.get("spans") or [[place["start"], place["end"]]]


def applied(compressor: Compressor) -> Callable[[Asked], list[NodeWithScore]]:
    return lambda question: compressor.postprocess_nodes(
        list(question.nodes), query_str=question.question
    )


def curve(questions: Sequence[Asked], judge: EmbeddingJudge, task: str) -> list[Point]:
    """Judge each question once, then sweep the threshold over the scores in the trace."""
    kind = SentenceExtractor if task == "extract" else PassageFilter
    judged = []
    for question in questions:
        with tracing() as trace:
            kind(judge).postprocess_nodes(question.nodes, query_str=question.question)
        (details,) = trace.all(JudgeDetails)
        judged.append((question, [p for passage in details.passages for p in _places(passage)]))
    return [(threshold, *swept(judged, threshold)) for threshold in SWEEP]


def _places(passage: JudgedPassage) -> list[dict[str, Any]]:
    """What is decided about together: the sentences of a passage, or all of it."""
    return [
        {"document": passage.document, "start": one.start, "end": one.end, "score": one.score}
        for one in passage.sentences or (passage,)
    ]


def swept(
    judged: Sequence[tuple[Asked, list[dict[str, Any]]]], threshold: float
) -> tuple[float, float]:
    ratio, retention = [], []
    for question, places in judged:
        kept = [place for place in places if place["score"] >= threshold]
        ratio.append(characters(spans_of(kept)) / characters(spans_of(places)))
        if question.held:
            retention.append(recall(kept, question.held))
    return statistics.fmean(ratio), statistics.fmean(retention)


def langchain_filter(
    embedding: BaseEmbedding,
) -> Iterator[tuple[float, Callable[[Asked], list[NodeWithScore]]]]:
    """LangChain's `EmbeddingsFilter`, whose thresholds are cosines."""
    from langchain_classic.retrievers.document_compressors import EmbeddingsFilter
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings

    class Bridge(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embedding.get_text_embedding_batch(texts)

        def embed_query(self, text: str) -> list[float]:
            return embedding.get_query_embedding(text)

    for cosine in np.linspace(0, 1, 41):
        compressor = EmbeddingsFilter(
            embeddings=Bridge(), k=None, similarity_threshold=float(cosine)
        )

        def keep(question: Asked, compressor: Any = compressor) -> list[NodeWithScore]:
            documents = [
                Document(page_content=node.node.get_content(), metadata={"place": place})
                for place, node in enumerate(question.nodes)
            ]
            kept = compressor.compress_documents(documents, question.question)
            return [question.nodes[document.metadata["place"]] for document in kept]

        yield float(cosine), keep


def curves(questions: Sequence[Asked], embedding: BaseEmbedding) -> dict[str, list[Point]]:
    found = {"sentences": curve(questions, EmbeddingJudge(embedding), "extract")}
    for name, (weights, retriever) in WITHOUT.items():
        judge = EmbeddingJudge(embedding, scoring=Scoring(retriever=retriever))
        with mock.patch.dict(vars(similarity), weights):
            found[name] = curve(questions, judge, "extract")
    found["whole passages"] = curve(questions, EmbeddingJudge(embedding), "filter")
    found["LangChain EmbeddingsFilter"] = [
        (threshold, row["kept"], row["retention"])
        for threshold, make in langchain_filter(embedding)
        for row in [figures(questions, make)]
    ]
    return found


def at_most(points: Sequence[Point], kept: float) -> Point:
    """The point of the highest retention that keeps no more than that."""
    return max((p for p in points if p[1] <= kept), key=lambda p: p[2])


def at_least(points: Sequence[Point], retention: float) -> float:
    """The smallest kept ratio of that retention; NaN if there is none."""
    return min((kept for _, kept, found in points if found >= retention), default=np.nan)


def small_model(
    questions: Sequence[Asked], index: HierarchicalIndex, embedding: BaseEmbedding
) -> dict[str, dict[str, float]]:
    """The local language model and the embedding judge on the same questions."""
    judges = {
        "SmolLM2, packed": LLMJudge(index.llm, at_once=2, seconds=300),
        "SmolLM2, each": LLMJudge(index.llm, packing="each", at_once=2, seconds=300),
        "embedding": EmbeddingJudge(embedding),
    }
    table = {}
    for name, judge in judges.items():
        for task, compressor in (
            ("extract", SentenceExtractor(judge, fallback="empty")),
            ("filter", PassageFilter(judge, fallback="empty")),
        ):
            started = time.perf_counter()
            row = figures(questions, applied(compressor))
            row["seconds"] = (time.perf_counter() - started) / len(questions)
            table[f"{task}, {name}"] = row
    return table


def plot(found: dict[str, list[Point]], default: Point, file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), dpi=120)
    shown = ("sentences", "whole passages", "cosine alone", "LangChain EmbeddingsFilter")
    labels = ("sentences, all parts", "whole passages, all parts", "sentences, cosine alone")
    for name, label in zip(shown, (*labels, shown[-1]), strict=True):
        points = sorted((kept, retention) for _, kept, retention in found[name])
        axes.plot(*zip(*points, strict=True), label=label, linewidth=2)
    axes.plot(default[1], default[2], "o", color="black", label=f"default, {default[0]:g}")
    axes.axhline(0.9, color="grey", linewidth=0.8, linestyle=":")
    axes.axvline(0.45, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlabel="share of the text that is kept", ylabel="share of the evidence that is kept",
             xlim=(0, 1), ylim=(0.3, 1.01))  # fmt: skip
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="chunking_evaluation")
    parser.add_argument("--index", type=Path, help="where the index is, or is kept")
    parser.add_argument("--questions", type=int, help="how many; all by default")
    parser.add_argument("--plot", type=Path, help="draw the curves into this file")
    parser.add_argument("--llm", type=int, default=0, metavar="N", help="ask the LLM N questions")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result: dict[str, Any] = {}
    with opened(options.corpus, options.index) as index:
        questions = asked(index, options.corpus, options.questions)
        embedding = Remembering(index.embedding)
        found = curves(questions, embedding)
        if options.llm:
            sample = asked(index, options.corpus, options.llm)
            result["llm"] = small_model(sample, index, embedding)
    print(f"{options.corpus}: {len(questions)} questions, load {os.getloadavg()[0]:.1f}")
    print(f"{'retention at a kept ratio of':32}    .35    .45   kept at a retention of .90")
    for name, points in found.items():
        cells = f"{at_most(points, 0.35)[2]:7.3f}{at_most(points, 0.45)[2]:7.3f}"
        print(f"{name:32}{cells}{at_least(points, 0.9):10.3f}")
        result[name] = points
    default = next(p for p in found["sentences"] if p[0] >= Scoring().sentences)
    print("default: threshold {:.2f}, kept {:.3f}, retention {:.3f}".format(*default))
    filtering = next(p for p in found["whole passages"] if p[0] >= Scoring().passages)
    print("default of the filter: {:.2f}, kept {:.3f}, retention {:.3f}".format(*filtering))
    for name, row in result.get("llm", {}).items():
        print(f"{name:28} {row['retention']:.3f} {row['kept']:.3f} {row['seconds']:.1f} s")
    if options.plot:
        plot(found, default, options.plot)
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
