"""A stranger's project, type-checked against the installed wheel and never run."""

from collections.abc import Iterator
from pathlib import Path

from llama_index.core.schema import NodeWithScore

import indexes
from indexes import (
    Answer,
    HierarchicalIndex,
    IngestReport,
    RagError,
    Retrieved,
    Settings,
    Word,
    load_document,
    load_settings,
)

version: str = indexes.__version__


def opened(folder: Path) -> HierarchicalIndex:
    settings: Settings = load_settings(index=str(folder), budget=512)
    index = HierarchicalIndex(settings)
    report: IngestReport = index.ingest([folder / "letters", load_document(folder / "note.md")])
    added: list[str] = report.added
    assert added
    return index


def words(index: HierarchicalIndex, question: str) -> Iterator[str]:
    for event in index.stream(question, "parent"):
        if isinstance(event, Retrieved):
            yield f"{len(event.contexts)} contexts\n"
        elif isinstance(event, Word):
            yield event.text


def cited(index: HierarchicalIndex, question: str) -> list[tuple[str, int, int]]:
    try:
        answer: Answer = index.ask(question, pattern="parent", budget=512)
    except RagError as error:
        raise SystemExit(str(error)) from error
    return [(context.document, context.start, context.end) for context in answer.contexts]


def found(index: HierarchicalIndex, question: str) -> list[NodeWithScore]:
    return index.retriever("regular", budget=256).retrieve(question)
