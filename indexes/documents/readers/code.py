"""Source code and settings: exactly the file's characters, as lines."""

from dataclasses import replace

from indexes.documents.extracted import Extracted
from indexes.documents.reader import Reading
from indexes.documents.readers import text
from indexes.documents.structure import Structure


def read(data: bytes, reading: Reading) -> Extracted:
    """The file's text; all of it is code.

    Raises:
        UnreadableError: it is binary, or in an encoding that cannot be told.
    """
    found = text.read(data, reading)
    return replace(found, structure=Structure(code=((0, len(found.text)),)))
