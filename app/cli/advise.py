"""`advise`: which settings are best for these documents, and is that sure?"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexes import SettingsError

from .console import bar, err, print_json, printable
from .options import COMPRESSION, DOCUMENTS, INDEX, MODELS, command, settings_options

if TYPE_CHECKING:
    from indexes import HierarchicalIndex
    from indexes.evaluation.advice.drafted import Drafted

_EXAMPLE = """
\b
Examples:
  advanced-rag advise letters/ --questions questions.jsonl
  advanced-rag advise letters/ --llm qwen3-4b          drafts questions first
  advanced-rag ask "What did Bosun cost?" --settings advice.json
"""


@command(epilog=_EXAMPLE)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--documents", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="Files and folders, like PATHS; by default what is in the index.",
)  # fmt: skip
@click.option(
    "--questions", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSONL or CSV with the places of the evidence; by default the LLM drafts some.",
)  # fmt: skip
@click.option(
    "--count", type=click.IntRange(4, 500), default=40, show_default=True,
    help="Questions to draft.",
)  # fmt: skip
@click.option("--patterns", help="Patterns to try, comma-separated; default: all.")
@click.option("--try-levels", multiple=True, help="Chunk sizes to try, like 512,128; repeatable.")
@click.option("--try-embedding", multiple=True, help="One more embedding to try; repeatable.")
@click.option("--budgets", default="256,512,1024,2048", show_default=True, help="Tokens.")
@click.option("--price-in", type=click.FloatRange(0), default=0.0, help="Per million LLM tokens.")
@click.option("--price-out", type=click.FloatRange(0), default=0.0, help="Per million LLM tokens.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("advice.json"),
    show_default=True, help="The settings file, for every command's --settings.",
)  # fmt: skip
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path),
    help="The report, in Markdown; default: beside the settings file.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.option(
    "--work", type=click.Path(file_okay=False, path_type=Path), default=Path(".rag/advice"),
    show_default=True, help="Folder for vectors and drafts: a second time costs less.",
)  # fmt: skip
@settings_options(INDEX, ("pattern", "search", "budget"), DOCUMENTS, COMPRESSION, MODELS)
def advise(
    paths: tuple[Path, ...],
    documents: tuple[Path, ...],
    questions: Path | None,
    count: int,
    patterns: str | None,
    try_levels: tuple[str, ...],
    try_embedding: tuple[str, ...],
    budgets: str,
    price_in: float,
    price_out: float,
    out: Path,
    report: Path | None,
    as_json: bool,
    work: Path,
    **settings: Any,
) -> None:
    """Find the best settings for your documents.

    And say how sure that is. Patterns, search modes, chunk sizes, judges and budgets are tried
    on half of the questions; the other half confirms. What is given as an option (--search,
    --levels, --judge, --budget) is not varied. "Not decided by these questions" is an answer,
    too: then the settings in use stay.
    """
    from dataclasses import replace

    from indexes.evaluation.advice.adviser import SEARCHES
    from indexes.evaluation.advice.adviser import advise as advised
    from indexes.evaluation.questions import read_questions
    from indexes.evaluation.scores import Prices

    given = [*paths, *documents]
    sizes = _numbers(budgets, "--budgets")
    tried = [tuple(_numbers(text, "--try-levels")) for text in try_levels]
    levels = tried or ([] if settings["levels"] and given else None)
    asked = None if questions is None else read_questions(questions)
    with _opened(given, work, settings, drafts=asked is None) as index:
        drafted = _drafted(index, count, work) if asked is None else None
        with bar("trying", "", transient=True) as show:
            advice = advised(
                index,
                drafted.questions if drafted else asked,
                documents=given or None,
                patterns=_names(patterns),
                searches=(settings["search"],) if settings["search"] else SEARCHES,
                levels=levels,
                judges=[settings["judge"]] if settings["judge"] else None,
                embeddings=try_embedding,
                budgets=sizes,
                budget=settings["budget"],
                prices=Prices(price_in, price_out),
                vectors=work / "vectors.sqlite",
                on_progress=show,
            )
    if drafted is not None:
        advice = replace(advice, dropped=drafted.dropped)
    advice.write_settings(out)
    page = report or out.with_suffix(".md")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(advice.markdown(), encoding="utf-8")
    if as_json:
        print_json(advice.to_json())
    else:
        click.echo(printable(advice.in_words()).plain)
    for path in (out, page):
        err.print(printable(f"wrote {path}"))


@contextmanager
def _opened(
    given: list[Path], work: Path, settings: dict[str, Any], *, drafts: bool
) -> "Iterator[HierarchicalIndex]":
    """The index of the settings; without one, an index of the documents that is deleted again.

    A model that can't draft what is to be drafted is refused before anything is indexed.
    """
    from indexes import HierarchicalIndex, Settings, load_settings
    from indexes.evaluation.advice.drafted import require_drafter
    from indexes.evaluation.vectors import RememberedEmbedding
    from indexes.models.providers import build_embedding

    from .documents import ingest_paths

    with tempfile.TemporaryDirectory(prefix="advise-") as folder:
        loaded = load_settings(**settings)
        if given and loaded.index == Settings.model_fields["index"].default:
            loaded = loaded.model_copy(update={"index": folder})
        embedding = RememberedEmbedding(build_embedding(loaded), work / "vectors.sqlite")
        with HierarchicalIndex(loaded, embedding=embedding) as index:
            if drafts:
                require_drafter(index)
            if given:
                ingest_paths(index, tuple(given))
            yield index


def _drafted(index: "HierarchicalIndex", count: int, work: Path) -> "Drafted":
    """Questions drafted from the index, written to a file in `work` and told of."""
    from indexes.evaluation.advice.drafted import draft_checked
    from indexes.evaluation.questions import write_questions

    with bar("drafting", "questions", transient=True) as show:
        drafted = draft_checked(index, count, on_progress=show)
    work.mkdir(parents=True, exist_ok=True)
    kept = work / "drafted.jsonl"
    write_questions(kept, drafted.questions)
    told = ", ".join(f"{reason}: {number}" for reason, number in drafted.dropped.items())
    err.print(printable(f"{len(drafted.questions)} questions drafted (left out: {told or 'none'})"))
    if drafted.unchecked:
        err.print(printable(f"{drafted.unchecked} of them the model could not check", "yellow"))
    err.print(printable(f"wrote {kept}: review it, and give it as --questions the next time"))
    return drafted


def _names(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _numbers(text: str, option: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or any(not 16 <= number <= 1_000_000 for number in numbers):
        raise SettingsError(f"{option} {text}: give numbers from 16 to 1000000, like 512,128")
    return numbers
