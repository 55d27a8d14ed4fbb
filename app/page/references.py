"""Where the evidence for a question is, if that is known."""

import json
from functools import cache

from indexes.evaluation.questions import Reference

from ..samples import QUESTIONS


def known_references(question: str) -> tuple[Reference, ...]:
    """The evidence of one of the sample questions; empty for any other."""
    return _samples().get(_plain(question), ())


@cache
def _samples() -> dict[str, tuple[Reference, ...]]:
    rows = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    return {
        _plain(row["question"]): tuple(Reference(**place) for place in row["references"])
        for row in rows
    }


def _plain(question: str) -> str:
    return " ".join(question.split()).casefold()
