"""How far the reading of a file is, told from within its reader.

A reader says `page_read(3, 12)`; whoever waits for the file hears of it, also from another
process (`sandbox`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

OnPage = Callable[[int, int], None]


def ignore(_done: int, _known: int) -> None:
    """Tell nobody."""


_told: ContextVar[OnPage] = ContextVar("told", default=ignore)


@contextmanager
def told(on_page: OnPage) -> Iterator[None]:
    """Within this block, pages that are read are told to `on_page`."""
    before = _told.set(on_page)
    try:
        yield
    finally:
        _told.reset(before)


def page_read(done: int, known: int) -> None:
    """Say that so many pages of so many are read, or recognised."""
    _told.get()(done, known)
