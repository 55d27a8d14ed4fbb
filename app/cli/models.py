"""Local models by name: which there are, fetching and removing their files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bar
from rich.table import Table

from indexes import SettingsError

from .console import err, out, print_json, printable
from .options import settings_options

if TYPE_CHECKING:
    from indexes.models.catalogue import Entry
    from indexes.progress import Progress

_PURPOSES = {"llm": "answers", "embedding": "embeds", "reranker": "reranks"}


_LISTED = "\b\nExample:\n  advanced-rag models get qwen3-4b\n  advanced-rag page --llm qwen3-4b"
_GOT = """\b
Examples:
  advanced-rag models get bge-large-en
  advanced-rag models get hf:OWNER/REPOSITORY/FILE.gguf
"""


@click.group(epilog=_LISTED)
def models() -> None:
    """Local models by name: list them, get one, remove it."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@settings_options(("cache",))
def list_models(as_json: bool, **settings: Any) -> None:
    """List the models that are known, and what is on this machine."""
    from indexes import load_settings
    from indexes.models import catalogue, hub

    cache = load_settings(**settings).cache
    rows = [_row(entry, cache) for entry in catalogue.entries()]
    known = {(entry.repository, entry.file) for entry in catalogue.entries()}
    for repository, file, path in hub.fetched(cache):
        if (repository, file) not in known:
            rows.append(_other(repository, file, path))
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "does", "size", "licence", "here", "about"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("name", "does", "size"))
    for row in rows:
        table.add_row(
            printable(row["short"]),
            _PURPOSES.get(row["task"], ""),
            row["size"],
            row["licence"] or "unknown",
            "yes" if row["here"] else "",
            printable(row["about"]),
        )
    out.print(table)
    err.print(
        "\nGet one: advanced-rag models get NAME; use it: --llm NAME, --embedding NAME, "
        "--rerank-model NAME",
        soft_wrap=True,
    )


def _row(entry: "Entry", cache: Path) -> dict[str, Any]:
    from importlib.util import find_spec

    from indexes.models import hub

    if entry.package:
        here = find_spec(entry.package.replace("-", "_")) is not None
        path = None
    else:
        path = hub.located(entry, cache)
        here = path is not None
    return {
        "name": entry.name,
        "short": entry.short,
        "aliases": list(entry.aliases),
        "task": entry.task,
        "about": entry.about,
        "repository": entry.repository or None,
        "file": entry.file or None,
        "package": entry.package or None,
        "bytes": entry.bytes,
        "size": "in a package" if entry.package else entry.size,
        "sha256": entry.sha256,
        "licence": entry.licence,
        "template": entry.template,
        "window": entry.window,
        "dimension": entry.dimension,
        "pooling": entry.pooling,
        "query_instruction": entry.query_instruction,
        "passage_instruction": entry.passage_instruction,
        "fit": sorted(entry.fit),
        "here": here,
        "path": str(path) if path else None,
    }


def _other(repository: str, file: str, path: Path) -> dict[str, Any]:
    from indexes.models.catalogue import in_words

    size = path.stat().st_size
    return {
        "name": file,
        "short": f"hf:{repository}/{file}",
        "task": "",
        "about": "fetched by its address",
        "repository": repository,
        "file": file,
        "bytes": size,
        "size": in_words(size),
        "licence": "",
        "here": True,
        "path": str(path),
    }


@models.command("get", epilog=_GOT)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print what is there as one JSON object.")
@settings_options(("cache",))
def get_model(name: str, as_json: bool, **settings: Any) -> None:
    """Fetch a model's file from the Hugging Face Hub; broken off, it goes on where it stopped.

    HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE mean what they mean elsewhere.
    """
    from indexes import load_settings
    from indexes.models import hub

    entry = _entry(name)
    cache = load_settings(**settings).cache
    licence = entry.licence or f"unknown: see https://huggingface.co/{entry.repository}"
    err.print(printable(f"{entry.name}, {entry.size}, licence: {licence}"), soft_wrap=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=err, disable=not err.is_terminal) as shown:
        task = shown.add_task(entry.name, total=entry.bytes)

        def show(step: "Progress") -> None:
            shown.update(task, completed=step.done, total=step.known)

        path = hub.fetch(entry, cache, show)
    size = path.stat().st_size
    if as_json:
        print_json({"name": entry.name, "path": str(path), "bytes": size, "licence": entry.licence})
        return
    option = {"llm": "--llm", "embedding": "--embedding", "reranker": "--rerank-model"}[entry.task]
    how = option if entry.licence else "--llm or --embedding"
    out.print(printable(f"{path}\nuse it with {how} {name}"))


@models.command("remove")
@click.argument("name")
@settings_options(("cache",))
def remove_model(name: str, **settings: Any) -> None:
    """Delete a model's file, and say how much space that frees."""
    from indexes import load_settings
    from indexes.models import hub
    from indexes.models.catalogue import in_words

    entry = _entry(name)
    freed = hub.remove(entry, load_settings(**settings).cache)
    out.print(printable(f"removed {entry.name}: {in_words(freed)} are free again"))


def _entry(name: str) -> "Entry":
    """Find a model of the hub by its name.

    Raises:
        SettingsError: the catalogue has no such model, or it comes in a package
    """
    import difflib

    from indexes.extras import WEIGHTS
    from indexes.models import catalogue
    from indexes.models.specs import hub_entry

    if name.startswith("hf:"):
        return hub_entry(name.removeprefix("hf:"))
    entry = catalogue.find(name)
    if entry is None:
        near = difflib.get_close_matches(name.lower(), catalogue.names(), n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise SettingsError(
            f"no model is called {name[:60]!r}: {hint}`advanced-rag models list` lists them; any "
            "other is hf:OWNER/REPOSITORY/FILE.gguf"
        )
    if entry.package:
        raise SettingsError(f"{entry.name} comes in a package: {WEIGHTS}")
    return entry
