"""`evaluate`, and what it needs: `draft`, `grade`. The library measures; these print."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from indexes import ModelError, SettingsError

from .console import bar, err, out, print_json, printable
from .documents import ingest_paths
from .opening import opened
from .options import DOCUMENTS, INDEX, MODELS, command, settings_options

if TYPE_CHECKING:
    from indexes import HierarchicalIndex, IngestReport
    from indexes.evaluation.comparison import Comparison
    from indexes.evaluation.questions import Question

_EXAMPLE = """
\b
Examples:
  advanced-rag evaluate --questions questions.jsonl \\
      --documents letters/ --index .rag/evaluation
  advanced-rag evaluate --questions q.csv --documents docs --lanes parent,langchain-parent \\
      --budgets 1024 --out comparison.md
"""


@command(epilog=_EXAMPLE)
@click.option(
    "--questions", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSONL or CSV with the places of the evidence.",
)  # fmt: skip
@click.option(
    "--documents", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="Files and folders to index first; by default what is in the index.",
)  # fmt: skip
@click.option("--lanes", help="Patterns and peers, comma-separated; default: all that need no LLM.")
@click.option("--budgets", default="512,1024,2048,4096", show_default=True, help="Tokens.")
@click.option("--limit", type=click.IntRange(1), help="Take so many questions, evenly spread.")
@click.option(
    "--judge", type=click.Choice(["perfect", "model"]), default="perfect", show_default=True,
    help="Who judges for compressors: one that knows the evidence, or the LLM of the settings.",
)  # fmt: skip
@click.option("--price-in", type=click.FloatRange(0), default=0.0, help="Per million LLM tokens.")
@click.option("--price-out", type=click.FloatRange(0), default=0.0, help="Per million LLM tokens.")
@click.option("--out", "page", type=click.Path(dir_okay=False, path_type=Path), help="Markdown.")
@click.option("--title", default="Patterns and peers compared", help="Heading of that page.")
@click.option("--caveat", "caveats", multiple=True, help="One more caveat for that page.")
@click.option("--plots", type=click.Path(file_okay=False, path_type=Path), help="Folder.")
@click.option("--json-out", type=click.Path(dir_okay=False, path_type=Path), help="All figures.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON object.")
@click.option(
    "--work", type=click.Path(file_okay=False, path_type=Path), default=Path(".rag/evaluation"),
    show_default=True, help="Folder for runs and vectors: a second time costs little.",
)  # fmt: skip
@settings_options(INDEX, DOCUMENTS, MODELS)
def evaluate(
    questions: Path,
    documents: tuple[Path, ...],
    lanes: str | None,
    budgets: str,
    limit: int | None,
    judge: str,
    price_in: float,
    price_out: float,
    page: Path | None,
    title: str,
    caveats: tuple[str, ...],
    plots: Path | None,
    json_out: Path | None,
    as_json: bool,
    work: Path,
    **settings: Any,
) -> None:
    """Compare patterns and peers on questions with known evidence.

    Each fills the same context budgets on the same documents, engine and models. Without
    --index the comparison has an index of its own in the folder --work, which holds the
    documents of --documents and nothing else.
    """
    from indexes.evaluation.comparison import Comparison, to_json
    from indexes.evaluation.peers.texts import texts_of
    from indexes.evaluation.questions import located, read_questions
    from indexes.evaluation.report import terminal_table
    from indexes.evaluation.scores import Prices

    asked = _spread(
        [question for question in read_questions(questions) if question.references], limit
    )
    if not asked:
        raise SettingsError(f"{questions}: none of its questions has references: add some")
    sizes = _budgets(budgets)
    own = settings["index"] is None and "RAG_INDEX" not in os.environ
    if own:
        settings["index"] = str(work / "index")
    texts: dict[str, str] = {}
    with _compared(work, asked if judge == "perfect" else None, texts, settings) as index:
        if documents:
            report = ingest_paths(index, documents)
            if own and _holds_more(index, report):
                _empty(index)
                ingest_paths(index, documents)
        texts |= texts_of(index)
        asked[:] = located(asked, texts, questions)  # a perfect judge has this list
        with bar("evaluating", "", transient=True) as show:
            comparison = Comparison.of(
                index,
                asked,
                lanes=_chosen(lanes, judge),
                budgets=sizes,
                folder=work / "runs",
                prices=Prices(price_in, price_out),
                on_progress=show,
            )
    written = _write(comparison, page, title, caveats, plots)
    figures = to_json(comparison) if json_out is not None or as_json else {}
    if json_out is not None:
        json_out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
        written.append(json_out)
    if as_json:
        print_json(figures)
    else:
        out.print(terminal_table(comparison))
    for path in written:
        err.print(printable(f"wrote {path}"))


@contextmanager
def _compared(
    work: Path,
    judged: "list[Question] | None",
    texts: dict[str, str],
    settings: dict[str, Any],
) -> "Iterator[HierarchicalIndex]":
    """An index whose vectors are kept in `work`, and whose LLM may be a perfect judge."""
    from indexes import HierarchicalIndex, load_settings
    from indexes.compression.build import judge_name
    from indexes.evaluation.judges import PerfectJudge
    from indexes.evaluation.vectors import RememberedEmbedding
    from indexes.models.providers import build_embedding

    chosen = load_settings(**settings)
    # The stand-in would be fit to judge in every pattern: who judges is for the real model to say.
    chosen = chosen.model_copy(update={"judge": judge_name(chosen)})
    embedding = RememberedEmbedding(build_embedding(chosen), work / "vectors.sqlite")
    judge = PerfectJudge(judged, texts) if judged is not None else None
    with HierarchicalIndex(chosen, embedding=embedding, llm=judge) as index:
        yield index


def _holds_more(index: "HierarchicalIndex", report: "IngestReport") -> bool:
    """Whether an earlier comparison had other documents, or other versions of these."""
    given = {*report.added, *report.unchanged}
    return any(found.source not in given for found in index.documents())


def _empty(index: "HierarchicalIndex") -> None:
    """Delete the index and the peers' collections beside it.

    Removing documents is not enough: what was deleted counts in BM25's frequencies until
    the engine optimises itself, and would move the ranks.
    """
    client = index.engine.client
    for found in client.get_collections().collections:
        if found.name != index.store.collection:
            client.delete_collection(found.name)
    index.store.drop()


def _spread(questions: "list[Question]", limit: int | None) -> "list[Question]":
    """So many questions, evenly spread over the file: its parts are of different documents."""
    if limit is None or limit >= len(questions):
        return questions
    return [questions[place * len(questions) // limit] for place in range(limit)]


def _budgets(text: str) -> list[int]:
    try:
        budgets = sorted({int(part) for part in text.split(",")})
    except ValueError:
        budgets = []
    if not budgets or budgets[0] < 16 or budgets[-1] > 1_000_000:
        raise SettingsError(f"--budgets {text}: give numbers from 16 to 1000000, like 512,1024")
    return budgets


def _chosen(lanes: str | None, judge: str) -> list[str]:
    """The lanes that were asked for; by default all that this judge can serve."""
    from indexes.evaluation.lanes import lane_names

    if lanes is not None:
        return list(dict.fromkeys(name.strip() for name in lanes.split(",") if name.strip()))
    return lane_names(with_llm=judge == "perfect")


def _write(
    comparison: "Comparison",
    page: Path | None,
    title: str,
    caveats: tuple[str, ...],
    plots: Path | None,
) -> list[Path]:
    """The page and its pictures, where they are wanted."""
    from indexes.evaluation.plots import cost_against_quality, recall_against_budget
    from indexes.evaluation.report import markdown, plot_places

    drawn: dict[str, Path] = {}
    if plots is None and page is not None:
        plots = page.parent / "images"
    if plots is not None:
        name = page.stem if page is not None else "evaluation"
        drawn["Recall against budget"] = recall_against_budget(
            comparison, plots / f"{name}-recall.png"
        )
        drawn["Recall against tokens read"] = cost_against_quality(
            comparison, plots / f"{name}-cost.png"
        )
    if page is None:
        return list(drawn.values())
    page.parent.mkdir(parents=True, exist_ok=True)
    words = ["advanced-rag", *sys.argv[1:]]
    text = markdown(
        comparison,
        title=title,
        command=shlex.join(words),
        plots=plot_places(page, drawn),
        caveats=caveats,
    )
    page.write_text(text, encoding="utf-8")
    return [page, *drawn.values()]


@command(
    epilog="\b\nExample:\n  advanced-rag draft --count 50 --out questions.jsonl --provider openai"
)
@click.option("--count", type=click.IntRange(1), default=20, show_default=True)
@click.option(
    "--out", "path", required=True, type=click.Path(dir_okay=False, path_type=Path),
    help="JSONL, to be reviewed.",
)  # fmt: skip
@settings_options(INDEX, MODELS)
def draft(count: int, path: Path, **settings: Any) -> None:
    """Have an LLM draft questions on what is indexed.

    Each comes with the places of its evidence. Review them: delete what nobody would ask, and
    add evidence that was overlooked.
    """
    from indexes.evaluation.drafting import draft_questions

    with opened(**settings) as index, bar("asking", "questions", transient=True) as show:
        drafts = draft_questions(index, count, on_progress=show)
    if not drafts:
        raise ModelError("the model drafted no usable question: choose a larger one")
    path.write_text("".join(f"{found.to_json()}\n" for found in drafts), encoding="utf-8")
    out.print(printable(f"{len(drafts)} of {count} drafted: review {path}"))


@command(
    epilog="\b\nExample:\n  advanced-rag grade --questions q.jsonl --patterns regular,parent "
    "--provider openai"
)
@click.option(
    "--questions", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSONL or CSV; an `answer` is what an answer should say.",
)  # fmt: skip
@click.option("--patterns", default="regular,parent", show_default=True, help="Comma-separated.")
@click.option("--budget", type=click.IntRange(16), help="Tokens of context.")
@click.option("--limit", type=click.IntRange(1), help="Take so many questions, evenly spread.")
@click.option("--json", "as_json", is_flag=True, help="Print every grade as one JSON object.")
@settings_options(INDEX, MODELS)
def grade(
    questions: Path,
    patterns: str,
    budget: int | None,
    limit: int | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Answer questions, and have an LLM grade the answers.

    Is what they say in the passages? Is it what was expected?
    """
    from indexes.evaluation.grading import grade as graded
    from indexes.evaluation.questions import read_questions
    from indexes.patterns import find_pattern

    asked = _spread(read_questions(questions), limit)
    names = [find_pattern(name.strip()).name for name in patterns.split(",")]
    with opened(**settings) as index, bar("asking", "questions", transient=True) as show:
        grades = {
            name: graded(index, asked, name, budget=budget, on_progress=show) for name in names
        }
    if as_json:
        print_json({name: [asdict(one) for one in found] for name, found in grades.items()})
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("pattern", "answers", "faithful", "correctness (1–5)"):
        table.add_column(heading, justify="left" if heading == "pattern" else "right")
    for name, found in grades.items():
        faithful = [one.faithful for one in found if one.faithful is not None]
        correct = [one.correctness for one in found if one.correctness is not None]
        table.add_row(
            name,
            str(len(found)),
            f"{fmean(faithful):.2f}" if faithful else "–",
            f"{fmean(correct):.2f}" if correct else "–",
        )
    out.print(table)
