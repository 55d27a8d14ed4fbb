"""What a sentence says to the contrary of its place: another end of a scale, or roles exchanged.

"Payment is due after delivery" has all words of "payment is due before delivery" but one, and "Bolt
acquired Acme" all of "Acme acquired Bolt". So words that have opposites, and names, are read with
what stands beside them. A sentence is contrary where its place has an opposite, or another name,
beside the same words, and neither it nor its neighbours have there what the sentence has.
"""

from collections.abc import Iterable, Sequence, Set

from indexes.answers import SupportVerdict
from indexes.verdict.denial import negated
from indexes.verdict.marks import Beside, Place, places_of
from indexes.verdict.texts import Text
from indexes.verdict.vocabulary import OPPOSITES

_MODAL, _ = OPPOSITES["may"]


def contrary(
    said: Text, own: Text, near: Sequence[Text], every: Text
) -> tuple[SupportVerdict, str] | None:
    """What speaks against a sentence whose words a place has.

    Args:
        said: an answer's
        own: the sentence of a passage that is most like it
        near: that and its neighbours
        every: all passages
    """
    small, named = every.small, every.named | said.named
    mine = places_of(said, small, named)
    theirs = places_of(own, small, named) if mine else []
    known = [place for text in near for place in places_of(text, small, named)] if theirs else []
    denied, denies = negated(said.text), negated(own.text)
    exchanged: dict[frozenset[object], str] = {}
    opposite = ""
    for mark, beside, _ in mine:
        same = [p for p in known if p.mark.group == mark.group and p.mark.sides & mark.sides]
        others = [p for p in theirs if p.mark.group == mark.group and not p.mark.sides & mark.sides]
        here, there = _beside(same), _beside(others)
        against = _weight(beside & there - here) > _weight(beside & here - there)
        if not against or any(place.bare for place in same):
            continue
        if mark.acts:
            exchanged[mark.sides] = f"“{mark.word}”"
        # "May not" is "must not", but "not before" isn't "not after".
        elif denied == denies and not (denied and mark.group == _MODAL):
            word = next(place.mark.word for place in others if beside & place.beside)
            opposite = f"the passage says “{word}”, not “{mark.word}”"
    if opposite:
        # Who is paid by the seller has sold nothing, but who is behind another is not before.
        return "partly" if exchanged else "unsupported", opposite
    if len(exchanged) > 1:
        return "unsupported", f"{' and '.join(exchanged.values())} have changed places"
    if exchanged:
        return "partly", f"{next(iter(exchanged.values()))} stands elsewhere in the passage"
    return None


def _beside(places: Iterable[Place]) -> set[Beside]:
    return {one for place in places for one in place.beside}


def _weight(beside: Set[Beside]) -> int:
    """What is behind counts more than what is before, which is often left out."""
    return sum(2 if way > 0 else 1 for way, _ in beside)
