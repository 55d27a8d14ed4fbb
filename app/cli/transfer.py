"""Commands that take documents from one index to another, by way of a file or at once."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexes import StoreError

from .console import bar, err, out, print_json, printable
from .opening import store_of, stored
from .options import INDEX, as_json_option, command, settings_options

if TYPE_CHECKING:
    from pydantic import SecretStr

    from indexes import Settings
    from indexes.store.server import ServerParameters
    from indexes.store.transfer import TransferReport


@command(
    name="export",
    epilog="\b\nExamples:\n  advanced-rag export letters.jsonl.gz\n"
    "  advanced-rag export letters.jsonl --index http://localhost:6333",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@as_json_option
@settings_options(INDEX)
def export_(file: Path, as_json: bool, **settings: Any) -> None:
    """Write all documents with their vectors to FILE.

    It is compressed if it ends in .gz.
    """
    from indexes.store.archive import export_file

    with stored(**settings) as store, bar("exporting", "documents") as show:
        report = export_file(store, file, on_progress=show)
    _print_report(report, as_json, "exported")


@command(
    name="import",
    epilog="\b\nExample:\n  advanced-rag import letters.jsonl.gz --index other-index",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@as_json_option
@settings_options(INDEX)
def import_(file: Path, as_json: bool, **settings: Any) -> None:
    """Add the documents that `export` wrote to FILE.

    Nothing is embedded again. The file is checked to its end before anything is written.
    """
    from indexes.store.archive_reading import import_file

    with stored(**settings) as store, bar("importing", "documents") as show:
        report = import_file(store, file, on_progress=show)
    _print_report(report, as_json, "imported")


@command(
    epilog="\b\nExamples:\n  advanced-rag copy --to http://localhost:6333\n"
    "  advanced-rag copy --index my-index --to other-index --to-collection letters\n\n"
    "RAG_QDRANT_… settings are for the server; between two servers, those of the target "
    "too, but for its key, which is RAG_TO_QDRANT_API_KEY."
)
@click.option("--to", required=True, help="Folder or server URL that it is copied to.")
@click.option("--to-collection", help="Name of the collection there; default: the same.")
@as_json_option
@settings_options(INDEX)
def copy(to: str, to_collection: str | None, as_json: bool, **settings: Any) -> None:
    """Copy all documents to another index, say a server.

    Their vectors go with them. Documents that are there already in the same version are passed
    over, so it may be stopped and run again at any time.
    """
    from indexes import load_settings
    from indexes.store.transfer import copy as copy_documents

    source = load_settings(**settings)
    there = load_settings(index=to, collection=to_collection or source.collection)
    with (
        store_of(source, source.qdrant_api_key, _parameters(source)) as source_store,
        store_of(there, target_key(source, there), _parameters(there)) as target_store,
        bar("copying", "documents") as show,
    ):
        report = copy_documents(source_store, target_store, on_progress=show)
    _print_report(report, as_json, "copied")


def target_key(source: "Settings", target: "Settings") -> "SecretStr | None":
    """The key for the target; never one that was meant for another server."""
    from pydantic import SecretStr

    given = os.environ.get("RAG_TO_QDRANT_API_KEY")
    if given:
        return SecretStr(given)
    elsewhere = "://" in source.index and target.index != source.index
    return None if elsewhere else source.qdrant_api_key


def _parameters(settings: "Settings") -> "ServerParameters":
    """What is set for a server concerns a folder not, when one is copied to the other."""
    from indexes.store.server import ServerParameters, server_parameters

    return ServerParameters() if "://" not in settings.index else server_parameters(settings)


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
