"""Commands on documents: index them, list them, delete them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from indexes import DocumentError, SettingsError

from .console import bar, err, out, print_json, printable
from .opening import opened, stored
from .options import DOCUMENTS, EMBEDDING, INDEX, command, settings_options

if TYPE_CHECKING:
    from indexes import HierarchicalIndex, IngestReport


@command(epilog="\b\nExample:\n  advanced-rag ingest letters/ notes.md --index my-index")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.option("--workers", type=click.IntRange(0, 64), help="Parsing processes; default: auto.")
@click.option("--shard", default="1/1", metavar="I/N", help="Take the I-th of N parts.")
@click.option(
    "--export-after-ingest",
    "export",
    envvar="RAG_EXPORT_AFTER_INGEST",
    show_envvar=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Then write all documents to this file, as `export` does.",
)
@settings_options(INDEX, DOCUMENTS, EMBEDDING)
def ingest(
    paths: tuple[Path, ...],
    as_json: bool,
    workers: int | None,
    shard: str,
    export: Path | None,
    **settings: Any,
) -> None:
    """Index files and folders.

    What could not be read of them is said.

    Files that did not change are left alone, so it may be run again at any time.
    """
    with opened(**settings) as index:
        report = ingest_paths(index, paths, workers=workers, shard=_shard(shard))
        if export is not None:
            index.export_file(export)
    if as_json:
        print_json(
            {
                "added": report.added,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "skipped": [{"document": name, "reason": why} for name, why in report.skipped],
                "failed": [
                    {"document": name, "file": name, "error": error}
                    for name, error in report.failed
                ],
                "reports": {
                    name: found.model_dump(mode="json") for name, found in report.reports.items()
                },
                "leaves": report.leaves,
                "embedded": report.embedded,
                "reused": report.reused,
                "seconds": round(report.seconds, 3),
            }
        )
    else:
        (err if report.failed else out).print(summary(report))
    if report.failed:
        raise DocumentError(f"{len(report.failed)} could not be indexed: mend what is named above")


def _shard(text: str) -> tuple[int, int]:
    part, slash, parts = text.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal()):
        raise SettingsError(f"--shard {text}: give i/n, like 2/8 for the second of eight")
    return int(part), int(parts)


def ingest_paths(
    index: "HierarchicalIndex", paths: tuple[Path, ...], **options: Any
) -> "IngestReport":
    """Index files and folders, showing how far it is."""

    def skipped(_path: Path, error: DocumentError) -> None:
        err.print(printable(f"skipped {error}", "yellow"), soft_wrap=True)

    with bar("indexing", "chunks") as show:
        report = index.ingest(paths, on_progress=show, on_skip=skipped, **options)
    for name, reading in report.reports.items():
        for line in reading.in_words():
            err.print(printable(f"note {name}: {line}", "yellow"), soft_wrap=True)
    for _, error in report.failed:
        err.print(printable("failed ", "red") + printable(error), soft_wrap=True)
    return report


def summary(report: "IngestReport") -> str:
    """What became of all files, in a line."""
    parts = [
        f"{len(names)} {what}"
        for what, names in (
            ("added", report.added),
            ("updated", report.updated),
            ("unchanged", report.unchanged),
            ("skipped", report.skipped),
            ("failed", report.failed),
        )
        if names
    ]
    return (
        f"{', '.join(parts) or 'no documents'}: "
        f"{report.leaves} leaves, {report.embedded} embedded, {report.seconds:.1f} s"
    )


@command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@settings_options(INDEX)
def documents(as_json: bool, **settings: Any) -> None:
    """List what is indexed."""
    with stored(**settings) as store:
        manifests = store.manifests()
    if as_json:
        print_json([manifest.model_dump(mode="json") for manifest in manifests])
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("title", "source"):
        table.add_column(heading, overflow="fold")
    for heading in ("pages", "leaves", "tokens", "indexed (UTC)"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("not read", overflow="fold")
    for manifest in manifests:
        table.add_row(
            printable(manifest.title),
            printable(manifest.source),
            str(len(manifest.page_starts)) if manifest.page_starts else "",
            str(manifest.leaves),
            str(manifest.tokens),
            manifest.ingested_at[:16].replace("T", " "),
            printable("; ".join(manifest.report.in_words())),
        )
    out.print(table if manifests else "nothing is indexed: run `advanced-rag ingest FILES`")


@command()
@click.argument("names", nargs=-1, required=True)
@settings_options(INDEX)
def remove(names: tuple[str, ...], **settings: Any) -> None:
    """Delete documents, by file name, source or id."""
    from indexes.store.naming import document_named

    with stored(**settings) as store:
        for name in names:
            manifest = document_named(store, name)
            store.remove(manifest.document_id)
            out.print(printable(f"removed {manifest.source} ({manifest.leaves} leaves)"))
