"""Conditions on a document's metadata, in Qdrant's terms: what all kinds of filters are made of.

A string matches as it is written, a number whatever its type, a list when one of its elements
does. A document without the key is not equal to anything, so that negatives match it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from qdrant_client import models

from indexes.errors import SettingsError

Value = str | bool | int | float

# What users see of a node beside its metadata, and can filter on like it.
OUTSIDE_METADATA = frozenset({"document_id", "owner"})
# Stands for every name, where too many can't be asked for.
ALL_NAMES = "*"
_FIELD = r'(?:[A-Za-z0-9_-]+|"[^"]+")(?:\[\d*\])*'
_PATH = re.compile(rf"{_FIELD}(?:\.{_FIELD})*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?")
# Beyond it a float no longer tells neighbouring integers apart, and ranges are floats.
_EXACT = 2**53
_NOTHING = models.HasIdCondition(has_id=[])


def payload_key(key: str) -> str:
    """Where a metadata key is in the payload, as a path in Qdrant's notation.

    Raises:
        SettingsError: no path can name the key.
    """
    if key in OUTSIDE_METADATA:
        return key
    if _PATH.fullmatch(key):
        return f"metadata.{key}"
    if not key or '"' in key:
        raise SettingsError(f"filter key {key!r}: metadata keys are not empty and have no quotes")
    return f'metadata."{key}"'


def no(condition: models.Condition) -> models.Filter:
    """The opposite of a condition."""
    return models.Filter(must_not=[condition])


def empty(key: str) -> models.IsEmptyCondition:
    """No such key, null or an empty list."""
    return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))


def equal(key: str, value: Value) -> models.FieldCondition:
    """A value, or one of a list's."""
    if isinstance(value, str | bool) or (isinstance(value, int) and abs(value) > _EXACT):
        return models.FieldCondition(key=key, match=models.MatchValue(value=value))
    # Unlike a match, a range finds 2024 where 2024.0 was stored, and the other way round.
    return models.FieldCondition(key=key, range=models.Range(gte=value, lte=value))


def one_of(key: str, values: Sequence[Value]) -> models.Condition:
    """One of several values."""
    words = [value for value in values if isinstance(value, str)]
    found: list[models.Condition] = [
        equal(key, value) for value in values if not isinstance(value, str)
    ]
    if words:
        found.append(models.FieldCondition(key=key, match=models.MatchAny(any=words)))
    return models.Filter(should=found) if found else _NOTHING


def bounded(key: str, bound: str, value: Value) -> models.FieldCondition:
    """Numbers, or ISO dates, on one side of a value; `bound` is gt, gte, lt or lte.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str):
        return models.FieldCondition(key=key, range=models.DatetimeRange(**{bound: _moment(value)}))
    return models.FieldCondition(key=key, range=models.Range(**{bound: value}))


def _moment(text: str) -> date | datetime:
    read: Callable[[str], date] = date.fromisoformat if len(text) == 10 else datetime.fromisoformat
    try:
        # Not all that Python takes for a date (2024W101, 20240304) is one to Qdrant.
        if _DATE.fullmatch(text):
            return read(text)
    except ValueError:
        pass
    raise ValueError(f"compares numbers and ISO dates, not {text!r}")


def keys_of(given: Any) -> Iterator[str]:
    """Every payload key that a Qdrant filter asks for."""
    match given:
        case models.Filter():
            for part in (given.must, given.should, given.must_not):
                yield from keys_of(part)
            yield from keys_of(given.min_should and given.min_should.conditions)
        case list():
            for condition in given:
                yield from keys_of(condition)
        case models.FieldCondition():
            yield given.key
        case models.IsEmptyCondition():
            yield given.is_empty.key
        case models.IsNullCondition():
            yield given.is_null.key
        case models.NestedCondition():
            yield given.nested.key
