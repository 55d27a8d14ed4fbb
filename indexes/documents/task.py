"""What goes to a process that reads, and what comes back: plain data, as JSON.

Nothing is unpickled: a file that takes over the reading process gets no further.
"""

import struct
from dataclasses import dataclass
from typing import IO, Any

from pydantic import TypeAdapter

from indexes.documents.contents import by_content
from indexes.documents.extracted import Extracted, UnreadableError
from indexes.documents.reader import FromBytes, Reader, Reading
from indexes.tree import Tree, build_tree

_LENGTH = struct.Struct(">QQ")


@dataclass(frozen=True)
class Task:
    """A file to read.

    Attributes:
        reader: the format's name.
        function: what reads it, as "package.module:function".
        from_bytes: whether that is a user's function of the bytes alone.
        extra: the extra of this package that it needs, if it needs one.
        reading: how.
        levels: sizes of chunks to cut it into; none leaves it whole.
        processor_seconds: what it may take.
        memory_bytes: likewise.
    """

    reader: str
    function: str
    from_bytes: bool
    extra: str | None
    reading: Reading
    levels: tuple[int, ...]
    processor_seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class Outcome:
    """What became of it: what was read and its tree, or why it could not be read."""

    extracted: Extracted | None = None
    tree: Tree | None = None
    error: str = ""


def run(reader: Reader, data: bytes, reading: Reading, levels: tuple[int, ...]) -> Outcome:
    """Read a file here and now, and cut it; whatever goes wrong is in the outcome."""
    try:
        return _run(reader, data, reading, levels)
    except UnreadableError as error:
        return Outcome(error=str(error))
    except MemoryError:
        return Outcome(error="memory")
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller is to hear of it
        return Outcome(
            error=f"cannot be read ({type(error).__name__}): convert it, or leave it out"
        )


def _run(reader: Reader, data: bytes, reading: Reading, levels: tuple[int, ...]) -> Outcome:
    actual = by_content(reader, data)
    extracted = actual.read(data, reading)
    if actual.name != reader.name:
        extracted.report.guessed.append(f"that it is {actual.name}: its name says {reader.name}")
    if not levels:
        return Outcome(extracted)
    tree = build_tree(
        extracted.text, document_id="", version="", levels=levels, structure=extracted.structure
    )
    return Outcome(extracted, tree)


def importable(reader: Reader) -> tuple[str, bool] | None:
    """Where another process finds a reader's function, and whether it is of the bytes alone.

    None for one that only this process has: from a notebook's cell, a script, a lambda.
    """
    if isinstance(reader.function, str):
        return reader.function, False
    simple = isinstance(reader.function, FromBytes)
    function: Any = reader.function.read if isinstance(reader.function, FromBytes) else None
    function = function or reader.function
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if not module or module == "__main__" or not name.isidentifier():
        return None
    return f"{module}:{name}", simple


_TASK = TypeAdapter(Task)
_OUTCOME = TypeAdapter(Outcome)


def send(stream: IO[bytes], what: Task | Outcome, data: bytes = b"") -> None:
    """Write one message: its length, itself, and a file's bytes."""
    adapter: TypeAdapter[Any] = _TASK if isinstance(what, Task) else _OUTCOME
    head = adapter.dump_json(what)
    stream.write(_LENGTH.pack(len(head), len(data)))
    stream.write(head)
    stream.write(data)
    stream.flush()


def receive_task(stream: IO[bytes]) -> tuple[Task, bytes] | None:
    """The next task with its file; None when there are no more."""
    sizes = stream.read(_LENGTH.size)
    if len(sizes) < _LENGTH.size:
        return None
    head, data = _LENGTH.unpack(sizes)
    return _TASK.validate_json(stream.read(head)), stream.read(data)


def send_page(stream: IO[bytes], done: int, known: int) -> None:
    """Write that so many pages of so many are read: a message without content."""
    stream.write(_LENGTH.pack(0, done << 32 | known))
    stream.flush()


def outcome_size(header: bytes) -> int:
    """How many bytes the outcome has whose header this is; 0 for a page that was read."""
    return int(_LENGTH.unpack(header)[0])


def page_of(header: bytes) -> tuple[int, int]:
    """How many pages are read, of how many, in a header without an outcome."""
    return divmod(int(_LENGTH.unpack(header)[1]), 1 << 32)


def outcome_of(body: bytes) -> Outcome:
    """Make an outcome of what the worker sent.

    Raises:
        ValueError: it is none.
    """
    return _OUTCOME.validate_json(body)


HEADER_BYTES = _LENGTH.size
