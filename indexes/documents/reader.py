"""What a reader is: one format's way from bytes to text.

A reader gets a file's bytes and a `Reading`, and gives an `Extracted`; `indexes.documents.formats`
lists them all. Reading may happen in a process of its own, so ours are named, not imported,
where they are listed, and need neither LlamaIndex nor an index.
"""

import importlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Paragraph
from indexes.documents.extracted import Extracted, UnreadableError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """How to read a file.

    Attributes:
        file_name: for formats that say little themselves
        max_characters: the longest text
        ocr: recognise pages without text
        page: the page to draw, from 1, if a picture is wanted
        width: of that picture, in pixels
    """

    file_name: str = ""
    max_characters: int = 64 * 1024 * 1024
    ocr: bool = False
    page: int = 0
    width: int = 0


ReadFile = Callable[[bytes, Reading], Extracted]
Simple = Callable[[bytes], "str | Iterable[Block] | Extracted"]


@dataclass(frozen=True)
class Reader:
    """A format.

    Attributes:
        name: for people: "PDF", "Word"
        suffixes: file name extensions, lower case, with their dot
        media_type: as in a `Content-Type`
        function: reads it, or names the function that does: "package.module:function"
        extra: the extra of this package that it needs, if any
    """

    name: str
    suffixes: tuple[str, ...]
    media_type: str
    function: ReadFile | str
    extra: str | None = None

    @property
    def is_users(self) -> bool:
        """Whether a user registered it, and may change what it does."""
        return isinstance(self.function, FromBytes)

    def read(self, data: bytes, reading: Reading) -> Extracted:
        """The text of a file.

        Raises:
            UnreadableError: it gives none, and why.
        """
        try:
            return self._resolved()(data, reading)
        except (UnreadableError, MemoryError):
            raise
        except ModuleNotFoundError as error:
            raise UnreadableError(self._missing(error)) from error
        except Exception as error:
            if self.is_users:
                # What it raised may repeat the file, which not everybody may read.
                logger.warning("the reader %r failed", self.name, exc_info=error)
                raise UnreadableError(
                    f"the reader {self.name!r} failed ({type(error).__name__}): correct its "
                    "function, or leave the file out"
                ) from error
            # Libraries each have their own ways to fail on a broken file.
            raise UnreadableError(
                f"is not a readable {self.name} file ({type(error).__name__}): open it in the "
                "program that made it and save it again"
            ) from error

    def _resolved(self) -> ReadFile:
        if not isinstance(self.function, str):
            return self.function
        found: ReadFile = resolved(self.function)
        return found

    def _missing(self, error: ModuleNotFoundError) -> str:
        if self.extra:
            return (
                f'reading {self.name} files needs more: pip install "advanced-rag-patterns'
                f'[{self.extra}]"'
            )
        return f"reading {self.name} files needs {error.name}: pip install {error.name}"


def resolved(place: str) -> Any:
    """The function that "package.module:function" names."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


@dataclass(frozen=True)
class FromBytes:
    """A user's function of a file's bytes, as a reader's function."""

    read: Simple

    def __call__(self, data: bytes, reading: Reading) -> Extracted:
        """Read a file, and make what the function gives an `Extracted`."""
        result = self.read(data)
        if isinstance(result, Extracted):
            return result
        if isinstance(result, str):
            return Extracted(text=result)
        if isinstance(result, bytes | Mapping) or not isinstance(result, Iterable):
            raise UnreadableError(
                f"its reader gave a {type(result).__name__}: its function returns a text, or blocks"
            )
        blocks = (Paragraph(one) if isinstance(one, str) else one for one in result)
        return assemble(blocks, max_characters=reading.max_characters)
