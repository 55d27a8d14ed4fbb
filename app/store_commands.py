"""Commands that look after an index: figures, verification, export, import, copy."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from indexes import SettingsError, StoreError

from .commands import cli, opened
from .console import bar, err, out, print_json, printable
from .options import EMBEDDING, INDEX, settings_options

if TYPE_CHECKING:
    from pydantic import SecretStr

    from indexes import Settings
    from indexes.store.nodes import TreeStore
    from indexes.store.transfer import TransferReport
    from indexes.store.upkeep import Problem

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@cli.command(epilog="\b\nExample:\n  advanced-rag statistics --json")
@_as_json
@settings_options(INDEX)
def statistics(as_json: bool, **settings: Any) -> None:
    """Count documents, leaves, nodes, points, characters and bytes."""
    with opened(**settings) as index:
        found = index.statistics()
    fingerprint = found.fingerprint.model_dump(mode="json", exclude={"kind"})
    figures = {name: value for name, value in asdict(found).items() if name != "fingerprint"}
    if as_json:
        print_json({**figures, "fingerprint": fingerprint})
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in figures.items():
        if value is not None:
            table.add_row(name.replace("_", " "), f"{value:,}")
    for name, value in fingerprint.items():
        shown = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        table.add_row(name.replace("_", " "), printable(shown))
    out.print(table)


@cli.command(
    epilog="\b\nExamples:\n  advanced-rag verify\n  advanced-rag verify --repair --json\n\n"
    "Repair deletes what no query can see. A damaged document stays as far as it is whole, "
    "and the next `ingest` of its file writes it anew. On a server, repair while no one "
    "ingests."
)
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option("--deep", is_flag=True, help="Search for every node, not a sample; 10 ms each.")
@_as_json
@settings_options(INDEX)
def verify(repair: bool, deep: bool, as_json: bool, **settings: Any) -> None:
    """Look at every point and say what is wrong; exit code 1 if anything is."""
    with opened(**settings) as index, bar("verifying", "points") as show:
        found = index.verify(repair=repair, deep=deep, on_progress=show)
    if as_json:
        print_json(
            {
                "clean": found.clean,
                "documents": found.documents,
                "nodes": found.nodes,
                "points": found.points,
                "problems": [asdict(problem) for problem in found.problems],
            }
        )
    else:
        if found.problems:
            out.print(_problems(found.problems))
        looked_at = f"{found.documents} documents, {found.points} points"
        if found.clean:
            out.print(f"clean: {looked_at}" if not found.problems else f"repaired: {looked_at}")
    if not found.clean:
        wrong = found.unrepaired
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        what = wrong[0].source or wrong[0].document_id
        raise StoreError(
            f"{wrong[0].kind}{f' {what}' if what else ''}: {wrong[0].detail}{more}; {wrong[0].fix}"
        )


@cli.command(
    epilog="\b\nExamples:\n  advanced-rag rebuild\n"
    "  advanced-rag rebuild --from letters.jsonl.gz\n\n"
    "For a folder that can't be opened or trusted. Nothing is changed until the new collection is "
    "complete; if something is lost, the damaged files are kept."
)
@click.option(
    "--from",
    "export",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An export; what can't be read is taken from it.",
)
@_as_json
@settings_options(INDEX, EMBEDDING)
def rebuild(export: Path | None, as_json: bool, **settings: Any) -> None:
    """Make the collection anew from the texts that can still be read.

    Vectors that are missing are embedded again, with the model that made the index.
    """
    with opened(**settings) as index, bar("rebuilding", "documents") as show:
        report = index.rebuild(export=export, on_progress=show)
    if as_json:
        print_json(asdict(report))
    else:
        again = f", {report.embedded} chunks embedded again" if report.embedded else ""
        brought = f", {len(report.imported)} from the export" if report.imported else ""
        out.print(f"{len(report.restored)} documents restored{brought}{again}")
    for source, reason in report.lost:
        err.print(printable("lost ", "red") + printable(f"{source}: {reason}"), soft_wrap=True)
    if report.lost:
        raise StoreError(
            f"{len(report.lost)} documents could not be read whole: ingest them again; the "
            f"damaged files are in {report.kept}"
        )


def _problems(problems: "list[Problem]") -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("problem", "document", "what", "fix"):
        table.add_column(heading, overflow="fold")
    for problem in problems:
        table.add_row(
            problem.kind,
            printable(problem.source or problem.document_id),
            printable(problem.detail),
            "repaired" if problem.repaired else problem.fix,
        )
    return table


@cli.command(
    epilog="\b\nExamples:\n  advanced-rag indexes\n"
    "  advanced-rag indexes --add year:integer --add author:keyword\n"
    "  advanced-rag indexes --drop author\n\n"
    "Filters on metadata need one where a server asks for it (Qdrant Cloud does), and are slow "
    "without one from about 100,000 passages on."
)
@click.option("--add", multiple=True, metavar="KEY:TYPE", help="Make an index on metadata.")
@click.option("--drop", multiple=True, metavar="KEY", help="Delete one.")
@_as_json
@settings_options(INDEX)
def indexes(add: tuple[str, ...], drop: tuple[str, ...], as_json: bool, **settings: Any) -> None:
    """List the collection's payload indexes, and make those that are missing."""
    from indexes.store.conditions import payload_key
    from indexes.store.payload_indexes import is_ours, metadata_name
    from indexes.store.server import index_of

    wanted, unwanted = dict(map(index_of, add)), [payload_key(key) for key in drop]
    with opened(**settings) as index:
        index.store.fingerprint()
        for key in unwanted:
            if is_ours(key):
                raise SettingsError(f"--drop {key}: this one every question needs")
            index.store.drop_index(key)
        for key, kind in wanted.items():
            err.print(printable(f"making an index on {metadata_name(key)} …", "dim"))
            index.store.make_index(key, kind)
        index.store.make_indexes(
            lambda key: err.print(printable(f"making an index on {metadata_name(key)} …", "dim"))
        )
        described = index.store.described()
    schema = described.payload_schema if described is not None else {}
    if as_json:
        print_json({key: found.data_type.value for key, found in sorted(schema.items())})
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("field", "type", "serves"):
        table.add_column(heading)
    for key, found in sorted(schema.items(), key=lambda item: (is_ours(item[0]), item[0])):
        serves = "every question" if is_ours(key) else "filters"
        table.add_row(printable(metadata_name(key)), found.data_type.value, serves)
    out.print(table)


