"""Questions with the places of their evidence, in JSONL or CSV.

    {"id": "q1", "question": "…", "references": [{"document": "a.md", "start": 0, "end": 9}]}

Offsets are characters of the document's text. In CSV, a row for each reference: `id`,
`question`, `document`, `start`, `end`, the first two repeated, the rest empty for a
question that the documents do not answer. An `answer`, where there is one, is what an
answer should say.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from indexes.errors import SettingsError, first_wrong

MAX_QUESTIONS = 100_000
# What a spreadsheet cell holds, and far more than a line of JSON should.
_LONGEST_LINE = 1_000_000


class Reference(BaseModel):
    """Where evidence is: characters `start` to `end` of a document."""

    model_config = ConfigDict(frozen=True)

    document: str = Field(min_length=1)
    start: int = Field(ge=0)
    end: int

    @field_validator("end")
    @classmethod
    def _after_start(cls, end: int, info: Any) -> int:
        if end <= info.data.get("start", -1):
            raise ValueError("end must be after start")
        return end


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
    try:
        return Question.model_validate(given)
    except ValidationError as error:
        where, reason = first_wrong(error)
        raise SettingsError(
            f'{path}, line {number}: not {{"id": …, "question": "…"}}: {where or "line"}: {reason}'
        ) from error


def _from_rows(path: Path) -> list[Question]:
    rows = csv.DictReader(line for _, line in _lines(path))
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
                place = {key: row.get(key) or "" for key in ("document", "start", "end")}
                given["references"].append(place)
    except csv.Error as error:
        raise SettingsError(f"{path}: is no CSV: {error}") from error
    return [_question(path, given.pop("number"), given) for given in found.values()]
