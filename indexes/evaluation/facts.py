"""Facts × lanes: which pieces of a question's evidence each lane found, and a sentence about it.

    found = facts("parent", question.references, contexts, seconds=0.8)
    print(verdict_sentence([found, facts("regular", question.references, others, seconds=0.6)]))

Spans are counted by `indexes.evaluation.spans` and nothing else, so that what is said of one
question is what an evaluation counts.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from indexes.evaluation.questions import Reference
from indexes.evaluation.spans import (
    Place,
    Placed,
    SpanScores,
    characters,
    merged,
    missing,
    overlap,
    score_spans,
)

Blank = Callable[[str, int, int], bool]
FactVerdict = Literal["found", "partly", "missed"]

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_SAME_SECONDS = 0.1


@dataclass(frozen=True)
class Fact:
    """A piece of evidence, in one lane.

    Attributes:
        reference: where it is
        verdict: `found` where nothing but white space is missing
        share: of its characters that are in the lane's passages
        rank: of the first passage that has any of it, from 1; None where none has
        missing: what is in none
        text: the evidence, where it is known
    """

    reference: Reference
    verdict: FactVerdict
    share: float
    rank: int | None
    missing: tuple[Place, ...]
    text: str = ""


@dataclass(frozen=True)
class LaneFacts:
    """What one lane found of a question's evidence, and what it took.

    Attributes:
        lane: its name
        facts: one for each reference, in their order
        scores: as an evaluation has them
        seconds: until its passages were there; None if unknown
        tokens: of its passages
    """

    lane: str
    facts: tuple[Fact, ...]
    scores: SpanScores
    seconds: float | None = None
    tokens: int = 0

    @property
    def found(self) -> int:
        """How many pieces it found whole."""
        return sum(fact.verdict == "found" for fact in self.facts)


def not_blank(document: str, start: int, end: int) -> bool:
    """For texts that aren't at hand: nothing is taken to be blank."""
    return False


def facts(
    lane: str,
    references: Sequence[Reference],
    passages: Sequence[Placed],
    *,
    seconds: float | None = None,
    tokens: int = 0,
    blank: Blank = not_blank,
) -> LaneFacts:
    """What a lane found of each piece of evidence.

    Args:
        lane: its name
        references: the evidence, not empty
        passages: what the lane delivered, best first; those of one `number` are one
        seconds: what finding them took
        tokens: of its passages
        blank: tells whether characters of a document are only white space

    Raises:
        ValueError: there is no evidence
    """
    delivered = merged(passages)
    return LaneFacts(
        lane,
        tuple(_fact(one, passages, delivered, blank) for one in references),
        score_spans(passages, references, blank),
        seconds,
        tokens,
    )


def _fact(
    reference: Reference,
    passages: Sequence[Placed],
    delivered: dict[str, list[tuple[int, int]]],
    blank: Blank,
) -> Fact:
    evidence = merged([reference])
    both = overlap(evidence, delivered)
    lost = missing(evidence, delivered)
    whole = all(blank(name, *span) for name, spans in lost.items() for span in spans)
    ranks = (
        int(getattr(passage, "number", 0)) or place
        for place, passage in enumerate(passages, start=1)
        if overlap(evidence, merged([passage]))
    )
    return Fact(
        reference,
        "found" if whole else "partly" if both else "missed",
        both / characters(evidence),
        next(ranks, None),
        tuple(Place(name, *span) for name, spans in lost.items() for span in spans),
    )


def with_texts(found: LaneFacts, text_of: Callable[[Reference], str]) -> LaneFacts:
    """The same with the evidence's words, for people."""
    told = tuple(replace(fact, text=text_of(fact.reference)) for fact in found.facts)
    return replace(found, facts=told)


