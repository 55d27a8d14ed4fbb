"""Values of settings that take more than a type to check. What is wrong is a `ValueError`."""

import json
import re
from itertools import pairwise
from typing import Any

from pydantic import SecretStr

from indexes.model_spec import ModelSpec


def check_spec(spec: Any) -> ModelSpec | str | None:
    """A model in one line, as text or read already; text of nothing but spaces is none."""
    if spec is None or isinstance(spec, ModelSpec):
        return spec
    if not isinstance(spec, str):
        raise ValueError("give a spec as text; model objects go to HierarchicalIndex")  # noqa: TRY004
    return spec.strip() or None


def split(value: Any) -> Any:
    """`1024,256,128`, as the environment and the command line have it, as a list."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def read_object(value: Any) -> Any:
    """A JSON object, as the environment and the command line have it, as a dictionary."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError('give a JSON object, like {"name": "value"}')  # noqa: TRY004
    return found


def check_secrets(given: Any) -> Any:
    """A key as `check_key` has it; HTTP headers, if they can be sent and are not two in one."""
    if isinstance(given, SecretStr):
        return check_key(given)
    for name, value in (given or {}).items():
        text = value.get_secret_value()
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or not (
            text.isascii() and (text.isprintable() or not text)
        ):
            raise ValueError("a header has a name of letters, and a value of one ASCII line")
    # Written otherwise, it would go beside the key's own.
    bearer = {name: "Authorization" for name in given or () if name.lower() == "authorization"}
    return given and {bearer.get(name, name): value for name, value in given.items()}


def check_key(key: SecretStr) -> SecretStr:
    """A key without what files and quoted lines leave around it.

    Raises:
        ValueError: it is more than one line of ASCII, as keys are
    """
    text = key.get_secret_value().strip().removeprefix("Bearer ").strip(" '\"")
    if not (text.isascii() and (text.isprintable() or not text)):
        raise ValueError("a key is one line of ASCII: copy it again")
    return SecretStr(text)


def check_levels(levels: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse chunk sizes that make no hierarchy.

    Raises:
        ValueError: there are none, one is below 1, or one isn't smaller than the one before
    """
    if not levels or any(size < 1 for size in levels):
        raise ValueError("give at least one chunk size, in tokens")
    if any(child >= parent for parent, child in pairwise(levels)):
        raise ValueError("each level must be smaller than the one before, root first")
    return levels
