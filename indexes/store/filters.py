"""LlamaIndex's metadata filters as Qdrant's.

    MetadataFilters(filters=[MetadataFilter(key="year", operator=">=", value=2020)])

Keys are those of a document's metadata, and `document_id`. `author.name` is a field of
an object; write `"dc.title"` in double quotes where the dot belongs to the name. A list
in the metadata matches when one of its elements does, so `CONTAINS` is `EQ`, and `ANY`
is `IN`. The negative operators are exactly the opposites of the positive ones: a
document without the key is not equal to anything.

| operator | matches |
|---|---|
| EQ, CONTAINS | a string as it is written; a number of the same value |
| IN, ANY; ALL | one, or each, of a list of these |
| NE, NIN | where these don't |
| GT, GTE, LT, LTE | numbers; dates and times in ISO 8601, in UTC where no zone is given |
| TEXT_MATCH(_INSENSITIVE) | strings that have all these words, in any order and case |
| IS_EMPTY | no such key, null or an empty list |
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from llama_index.core.vector_stores import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)
from qdrant_client import models

from indexes.errors import SettingsError

# What users see of a node beside its metadata, and can filter on like it.
_OUTSIDE_METADATA = frozenset({"document_id"})
_FIELD = r'(?:[A-Za-z0-9_-]+|"[^"]+")(?:\[\d*\])*'
_PATH = re.compile(rf"{_FIELD}(?:\.{_FIELD})*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?")
# Beyond it a float no longer tells neighbouring integers apart, and ranges are floats.
_EXACT = 2**53
_NOTHING = models.HasIdCondition(has_id=[])

_BOUNDS = {
    FilterOperator.GT: "gt",
    FilterOperator.GTE: "gte",
    FilterOperator.LT: "lt",
    FilterOperator.LTE: "lte",
}


def qdrant_filter(filters: MetadataFilters | models.Filter | None) -> models.Filter | None:
    """A filter as the engine takes it; Qdrant's own pass as they are.

    Raises:
        SettingsError: an operator cannot be served, or its value is of no use to it.
    """
    if filters is None or isinstance(filters, models.Filter):
        return filters
    conditions: list[Any] = [
        qdrant_filter(inner) if isinstance(inner, MetadataFilters) else _condition(inner)
        for inner in filters.filters
    ]
    match filters.condition:
        case FilterCondition.AND | None:
            return models.Filter(must=conditions)
        case FilterCondition.OR:
            # Without a condition this filters nothing, as LlamaIndex's own store has it.
            return models.Filter(should=conditions)
        case FilterCondition.NOT:
            return models.Filter(must_not=conditions)


def payload_key(key: str) -> str:
    """Where a metadata key is in the payload, as a path in Qdrant's notation.

    Raises:
        SettingsError: no path can name the key.
    """
    if key in _OUTSIDE_METADATA:
        return key
    if _PATH.fullmatch(key):
        return f"metadata.{key}"
    if not key or '"' in key:
        raise SettingsError(f"filter key {key!r}: metadata keys are not empty and have no quotes")
    return f'metadata."{key}"'


def _condition(given: MetadataFilter) -> models.Condition:
    key = payload_key(given.key)
    match given.operator:
        case FilterOperator.EQ | FilterOperator.CONTAINS:
            return _equal(key, _scalar(given))
        case FilterOperator.NE:
            return _no(_equal(key, _scalar(given)))
        case FilterOperator.IN | FilterOperator.ANY:
            return _one_of(key, _list(given))
        case FilterOperator.NIN:
            return _no(_one_of(key, _list(given)))
        case FilterOperator.ALL:
            return models.Filter(must=[_equal(key, value) for value in _list(given)])
        case FilterOperator.GT | FilterOperator.GTE | FilterOperator.LT | FilterOperator.LTE:
            return _bounded(key, given)
        case FilterOperator.TEXT_MATCH | FilterOperator.TEXT_MATCH_INSENSITIVE:
            return models.FieldCondition(key=key, match=models.MatchText(text=_words(given)))
        case FilterOperator.IS_EMPTY:
            return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))
    raise _unfit(given, "is not known to Qdrant: use EQ, IN or a range")


def _no(condition: models.Condition) -> models.Filter:
    return models.Filter(must_not=[condition])


def _equal(key: str, value: str | int | float) -> models.FieldCondition:
    if isinstance(value, str) or (isinstance(value, int) and abs(value) > _EXACT):
        return models.FieldCondition(key=key, match=models.MatchValue(value=value))
    # Unlike a match, a range finds 2024 where 2024.0 was stored, and the other way round.
    return models.FieldCondition(key=key, range=models.Range(gte=value, lte=value))


def _one_of(key: str, values: Sequence[str | int | float]) -> models.Condition:
    words = [value for value in values if isinstance(value, str)]
    found: list[models.Condition] = [
        _equal(key, value) for value in values if not isinstance(value, str)
    ]
    if words:
        found.append(models.FieldCondition(key=key, match=models.MatchAny(any=words)))
    return models.Filter(should=found) if found else _NOTHING


def _bounded(key: str, given: MetadataFilter) -> models.FieldCondition:
    value = _scalar(given)
    bound = _BOUNDS[given.operator]
    if not isinstance(value, str):
        return models.FieldCondition(key=key, range=models.Range(**{bound: value}))
    return models.FieldCondition(key=key, range=models.DatetimeRange(**{bound: _moment(given)}))


def _moment(given: MetadataFilter) -> date | datetime:
    text = str(given.value)
    read: Callable[[str], date] = date.fromisoformat if len(text) == 10 else datetime.fromisoformat
    try:
        # Not all that Python takes for a date (2024W101, 20240304) is one to Qdrant.
        if _DATE.fullmatch(text):
            return read(text)
    except ValueError:
        pass
    raise _unfit(
        given, f"compares numbers and ISO dates, not {text!r}: use EQ or IN for other strings"
    )


def _scalar(given: MetadataFilter) -> str | int | float:
    if given.value is None:
        raise _unfit(given, "needs a value: use IS_EMPTY for what is missing")
    if isinstance(given.value, list):
        raise _unfit(given, "takes one value: use IN, NIN, ANY or ALL for a list")
    return given.value


def _list(given: MetadataFilter) -> list[str] | list[float] | list[int]:
    if not isinstance(given.value, list):
        raise _unfit(given, "takes a list of values: use EQ or NE for a single one")
    return given.value


def _words(given: MetadataFilter) -> str:
    value = _scalar(given)
    if not isinstance(value, str) or not value.strip():
        raise _unfit(given, "takes words: use EQ for numbers, IS_EMPTY for what is missing")
    return value


def _unfit(given: MetadataFilter, reason: str) -> SettingsError:
    return SettingsError(f"filter {given.operator.name} on {given.key!r} {reason}")
