"""Faults at the calls that our code makes into other code, found by watching it.

    places = watched(operation, into=file_system)
    for place in places:
        with failing_at(place, OSError(28, "No space left on device"), into=file_system):
            operation()

The interpreter tells of every call. One that our code makes into a module that `into` chooses is a
place; there, the first time that it is reached, the fault is raised instead of the call. So no list
of calls has to be kept, and a new one is tried by itself.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import indexes

Into = Callable[[str, str], bool]
Place = tuple[str, int, str]

_OURS = str(Path(indexes.__file__).parent)
_HELPERS = {f"{_OURS}/disks.py"}


class Watch:
    """Sees the calls, and raises at one of them.

    Args:
        into: chooses calls, by the module and the name of what is called
        fault: what to raise
        at: where

    Attributes:
        places: those that were reached: file, line, callee
        struck: whether the fault was raised
    """

    def __init__(
        self, into: Into, fault: BaseException | None = None, at: Place | None = None
    ) -> None:
        self._into, self._fault, self._at = into, fault, at
        self.places: dict[Place, None] = {}
        self.struck = False

    def __call__(self, frame: Any, event: str, callee: Any) -> None:
        if event == "call":
            caller, module = frame.f_back, frame.f_globals.get("__name__") or ""
            name = frame.f_code.co_name
        elif event == "c_call":
            caller, name = frame, callee.__name__
            of = getattr(callee, "__self__", None)
            module = callee.__module__ or getattr(type(of), "__module__", "") or ""
        else:
            return
        if not _is_ours(caller):
            return
        # What a finalizer raises, the interpreter ignores.
        if name == "__del__" or not self._into(module, name):
            return
        place = _place(caller, name)
        self.places[place] = None
        if place == self._at and self._fault is not None and not self.struck:
            self.struck = True
            raise self._fault


def _place(caller: Any, name: str) -> Place:
    """Where a call is made; one in a helper of many is told apart by who asked for help."""
    within = caller
    while caller.f_code.co_filename in _HELPERS and _is_ours(caller.f_back):
        caller = caller.f_back
    if within is not caller:
        name = f"{name} by {within.f_code.co_name}:{within.f_lineno}"
    return caller.f_code.co_filename[len(_OURS) + 1 :], caller.f_lineno, name


def _is_ours(frame: Any) -> bool:
    return frame is not None and frame.f_code.co_filename.startswith(_OURS)


@contextmanager
def _watching(watch: Watch) -> Iterator[Watch]:
    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        yield watch
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


def watched(operation: Callable[[], object], into: Into) -> list[Place]:
    """Where an operation of ours calls what `into` chooses, in order."""
    with _watching(Watch(into)) as watch:
        operation()
    return list(watch.places)


@contextmanager
def failing_at(place: Place, fault: BaseException, into: Into) -> Iterator[Watch]:
    """Raise a fault at a place, the first time that it is reached."""
    with _watching(Watch(into, fault, place)) as watch:
        yield watch
