"""Whatever a model that was handed over raises, as a `ModelError`."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from indexes.errors import ModelError, RagError, is_stop, masked, shown
from indexes.models.classes import is_secret

_NAMES = ("model_name", "model", "model_id")


@contextmanager
def model_errors(model: object) -> Iterator[None]:
    """Turn whatever a model raises in the block into a one-line `ModelError`.

    Our own models raise those themselves; a user's raise what their makers chose. What a
    caller's own handler raises to end the call stays as it is.
    """
    try:
        yield
    except RagError:
        raise
    except Exception as error:
        if is_stop(error):
            raise
        said = masked(" ".join(str(error).split()), _secrets(model))
        what = f"{type(error).__name__}: {shown(said)}" if said else type(error).__name__
        kind = "embedding model" if hasattr(model, "get_text_embedding") else "model"
        failed = ModelError(f"the {kind} {_name(model)} failed ({what}): {_fix(error)}")
        failed.repeats = type(error).__module__ == "builtins" and not isinstance(error, OSError)
        raise failed from error


def finite(vector: list[float]) -> list[float]:
    """The same vector.

    Raises:
        ValueError: something in it is no number that can be compared
    """
    if not math.isfinite(math.fsum(vector)):
        raise ValueError("a vector with something in it that is no number")
    return vector


def _name(model: object) -> str:
    for name in _NAMES:
        value = getattr(model, name, None)
        if isinstance(value, str) and value:
            return value
    return type(model).__name__


def _secrets(model: object) -> list[str]:
    """Whatever a model holds in fields that are called like secrets."""
    names = [name for name in (*getattr(model, "__dict__", {}), "api_key") if is_secret(name)]
    held = (getattr(model, name, None) for name in names)
    return [secret for secret in held if isinstance(secret, str)]


def _fix(error: Exception) -> str:
    status = getattr(error, "status_code", None)
    status = status or getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return "check its key"
    if status == 429:
        return "wait, or raise the account's limits"
    if "timeout" in type(error).__name__.lower():
        return "raise its timeout, or ask again"
    return "check that it works by itself"
