"""Descriptions of pictures, for those who can't see them."""

import re

_FILE_NAME = re.compile(r"\S+\.\w{2,4}|(?:image|picture|grafik|imagen|bild) ?\d*", re.IGNORECASE)
_MACHINE_MADE = ("Description automatically generated", "AI-generated content may be incorrect.")


def description(said: str) -> str:
    """Return a description on one line; "" where it only names a file."""
    for phrase in _MACHINE_MADE:
        said = said.replace(phrase, "")
    text = " ".join(said.split())
    says_something = any(map(str.isalpha, text)) and not _FILE_NAME.fullmatch(text)
    return text if says_something else ""
