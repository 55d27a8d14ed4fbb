"""What was learnt of an endpoint from its refusals, for the next call and the next process.

    habits = habits_of("bge-m3 at https://gateway/v1", settings.cache)
    habits.get("batch")           # None: nothing is known yet
    habits.learn("batch", 16)     # from now on, and for a month
    habits.get("batch")           # 16

A habit is a name and a small value; who asks an endpoint says what its names mean. The file
`habits.json` in the cache folder holds no text, key or answer, and may be deleted at any time:
what it held is learnt again, for one refusal each.
"""

import logging
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from indexes.disks import write_in_one_step

logger = logging.getLogger(__name__)

FILE = "habits.json"
# Endpoints change: what one refused a month ago is tried again.
REMEMBERED = timedelta(days=30)
_MOST_BYTES = 1_000_000
_MOST_ENDPOINTS = 500
_MOST_HABITS = 32
_LOCK_SECONDS = 5.0

Value = (
    StrictBool
    | Annotated[StrictInt, Field(ge=0, le=1 << 40)]
    | Annotated[str, Field(max_length=200)]
)


class _Learnt(BaseModel):
    """One endpoint's entry in the file."""

    model_config = ConfigDict(extra="forbid")

    on: date = Field(description="The day of the last lesson.")
    habits: dict[Annotated[str, Field(max_length=64)], Value] = Field(max_length=_MOST_HABITS)


class _File(BaseModel):
    """All that is remembered in a cache folder, by the endpoints' names."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(1, ge=1, le=1)
    endpoints: dict[Annotated[str, Field(max_length=2000)], _Learnt] = Field(
        default_factory=dict, max_length=_MOST_ENDPOINTS
    )


class Habits:
    """What is remembered of one endpoint and model. Thread-safe.

    Args:
        name: identifies them, without secrets
        cache: folder of the file; None keeps it in memory
    """

    def __init__(self, name: str, cache: Path | None = None) -> None:
        self._name = name
        self._file = cache / FILE if cache is not None else None
        self._lock = threading.Lock()
        self._known: dict[str, bool | int | str] | None = None

    def get(self, habit: str) -> bool | int | str | None:
        """What was learnt under a name; None where nothing was."""
        with self._lock:
            return self._loaded().get(habit)

    def number(self, habit: str) -> int | None:
        """The same where it is a number, and not what a damaged file made of it."""
        value = self.get(habit)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def all(self) -> dict[str, bool | int | str]:
        """Everything that was learnt."""
        with self._lock:
            return dict(self._loaded())

    def learn(self, habit: str, value: bool | int | str) -> None:
        """Remember a value under a name, in place of what was there."""
        with self._lock:
            known = self._loaded()
            if known.get(habit) == value and type(known.get(habit)) is type(value):
                return
            known[habit] = value
            logger.info("%s: learnt %s = %s", self._name, habit, value)
            if self._file is not None:
                _write(self._file, self._name, dict(known))

    def _loaded(self) -> dict[str, bool | int | str]:
        if self._known is None:
            found = _read(self._file).endpoints.get(self._name) if self._file else None
            fresh = found is not None and _today() - found.on < REMEMBERED
            self._known = dict(found.habits) if found is not None and fresh else {}
        return self._known


_shared: dict[tuple[Path, str], Habits] = {}
_sharing = threading.Lock()


def habits_of(name: str, cache: Path | None) -> Habits:
    """The record of an endpoint and model, shared by all of a process that use the same cache.

    Args:
        name: identifies them, without secrets
        cache: folder of the file; None makes a new record in memory
    """
    if cache is None:
        return Habits(name)
    with _sharing:
        return _shared.setdefault((cache, name), Habits(name, cache))


def _read(file: Path) -> _File:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES} bytes")
        return _File.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return _File()
    except (OSError, ValueError, ValidationError) as error:
        what = f"{error.error_count()} faults" if isinstance(error, ValidationError) else error
        logger.warning("%s is ignored, and written anew at the next lesson: %s", file, what)
        return _File()


def _write(file: Path, name: str, habits: dict[str, bool | int | str]) -> None:
    """Put one endpoint's habits into the file, beside what other processes put there."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock", timeout=_LOCK_SECONDS):
            others = {
                other: learnt
                for other, learnt in _read(file).endpoints.items()
                if other != name and _today() - learnt.on < REMEMBERED
            }
            newest = sorted(others.items(), key=lambda item: item[1].on, reverse=True)
            kept = dict(newest[: _MOST_ENDPOINTS - 1])
            all_of_them = _File(endpoints={**kept, name: _Learnt(on=_today(), habits=habits)})
            write_in_one_step(file, all_of_them.model_dump_json(indent=1), private=True)
    except (OSError, Timeout, ValidationError) as error:
        logger.warning("what was learnt of %s is not kept in %s: %s", name, file, error)


def _today() -> date:
    return datetime.now(UTC).date()
