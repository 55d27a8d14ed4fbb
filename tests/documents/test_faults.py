"""Whatever a parser raises, wherever ours calls it, arrives as one line about the file.

The calls are found by watching a file of each format being read; see `tests.faults`.
"""

import itertools
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexes.documents.extracted import UnreadableError
from indexes.documents.formats import reader_of
from indexes.documents.limits import Limits
from indexes.documents.reader import Reading
from indexes.documents.sandbox import read_limited
from tests.documents.seeds import FORMATS, seeds
from tests.faults import failing_at, watched

FAULTS = (
    ValueError("a\nfault"),
    KeyError("word/document.xml"),
    MemoryError(),
    RecursionError("maximum recursion depth exceeded"),
    OSError(5, "Input/output error"),
    zlib.error("incorrect header check"),
    struct.error("unpack requires a buffer of 4 bytes"),
    AssertionError(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    StopIteration(),
    ImportError("no module"),
    AttributeError("'NoneType' object has no attribute 'text'"),
)
# What is no parser: the interpreter's own, and what only computes.
_PLAIN = (
    "builtins", "re", "dataclasses", "typing", "collections", "contextlib", "functools",
    "itertools", "math", "unicodedata", "string", "abc", "enum", "operator", "bisect", "random",
    "sys", "time", "copy", "types", "numpy", "importlib", "threading", "weakref", "warnings",
    "indexes", "_", "tests", "namedtuple", "heapq", "textwrap", "statistics", "keyword", "signal",
    "pydantic",
)  # fmt: skip
# Of each format, at most so many, from all parts of the reading.
_SAMPLE = 24


# A picture without words has no text.
READERS = {
    name: reader
    for name in FORMATS
    if name not in ("png", "jpg", "tiff") and (reader := reader_of(Path(f"a.{name}")))
}


def parser(module: str, _name: str) -> bool:
    return bool(module) and not module.startswith(_PLAIN)


def read(name: str) -> str:
    reader = READERS[name]
    limits, reading = Limits(in_process=True), Reading(file_name=f"a.{name}")
    found = read_limited(reader, seeds(name)[0], reading, limits, levels=(256, 64))
    assert found.extracted is not None
    return found.extracted.text


def places(name: str) -> Iterator[tuple[str, int, str]]:
    found = watched(lambda: read(name), parser)
    yield from found[:: len(found) // _SAMPLE + 1]


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_what_a_parser_raises_is_told_in_one_line_or_costs_nothing(
    name: str,
) -> None:
    assert read(name)
    faults = itertools.cycle(FAULTS)
    for place in places(name):
        with failing_at(place, next(faults), parser):
            try:
                read(name)
            except UnreadableError as error:
                assert str(error)
                assert "\n" not in str(error)
    assert read(name)
