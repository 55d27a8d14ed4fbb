"""A visitor's own questions, with the sentences marked as their evidence."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import StringIO

from indexes import SettingsError
from indexes.evaluation.questions import Question, Reference, located, parse_questions

MOST_QUESTIONS = 200
_MOST_REFERENCES = 50
_LONGEST = 1_000_000


class Marked:
    """Questions with evidence, in the order in which they were first marked. Thread-safe."""

    def __init__(self) -> None:
        self._questions: dict[str, Question] = {}
        self._lock = threading.Lock()

    @property
    def questions(self) -> list[Question]:
        """All questions, in the order in which they were first marked."""
        return list(self._questions.values())

    def references(self, question: str) -> tuple[Reference, ...]:
        """What is marked for a question."""
        found = self._questions.get(_key(question))
        return found.references if found else ()

    def toggle(self, question: str, place: Reference) -> bool:
        """Mark a place as evidence, or unmark what of it was marked; returns which.

        Raises:
            SettingsError: there are too many, or there is no question
        """
        if not question.strip():
            raise SettingsError("evidence belongs to a question: ask one first")
        with self._lock:
            key = _key(question)
            found = self._questions.get(key)
            before = found.references if found else ()
            rest = tuple(one for one in before if not _overlap(one, place))
            marks = len(rest) == len(before)
            if marks and len(before) >= _MOST_REFERENCES:
                raise SettingsError(f"{_MOST_REFERENCES} places are marked: unmark some")
            if found is None and len(self._questions) >= MOST_QUESTIONS:
                raise SettingsError(f"there are {MOST_QUESTIONS} questions: delete some")
            after = tuple(sorted((*rest, place), key=_order)) if marks else rest
            if after:
                self._questions[key] = _question(found, question.strip(), after)
            else:
                self._questions.pop(key, None)
        return marks

    def replace(
        self, text: str, known: Iterable[str], texts_of: Callable[[set[str]], Mapping[str, str]]
    ) -> int:
        """Take what a `questions.jsonl` says instead; returns how many questions.

        Args:
            text: its lines; none for no questions
            known: documents that are here
            texts_of: the texts of some of them, to find in them what is quoted

        Raises:
            SettingsError: a line is none, or its evidence is in no document here
        """
        if len(text) > _LONGEST:
            raise SettingsError(f"that is more than {_LONGEST:,} characters: take fewer questions")
        questions = parse_questions(StringIO(text), "your questions") if text.strip() else []
        if len(questions) > MOST_QUESTIONS:
            raise SettingsError(f"that is {len(questions)} questions: take {MOST_QUESTIONS}")
        here = set(known)
        for question in questions:
            if len(question.references) > _MOST_REFERENCES:
                raise SettingsError(f"question {question.id}: take {_MOST_REFERENCES} places")
            for place in question.references:
                if place.document not in here:
                    raise SettingsError(
                        f"question {question.id}: there is no document {place.document!r} here: "
                        "add it, or mend the line"
                    )
        quoted = [one for one in questions if any(place.quote for place in one.references)]
        texts = texts_of({place.document for one in quoted for place in one.references})
        places = {one.id: one for one in located(quoted, texts, "your questions")}
        with self._lock:
            self._questions = {_key(one.question): places.get(one.id, one) for one in questions}
        return len(questions)

    def as_jsonl(self) -> str:
        """As `advanced-rag evaluate --questions` reads it."""
        return to_jsonl(self.questions)


def to_jsonl(questions: Sequence[Question]) -> str:
    """A line for each question."""
    lines = (
        json.dumps(question.model_dump(exclude_none=True), ensure_ascii=False)
        for question in questions
    )
    return "".join(f"{line}\n" for line in lines)


def _question(found: Question | None, asked: str, places: tuple[Reference, ...]) -> Question:
    if found is not None:
        return found.model_copy(update={"references": places})
    name = hashlib.sha256(_key(asked).encode()).hexdigest()[:10]
    return Question(id=f"q-{name}", question=asked, references=places)


def _overlap(one: Reference, other: Reference) -> bool:
    return one.document == other.document and one.start < other.end and other.start < one.end


def _order(place: Reference) -> tuple[str, int]:
    return place.document, place.start


def _key(question: str) -> str:
    return " ".join(question.split()).casefold()
