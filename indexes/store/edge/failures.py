"""What the embedded engine raises, as one of our errors in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from indexes.disks import remedy
from indexes.errors import DiskError, StoreError

_WAY_BACK = ": `advanced-rag rebuild` saves what can be read"


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Whatever the engine raises, as a one-line `StoreError` with its cause."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        if known := remedy(error):
            raise DiskError(f"{doing}: {_first_line(error)}: {known}") from error
        said = _first_line(error)
        # What the engine says of its files, not of a request.
        way = _WAY_BACK if said.startswith("Service runtime error") else ""
        raise StoreError(f"{doing}: {said}{way}") from error
    except BaseException as error:
        # A panic in Rust arrives as a BaseException that nobody expects to catch.
        if type(error).__name__ != "PanicException":
            raise
        kind = DiskError if remedy(error) else StoreError
        way = f": {remedy(error)}" if remedy(error) else _WAY_BACK
        raise kind(f"{doing}: the engine panicked: {_first_line(error)}{way}") from error


@contextmanager
def damage_errors(doing: str) -> Iterator[None]:
    """The same where only damaged files can be the cause; the error names the way back."""
    try:
        with engine_errors(doing):
            yield
    except StoreError as error:
        said = str(error) if str(error).startswith(doing) else f"{doing}: {error}"
        if isinstance(error, DiskError):
            raise DiskError(said) from error
        raise StoreError(said if said.endswith(_WAY_BACK) else said + _WAY_BACK) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def server_only(what: str) -> StoreError:
    """The error for what only a server can do."""
    return StoreError(
        f"the embedded index does not support {what}; use a Qdrant server: --index http://…"
    )
