"""Quotes of the local models on the sample letters: whether they hold the evidence, and how soon.

    python -m tests.benchmarks.quotes [--budgets 512,1024,2048] [--pattern parent] [--json]

Of the sample questions whose evidence lies in one sentence of one letter: the share whose (at most
three) quotes hold all of it, the share whose passages do, and the seconds until there are quotes,
models warm.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from app.samples import LETTERS, QUESTIONS
from indexes.answers import Quoted, Retrieved
from indexes.documents import load_document
from indexes.evaluation.questions import Question, read_questions
from indexes.index import HierarchicalIndex
from indexes.sentences import sentence_spans


def one_sentence_questions() -> list[Question]:
    """Those whose evidence is one sentence, or a part of one."""
    texts = {path.name: load_document(path).text for path in LETTERS.glob("*.pdf")}
    sentences = {name: sentence_spans(text) for name, text in texts.items()}
    return [
        question
        for question in read_questions(QUESTIONS)
        if len(question.references) == 1
        and any(
            start <= question.references[0].start and question.references[0].end <= end
            for start, end in sentences[question.references[0].document]
        )
    ]


def measure(
    index: HierarchicalIndex, questions: list[Question], pattern: str, budget: int
) -> dict[str, Any]:
    """Shares and seconds at a budget."""
    quoted = found = 0
    seconds = []
    for question in questions:
        (place,) = question.references
        started = time.perf_counter()
        events = index.stream(question.question, pattern, answer="quotes", budget=budget)
        for event in events:
            if isinstance(event, Retrieved):
                found += any(
                    one.document == place.document
                    and one.start <= place.start
                    and place.end <= one.start + len(one.text)
                    for one in event.contexts
                )
            if isinstance(event, Quoted):
                seconds.append(time.perf_counter() - started)
                # A sentence ends before the white space behind it.
                quoted += any(
                    one.document == place.document
                    and one.start <= place.start
                    and place.end <= one.end + 1
                    for one in event.quotes
                )
                break
        events.close()
    return {
        "quoted": round(quoted / len(questions), 3),
        "in_passages": round(found / len(questions), 3),
        "seconds_median": round(statistics.median(seconds), 3),
        "seconds_most": round(max(seconds), 3),
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budgets", default="512,1024,2048")
    parser.add_argument("--pattern", default="parent")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    questions = one_sentence_questions()
    figures: dict[str, Any] = {"questions": len(questions)}
    with (
        tempfile.TemporaryDirectory() as folder,
        HierarchicalIndex.open(Path(folder) / "index", provider="local") as index,
    ):
        index.ingest([LETTERS])
        next(iter(index.stream("warm up", answer="quotes")))
        for budget in map(int, given.budgets.split(",")):
            figures[str(budget)] = measure(index, questions, given.pattern, budget)
    figures["load"] = round(os.getloadavg()[0], 1)
    for name, value in figures.items():
        print(f"{name:10} {value}")
    if given.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
