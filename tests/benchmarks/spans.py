"""Scores retrieval runs: the share of gold characters that the contexts deliver.

    python -m tests.benchmarks.spans RUN.jsonl QUESTIONS.jsonl

A run is what `python -m app run` writes. Overlapping gold spans, and overlapping
contexts, count once.
"""

import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Spans = dict[str, list[tuple[int, int]]]


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def merged(places: Iterable[dict[str, Any]]) -> Spans:
    """Spans by document, sorted, overlaps joined."""
    by_document: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for place in sorted(places, key=lambda place: place["start"]):
        spans = by_document[place["document"]]
        if spans and place["start"] <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], place["end"]))
        else:
            spans.append((place["start"], place["end"]))
    return by_document


def characters(spans: Spans) -> int:
    return sum(end - start for places in spans.values() for start, end in places)


def overlap(left: Spans, right: Spans) -> int:
    return sum(
        max(0, min(end, other_end) - max(start, other_start))
        for document, places in left.items()
        for start, end in places
        for other_start, other_end in right.get(document, [])
    )


def recall(results: Iterable[dict[str, Any]], references: Iterable[dict[str, Any]]) -> float:
    """Share of the gold characters that the results deliver, 0 to 1."""
    gold = merged(references)
    return overlap(merged(results), gold) / characters(gold)


def score(run: list[dict[str, Any]], questions: list[dict[str, Any]]) -> dict[str, float]:
    """Mean recall over the questions that have gold, and the run's cost."""
    results = {line["id"]: line for line in run}
    answerable = [question for question in questions if question["references"]]
    missing = [question["id"] for question in answerable if question["id"] not in results]
    if missing:
        raise SystemExit(f"the run lacks {len(missing)} questions, the first being {missing[0]}")
    recalls = [recall(results[q["id"]]["results"], q["references"]) for q in answerable]
    return {
        "questions": len(recalls),
        "recall": statistics.fmean(recalls),
        "whole": statistics.fmean(value > 0.999 for value in recalls),
        "seconds_median": statistics.median(line["seconds"] for line in run),
    }


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    print(json.dumps(score(*(read_lines(Path(name)) for name in sys.argv[1:]))))