def verdict_sentence(lanes: Sequence[LaneFacts]) -> str:
    """Who found what the others missed, and what it cost, in one sentence; empty for no lane."""
    if not lanes:
        return ""
    total = len(lanes[0].facts)
    best = max(lanes, key=lambda lane: (lane.found, lane.scores.recall, -(lane.seconds or 0.0)))
    rest = [lane for lane in lanes if lane is not best]
    if not rest:
        return f"`{best.lane}` found {_counted(best.found, total)}."
    if all(lane.scores.recall == 0 for lane in lanes):
        return f"None of them found {'the evidence' if total == 1 else 'any of the evidence'}."
    level = [lane for lane in rest if _level(lane, best)]
    if len(level) == len(rest):
        return _all_level(lanes, best, total)
    behind = min((lane for lane in rest if not _level(lane, best)), key=lambda lane: -lane.found)
    gained = [
        ours
        for ours, theirs in zip(best.facts, behind.facts, strict=True)
        if ours.share > theirs.share
    ]
    others = [lane for lane in rest if not _level(lane, best)]
    missed = _joined([f"`{lane.lane}`" for lane in others])
    heads = _joined([f"`{lane.lane}`" for lane in (best, *level)])
    what = _named(gained) if len(others) == 1 else "more of the evidence"
    verb = "missed" if all(_gap(best, lane) for lane in others) else "found only in part"
    how = f"{heads} found {what} that {missed} {verb}" if len(others) == 1 else (
        f"{heads} found {_counted(best.found, total)}, more than {missed}"
    )  # fmt: skip
    return f"{how}{_cost(best, behind)}."


def _level(lane: LaneFacts, best: LaneFacts) -> bool:
    return lane.found == best.found and lane.scores.recall == best.scores.recall


def _gap(best: LaneFacts, other: LaneFacts) -> bool:
    """Whether something that one has is wholly missed by the other."""
    return any(
        a.verdict != "missed" and b.verdict == "missed"
        for a, b in zip(best.facts, other.facts, strict=True)
    )


def _all_level(lanes: Sequence[LaneFacts], best: LaneFacts, total: int) -> str:
    who = "Both" if len(lanes) == 2 else f"All {len(lanes)}"
    what = _counted(best.found, total) if best.found else "the same part of the evidence"
    slower = max(lanes, key=lambda lane: lane.seconds or 0.0)
    gap = (slower.seconds or 0.0) - (best.seconds or 0.0)
    if gap < _SAME_SECONDS:
        return f"{who} found {what}."
    return f"{who} found {what}; `{best.lane}` was {gap:.1f} s faster than `{slower.lane}`."


def _cost(best: LaneFacts, other: LaneFacts) -> str:
    if best.seconds is None or other.seconds is None:
        return ""
    gap = best.seconds - other.seconds
    if abs(gap) < _SAME_SECONDS:
        return "; finding took both about as long"
    return f"; finding took {abs(gap):.1f} s {'more' if gap > 0 else 'less'}"


def _counted(found: int, total: int) -> str:
    if total == 1:
        return "the evidence" if found else "a part of the evidence"
    if found == total:
        return f"all {total} pieces of evidence"
    return f"{found} of {total} pieces of evidence"


def _named(gained: Sequence[Fact]) -> str:
    """Pieces of evidence by their years, where those tell them apart; else by their number."""
    years = [_year(fact) for fact in gained]
    if all(years) and len(set(years)) == len(years):
        figures = all(any(map(str.isdigit, fact.text)) for fact in gained)
        return f"the {_joined(sorted(years))} {'figures' if figures else 'evidence'}"
    if len(gained) == 1:
        return "evidence"
    return f"{len(gained)} pieces of evidence"


def _year(fact: Fact) -> str:
    found = _YEAR.search(fact.reference.document) or _YEAR.search(fact.text)
    return found[0] if found else ""


def _joined(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


@dataclass(frozen=True)
class Difference:
    """Text that one lane's passages have and another's don't: spans of documents."""

    lane: str
    other: str
    spans: tuple[Place, ...]


def difference(
    lane: str, passages: Sequence[Placed], other: str, theirs: Sequence[Placed]
) -> Difference:
    """What one lane has that another doesn't."""
    apart = missing(merged(passages), merged(theirs))
    spans = tuple(Place(name, *span) for name, found in apart.items() for span in found)
    return Difference(lane, other, spans)
