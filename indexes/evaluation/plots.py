"""Two plots: recall against budget, and recall against what has to be read for it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexes.evaluation.comparison import Comparison, LaneResult
from indexes.evaluation.scores import summarize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Safe for the colour-blind (Okabe and Ito); ours darkest.
_COLOURS = {"this project": "#0072B2", "LangChain": "#D55E00", "LlamaIndex": "#009E73"}
_STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
# Lanes whose judge knows the evidence, marked †, are beside the others but not among them.
_FAINT = 0.35
_MARKERS = "osD^vPX*<>"


def recall_against_budget(comparison: Comparison, path: Path) -> Path:
    """Draw a line a lane into a PNG or SVG file, by its suffix.

    Raises:
        ImportError: matplotlib is not installed (extra `evaluation`).
    """
    figure, axes = _canvas()
    for lane, colour, style, marker in _styled(comparison.lanes):
        values = [
            summarize(lane.scored[budget]).intervals["recall"] for budget in comparison.budgets
        ]
        means = [value.mean for value in values]
        wide = 2.4 if lane.description.framework == "this project" else 1.3
        axes.plot(
            comparison.budgets, means,
            color=colour, linestyle=style, marker=marker, markersize=4, linewidth=wide,
            label=_label(comparison, lane),
            alpha=_FAINT if comparison.told(lane) else 1.0,
        )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_xticks(comparison.budgets, [f"{budget:,}" for budget in comparison.budgets])
    axes.set_xlabel("context budget, cl100k tokens")
    axes.set_ylabel("recall of the evidence's characters")
    axes.set_title(
        f"{comparison.questions} questions, {comparison.documents} documents († the judge knows it)"
    )
    _legend(axes)
    return _saved(figure, path)


def _label(comparison: Comparison, lane: LaneResult) -> str:
    return f"{lane.description.name} †" if comparison.told(lane) else lane.description.name


def cost_against_quality(comparison: Comparison, path: Path) -> Path:
    """Draw, for each lane and budget, recall against tokens read for a question.

    What is read is the context that the answering model gets and, where a model
    compressed it, that model's prompts and answers.
    """
    figure, axes = _canvas()
    for lane, colour, style, marker in _styled(comparison.lanes):
        read, found = [], []
        for budget in comparison.budgets:
            summary = summarize(lane.scored[budget])
            means = summary.means
            read.append(means["tokens"] + means["llm_tokens_in"] + means["llm_tokens_out"])
            found.append(summary.intervals["recall"].mean)
        axes.plot(
            read, found,
            color=colour, linestyle=style, linewidth=0.8, marker=marker, markersize=6,
            label=_label(comparison, lane),
            alpha=_FAINT if comparison.told(lane) else 1.0,
        )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("tokens read for a question: compressing, then answering")
    axes.set_ylabel("recall of the evidence's characters")
    axes.set_title("the further left and up, the better († the judge knows the evidence)")
    _legend(axes)
    return _saved(figure, path)


def _canvas() -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _styled(lanes: Sequence[LaneResult]) -> list[tuple[LaneResult, str, Any, str]]:
    """Each lane with its framework's colour, and a line and marker of its own."""
    seen: dict[str, int] = {}
    styled = []
    for lane in lanes:
        framework = lane.description.framework
        place = seen.get(framework, 0)
        seen[framework] = place + 1
        colour = _COLOURS.get(framework, "#555555")
        style = _STYLES[place % len(_STYLES)]
        styled.append((lane, colour, style, _MARKERS[place % len(_MARKERS)]))
    return styled


def _legend(axes: "Axes") -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)


def _saved(figure: "Figure", path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # No date in the file: the same figures make the same picture.
    metadata = {"Software": None} if path.suffix == ".png" else {"Date": None}
    figure.savefig(path, metadata=metadata)
    return path
