"""Markdown: exactly the file's characters."""

from indexes.documents.extracted import Extracted
from indexes.documents.reader import Reading
from indexes.documents.readers.text import decode
from indexes.documents.titles import markdown_title


def read(data: bytes, reading: Reading) -> Extracted:
    """The file's text, and its title."""
    text = decode(data)
    return Extracted(text, title=markdown_title(text))
