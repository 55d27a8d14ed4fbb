"""Questions with their evidence, in JSONL or CSV.

    {"id": "q1", "question": "…", "references": [{"document": "a.md", "quote": "…"}]}
    {"id": "q2", "question": "…", "references": [{"document": "a.md", "start": 0, "end": 9}]}

Evidence is quoted, or named by its place: characters of the document's text. Without an `id` a
question goes by the number of its line. One list of such objects will do, too.

In CSV, a row for each reference: `id`, `question`, `document`, and `quote` or `start` and `end`;
the first two repeated, the rest empty for a question that the documents do not answer.

An `answer`, where there is one, is what an answer should say.
"""

import csv
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Self, TextIO

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
    """The questions of a file, in their order: CSV by its suffix, else JSONL or a JSON list.

    Raises:
        SettingsError: the file can't be read, or a line of it; the message says which.
    """
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            return parse_questions(file, str(path))
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error}") from error


def parse_questions(file: TextIO, name: str) -> list[Question]:
    """The same of a file that is open.

    Args:
        file: what holds them
        name: what it is called in errors; CSV if it ends so

    Raises:
        SettingsError: a line of it is no question; the message says which
    """
    try:
        found = (_from_rows if name.lower().endswith(".csv") else _from_json)(file, name)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}: can't be read as UTF-8 text: {error}") from error
    return _checked(found, name)


def _checked(found: list[Question], path: str) -> list[Question]:
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


def _from_json(file: TextIO, name: str) -> list[Question]:
    lines = _lines(file, name)
    found: list[Question] = []
    for number, line in lines:
        if not found and line.lstrip().startswith("["):
            whole = _json("".join([line, *(rest for _, rest in lines)]), f"{name}: the list")
            return [_question(name, "item", at, item) for at, item in enumerate(whole, start=1)]
        found.append(_question(name, "line", number, _json(line, f"{name}, line {number}:")))
    return found


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{what} is no JSON: mend it") from error


def _lines(file: TextIO, name: str) -> Iterator[tuple[int, str]]:
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE or number > MAX_QUESTIONS:
            raise SettingsError(
                f"{name}, line {number}: more than {_LONGEST_LINE} characters, or than "
                f"{MAX_QUESTIONS} lines: split it"
            )
        if line.strip():
            yield number, line


def _question(name: str, unit: str, number: int, given: Any) -> Question:
    if isinstance(given, dict):
        given.setdefault("id", number)
    try:
        return Question.model_validate(given)
    except ValidationError as error:
        where, reason = first_wrong(error)
        raise SettingsError(
            f'{name}, {unit} {number}: not {{"id": …, "question": "…"}}: {where or unit}: {reason}'
        ) from error


def _from_rows(file: TextIO, path: str) -> list[Question]:
    lines = [line for _, line in _lines(file, path)]
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
    return [_question(path, "line", given.pop("number"), given) for given in found.values()]
