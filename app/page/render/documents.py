"""The documents of the index, the progress of adding some, and the page's head."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from app.page.render.markup import counted, html, joined, seconds
from app.page.upload import Upload

if TYPE_CHECKING:
    from indexes.store.points import Manifest


def head(documents: Sequence["Manifest"], *, provider: str, model: str, embedding: str) -> str:
    """Name of the page, and plainly what answers here."""
    leaves = sum(manifest.leaves for manifest in documents)
    facts = (
        ("Provider", provider),
        ("Model", model),
        ("Embedding", embedding),
        ("Index", f"{counted(len(documents), 'document')}, {counted(leaves, 'leaf', 'leaves')}"),
    )
    return html(
        '<header class="head"><div><h1>Advanced RAG Patterns</h1>'
        "<p>Ask your documents, and see what each answer rests on.</p></div>"
        "<dl>{}</dl></header>",
        joined(html("<div><dt>{}</dt><dd>{}</dd></div>", name, fact) for name, fact in facts),
    )


def title(max_file_mb: float) -> str:
    """Above the place where files are dropped."""
    return html(
        '<h2>Documents</h2><p class="hint">Add PDF, DOCX, HTML, Markdown or text, '
        "up to {} MB a file. Everyone who opens this page shares them.</p>",
        f"{max_file_mb:g}",
    )


def welcome() -> str:
    """Said where there is nothing to ask yet."""
    return html(
        '<section class="welcome"><h2>Nothing is indexed yet</h2>'
        '<p>Add documents under <a href="#documents">Documents</a> and ask about them a moment '
        "later. Or index the sample letters first: stop this page, run "
        "<code>python -m app ingest app/samples/letters</code>, and start it again.</p></section>"
    )


def shelf(documents: Sequence["Manifest"], notice: str = "") -> str:
    """All documents, each with a way to delete it.

    Args:
        documents: by title.
        notice: what came of the last deletion, or why the list cannot be shown.
    """
    told = html('<p class="notice" role="status">{}</p>', notice) if notice else Markup("")
    if not documents:
        return html('{}<p class="hint">None yet.</p>', told)
    return html('{}<ul class="shelf">{}</ul>', told, joined(map(_document, documents)))


def failed_shelf(error: str) -> str:
    """Said in place of the list when it cannot be read."""
    return html('<p class="notice error" role="alert">{}</p>', error)


def _document(manifest: "Manifest") -> Markup:
    facts = [
        counted(len(manifest.page_starts), "page") if manifest.page_starts else "",
        counted(manifest.leaves, "leaf", "leaves"),
        day(manifest.ingested_at),
    ]
    return html(
        '<li><h3>{title}</h3><p class="source">{source}</p><p class="facts">{facts}</p>'
        '<details class="remove"><summary aria-label="Delete {title}">Delete</summary>'
        "<p>It goes for everyone who uses this index.</p>"
        '<button type="button" data-document="{id}">Delete it</button></details></li>',
        title=manifest.title or manifest.source,
        source=manifest.source,
        facts=" · ".join(filter(None, facts)),
        id=manifest.document_id,
    )


def day(moment: str) -> str:
    """`22 Nov 2026`, from ISO 8601; what is no date stays as it is."""
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return f"{when.day} {when:%b %Y}"


def progress(upload: Upload) -> str:
    """How far adding documents is, and what came of it."""
    if upload.phase == "idle":
        return ""
    if upload.phase in ("waiting", "reading"):
        return _running(upload)
    failures = joined(html("<li><b>{}</b> {}</li>", name, reason) for name, reason in upload.failed)
    lines = [html("<p>{}</p>", _outcome(upload))] if upload.total else []
    if failures:
        lines.append(html('<ul class="failures" role="alert">{}</ul>', failures))
    if upload.error:
        lines.append(html('<p class="notice error" role="alert">{}</p>', upload.error))
    return html('<div class="upload {}" role="status">{}</div>', upload.phase, joined(lines))


def _running(upload: Upload) -> Markup:
    if upload.phase == "waiting":
        what = f"{counted(upload.total, 'file')} uploaded, waiting for a turn…"
    elif upload.chunks_known:
        what = f"{upload.document}: {upload.chunks_done:,} of {upload.chunks_known:,} chunks"
    else:
        what = f"Reading {counted(upload.total, 'file')}…"
    bar = (
        html(
            '<progress value="{}" max="{}" aria-label="Chunks stored"></progress>',
            upload.chunks_done,
            upload.chunks_known,
        )
        if upload.chunks_known
        else html('<progress aria-label="Reading"></progress>')
    )
    return html('<div class="upload" role="status"><p>{}</p>{}</div>', what, bar)


def _outcome(upload: Upload) -> str:
    counts = (
        (upload.added, "added"),
        (upload.updated, "updated"),
        (upload.unchanged, "unchanged"),
        (len(upload.failed), "failed"),
    )
    told = ", ".join(f"{number} {what}" for number, what in counts if number)
    return f"{told or 'Nothing was added'} in {seconds(upload.seconds)}."
