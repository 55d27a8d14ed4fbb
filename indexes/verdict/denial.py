"""Whether one of two sentences says "not" where the other does not, clause by clause."""

from collections.abc import Sequence

from indexes.answers import SupportVerdict
from indexes.verdict.matching import CLAUSES
from indexes.verdict.names import words_of
from indexes.verdict.texts import Text, shared
from indexes.verdict.vocabulary import NEGATIONS

_WHY = "one of both says “not”"
# A sentence has fewer; each is read beside every clause of the place.
_MOST_CLAUSES = 40
# How much of a clause must stand in another, to be about the same; and to be the same.
_ALIKE = 0.5
_SAME_WORDS = 0.8


def denial(sentence: Text, near: Sequence[Text]) -> tuple[SupportVerdict, str] | None:
    """What a denial changes: a clause that one of both denies, and the other does not.

    Each clause of the sentence is read beside the one that is most like it: "the tenant may leave
    in June, provided that no rent is owed" denies no more than its last clause.

    Args:
        sentence: an answer's
        near: the sentence of a passage that is most like it, and its neighbours
    """
    if not any(negated(text.text) for text in (sentence, *near)):
        return None
    theirs = [clause for text in near for clause in clauses_of(text)]
    mine = clauses_of(sentence)[:_MOST_CLAUSES]
    found: tuple[SupportVerdict, str] | None = None
    for clause in mine:
        denied = negated(clause.text)
        alike, _, agrees = max(
            (shared(clause, other), shared(other, clause), negated(other.text) == denied)
            for other in theirs
        )
        if agrees:
            continue
        if alike >= _SAME_WORDS:
            return "unsupported", _WHY
        if alike >= _ALIKE or denied or len(mine) == 1:
            found = "partly", _WHY
    return found


def negated(text: str) -> bool:
    """Whether a clause says not, never, without or the like."""
    low = text.lower().replace("’", "'")
    return bool(NEGATIONS & {word for _, _, word in words_of(low)}) or "n't" in low


def clauses_of(text: Text) -> list[Text]:
    """The clauses of a sentence; one that says nothing by itself goes with the one before it."""
    found: list[Text] = []
    parts = [part for part in CLAUSES.split(text.text) if part.strip()]
    if len(parts) < 2:
        return [text]
    for part in parts:
        clause = Text(part)
        if found and not (clause.telling and found[-1].telling):
            found[-1] = Text(f"{found[-1].text} {part}")
        else:
            found.append(clause)
    return found
