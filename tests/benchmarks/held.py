"""Places as `run` files have them, scored by `indexes.evaluation.spans`."""

from collections.abc import Iterable
from typing import Any

from indexes.evaluation.spans import Place, Spans, characters, merged, overlap


def spans_of(places: Iterable[dict[str, Any]]) -> Spans:
    """Spans by document, those that touch or overlap joined."""
    return merged(Place(place["document"], place["start"], place["end"]) for place in places)


def recall(kept: Iterable[dict[str, Any]], gold: Iterable[dict[str, Any]]) -> float:
    """The share of the gold characters that were kept, 0 to 1."""
    wanted = spans_of(gold)
    return overlap(spans_of(kept), wanted) / characters(wanted)
