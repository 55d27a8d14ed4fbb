"""The commands. They parse, call the library and print; they decide nothing.

With `--json` standard output holds JSON and nothing else; progress and errors go to
standard error. Any failure is one line there, and exit code 1 (2 for a wrong command
line, 130 for Ctrl-C).
"""

import gc
import json
import logging
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from rich.progress import Progress
from rich.table import Table

from indexes import DocumentError, ModelError, RagError, SettingsError
from indexes.waits import told

from .answer_output import print_answer
from .console import bar, err, out, print_json, printable
from .options import (
    COMPRESSION,
    DOCUMENTS,
    EMBEDDING,
    INDEX,
    MODELS,
    RETRIEVAL,
    settings_options,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexes import HierarchicalIndex, IngestReport

_EXAMPLES = """
\b
Examples:
  advanced-rag ingest letters/
  advanced-rag ask "How did the cloud business evolve?" --pattern parent
  advanced-rag ask "What did Bosun cost?" --pattern regular --json
  advanced-rag ask "What did Bosun cost?" --llm openai:llama3.2@http://localhost:11434/v1
  advanced-rag models list
  advanced-rag page --port 7861
  advanced-rag run --questions questions.jsonl --budget 1024 --out run.jsonl
  advanced-rag --help            advanced-rag ask --help

Every option is also an environment variable, RAG_ and its name: RAG_INDEX, RAG_PROVIDER.
API keys are taken from the environment only: RAG_API_KEY, RAG_QDRANT_API_KEY.
"""


def main() -> None:
    """Run a command; whatever goes wrong ends as one line and an exit code."""
    # Importing makes a million objects that stay; looking for garbage among them each time
    # there are 700 more takes a tenth of the start.
    gc.set_threshold(50_000, 20, 50)
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    try:
        with told(lambda why: err.print(printable(f"waiting: {why}", "dim"), soft_wrap=True)):
            cli.main(prog_name="advanced-rag", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("stopped: what was stored stays; the same command goes on from there", 130)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "advanced-rag"
        _fail(f"{error.format_message().rstrip('.')}: see `{command} --help`", error.exit_code)
    except RagError as error:
        _fail(str(error), 1)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        sys.exit(1)


def _fail(message: str, code: int) -> None:
    line = printable("error: ", "bold red") + printable(" ".join(message.split()))
    err.print(line, soft_wrap=True)
    sys.exit(code)


@click.group(
    invoke_without_command=True,
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Advanced RAG patterns on one index. Without a command: open the page."""
    if context.invoked_subcommand is None:
        context.invoke(page)


@contextmanager
def opened(**settings: Any) -> "Iterator[HierarchicalIndex]":
    """The index of the settings; closed behind the block."""
    # Importing the library takes seconds: not for `--help`, nor for a mistyped option.
    from indexes import HierarchicalIndex, load_settings

    with HierarchicalIndex(load_settings(**settings)) as index:
        yield index


# Documents


@cli.command(epilog="\b\nExample:\n  advanced-rag ingest letters/ notes.md --index my-index")
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
    """Index files and folders, and say what could not be read of them.

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
        (err if report.failed else out).print(_summary(report))
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


def _summary(report: "IngestReport") -> str:
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


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@settings_options(INDEX)
def documents(as_json: bool, **settings: Any) -> None:
    """List what is indexed."""
    with opened(**settings) as index:
        manifests = index.documents()
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


@cli.command()
@click.argument("names", nargs=-1, required=True)
@settings_options(INDEX)
def remove(names: tuple[str, ...], **settings: Any) -> None:
    """Delete documents, by file name, source or id."""
    with opened(**settings) as index:
        for name in names:
            manifest = index.remove(name)
            out.print(printable(f"removed {manifest.source} ({manifest.leaves} leaves)"))


# Questions


@cli.command(epilog='\b\nExample:\n  advanced-rag ask "How did the cloud business evolve?" --json')
@click.argument("question")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with the trace.")
@click.option("--verbose", is_flag=True, help="Show what the model thinks before it answers.")
@settings_options(INDEX, RETRIEVAL, ("answer",), COMPRESSION, MODELS)
def ask(question: str, as_json: bool, verbose: bool, **settings: Any) -> None:
    """Answer a question from the indexed documents, with quotes and citations.

    Quotes come first: the sentences of the documents that answer best, word for word.
    `--answer quotes` stops there, without loading a language model.

    An answer that was cut at its longest is printed, and said to be (exit code 0). One that
    broke off, or never came for thinking, is an error (exit code 1), after what there is of it.
    """
    from indexes.models.catalogue import advice

    with opened(**settings) as index:
        if as_json:
            answer = index.ask(question)
            print_json(answer.to_json())
        else:
            weak = advice(index.llm_capabilities)
            answer = print_answer(index.stream(question), verbose, weak)
    if answer.finish in ("broken", "thinking"):
        raise ModelError(answer.finish_note)
    if answer.finish_note:
        err.print(printable(f"note: {answer.finish_note}", "yellow"), soft_wrap=True)


@cli.command(
    epilog="\b\nA line of QUESTIONS:\n"
    '  {"id": "q1", "question": "…", "references": [{"document": "a.md", "start": 0, "end": 9}]}'
)
@click.option("--questions", required=True, type=click.File("r", encoding="utf-8"))
@click.option("--out", "out_file", required=True, type=click.File("w", encoding="utf-8"))
@settings_options(INDEX, RETRIEVAL, COMPRESSION, MODELS)
def run(questions: TextIO, out_file: TextIO, **settings: Any) -> None:
    """Retrieve for many questions, without answering: a line of results each.

    The pattern may be any lane of `evaluate`: parent@dense, langchain-parent, …
    """
    from indexes.evaluation.lanes import open_lane
    from indexes.evaluation.runs import ranked

    asked = _read_questions(questions)
    with (
        opened(**settings) as index,
        Progress(console=err, disable=not err.is_terminal) as shown,
    ):
        lane = open_lane(index.settings.pattern, index)
        for question in shown.track(asked, description="retrieving"):
            contexts, trace = lane.retrieve(question["question"])
            line = {
                "id": question["id"],
                "results": [
                    context.model_dump(include={"document", "start", "end", "score", "number"})
                    for context in ranked(contexts, trace)
                ],
                "seconds": round(sum(stage.seconds for stage in trace.stages), 6),
                "llm_calls": int(trace.total("llm_calls")),
            }
            out_file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _read_questions(lines: TextIO) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            question = json.loads(line)
            valid = isinstance(question["question"], str) and question["id"] is not None
        except (ValueError, KeyError, TypeError):
            valid = False
        if not valid:
            raise SettingsError(
                f'{lines.name}, line {number}: not {{"id": …, "question": "…"}}: mend that line'
            )
        found.append(question)
    return found


@cli.command(epilog="\b\nExample:\n  advanced-rag page letters/ --port 7861")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=7860, show_default=True, type=click.IntRange(1, 65535))
@click.option("--name", "names", multiple=True, metavar="HOST", help="Host name it answers to.")
@click.option("--shared", is_flag=True, help="Visitors share the documents that they add.")
@click.option("--mcp", is_flag=True, help="Offer ask and retrieve as tools, too.")
@click.option("--browser/--no-browser", default=False, help="Open it in the browser.")
@settings_options(INDEX, RETRIEVAL, COMPRESSION, DOCUMENTS, MODELS)
def page(
    paths: tuple[Path, ...] = (),
    host: str = "127.0.0.1",
    port: int = 7860,
    names: tuple[str, ...] = (),
    shared: bool = False,
    mcp: bool = False,
    browser: bool = False,
    **settings: Any,
) -> None:
    """Open the page; index PATHS first, if any are given.

    Beyond this machine (--host) it asks for RAG_PAGE_USER and RAG_PAGE_PASSWORD.
    """
    from indexes import load_settings
    from indexes.extras import needed
    from indexes.models.providers import check_models

    from .page.opening import Opening

    loaded = load_settings(**settings)
    with needed("page", "the page"):
        from .page.server import serve
    check_models(loaded)

    def prepare(index: "HierarchicalIndex") -> None:
        if paths:
            err.print(_summary(ingest_paths(index, paths)))

    serve(
        Opening(loaded, prepare, paths),
        host=host,
        port=port,
        names=names,
        shared=shared,
        mcp=mcp,
        open_browser=browser,
        on_ready=lambda address: out.print(f"open {address}  (Ctrl-C ends it)"),
    )


# At the end, since its commands are added to `cli` and print with what is above.
from . import (  # noqa: E402
    endpoint_commands,  # noqa: F401
    evaluation_commands,  # noqa: F401
    lifecycle_commands,  # noqa: F401
    model_commands,  # noqa: F401
    permission_commands,  # noqa: F401
    store_commands,  # noqa: F401
)
