"""Paragraphs, list items and table rows on their way to one text."""

from indexes.documents.extracted import UnreadableError


class Blocks:
    """Paragraphs, list items and table rows on their way to one text."""

    def __init__(self, max_characters: int) -> None:
        self._parts: list[str] = []
        self._kind = ""
        self._room = max_characters

    def add(self, text: str, kind: str = "paragraph") -> None:
        """Append a block; items and rows stay together, anything else stands apart."""
        text = text.strip()
        if not text:
            return
        if self._parts:
            together = kind == self._kind and kind != "paragraph"
            self._parts.append("\n" if together else "\n\n")
        self._parts.append(text)
        self._kind = kind
        self._room -= len(text)
        if self._room < 0:
            raise UnreadableError("holds more text than one document may: split it")

    def text(self) -> str:
        """All blocks, paragraphs separated by a blank line."""
        return "".join(self._parts)
