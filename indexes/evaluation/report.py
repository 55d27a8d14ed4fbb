"""A comparison as a table for the terminal, and as a page in Markdown with every caveat."""

import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from indexes.evaluation.bootstrap import Interval
from indexes.evaluation.comparison import SHARDS, Comparison, LaneResult
from indexes.evaluation.scores import QuestionScore, compare, summarize

# Below so many documents, an interval over documents is a rough guide.
_FEW_CLUSTERS = 10


def terminal_table(comparison: Comparison) -> Table:
    """Recall with its interval, a row a lane and a column a budget."""
    table = Table(box=None, pad_edge=False, title=f"recall, {comparison.questions} questions")
    table.add_column("lane", overflow="fold", min_width=14)
    for budget in comparison.budgets:
        table.add_column(f"{budget:,}", justify="right", no_wrap=True)
    table.add_column("LLM calls", justify="right")
    table.add_column("ms", justify="right")
    for lane in comparison.lanes:
        last = lane.scored[comparison.budgets[-1]]
        cells = []
        for budget in comparison.budgets:
            found = lane.summaries[budget].intervals["recall"]
            cells.append(f"{_short(found.mean)}\n[{_short(found.low)}, {_short(found.high)}]")
        table.add_row(
            Text(lane.info.name),
            *(Text(cell) for cell in cells),
            f"{lane.summaries[comparison.budgets[-1]].means['llm_calls']:.1f}",
            f"{1000 * _median(last, 'seconds'):.1f}",
        )
    return table


def markdown(
    comparison: Comparison,
    *,
    title: str,
    command: str,
    plots: Mapping[str, str],
    caveats: Sequence[str] = (),
) -> str:
    """The page.

    Args:
        comparison: what was measured.
        title: its heading.
        command: what makes the page anew.
        plots: the pictures' places beside it, by what they show.
        caveats: of this data set, besides those that are always true.
    """
    return "\n".join([*_page(comparison, title, command, plots, caveats), ""])


def _page(
    comparison: Comparison,
    title: str,
    command: str,
    plots: Mapping[str, str],
    caveats: Sequence[str],
) -> Iterator[str]:
    reference = comparison.budgets[min(1, len(comparison.budgets) - 1)]
    yield f"# {title}"
    yield ""
    yield "Made by this command, and not edited since:"
    yield ""
    yield f"```bash no-test\n{command}\n```"
    yield ""
    yield (
        f"{comparison.questions} questions with evidence ({comparison.multi} of them with "
        f"several references) on {comparison.documents} documents of "
        f"{comparison.characters:,} characters. Every lane has the same documents, engine, "
        f"embeddings ({comparison.about['embedding']}) and budget; no answers are generated. "
        f"Measured on {comparison.about['date']}."
    )
    yield ""
    yield "## Recall at equal context budgets"
    yield ""
    yield (
        "Share of the evidence's characters among the contexts, the mean over questions, with "
        "95% intervals (bootstrap over documents). Measures are defined in "
        "`indexes/evaluation/spans.py`."
    )
    yield ""
    yield from _recall_table(comparison)
    yield ""
    for what, place in plots.items():
        yield f"![{what}]({place})"
        yield ""
    yield from _against_us(comparison)
    yield f"## More figures, at {reference:,} tokens"
    yield ""
    yield from _details(comparison, reference)
    yield ""
    yield from _compression(comparison, reference)
    yield from _failures(comparison)
    yield "## Settings"
    yield ""
    yield from _settings(comparison)
    yield ""
    yield "## What to keep in mind"
    yield ""
    for caveat in [*_caveats(comparison), *caveats]:
        yield f"- {caveat}"
    yield ""
    yield "## Versions"
    yield ""
    about = [f"{name} {value}" for name, value in comparison.about.items() if name != "date"]
    yield "; ".join(about) + "."


def _recall_table(comparison: Comparison) -> Iterator[str]:
    yield _row(["lane", *(f"{budget:,}" for budget in comparison.budgets)])
    yield _row(["---", *("---" for _ in comparison.budgets)])
    best = {
        budget: max(
            (
                lane.summaries[budget].intervals["recall"].mean
                for lane in comparison.lanes
                if not comparison.told(lane)
            ),
            default=0.0,
        )
        for budget in comparison.budgets
    }
    for lane in comparison.lanes:
        cells = []
        for budget in comparison.budgets:
            found = lane.summaries[budget].intervals["recall"]
            first = round(found.mean, 3) == round(best[budget], 3)
            cells.append(_cell(found, bold=first and not comparison.told(lane)))
        yield _row([_name(lane) + " †" * comparison.told(lane), *cells])
    if any(map(comparison.told, comparison.lanes)):
        yield ""
        yield (
            "† Judged by a stand-in that knows the evidence: what this form of compression could "
            "reach, to be compared with each other only, and with nothing else in the table."
        )


