"""Filters as dictionaries, the way LangChain's vector stores take them.

    {"acl": "staff"}                                      equal, or in a list
    {"year": {"$gte": 2021, "$lt": 2024}, "tag": ["a", "b"]}       all of these; one of a list
    {"$or": [{"year": 2021}, {"author": {"name": {"$ne": "Bo"}}}]}

| operator | matches |
|---|---|
| $eq, $contains; $ne | a value, or one of a list's; where it doesn't |
| $in; $nin; $all | one of a list of these; none; each |
| $gt, $gte, $lt, $lte; $between | numbers and ISO dates; from the first to the second of a pair |
| $exists | whether there is such a key, with a value |
| $and, $or, $nor; $not | lists of filters; one filter, or one key's operators |
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from qdrant_client import models

from indexes.errors import SettingsError
from indexes.store.conditions import Value, bounded, empty, equal, no, one_of, payload_key

_OPERATORS = (
    "$eq", "$ne", "$contains", "$in", "$nin", "$all", "$gt", "$gte", "$lt", "$lte", "$between",
    "$exists", "$not",
)  # fmt: skip
_LOGIC = ("$and", "$or", "$nor", "$not")
_MOST_CONDITIONS = 1000
_DEEPEST = 16


def dict_filter(given: Mapping[str, Any]) -> models.Filter:
    """A dictionary as Qdrant's filter.

    Raises:
        SettingsError: it has an operator that is none, or a value that is of no use to it.
    """
    return _Reader().all_of(given, 0)


class _Reader:
    """Reads one filter, of bounded size: it may come from anywhere."""

    def __init__(self) -> None:
        self._conditions = 0

    def all_of(self, given: Any, depth: int) -> models.Filter:
        if not isinstance(given, Mapping):
            raise SettingsError(f"filter {_shown(given)}: give a dictionary")
        conditions: list[models.Condition] = []
        for key, value in given.items():
            self._conditions += 1
            if depth > _DEEPEST or self._conditions > _MOST_CONDITIONS:
                raise SettingsError(
                    f"a filter has at most {_MOST_CONDITIONS} conditions, {_DEEPEST} deep"
                )
            if not isinstance(key, str):
                raise SettingsError(f"filter key {key!r}: metadata keys are text")
            if key.startswith("$"):
                conditions.append(self._logic(key, value, depth))
            else:
                conditions += self._of_key(key, value, depth)
        return models.Filter(must=conditions)

    def _logic(self, operator: str, value: Any, depth: int) -> models.Filter:
        if operator not in _LOGIC:
            raise SettingsError(
                f"filter {operator}: choose one of {', '.join(_LOGIC)}, or name a key"
            )
        if operator == "$not":
            return no(self.all_of(value, depth + 1))
        if not _is_list(value) or not value:
            raise SettingsError(f"filter {operator}: takes a list of filters")
        inner: list[models.Condition] = [self.all_of(item, depth + 1) for item in value]
        match operator:
            case "$and":
                return models.Filter(must=inner)
            case "$or":
                return models.Filter(should=inner)
            case _:
                return models.Filter(must_not=inner)

    def _of_key(self, key: str, value: Any, depth: int) -> list[models.Condition]:
        if not isinstance(value, Mapping):
            return [self._operator(key, "$in" if _is_list(value) else "$eq", value, depth)]
        if not value:
            raise SettingsError(f"filter on {key!r}: an empty dictionary says nothing")
        if any(str(name).startswith("$") for name in value):
            return [self._operator(key, name, item, depth) for name, item in value.items()]
        if forgotten := next((name for name in value if f"${name}" in _OPERATORS), None):
            raise SettingsError(
                f"filter {forgotten!r} on {key!r}: write ${forgotten}; or, for a field that is "
                f"called so, '{key}.{forgotten}'"
            )
        # An object's field: {"author": {"name": "Bo"}}
        inner = self.all_of({f"{key}.{name}": item for name, item in value.items()}, depth + 1)
        return [inner]

    def _operator(self, key: str, operator: str, value: Any, depth: int) -> models.Condition:
        self._conditions += 1
        if operator not in _OPERATORS:
            raise SettingsError(
                f"filter {operator} on {key!r}: choose one of {', '.join(_OPERATORS)}"
            )
        path = payload_key(key)
        try:
            match operator:
                case "$eq" | "$contains":
                    return _same(path, value)
                case "$ne":
                    return no(_same(path, value))
                case "$in" | "$nin":
                    found = one_of(path, _values(value))
                    return found if operator == "$in" else no(found)
                case "$all":
                    return models.Filter(must=[equal(path, item) for item in _values(value)])
                case "$between":
                    low, high = _pair(value)
                    return models.Filter(
                        must=[bounded(path, "gte", low), bounded(path, "lte", high)]
                    )
                case "$exists":
                    return _exists(path, value)
                case "$not":
                    inner: list[models.Condition] = self._of_key(key, value, depth + 1)
                    return no(models.Filter(must=inner))
                case _:
                    return bounded(path, operator[1:], _ordered(value))
        except (TypeError, ValueError) as error:
            raise SettingsError(f"filter {operator} on {key!r} {error}") from error


def _same(path: str, value: Any) -> models.Condition:
    return empty(path) if value is None else equal(path, _value(value))


def _exists(path: str, value: Any) -> models.Condition:
    if not isinstance(value, bool):
        raise TypeError(f"takes True or False, not {_shown(value)}")
    return no(empty(path)) if value else empty(path)


def _value(value: Any) -> Value:
    if isinstance(value, date):  # and datetime: as they are stored
        return value.isoformat()
    if callable(plain := getattr(value, "item", None)):  # NumPy's
        value = plain()
    if not isinstance(value, str | bool | int | float):
        raise TypeError(f"takes text, numbers, dates, True or False, not {_shown(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("compares finite numbers")
    return value


def _values(value: Any) -> list[Value]:
    if not _is_list(value):
        raise ValueError(f"takes a list, not {_shown(value)}")
    if len(value) > _MOST_CONDITIONS:
        raise ValueError(f"takes at most {_MOST_CONDITIONS} values")
    return [_value(item) for item in value]


def _pair(value: Any) -> tuple[Value, Value]:
    if not _is_list(value) or len(value) != 2:
        raise ValueError(f"takes a pair, not {_shown(value)}")
    low, high = value
    return _ordered(low), _ordered(high)


def _ordered(value: Any) -> Value:
    if isinstance(value, bool) or value is None:
        raise ValueError(f"compares numbers and ISO dates, not {value!r}")
    return _value(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes)


def _shown(value: Any) -> str:
    return " ".join(repr(value).split())[:60]
