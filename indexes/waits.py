"""Tells the command line and the page what a call is waiting for.

with waiting("the endpoint is waking up, about 5 minutes"):
    time.sleep(10)
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_now: Counter[str] = Counter()
_tell: list[Callable[[str], None]] = []


@contextmanager
def waiting(why: str) -> Iterator[None]:
    """Say for the length of a block what is waited for; many may wait for the same.

    Args:
        why: in a line for people
    """
    with _lock:
        _now[why] += 1
        first = _now[why] == 1
    if first:
        for tell in _tell:
            tell(why)
    try:
        yield
    finally:
        with _lock:
            _now[why] -= 1
            if not _now[why]:
                del _now[why]


def awaited() -> str:
    """What this process waits for, in a line; empty if for nothing."""
    with _lock:
        return "; ".join(_now)


@contextmanager
def told(tell: Callable[[str], None]) -> Iterator[None]:
    """Have it told when something begins to be waited for, until the block ends."""
    _tell.append(tell)
    try:
        yield
    finally:
        _tell.remove(tell)