def _cell(found: Interval, *, bold: bool = False) -> str:
    mean = f"**{_short(found.mean)}**" if bold else _short(found.mean)
    return f"{mean} [{_short(found.low)}, {_short(found.high)}]"


def _short(value: float) -> str:
    """Three decimals, as papers print shares: .899."""
    text = f"{value:.3f}"
    return text.removeprefix("0") if text.startswith("0.") else text.replace("-0.", "−.")


def _against_us(comparison: Comparison) -> Iterator[str]:
    """Differences to our first lane that a reader should know, whichever way they go."""
    alone = [lane for lane in comparison.lanes if not comparison.told(lane)]
    ours = [lane for lane in alone if lane.info.ours]
    theirs = [lane for lane in alone if lane not in ours]
    if not ours or not theirs:
        return
    best = max(ours, key=lambda lane: _mean_recall(lane, comparison.budgets))
    name = best.info.name
    yield f"## Differences to `{name}`"
    yield ""
    yield (
        f"Recall of `{name}` minus that of each peer on the same questions; in bold where the "
        "interval excludes 0. Negative figures are results against us. Lanes marked † are left out."
    )
    yield ""
    yield _row(["peer", *(f"{budget:,}" for budget in comparison.budgets)])
    yield _row(["---", *("---" for _ in comparison.budgets)])
    for lane in theirs:
        cells = []
        for budget in comparison.budgets:
            found = compare(best.scored[budget], lane.scored[budget], "recall")
            cells.append(_cell(found, bold=found.low > 0 or found.high < 0))
        yield _row([_name(lane), *cells])
    yield ""
    yield f"What goes against `{name}`, in the means:"
    yield ""
    yield from _losses(best, theirs, comparison.budgets)
    yield ""


# Figures of which more is better, and those of which less is.
_MORE = {
    "recall": "recall", "precision": "precision", "iou": "IoU", "whole": "whole evidence",
    "RR": "RR", "nDCG@10": "nDCG@10",
}  # fmt: skip


def _losses(
    best: LaneResult, theirs: Sequence[LaneResult], budgets: Sequence[int]
) -> Iterator[str]:
    """Where any peer is better, figure by figure; the best of them by name."""
    none = True
    for figure, shown in _MORE.items():
        for budget in budgets:
            ours = best.mean(budget, figure)
            above = [lane for lane in theirs if lane.mean(budget, figure) > ours + 0.0005]
            if above:
                none = False
                top = max(above, key=lambda lane: lane.mean(budget, figure))
                yield (
                    f"- {shown} at {budget:,}: {_short(ours)}, where {_count(above)}, "
                    f"{_name(top)} most, with {_short(top.mean(budget, figure))}"
                )
    for budget in budgets:
        ours = 1000 * _median(best.scored[budget], "seconds")
        faster = [lane for lane in theirs if 1000 * _median(lane.scored[budget], "seconds") < ours]
        if faster:
            none = False
            top = min(faster, key=lambda lane: _median(lane.scored[budget], "seconds"))
            quick = 1000 * _median(top.scored[budget], "seconds")
            yield (
                f"- time at {budget:,}: {ours:.1f} ms, where {_count(faster, 'faster')}, "
                f"{_name(top)} most, with {quick:.1f} ms"
            )
    if none:
        yield "- nothing: no peer has a better mean in any figure"


def _count(lanes: Sequence[LaneResult], what: str = "better") -> str:
    return f"{len(lanes)} peer{'s are' if len(lanes) > 1 else ' is'} {what}"


def _details(comparison: Comparison, budget: int) -> Iterator[str]:
    columns = {
        "precision": "precision", "iou": "IoU", "whole": "whole evidence", "RR": "RR",
        "nDCG@10": "nDCG@10",
    }  # fmt: skip
    heads = ["recall, one reference", "recall, several", *columns.values(), "passages", "median ms"]
    yield _row(["lane", *heads])
    yield _row(["---", *("---" for _ in heads)])
    for lane in comparison.lanes:
        scored = lane.scored[budget]
        summary = lane.summaries[budget]
        cells = [_subset(scored, "single"), _subset(scored, "multi")]
        for name in columns:
            found = summary.intervals.get(name)
            cells.append(_short(found.mean if found else summary.means[name]))
        cells += [f"{summary.means['passages']:.1f}", f"{1000 * _median(scored, 'seconds'):.1f}"]
        yield _row([_name(lane), *cells])


def _subset(scored: Sequence[QuestionScore], subset: str) -> str:
    try:
        return _short(summarize(scored, subset).intervals["recall"].mean)
    except ValueError:
        return "–"


