"""What can be set here, and what was decided when the documents were indexed."""

from typing import TYPE_CHECKING

from indexes.settings import DEFAULT_LEVELS

from .markup import counted, html, joined

if TYPE_CHECKING:
    from indexes import HierarchicalIndex
    from indexes.store.connect import Engine


def knobs_title() -> str:
    """Above what a visitor can turn."""
    return html(
        '<h2>For your next question</h2><p class="hint">These are yours alone, and hold from the '
        "next question on.</p>"
    )


def _place(engine: "Engine") -> str:
    """Where the index is, and how many nodes serve it."""
    if engine.embedded:
        return f"in the folder {engine.address}"
    nodes, lost = engine.address.split(","), engine.nodes_lost
    told = f"on a Qdrant server: {', '.join(nodes)}"
    if len(nodes) > 1:
        told += f" ({counted(len(nodes), 'node')}"
        told += f", {len(lost)} of them did not answer when last asked)" if lost else ")"
    return told


def fixed(index: "HierarchicalIndex") -> str:
    """The server's own settings, and what it takes to change each."""
    settings, llm, embedding = index.settings, index.llm_capabilities, index.embedding_capabilities
    levels = settings.levels or DEFAULT_LEVELS
    rows = (
        ("Language model", f"{llm.name} ({llm.provider})", "set when the page is started: --llm"),
        (
            "Its window",
            f"{llm.window:,} tokens, answers up to {settings.max_answer_tokens:,}",
            "--context-window, --max-answer-tokens",
        ),
        (
            "Embedding model",
            f"{embedding.name} ({embedding.provider})",
            "needs re-indexing: vectors of two models cannot be compared. "
            "--embedding with another --collection, then ingest",
        ),
        (
            "Chunk sizes",
            " / ".join(f"{size:,}" for size in levels) + " tokens",
            "needs re-indexing: --levels with another --collection, then ingest",
        ),
        (
            "Index",
            f"collection {settings.collection}, {_place(index.engine)}",
            "--index, --collection",
        ),
    )
    items = joined(
        html("<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>", name, value, note)
        for name, value, note in rows
    )
    return html(
        '<h2>Of this server</h2><p class="hint">Shown as they are; changed where it is started.'
        '</p><dl class="decided">{}</dl>',
        items,
    )
