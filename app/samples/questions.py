"""Makes `questions.jsonl`, which points into documents, from `questions.json`, which quotes them.

Quotes are what an author can write and a reader can check. Offsets are what an evaluation needs,
and they hold only for the text that the loader makes of a PDF today. So the offsets are derived,
and have to be derived again whenever a letter, its layout or the loader changes:

    python -m app.samples.questions
"""

import json
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from indexes import load_document
from indexes.evaluation.questions import Quotable

from . import LETTERS, QUESTIONS

AUTHORED = Path(__file__).parent / "questions.json"


class Evidence(BaseModel):
    """A passage that answers a question, or a part of it, as it stands in the letter's source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document: str
    quote: str


class AuthoredQuestion(BaseModel):
    """A question as written.

    Attributes:
        id: A name that stays the same when questions are added or reordered.
        question: What a reader asks, in the reader's words.
        kind: Where the answer is: in one sentence, on one page, in several years' letters, or
            nowhere.
        evidence: Every passage needed for a full answer; none for the kind `none`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    question: str
    kind: Literal["sentence", "page", "years", "none"]
    evidence: tuple[Evidence, ...]


def authored() -> list[AuthoredQuestion]:
    """The questions with their kinds and quotes."""
    return TypeAdapter(list[AuthoredQuestion]).validate_json(AUTHORED.read_bytes())


def locate(quote: str, text: str) -> tuple[int, int]:
    """Start and end of the one place in `text` that reads like `quote`.

    White space may differ, because a PDF breaks its lines where the page ends and not where the
    author did. Nothing else may.

    Raises:
        ValueError: The quote is nowhere in the text, or in several places.
    """
    spans = Quotable(text).spans_of(quote)
    if len(spans) != 1:
        raise ValueError(f"found {len(spans)} times instead of once: {quote!r}")
    return spans[0]


def referenced(question: AuthoredQuestion, letters: Path = LETTERS) -> dict[str, object]:
    """The question in the format of `advanced-rag run --questions`.

    Raises:
        ValueError: A quote is not found exactly once in its letter.
    """
    references = []
    for evidence in question.evidence:
        try:
            start, end = locate(evidence.quote, _text(letters / evidence.document))
        except ValueError as error:
            raise ValueError(f"{question.id}: {evidence.document}: {error}") from error
        references.append({"document": evidence.document, "start": start, "end": end})
    return {"id": question.id, "question": question.question, "references": references}


def main() -> None:
    """Writes `questions.jsonl`."""
    questions = [referenced(question) for question in authored()]
    lines = [json.dumps(question, ensure_ascii=False) + "\n" for question in questions]
    QUESTIONS.write_text("".join(lines), encoding="utf-8")
    print(f"{QUESTIONS.name}: {len(questions)} questions")


@cache
def _text(letter: Path) -> str:
    return load_document(letter).text


if __name__ == "__main__":
    main()
