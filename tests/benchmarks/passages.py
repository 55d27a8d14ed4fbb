"""The passages that compression is measured on: the same for every lane.

For each question of chunking_evaluation the 12 best leaves of hybrid search, and of each
its sentences with the gold characters they hold.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llama_index.core.schema import NodeWithScore

from indexes.compression.passages import Passage
from indexes.index import HierarchicalIndex
from indexes.namespace import ours

DATA = Path(__file__).parents[3] / "shared" / "data"
PASSAGES = 12


@dataclass(frozen=True)
class Asked:
    """A question, its passages, and per passage the gold characters in each sentence."""

    question: str
    references: list[dict[str, Any]]
    nodes: list[NodeWithScore]
    gold: list[list[int]]

    @property
    def relevant(self) -> list[str]:
        """The sentences that hold gold."""
        return [
            passage.slice(span)
            for passage, gold in zip(map(Passage.of, self.nodes), self.gold, strict=True)
            for span, characters in zip(passage.sentences, gold, strict=True)
            if characters
        ]

    @property
    def held(self) -> list[dict[str, Any]]:
        """The gold that the passages hold: no compression can keep more."""
        places = [ours(node.node.metadata) for node in self.nodes]
        cut = [
            {
                "document": place["source"],
                "start": max(gold["start"], place["start"]),
                "end": min(gold["end"], place["end"]),
            }
            for place in places
            for gold in self.references
            if gold["document"] == place["source"]
        ]
        return [place for place in cut if place["start"] < place["end"]]


@contextmanager
def opened(corpus: str, folder: Path | None) -> Iterator[HierarchicalIndex]:
    """An index of a corpus with the local models; kept in `folder`, if one is named."""
    if not DATA.is_dir():
        raise SystemExit(f"the development data is not here: put it at {DATA}")
    with tempfile.TemporaryDirectory() as scratch:
        place = (folder or Path(scratch)) / corpus
        subprocess.run(
            [sys.executable, "-m", "app", "ingest", str(DATA / corpus / "corpora"),
             "--index", str(place)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        with HierarchicalIndex.open(place) as index:
            yield index


def asked(index: HierarchicalIndex, corpus: str, count: int | None = None) -> list[Asked]:
    """The first `count` questions that have gold; of all corpora evenly, if fewer than all."""
    lines = (DATA / corpus / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [question for question in map(json.loads, lines) if question["references"]]
    if count is not None and count < len(questions):
        questions = [questions[i * len(questions) // count] for i in range(count)]
    # Leaves have up to 128 tokens: twelve of them, whatever the budget.
    retriever = index.retriever("regular", budget=PASSAGES * 256)
    found = []
    for question in questions:
        nodes = retriever.retrieve(question["question"])[:PASSAGES]
        gold = [_gold(Passage.of(node), question["references"]) for node in nodes]
        found.append(Asked(question["question"], question["references"], nodes, gold))
    return found


def _gold(passage: Passage, references: list[dict[str, Any]]) -> list[int]:
    return [
        sum(
            max(0, min(end, place["end"]) - max(start, place["start"]))
            for place in references
            if place["document"] == passage.document
        )
        for start, end in passage.sentences
    ]
