"""Where an ingestion is, and what it did. Light to import."""

from dataclasses import dataclass, field
from typing import Literal

from indexes.documents.report import ReadingReport

Event = Literal["read", "stored", "unchanged", "skipped", "failed", "done"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where ingestion is: `chunks_done` of those known so far are stored."""

    event: Event
    document: str
    chunks_done: int
    chunks_known: int


@dataclass
class IngestReport:
    """What an ingestion did. Every document that was given is in one of the lists.

    Attributes:
        added, updated, unchanged: sources of documents that are in the index now.
        skipped: what there is nothing to index in (a blank page, a file of unknown type, the
            same document again), and why.
        failed: what could not be indexed, and why.
        document_ids: ids of all that are in the index now, in the order they came.
        leaves: chunks that were added.
        embedded: chunks that went to the model.
        reused: those whose vectors an older version of their document had.
        reports: of files, by source, what was read of them and what was not.
    """

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    document_ids: list[str] = field(default_factory=list)
    leaves: int = 0
    embedded: int = 0
    reused: int = 0
    seconds: float = 0.0
    reports: dict[str, ReadingReport] = field(default_factory=dict)
