"""Sentences that have the words of their place, and say otherwise.

- An *opposite*: "payment is due after delivery", of "payment is due before delivery". The place
  has another word of a group beside the same words.
- Words *exchanged*: "Bolt acquired Acme", of "Acme acquired Bolt". Each stands beside what the
  other stands beside in the place.
- A word *replaced*: "ducks are fed corn", of "chickens are fed corn, ducks are fed barley". It
  stands in the place of another, between the same words, and the passage has it elsewhere.

What is merely said in other words, or in another order, is none of these.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from itertools import combinations

from indexes.answers import SupportVerdict
from indexes.verdict.denial import clauses_of, negated
from indexes.verdict.neighbours import EDGE, Beside, Word, is_participle, read
from indexes.verdict.texts import Text, shared
from indexes.verdict.vocabulary import HEDGES, OPPOSITES

_CONDITIONS = frozenset(["if", "unless"])
_MODAL, _ = OPPOSITES["may"]

Verdict = tuple[SupportVerdict, str]


def contrary(said: Text, own: Text, near: Sequence[Text], every: Text) -> Verdict | None:
    """What speaks against a sentence whose words a place has.

    Args:
        said: an answer's
        own: the sentence of a passage that is most like it
        near: that and its neighbours
        every: all passages
    """
    small, named = every.small, every.named | said.named
    mine, theirs = read(said, small, named), read(own, small, named)
    others = [word for text in near if text is not own for word in read(text, small, named)]
    known = [*theirs, *others]
    denied, denies = negated(said.text), negated(own.text)
    opposite = _opposite(mine, theirs, known, denied=denied) if denied == denies else ""
    changed = _exchanged(mine, theirs, known)
    if opposite:
        # Who comes before another is behind nobody, but the other is behind him.
        return "partly" if changed else "unsupported", opposite
    if changed:
        return "unsupported", changed
    weaker = _replaced(mine, theirs, known) or _hedged(said, own)
    return ("partly", weaker) if weaker else None


def _opposite(
    mine: Iterable[Word], theirs: Sequence[Word], known: Sequence[Word], *, denied: bool
) -> str:
    for word in mine:
        if word.kind != "opposite" or (denied and OPPOSITES[word.low][0] == _MODAL):
            continue  # "may not" is "must not"
        group, side = OPPOSITES[word.low]
        same = [one for one in known if OPPOSITES.get(one.low) == (group, side)]
        others = [
            one
            for one in theirs
            if one.low in OPPOSITES
            and OPPOSITES[one.low][0] == group
            and OPPOSITES[one.low] != (group, side)
        ]
        here = {one for found in same for one in found.near}
        there = {one for found in others for one in found.near}
        against = _weight(word.near & there - here) > _weight(word.near & here - there)
        if against and not any(one.alone for one in same):
            other = next(one for one in others if one.near & word.near)
            return f"the passage says “{other.text}”, not “{word.text}”"
    return ""


def _weight(near: Set[Beside]) -> int:
    """What is behind counts more than what is before, which is often left out."""
    return sum(2 if way > 0 else 1 for way, _ in near)


def _exchanged(mine: Sequence[Word], theirs: Iterable[Word], known: Iterable[Word]) -> str:
    there = {word.stem: word for word in theirs}
    if any(word.stem not in there for word in mine if not word.kind):
        return ""  # it is said in other words
    touching: dict[str, set[Beside]] = defaultdict(set)
    for word in known:
        touching[word.stem] |= word.touching

    def takes(one: Word, other: Word) -> bool:
        beside = there[other.stem].touching
        new = one.touching - touching[one.stem]
        mutual = any(stem == other.stem and (way, one.stem) in beside for way, stem in new)
        return mutual or bool(new & beside)

    both = {word.stem: word for word in mine if word.stem in there
            and word.kind != "figure" and not is_participle(word.low)}  # fmt: skip
    for one, other in combinations(both.values(), 2):
        listed = abs(one.at - other.at) == 1
        if not listed and takes(one, other) and takes(other, one):
            return f"“{one.text}” and “{other.text}” have changed places"
    return ""


def _replaced(mine: Sequence[Word], theirs: Sequence[Word], known: Sequence[Word]) -> str:
    stems, others = {word.stem for word in mine}, {word.stem for word in theirs}
    there = {word.place: word for word in theirs if word.stem not in stems}
    # Where nothing else differs, one word beside both is enough.
    most = 2 if len(stems - others) == len(others - stems) == 1 else 1
    for word in mine:
        other = there.get(word.place)
        if other is None or word.kind != other.kind or word.kind in ("figure", "opposite"):
            continue
        same = [one for one in known if one.stem == word.stem]
        if not same or any(one.place == word.place or one.alone for one in same):
            continue
        if word.place.count(EDGE) <= most:
            return f"where “{word.text}” stands the passage has “{other.text}”"
    return ""


def _hedged(said: Text, own: Text) -> str:
    """What the place is not sure of: "the board plans to build" is not "the board has built"."""
    if HEDGES.search(said.text) or said.words & _CONDITIONS:
        return ""
    likest = max(clauses_of(own), key=lambda clause: shared(said, clause))
    hedge = HEDGES.match(own.text) or HEDGES.search(likest.text)
    return f"the passage says “{hedge[0].strip()}”" if hedge else ""