@cli.command(
    name="export",
    epilog="\b\nExamples:\n  advanced-rag export letters.jsonl.gz\n"
    "  advanced-rag export letters.jsonl --index http://localhost:6333",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_as_json
@settings_options(INDEX)
def export_(file: Path, as_json: bool, **settings: Any) -> None:
    """Write all documents with their vectors to FILE, compressed if it ends in .gz."""
    with opened(**settings) as index, bar("exporting", "documents") as show:
        report = index.export_file(file, on_progress=show)
    _print_report(report, as_json, "exported")


@cli.command(
    name="import",
    epilog="\b\nExample:\n  advanced-rag import letters.jsonl.gz --index other-index",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_as_json
@settings_options(INDEX)
def import_(file: Path, as_json: bool, **settings: Any) -> None:
    """Add the documents that `export` wrote to FILE; nothing is embedded again.

    The file is checked to its end before anything is written.
    """
    with opened(**settings) as index, bar("importing", "documents") as show:
        report = index.import_file(file, on_progress=show)
    _print_report(report, as_json, "imported")


@cli.command(
    epilog="\b\nExamples:\n  advanced-rag copy --to http://localhost:6333\n"
    "  advanced-rag copy --index my-index --to other-index --to-collection letters\n\n"
    "RAG_QDRANT_… settings are for the server; between two servers, those of the target "
    "too, but for its key, which is RAG_TO_QDRANT_API_KEY."
)
@click.option("--to", required=True, help="Folder or server URL that it is copied to.")
@click.option("--to-collection", help="Name of the collection there; default: the same.")
@_as_json
@settings_options(INDEX)
def copy(to: str, to_collection: str | None, as_json: bool, **settings: Any) -> None:
    """Copy all documents with their vectors to another index, say a server.

    Documents that are there already in the same version are passed over, so it may be
    stopped and run again at any time.
    """
    from indexes import load_settings
    from indexes.store.transfer import copy as copy_documents

    source = load_settings(**settings)
    there = load_settings(index=to, collection=to_collection or source.collection)
    with (
        _store(source, source.qdrant_api_key) as source_store,
        _store(there, _target_key(source, there)) as target_store,
        bar("copying", "documents") as show,
    ):
        report = copy_documents(source_store, target_store, on_progress=show)
    _print_report(report, as_json, "copied")


def _target_key(source: "Settings", target: "Settings") -> "SecretStr | None":
    """The key for the target; never one that was meant for another server."""
    from pydantic import SecretStr

    given = os.environ.get("RAG_TO_QDRANT_API_KEY")
    if given:
        return SecretStr(given)
    elsewhere = "://" in source.index and target.index != source.index
    return None if elsewhere else source.qdrant_api_key


@contextmanager
def _store(settings: "Settings", api_key: "SecretStr | None") -> "Iterator[TreeStore]":
    from indexes.store.connect import connect
    from indexes.store.nodes import TreeStore
    from indexes.store.server import ServerParameters, server_parameters

    # What is set for a server concerns a folder not, when one is copied to the other.
    folder = "://" not in settings.index
    parameters = ServerParameters() if folder else server_parameters(settings)
    with connect(settings.index, api_key=api_key, ways=parameters.ways) as engine:
        yield TreeStore(engine, settings.collection, parameters)


# Output


def _print_report(report: "TransferReport", as_json: bool, done: str) -> None:
    for source, reason in report.failed:
        err.print(printable("failed ", "red") + printable(f"{source}: {reason}"), soft_wrap=True)
    if as_json:
        print_json(
            {
                "copied": report.copied,
                "unchanged": report.unchanged,
                "failed": [
                    {"document": source, "error": reason} for source, reason in report.failed
                ],
                "points": report.points,
                "seconds": round(report.seconds, 3),
            }
        )
    else:
        unchanged = f", {len(report.unchanged)} unchanged" if report.unchanged else ""
        (err if report.failed else out).print(
            f"{len(report.copied)} {done}{unchanged}: "
            f"{report.points} points, {report.seconds:.1f} s"
        )
    if report.failed:
        raise StoreError(
            f"{len(report.failed)} documents are damaged: run `advanced-rag verify --repair`, "
            "then ingest them again"
        )
