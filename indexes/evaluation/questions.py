"""Questions with their evidence, in JSONL or CSV.

    {"id": "q1", "question": "…", "references": [{"document": "a.md", "quote": "…"}]}
    {"id": "q2", "question": "…", "references": [{"document": "a.md", "start": 0, "end": 9}]}

Evidence is quoted, or named by its place: characters of the document's text. Without an `id` a
question goes by the number of its line. In CSV, a row for each reference: `id`, `question`,
`document`, and `quote` or `start` and `end`; the first two repeated, the rest empty for a question
that the documents do not answer. An `answer`, where there is one, is what an answer should say.
"""

import csv
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from indexes.errors import SettingsError, first_wrong, shown

MAX_QUESTIONS = 100_000
# What a spreadsheet cell holds, and far more than a line of JSON should.
_LONGEST_LINE = 1_000_000


class Reference(BaseModel):
    """Where evidence is: characters `start` to `end` of a document; until it is `located`, perhaps
    only its words.
    """

    model_config = ConfigDict(frozen=True)

    document: str = Field(min_length=1)
    start: int = Field(0, ge=0)
    end: int = 0
    quote: str | None = Field(None, max_length=100_000)

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.quote is not None and not self.quote.strip():
            raise ValueError("the quote is empty")
        if self.quote is None and self.end <= self.start:
            raise ValueError("end must be after start, or there must be a quote")
        return self


class Question(BaseModel):
    """A question and its evidence; none where the documents do not answer it."""

    model_config = ConfigDict(frozen=True)

    id: str | int
    question: str = Field(min_length=1)
    references: tuple[Reference, ...] = ()
    answer: str | None = None

    @property
    def group(self) -> str:
        """The documents its evidence is in: questions of a group depend on each other."""
        return " ".join(sorted({place.document for place in self.references}))


def read_questions(path: str | Path) -> list[Question]:
    """The questions of a JSONL or CSV file (by its suffix), in their order.

    Raises:
        SettingsError: the file can't be read, or a line of it; the message says which.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        found = _from_rows(path)
    else:
        found = [_question(path, number, given) for number, given in _json_lines(path)]
    return _checked(found, path)


def parse_questions(text: str, name: str) -> list[Question]:
    """The questions of JSONL that is no file, in their order.

    Args:
        text: its lines
        name: what it is called in errors

    Raises:
        SettingsError: a line of it is none; the message says which
    """
    found = []
    for number, line in enumerate(text.splitlines()[: MAX_QUESTIONS + 1], start=1):
        if line.strip():
            found.append(_question(name, number, _json(line, name, number)))
    return _checked(found, name)


def _checked(found: list[Question], path: Path | str) -> list[Question]:
    seen: set[str] = set()
    for question in found:
        if str(question.id) in seen:
            raise SettingsError(f"{path}: two questions have the id {question.id}: rename one")
        seen.add(str(question.id))
    if not found:
        raise SettingsError(f"{path}: has no questions in it")
    return found


def located(
    questions: Iterable[Question], texts: Mapping[str, str], name: object = "questions"
) -> list[Question]:
    """The questions with all evidence as places in documents that are there.

    Args:
        questions: some of whose evidence may be quoted. White space may differ from the text's,
            nothing else.
        texts: of documents, by source
        name: what the questions are called in errors

    Raises:
        SettingsError: a document isn't there or is shorter, or a quote isn't in it exactly once
    """
    quotable = cache(lambda document: Quotable(texts[document]))
    return [_located(question, texts, quotable, name) for question in questions]


def _located(
    question: Question,
    texts: Mapping[str, str],
    quotable: "Callable[[str], Quotable]",
    name: object,
) -> Question:
    places = []
    for place in question.references:
        problem = ""
        text = texts.get(place.document)
        if text is None:
            problem = "is not indexed: name its folder with --documents, or mend the reference"
        elif place.quote is None:
            if place.end > len(text):
                problem = f"ends before character {place.end}: mend the reference"
        else:
            spans = quotable(place.document).spans_of(place.quote)
            if len(spans) == 1:
                start, end = spans[0]
                place = Reference(document=place.document, start=start, end=end)
            elif spans:
                problem = f"has that {len(spans)} times, quote more of it: {shown(place.quote)}"
            else:
                problem = f"has no such words, copy them from its text: {shown(place.quote)}"
        if problem:
            raise SettingsError(f"{name}, question {question.id}: {place.document} {problem}")
        places.append(place)
    return question.model_copy(update={"references": tuple(places)})


class Quotable:
    """A text in which quotes are found, whatever white space is between their words.

    In time by the lengths of both: strangers' quotes are looked for in strangers' texts.
    """

    def __init__(self, text: str) -> None:
        words = list(re.finditer(r"\S+", text))
        self._starts = [word.start() for word in words]
        self._joined = " ".join(word[0] for word in words)
        self._places = list(accumulate((len(word[0]) + 1 for word in words), initial=0))

    def spans_of(self, quote: str) -> list[tuple[int, int]]:
        """Starts and ends of all places that have these words; none overlap."""
        wanted = " ".join(quote.split())
        spans = []
        at = self._joined.find(wanted)
        while wanted and at >= 0:
            end = at + len(wanted)
            spans.append((self._original(at), self._original(end - 1) + 1))
            at = self._joined.find(wanted, end)
        return spans

    def _original(self, place: int) -> int:
        word = bisect_right(self._places, place) - 1
        return self._starts[word] + place - self._places[word]


def write_questions(path: str | Path, questions: Iterable[Question]) -> None:
    """Write a JSONL file that `read_questions` reads."""
    with Path(path).open("w", encoding="utf-8") as file:
        for question in questions:
            line = question.model_dump(exclude_none=True)
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in _lines(path):
        yield number, _json(line, path, number)


def _json(line: str, path: Path | str, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}, line {number}: is no JSON: mend that line") from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE + 1):
                number += 1
                if len(line) > _LONGEST_LINE or number > MAX_QUESTIONS:
                    raise SettingsError(
                        f"{path}, line {number}: more than {_LONGEST_LINE} characters, or than "
                        f"{MAX_QUESTIONS} lines: split it"
                    )
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read as UTF-8 text: {error}") from error


def _question(path: Path | str, number: int, given: Any) -> Question:
    if isinstance(given, dict):
        given.setdefault("id", number)
    try:
        return Question.model_validate(given)
    except ValidationError as error:
        where, reason = first_wrong(error)
        raise SettingsError(
            f'{path}, line {number}: not {{"id": …, "question": "…"}}: {where or "line"}: {reason}'
        ) from error


def _from_rows(path: Path) -> list[Question]:
    lines = [line for _, line in _lines(path)]
    # Spreadsheets write semicolons where a comma is the decimal point, or tabs.
    between = max(",;\t", key=lines[0].count) if lines else ","
    rows = csv.DictReader(lines, delimiter=between)
    found: dict[str, dict[str, Any]] = {}
    try:
        for number, row in enumerate(rows, start=2):
            name = (row.get("id") or "").strip()
            if not name:
                raise SettingsError(f"{path}, line {number}: the column id is empty or missing")
            given = found.setdefault(
                name,
                {
                    "id": name,
                    "question": row.get("question") or "",
                    "answer": row.get("answer") or None,
                    "references": [],
                    "number": number,
                },
            )
            if row.get("document"):
                named = ("document", "quote") if row.get("quote") else ("document", "start", "end")
                given["references"].append({key: row.get(key) or "" for key in named})
    except csv.Error as error:
        raise SettingsError(f"{path}: is no CSV: {error}") from error
    return [_question(path, given.pop("number"), given) for given in found.values()]
