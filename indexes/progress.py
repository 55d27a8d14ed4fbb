"""Where an ingestion is, and what it did. Light to import."""

from dataclasses import dataclass, field
from typing import Literal

Event = Literal["read", "stored", "unchanged", "failed", "done"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where ingestion is: `chunks_done` of those known so far are stored."""

    event: Event
    document: str
    chunks_done: int
    chunks_known: int


@dataclass
class IngestReport:
    """What an ingestion did. The lists hold the documents' sources.

    `embedded` counts chunks that went to the model, `reused` those whose vectors an older
    version of their document had.
    """

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    leaves: int = 0
    embedded: int = 0
    reused: int = 0
    seconds: float = 0.0