def _compression(comparison: Comparison, budget: int) -> Iterator[str]:
    lanes = [lane for lane in comparison.lanes if "kept" in lane.summaries[budget].means]
    if not lanes:
        return
    yield f"## Compression, at {budget:,} tokens before it"
    yield ""
    yield (
        "Kept: share of the context's tokens that is left. Retention: share of the evidence "
        "before compression that is still there after it. Verbatim: share of the tokens that "
        "are the documents' own words. Tokens and calls are an LLM's, for one question."
    )
    yield ""
    columns = {"kept": "kept", "retention": "retention", "verbatim": "verbatim"}
    costs = {"llm_calls": "LLM calls", "llm_tokens_in": "tokens in", "llm_tokens_out": "tokens out"}
    priced = any(lane.summaries[budget].means["cost"] for lane in lanes)
    heads = [*columns.values(), "precision", *costs.values(), *(["cost, 1,000 questions"] * priced)]
    yield _row(["lane", *heads])
    yield _row(["---", *("---" for _ in heads)])
    for lane in lanes:
        summary = lane.summaries[budget]
        cells = [_short(summary.means[name]) if name in summary.means else "–" for name in columns]
        cells.append(_short(summary.intervals["precision"].mean))
        cells += [f"{summary.means[name]:,.1f}" for name in costs]
        if priced:
            cells.append(f"{1000 * summary.means['cost']:,.2f}")
        yield _row([_name(lane), *cells])
    yield ""


def _failures(comparison: Comparison) -> Iterator[str]:
    failures = [
        f"- `{lane.info.name}` at {budget:,}: {error}"
        for lane in comparison.lanes
        for budget, error in lane.errors.items()
    ]
    if failures:
        yield "## What went wrong"
        yield ""
        yield "Questions that ended in an error count as found nothing."
        yield ""
        yield from failures
        yield ""


def _settings(comparison: Comparison) -> Iterator[str]:
    yield _row(["lane", "framework", "what", "settings", "notes"])
    yield _row(["---"] * 5)
    for lane in comparison.lanes:
        made = lane.info
        options = ", ".join(f"{name} {value}" for name, value in made.options.items())
        yield _row([_name(lane), made.framework, made.what, options, "; ".join(made.notes)])


def _caveats(comparison: Comparison) -> Iterator[str]:
    clusters = comparison.lanes[0].summaries[comparison.budgets[0]].intervals["recall"].clusters
    if clusters < _FEW_CLUSTERS:
        yield (
            f"The questions are on {clusters} documents or sets of documents. Drawing so few "
            "again and again gives rough intervals: read them as a warning, not as a test."
        )
    if differing := comparison.differing_shards:
        yield f"**The collections differ in shards** ({differing}): {SHARDS}."
    yield (
        "A budget is filled by every lane: peers search for as many chunks as it takes, where "
        "their documentation has them stop at 3 or 4; what exceeds the budget is cut at the "
        "end of a sentence."
    )
    yield (
        "Our patterns search by meaning and by words, the peers by meaning only, as they are "
        "documented, but for those with `search hybrid` in their settings; `regular@dense` and "
        "`parent@dense` are ours by meaning only."
    )
    yield (
        "Our chunks carry their document's title and headings when they are embedded; "
        "LlamaIndex's carry the title, LangChain's nothing, as each does by default; those with "
        "`title True` in their settings carry it."
    )
    yield (
        "Tuned lanes have chunk sizes that suit this embedding model and are known to do well "
        "on this data (200 tokens are the report's own recommendation)."
    )
    yield (
        "Times are without the embedding of the question, in one process, one question after "
        "another, on whatever machine this was: compare them with each other only."
    )
    if any(lane.info.options.get("judge") == "embedding" for lane in comparison.lanes):
        yield (
            "Where embeddings judge, the vectors of sentences are remembered from one question to "
            "the next, which a user's questions would not find: those times are too short."
        )
    if any("overfetch" in lane.info.options for lane in comparison.lanes):
        yield (
            "What compresses gets several budgets of context to choose from (`overfetch`), in our "
            "patterns and in LangChain's lanes alike."
        )
    if any(map(comparison.told, comparison.lanes)):
        yield (
            "Compressors that ask a language model asked a stand-in that knows the evidence "
            "and makes no mistake. So the figures show what each form of asking can keep and "
            "what it costs in calls and tokens; how well a model judges is left out, and their "
            "times mean nothing."
        )


def _mean_recall(lane: LaneResult, budgets: Sequence[int]) -> float:
    return statistics.fmean(lane.summaries[budget].intervals["recall"].mean for budget in budgets)


def _median(scored: Sequence[QuestionScore], figure: str) -> float:
    return statistics.median(question.values[figure] or 0.0 for question in scored)


def _name(lane: LaneResult) -> str:
    return f"`{lane.info.name}`"


def _row(cells: Sequence[Any]) -> str:
    plain = [str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells]
    return "| " + " | ".join(plain) + " |"


def plot_places(page: Path, plots: Mapping[str, Path]) -> dict[str, str]:
    """Where pictures are, seen from a page."""
    folder = page.resolve().parent
    return {
        what: Path(os.path.relpath(place.resolve(), folder)).as_posix()
        for what, place in plots.items()
    }
