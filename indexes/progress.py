"""How far some work is, and what an ingestion did. Light to import."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from indexes.documents.report import ReadingReport

ProgressEvent = Literal[
    "read", "stored", "unchanged", "skipped", "failed", "copied", "checked", "embedded", "asked",
    "fetched", "page", "done",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """How far some work is: ingesting, copying, verifying, evaluating, fetching a model.

    Attributes:
        event: what has happened
        what: the document, lane or model; empty for all
        done: chunks, documents, points, questions or bytes that are dealt with
        known: how many there are, as far as is known; for a "page", both count pages of the file
    """

    event: ProgressEvent
    what: str
    done: int
    known: int


OnProgress = Callable[[Progress], None]


@dataclass
class IngestReport:
    """What an ingestion did. Every document that was given is in one of the lists.

    Example:
        report: IngestReport = index.ingest(["letters/"])
        print(report.added, report.failed)

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
