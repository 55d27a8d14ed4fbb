"""Two plots: recall against budget, and recall against what has to be read for it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from indexes.evaluation.comparison import Comparison, LaneResult
from indexes.extras import needed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Safe for the colour-blind (Okabe and Ito); ours darkest.
_COLOURS = {"this project": "#0072B2", "LangChain": "#D55E00", "LlamaIndex": "#009E73"}
_OTHERS = "#c4c4c4"
_STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
# Lanes whose judge knows the evidence, marked †, are beside the others but not among them.
_FAINT = 0.35
_MARKERS = "osD^vPX*<>"
_PANEL_INCHES = 4.2
_LEGEND_ROW_INCHES = 0.19


class _Curve(NamedTuple):
    """A lane's points in a plot."""

    lane: LaneResult
    across: list[float]
    up: list[float]


def recall_against_budget(comparison: Comparison, path: Path) -> Path:
    """Draw a line a lane into a PNG or SVG file, by its suffix.

    Raises:
        SettingsError: the extra `evaluation` is not installed.
    """
    curves = [
        _Curve(lane, list(comparison.budgets), [_recall(lane, b) for b in comparison.budgets])
        for lane in comparison.lanes
    ]
    title = (
        f"{comparison.questions} questions, {comparison.documents} documents († the judge knows it)"
    )
    figure, panels = _drawn(comparison, curves, title)
    for axes in panels:
        axes.set_xticks(comparison.budgets, [f"{budget:,}" for budget in comparison.budgets])
        axes.set_xlabel("context budget, cl100k tokens")
    return _saved(figure, path)


def cost_against_quality(comparison: Comparison, path: Path) -> Path:
    """Draw, for each lane and budget, recall against tokens read for a question.

    What is read is the context that the answering model gets and, where a model
    compressed it, that model's prompts and answers.
    """
    curves = [
        _Curve(
            lane,
            [_tokens_read(lane, budget) for budget in comparison.budgets],
            [_recall(lane, budget) for budget in comparison.budgets],
        )
        for lane in comparison.lanes
    ]
    title = "the further left and up, the better († the judge knows the evidence)"
    figure, panels = _drawn(comparison, curves, title)
    for axes in panels:
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel("tokens read: compressing, then answering")
    return _saved(figure, path)


def _recall(lane: LaneResult, budget: int) -> float:
    return lane.summaries[budget].intervals["recall"].mean


def _tokens_read(lane: LaneResult, budget: int) -> float:
    means = lane.summaries[budget].means
    return means["tokens"] + means["llm_tokens_in"] + means["llm_tokens_out"]


def _drawn(
    comparison: Comparison, curves: Sequence[_Curve], title: str
) -> "tuple[Figure, list[Axes]]":
    """A panel a framework: its lanes in colour, all others behind them in grey.

    Two dozen lines in one panel can't be told apart.
    """
    with needed("evaluation", "drawing plots"):
        from matplotlib.figure import Figure

    frameworks = list(dict.fromkeys(curve.lane.info.framework for curve in curves))
    own = {name: [c for c in curves if c.lane.info.framework == name] for name in frameworks}
    rows = max(len(found) for found in own.values())
    figure = Figure(
        figsize=(_PANEL_INCHES * len(frameworks), _PANEL_INCHES + _LEGEND_ROW_INCHES * rows),
        dpi=110,
        layout="constrained",
    )
    panels: list[Axes] = list(
        figure.subplots(1, len(frameworks), sharex=True, sharey=True, squeeze=False)[0]
    )
    for framework, axes in zip(frameworks, panels, strict=True):
        for curve in curves:
            others = curve.lane.info.framework != framework
            if others and not comparison.told(curve.lane):
                axes.plot(curve.across, curve.up, color=_OTHERS, linewidth=0.8)
        for place, curve in enumerate(own[framework]):
            told = comparison.told(curve.lane)
            axes.plot(
                curve.across, curve.up,
                color=_COLOURS.get(framework, "#555555"),
                linestyle=_STYLES[place % len(_STYLES)], linewidth=1.6,
                marker=_MARKERS[place % len(_MARKERS)], markersize=5,
                alpha=_FAINT if told else 1.0,
                label=f"{curve.lane.info.name}{' †' if told else ''}",
            )  # fmt: skip
        axes.set_title(framework, color=_COLOURS.get(framework, "#555555"))
        axes.set_xscale("log", base=2)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), fontsize=8, frameon=False)
    panels[0].set_ylabel("recall of the evidence's characters")
    figure.suptitle(title, fontsize=10)
    return figure, panels


def _saved(figure: "Figure", path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # No date in the file: the same figures make the same picture.
    metadata = {"Software": None} if path.suffix == ".png" else {"Date": None}
    figure.savefig(path, metadata=metadata)
    return path
