"""Commands that look after an index: figures, verification, a new beginning, payload indexes."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from indexes import SettingsError, StoreError

from .console import bar, err, out, print_json, printable
from .opening import opened, stored
from .options import EMBEDDING, INDEX, as_json_option, command, settings_options

if TYPE_CHECKING:
    from indexes.store.upkeep import Problem


@command(epilog="\b\nExample:\n  advanced-rag statistics --json")
@as_json_option
@settings_options(INDEX)
def statistics(as_json: bool, **settings: Any) -> None:
    """Count documents, leaves, nodes, points, characters and bytes."""
    from indexes.store.statistics import statistics as count

    with stored(**settings) as store:
        found = count(store)
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


@command(
    epilog="\b\nExamples:\n  advanced-rag verify\n  advanced-rag verify --repair --json\n\n"
    "Repair deletes what no query can see. A damaged document stays as far as it is whole, "
    "and the next `ingest` of its file writes it anew. On a server, repair while no one "
    "ingests."
)
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option("--deep", is_flag=True, help="Search for every node, not a sample; 10 ms each.")
@as_json_option
@settings_options(INDEX)
def verify(repair: bool, deep: bool, as_json: bool, **settings: Any) -> None:
    """Look at every point and say what is wrong.

    The exit code is 1 if anything is.
    """
    from indexes.store.upkeep import verify as look

    with stored(**settings) as store, bar("verifying", "points") as show:
        found = look(store, repair=repair, deep=deep, on_progress=show)
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


@command(
    epilog="\b\nExamples:\n  advanced-rag rebuild\n"
    "  advanced-rag rebuild --from letters.jsonl.gz\n\n"
    "For an index that can't be opened or trusted. Nothing is changed until the new collection is "
    "complete; if something is lost, the damaged one is kept. On a server, rebuild while no one "
    "ingests."
)
@click.option(
    "--from",
    "export",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An export; what can't be read is taken from it.",
)
@as_json_option
@settings_options(INDEX, EMBEDDING)
def rebuild(export: Path | None, as_json: bool, **settings: Any) -> None:
    """Make a damaged index anew from what can be read.

    Texts are taken from the collection, or from an export. Vectors that are missing are
    embedded again, with the model that made the index.
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
        where = f" into --collection {report.beside}, which holds the rest" if report.beside else ""
        raise StoreError(
            f"{len(report.lost)} documents could not be read whole: ingest them again{where}; "
            f"what is damaged is in {report.kept}"
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


@command(
    epilog="\b\nExamples:\n  advanced-rag indexes\n"
    "  advanced-rag indexes --add year:integer --add author:keyword\n"
    "  advanced-rag indexes --drop author\n\n"
    "Filters on metadata need one where a server asks for it (Qdrant Cloud does), and are slow "
    "without one from about 100,000 passages on."
)
@click.option("--add", multiple=True, metavar="KEY:TYPE", help="Make an index on metadata.")
@click.option("--drop", multiple=True, metavar="KEY", help="Delete one.")
@as_json_option
@settings_options(INDEX)
def indexes(add: tuple[str, ...], drop: tuple[str, ...], as_json: bool, **settings: Any) -> None:
    """List payload indexes, and make those that are missing."""
    from indexes.store.conditions import payload_key
    from indexes.store.payload_indexes import is_ours, metadata_name
    from indexes.store.server import index_of

    wanted, unwanted = dict(map(index_of, add)), [payload_key(key) for key in drop]
    with stored(**settings) as store:
        store.fingerprint()
        for key in unwanted:
            if is_ours(key):
                raise SettingsError(f"--drop {key}: this one every question needs")
            store.drop_index(key)
        for key, kind in wanted.items():
            err.print(printable(f"making an index on {metadata_name(key)} …", "dim"))
            store.make_index(key, kind)
        store.make_indexes(
            lambda key: err.print(printable(f"making an index on {metadata_name(key)} …", "dim"))
        )
        described = store.described()
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
