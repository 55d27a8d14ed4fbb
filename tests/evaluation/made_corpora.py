"""Corpora made so that one pattern must win, of words that mean nothing.

    made = corpus("parent", seed=0)
    made.texts, made.questions

`regular`: the evidence is single chunks among others about something else; documents that are
    about the question all along have none.
`parent`: the evidence is a whole section, of which only the beginning has the question's words.
`extract`: the evidence is a short sentence in each of many chunks that are about something else.
`noise`: the evidence is anywhere, whatever is asked.
"""

import random
from dataclasses import dataclass
from typing import Literal

from indexes.evaluation.questions import Question, Reference

Kind = Literal["regular", "parent", "extract", "noise"]
# With these sizes a sentence of filler is about a leaf.
LEVELS = (96, 48, 24)
BUDGET = 120
_SYLLABLES = ("ba", "co", "di", "fu", "ga", "lo", "mi", "ne", "po", "ru", "sa", "te", "vo", "zi")


@dataclass(frozen=True)
class Made:
    """Texts by name, and questions with the places of their evidence."""

    texts: dict[str, str]
    questions: list[Question]


def corpus(kind: Kind, *, seed: int = 0, questions: int = 24) -> Made:
    """A corpus of a kind."""
    chance = random.Random(seed)
    writer = _Writer(chance)
    for number in range(questions):
        asked = writer.words(6)
        _MAKERS[kind](writer, number, asked)
    return Made({name: "".join(parts) for name, parts in writer.parts.items()}, writer.questions)


class _Writer:
    """Writes documents sentence by sentence, and remembers where evidence is."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.parts: dict[str, list[str]] = {}
        self.questions: list[Question] = []

    def words(self, count: int) -> list[str]:
        return ["".join(self.chance.choices(_SYLLABLES, k=4)) for _ in range(count)]

    def say(self, document: str, words: list[str], end: str = " ") -> Reference:
        """Add a sentence; where it is."""
        parts = self.parts.setdefault(document, [])
        start = sum(map(len, parts))
        said = " ".join(words).capitalize() + "."
        parts.append(said + end)
        return Reference(document=document, start=start, end=start + len(said))

    def filler(self, document: str, count: int) -> None:
        for _ in range(count):
            self.say(document, self.words(5), "\n\n")

    def ask(self, number: int, asked: list[str], places: list[Reference]) -> None:
        self.questions.append(
            Question(id=f"q{number}", question=" ".join(asked) + "?", references=tuple(places))
        )


def _regular(writer: _Writer, number: int, asked: list[str]) -> None:
    name, places = f"q{number}.txt", []
    for _ in range(3):
        writer.filler(name, 6)
        places.append(writer.say(name, asked[:5], "\n\n"))
    writer.filler(name, 6)
    for _ in range(10):
        writer.say(f"q{number}-about.txt", [*asked[1:4], *writer.words(2)], "\n\n")
    writer.ask(number, asked, places)


def _parent(writer: _Writer, number: int, asked: list[str]) -> None:
    name, other = f"q{number}.txt", f"q{number}-other.txt"
    writer.filler(name, 4)
    first = writer.say(name, asked[:5], "\n\n")
    rest = [writer.say(name, writer.words(5), "\n\n") for _ in range(3)]
    writer.filler(name, 4)
    for _ in range(5):
        writer.filler(other, 5)
        writer.say(other, [*asked[:3], *writer.words(2)], "\n\n")
    writer.filler(other, 5)
    writer.ask(number, asked, [Reference(document=name, start=first.start, end=rest[-1].end)])


def _extract(writer: _Writer, number: int, asked: list[str]) -> None:
    name, places = f"q{number}.txt", []
    for part in range(10):
        writer.filler(name, 3)
        places.append(writer.say(name, asked[part % 3 : part % 3 + 2]))
        writer.say(name, writer.words(4), "\n\n")
    writer.filler(name, 3)
    writer.ask(number, asked, places)


def _noise(writer: _Writer, number: int, asked: list[str]) -> None:
    name = f"q{number}.txt"
    places = [writer.say(name, writer.words(5), "\n\n") for _ in range(12)]
    for _ in range(4):
        writer.say(name, [*writer.chance.sample(asked, 2), *writer.words(3)], "\n\n")
    writer.ask(number, asked, writer.chance.sample(places, 2))


_MAKERS = {"regular": _regular, "parent": _parent, "extract": _extract, "noise": _noise}
