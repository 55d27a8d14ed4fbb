"""The same documents and questions give the same passages: in two folders, with the real model."""

import json
from pathlib import Path
from typing import Any

import pytest

from indexes.evaluation.comparison import Comparison
from indexes.evaluation.questions import Question, Reference
from indexes.evaluation.vectors import RememberedEmbedding
from indexes.index import HierarchicalIndex
from indexes.models.providers import build_embedding
from indexes.settings import load_settings

LANES = ["regular", "parent", "extract", "parent+extract"]
TOPICS = {
    "harbour": "The harbour was dredged in {year}, and {count} ships called that year.",
    "lamp": "In {year} the keeper lit the lamp on {count} nights, for the fog stayed away.",
}


def written(folder: Path) -> list[Question]:
    """Documents of near repetitions, where the last digit of a score decides; questions on them."""
    folder.mkdir()
    questions = []
    for topic, said in TOPICS.items():
        lines = [said.format(year=1900 + n, count=37 * n % 91) for n in range(12)]
        text = "\n\n".join(lines)
        (folder / f"{topic}.txt").write_text(text, encoding="utf-8")
        for n in (3, 9):
            start = text.index(lines[n])
            place = Reference(document=f"{topic}.txt", start=start, end=start + len(lines[n]))
            asked = f"What happened to the {topic} in {1900 + n}?"
            questions.append(Question(id=f"{topic}-{n}", question=asked, references=(place,)))
    return questions


def runs(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What was delivered, by file name; but for how long it took."""
    found = {}
    for path in (folder / "runs").iterdir():
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found[path.name] = [{k: v for k, v in line.items() if k != "seconds"} for line in lines]
    return found


@pytest.mark.slow
def test_evaluating_twice_writes_the_same_files(tmp_path: Path) -> None:
    questions = written(tmp_path / "documents")
    for name, batch in (("first", 32), ("second", 3)):
        # In other batches, and read in another order.
        settings = load_settings(
            index=tmp_path / name / "index",
            provider="local",
            levels=(96, 48, 24),
            judge="embedding",
            embedding_batch=batch,
        )
        paths = sorted((tmp_path / "documents").iterdir(), reverse=name == "second")
        # As the command does: each run embeds a text once.
        folder = tmp_path / name
        embedding = RememberedEmbedding(build_embedding(settings), folder / "vectors.sqlite")
        with HierarchicalIndex(settings, embedding=embedding) as index:
            index.ingest(paths)
            Comparison.of(index, questions, lanes=LANES, budgets=[100, 200], folder=folder / "runs")
    first, second = runs(tmp_path / "first"), runs(tmp_path / "second")
    assert len(first) == len(LANES) * 2
    assert first == second
