"""Questions that a visitor can start with, where the sample letters are indexed."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..samples import LETTERS, QUESTIONS

if TYPE_CHECKING:
    from indexes.store.points import Manifest

_OPENING = "How did the cloud business evolve?"
# One question for each way that an answer can lie in the letters.
_CHOSEN = ("whelk-story", "parcel-cost-drivers", "advertising-revenue")


def example_questions() -> list[str]:
    """The questions, those first whose evidence is known: they show who found it."""
    rows = map(json.loads, QUESTIONS.read_text(encoding="utf-8").splitlines())
    questions = {row["id"]: row["question"] for row in rows}
    return [*(questions[name] for name in _CHOSEN if name in questions), _OPENING]


def has_samples(documents: Sequence["Manifest"]) -> bool:
    """Whether any of the sample letters is among the documents."""
    letters = {path.name for path in LETTERS.glob("*.pdf")}
    return any(manifest.metadata.get("file_name") in letters for manifest in documents)
