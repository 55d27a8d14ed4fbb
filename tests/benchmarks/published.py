"""The scorer against published figures: chunks of others, searched by `regular`.

    python -m tests.benchmarks.published [--vectors FILE] [--json]

"Evaluating Chunking Strategies for Retrieval" (Smith and Troynikov, Chroma, 2024) reports
the recall of well-known chunkings on its five corpora and 472 questions, with
all-MiniLM-L6-v2 and five chunks a question. The same chunks in our engine, found by our
pattern and scored by our scorer, must have the same recall.

Differences that are left: their model reads 256 word pieces of a chunk, ours 512; their
splitter for `recursive` has a sentence's end among its separators.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from langchain_text_splitters import RecursiveCharacterTextSplitter

from indexes.documents import load_documents
from indexes.evaluation.peers.texts import located
from indexes.evaluation.questions import read_questions
from indexes.evaluation.spans import score_spans
from indexes.evaluation.vectors import RememberedEmbedding
from indexes.index import HierarchicalIndex
from indexes.models.providers import build_embedding
from indexes.sentences import Span
from indexes.settings import load_settings
from indexes.tokens import count_tokens
from tests.benchmarks.fixed import index_chunks, nearest, token_chunks

DATA = Path(__file__).parents[3] / "shared" / "data" / "chunking_evaluation"
CHUNKS_A_QUESTION = 5
TOLERANCE = 1.5


def recursive(text: str) -> list[Span]:
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=200, chunk_overlap=0, length_function=count_tokens
    )
    return located(text, splitter.split_text(text))


CHUNKINGS: dict[str, tuple[Callable[[str], list[Span]], float]] = {
    "tokens 250, overlap 0": (lambda text: token_chunks(text, size=250), 77.1),
    "tokens 250, overlap 125": (lambda text: token_chunks(text, size=250, overlap=125), 82.4),
    "recursive 200, overlap 0": (recursive, 75.7),
}


def fail(path: Path, error: Exception) -> None:
    raise SystemExit(f"{path}: {error}")


def measure(name: str, vectors: Path | None) -> dict[str, float]:
    cut, published = CHUNKINGS[name]
    texts = {
        found.metadata["source"]: found.text
        for found in load_documents([DATA / "corpora"], on_error=fail)
    }
    embedding = RememberedEmbedding(build_embedding(load_settings()), vectors)
    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        HierarchicalIndex(load_settings(index=folder), embedding=embedding) as index,
    ):
        chunks = index_chunks(index, texts, {source: cut(text) for source, text in texts.items()})
        recalls = [
            score_spans(
                nearest(index, question.question, CHUNKS_A_QUESTION), question.references
            ).recall
            for question in read_questions(DATA / "questions.jsonl")
        ]
    return {
        "chunks": chunks,
        "recall": 100 * statistics.fmean(recalls),
        "published": published,
        "difference": 100 * statistics.fmean(recalls) - published,
        "seconds": time.perf_counter() - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=Path, help="File to keep vectors in.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"the development data is not here: put it at {DATA}")
    found = {name: measure(name, options.vectors) for name in CHUNKINGS}
    print(f"{'chunks':26}{'number':>8}{'recall':>8}{'published':>11}{'difference':>12}")
    for name, row in found.items():
        print(
            f"{name:26}{row['chunks']:8}{row['recall']:8.1f}{row['published']:11.1f}"
            f"{row['difference']:+12.1f}"
        )
    if options.json:
        print(json.dumps(found))
    if any(abs(row["difference"]) > TOLERANCE for row in found.values()):
        raise SystemExit(f"a difference is above {TOLERANCE} points")


if __name__ == "__main__":
    main()
