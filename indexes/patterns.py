"""The patterns, as data: what retrieves, and what works on the contexts afterwards.

    pattern("parent")            auto-merging over the hierarchy
    pattern("parent+extract")    the same, then compression

A new pattern is a row in `PATTERNS`; a new part is a row in `POSTPROCESSORS`.
"""

from dataclasses import dataclass

from indexes.errors import SettingsError
from indexes.settings import Method


@dataclass(frozen=True)
class Pattern:
    """A named way from a question to contexts.

    Attributes:
        name: what it is called on the command line and on the page.
        method: how `TreeRetriever` chooses contexts.
        summary: what it does, for people.
        langchain: its counterpart there.
    """

    name: str
    method: Method
    summary: str
    langchain: str


PATTERNS: dict[str, Pattern] = {
    row.name: row
    for row in (
        Pattern(
            "regular",
            "leaves",
            "The best small chunks, as they are.",
            "VectorStoreRetriever",
        ),
        Pattern(
            "parent",
            "tree",
            "Small chunks are found and grow into their parents while the budget allows.",
            "ParentDocumentRetriever",
        ),
        Pattern(
            "parent-ratio",
            "ratio",
            "LlamaIndex's own rule: a parent replaces its chunks once half of them are found.",
            "ParentDocumentRetriever",
        ),
    )
}


def find_pattern(name: str) -> Pattern:
    """The pattern called `name`.

    Raises:
        SettingsError: there is none; the message lists those there are.
    """
    try:
        return PATTERNS[name]
    except KeyError:
        known = ", ".join(PATTERNS)
        raise SettingsError(f"no pattern is called {name!r}: choose one of {known}") from None
