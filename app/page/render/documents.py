"""The documents of the index, the progress of adding some, and the page's head."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..uploads import MOST_FILES, Upload
from .markup import counted, html, joined

if TYPE_CHECKING:
    from indexes import Capabilities
    from indexes.documents.report import ReadingReport
    from indexes.store.points import Manifest


def head(
    documents: "Sequence[Manifest]",
    *,
    llm: "Capabilities",
    embedding: "Capabilities | None",
    better: str = "",
    away: str = "",
    indexing: str = "",
) -> str:
    """Name of the page, and plainly what answers here.

    Args:
        documents: what is indexed.
        llm: the language model.
        embedding: the embedding model; None if it isn't known yet.
        better: how to come by a better language model, if it is not fit to answer.
        away: what is said of the index instead, where the documents can't be listed.
        indexing: what is still being indexed.
    """
    leaves = sum(manifest.leaves for manifest in documents)
    holds = f"{counted(len(documents), 'document')}, {counted(leaves, 'leaf', 'leaves')}"
    facts = (
        ("Language model", f"{llm.name} ({llm.provider})"),
        ("Embedding model", f"{embedding.name} ({embedding.provider})" if embedding else "–"),
        ("Index", away or indexing.removesuffix(".") or holds),
    )
    return html(
        '<header class="head"><div><h1>Advanced RAG Patterns</h1>'
        "<p>One question, several ways to find its answer, side by side.</p></div>"
        "<dl>{}</dl></header>{}",
        joined(html("<div><dt>{}</dt><dd>{}</dd></div>", name, fact) for name, fact in facts),
        html('<p class="notice better">{}</p>', _with_code(better)) if better else Markup(""),
    )


def _with_code(text: str) -> Markup:
    """A sentence with commands in backticks."""
    parts = enumerate(text.split("`"))
    return joined(html("<code>{}</code>" if place % 2 else "{}", part) for place, part in parts)


def title(max_file_mb: float, *, shared: bool) -> str:
    """Above the place where files are dropped."""
    whose = (
        "Everyone who opens this page sees them."
        if shared
        else "Only you see them, and they are deleted when you leave."
    )
    return html(
        '<h2>Documents</h2><p class="hint">Add PDF, Word, Excel, PowerPoint, OpenDocument, '
        "HTML, EPUB, e-mail, CSV, JSON, Markdown, text or code: up to {} files at a time, {} MB "
        "each. {}</p>",
        MOST_FILES,
        f"{max_file_mb:g}",
        whose,
    )


def welcome() -> str:
    """Said where there is nothing to ask yet."""
    return html(
        '<section class="welcome"><h2>Nothing is indexed yet</h2>'
        "<p>Add documents under <b>Documents</b> and ask about them a moment later. "
        "Or index the sample letters first: stop this page, run "
        "<code>advanced-rag ingest FILES</code>, and start it again.</p></section>"
    )


def coming(told: str) -> str:
    """Said while the first documents are being indexed."""
    return html(
        '<section class="welcome" role="status"><h2>The documents are on their way</h2>'
        "<p>{} Ask already: the question waits for the first of them.</p></section>",
        told,
    )


def shelf(
    documents: "Sequence[Manifest]",
    mine: "Callable[[Manifest], bool]",
    notice: str = "",
    *,
    shared: bool = False,
) -> str:
    """All documents that a visitor sees, the visitor's own with a way to delete them.

    Args:
        documents: by title.
        mine: which of them are the visitor's to delete.
        notice: what came of the last deletion.
        shared: what is deleted is gone for everyone.
    """
    told = html('<p class="notice" role="status">{}</p>', notice) if notice else Markup("")
    if not documents:
        return html('{}<p class="hint">None yet.</p>', told)
    rows = (_document(manifest, own=mine(manifest), shared=shared) for manifest in documents)
    return html('{}<ul class="shelf">{}</ul>', told, joined(rows))


def failed_shelf(error: str) -> str:
    """Said in place of the list when it cannot be read."""
    return html('<p class="notice error" role="alert">{}</p>', error)


def _document(manifest: "Manifest", *, own: bool, shared: bool) -> Markup:
    facts = [
        counted(len(manifest.page_starts), str(manifest.about.get("page_kind") or "page"))
        if manifest.page_starts
        else "",
        counted(manifest.nodes, "node"),
        counted(manifest.leaves, "leaf", "leaves"),
        counted(manifest.tokens, "token"),
        day(manifest.ingested_at),
        "" if shared else "yours" if own else "from the server",
    ]
    name = manifest.title or manifest.source
    return html(
        '<li><h3>{title}</h3><p class="source">{source}</p><p class="facts">{facts}</p>{notes}'
        '<div class="do"><button type="button" class="quiet" data-document="{id}">Read it'
        '<span class="sr">: {title}</span></button> '
        '<button type="button" class="quiet" data-browse="{id}">Show its tree'
        '<span class="sr">: {title}</span></button>{delete}</div></li>',
        title=name,
        source=manifest.source,
        facts=" · ".join(filter(None, facts)),
        notes=_notes(manifest.report),
        id=manifest.document_id,
        delete=_delete(name, manifest.document_id, shared=shared) if own else "",
    )


def _notes(report: "ReadingReport") -> Markup:
    """What was not read of a document: problems at once, what was left out when asked."""
    problems = [html('<p class="facts problem">Note: {}</p>', line) for line in report.problems]
    left_out = report.in_words()[len(problems) :]
    if left_out:
        problems.append(
            html(
                '<details class="facts"><summary>Left out on purpose</summary>{}</details>',
                "; ".join(line.removeprefix("left out: ") for line in left_out),
            )
        )
    return joined(problems)


def _delete(name: str, document_id: str, *, shared: bool) -> Markup:
    return html(
        '<details class="remove"><summary>Delete…<span class="sr"> {}</span></summary>'
        '<span>{}</span> <button type="button" class="danger" data-delete="{}">'
        "Delete it</button></details>",
        name,
        "It goes for everyone who uses this index." if shared else "It goes for good.",
        document_id,
    )


def day(moment: str) -> str:
    """`22 Nov 2026`, from ISO 8601; what is no date stays as it is."""
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return f"{when.day} {when:%b %Y}"


# Uploads


def progress(uploads: Sequence[Upload]) -> str:
    """How far each file is, and what came of it."""
    if not uploads:
        return ""
    ended = all(upload.ended for upload in uploads)
    return html(
        '<div class="uploads" role="status" aria-busy="{}"><p>{}</p><ul>{}</ul></div>',
        "false" if ended else "true",
        _summary(uploads),
        joined(map(_upload, uploads)),
    )


def refused(reason: str) -> str:
    """Said where uploads were not even begun."""
    return html('<p class="notice error" role="alert">{}</p>', reason)


def _summary(uploads: Sequence[Upload]) -> str:
    phases = [upload.phase for upload in uploads]
    if not all(upload.ended for upload in uploads):
        ended = sum(upload.ended for upload in uploads)
        return f"{ended} of {counted(len(uploads), 'file')} done"
    told = [
        f"{phases.count(phase)} {phase}"
        for phase in ("added", "updated", "unchanged", "failed", "cancelled")
        if phase in phases
    ]
    return ", ".join(told)


def _upload(upload: Upload) -> Markup:
    match upload.phase:
        case "waiting":
            what, bar = "waiting for its turn", Markup("")
            if upload.ahead:
                what += f": {counted(upload.ahead, 'upload')} of others first"
        case "reading":
            pages = upload.total > 1
            what = f"reading: page {upload.done:,} of {upload.total:,}" if pages else "reading"
            bar = html('<progress aria-label="Reading {}"></progress>', upload.name)
        case "indexing":
            what = f"indexing: {upload.done:,} of {upload.total:,} chunks"
            bar = html(
                '<progress value="{}" max="{}" aria-label="Chunks of {} stored"></progress>',
                upload.done,
                max(upload.total, 1),
                upload.name,
            )
        case "failed":
            what, bar = f"not added: it {_told(upload.reason)}", Markup("")
        case phase:
            what, bar = "; ".join([phase, *upload.problems]), Markup("")
    return html(
        '<li class="{}"><b>{}</b> <span{}>{}</span>{}</li>',
        upload.phase,
        upload.name,
        html(' role="alert"') if upload.phase == "failed" else "",
        what,
        bar,
    )


def _told(reason: str) -> str:
    """Reasons begin with a verb (`is empty: leave it out`); ours does not."""
    return reason if reason[:1].islower() else f"failed. {reason}"
