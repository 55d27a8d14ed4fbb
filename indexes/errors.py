"""Every error a caller can meet, in one place.

    RagError
    ├── SettingsError          a setting is unknown, missing or contradicts another
    ├── DocumentError          a file or document cannot be turned into text
    ├── StoreError             the index cannot be opened, reached or trusted
    │   ├── StoreLockedError       another process holds the embedded index
    │   ├── DiskError              its disk is full, gone, or not to be written to
    │   ├── StoreUnreachableError  its server does not answer now, and may later
    │   └── IndexMismatchError     another embedding model or other chunk sizes made it
    └── ModelError             a model cannot be loaded or reached, or gave no usable answer

Each message is one line and names the fix. Whatever a library below us raises at a
boundary (the engine, a model server, AWS, a file) arrives as one of these, with the
original as its `__cause__`. What the caller's own code raises to end a call is passed on as it
is (`as_stop`).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pydantic import ValidationError

    from indexes.progress import IngestReport

Error = TypeVar("Error", bound=BaseException)

# What is shorter is no secret, and would be found in other words.
LEAST_SECRET = 4


class RagError(Exception):
    """Anything this project raises on purpose. Its text is one line that names the fix.

    Example:
        try:
            answer = index.ask("What happened to Bosun?")
        except RagError as error:
            print(error)

    Raised by an ingestion, it has the `report` of what was stored before. `repeats` says whether
    the text repeats what a program of the caller's said: that is for the caller, and not for
    visitors of a page.
    """

    report: "IngestReport | None" = None
    repeats = False


class SettingsError(RagError):
    """A setting is unknown, missing, out of range or contradicts another.

    Example:
        index.retriever("parent", budget=-5)  # raises SettingsError
    """


class DocumentError(RagError):
    """A file or document cannot be turned into text; the message names it.

    Example:
        try:
            document = load_document("letter.pdf")
        except DocumentError as error:
            print(error)
    """


class StoreError(RagError):
    """The index cannot be opened, reached or trusted.

    Example:
        try:
            index = HierarchicalIndex.open("http://localhost:6333")
        except StoreError as error:
            print(error)
    """


class StoreLockedError(StoreError):
    """Another process holds the embedded index."""


class DiskError(StoreError):
    """The index's disk is full, gone, or may not be written to. What is stored is as it was."""


class StoreUnreachableError(StoreError):
    """The index's server does not answer now. Later the same call may succeed."""


class IndexMismatchError(StoreError):
    """The collection was made with another embedding model or other chunk sizes.

    Example:
        try:
            index.ingest(["letters/"])
        except IndexMismatchError:
            index = HierarchicalIndex.open("another-folder", embedding=embedding)
    """


class ModelError(RagError):
    """A model cannot be loaded or reached, or gave no usable answer.

    Example:
        try:
            answer = index.ask("What happened to Bosun?")
        except ModelError:
            passages, trace = index.retrieve("What happened to Bosun?")
    """


def as_stop(error: Error) -> Error:
    """Mark a caller's exception that is meant to end the whole call, such as one of a LangChain
    handler that limits costs. Steps that survive a failing model let it through.
    """
    vars(error)["ends_the_call"] = True
    return error


def is_stop(error: BaseException) -> bool:
    """Whether an exception is meant to end the whole call."""
    return "ends_the_call" in vars(error)


def shown(what: object, most: int = 300) -> str:
    """What somebody else said, for a message of ours: on one line, not too long, never empty.

    Args:
        what: an exception, or words
        most: characters
    """
    text = " ".join(str(what).split()) or type(what).__name__
    return text if len(text) <= most else text[:most] + "…"


def masked(text: str, secrets: Iterable[str]) -> str:
    """A text with `***` in place of each secret in it: some servers repeat the key they refuse."""
    for secret in secrets:
        if len(secret) >= LEAST_SECRET:
            text = text.replace(secret, "***")
    return text


def first_wrong(error: "ValidationError") -> tuple[str, str]:
    """Where pydantic found the first thing wrong, and what. Without the value: it may be a key."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
