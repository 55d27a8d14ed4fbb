"""Settings that a visitor may change for one session, checked on the server."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, get_args

from indexes import SettingsError
from indexes.extensions import JUDGES
from indexes.settings import DEFAULT_TOP_K, SearchMode

from .opening import Opening

BUDGETS = (16, 32_768)
TOP_KS = (1, 1000)
SEARCHES: tuple[str, ...] = get_args(SearchMode)


@dataclass(frozen=True)
class Knobs:
    """Settings of retrieval.

    Attributes:
        budget: context tokens that each lane may fill.
        top_k: hits of each search; `DEFAULT_TOP_K` lets a large budget ask for more.
        search: by meaning, by words or both.
        merge_ratio: the share of children from which `parent-ratio` takes their parent.
        judge: who judges what helps, in reranking and compression.
    """

    budget: int
    top_k: int
    search: str
    merge_ratio: float
    judge: str

    @property
    def options(self) -> dict[str, Any]:
        """The settings under the names that the index's methods take."""
        return {
            "budget": self.budget,
            "top_k": None if self.top_k == DEFAULT_TOP_K else self.top_k,
            "search": self.search,
            "merge_ratio": self.merge_ratio,
            "judge": self.judge,
        }


def knobs_of(opening: Opening) -> Knobs:
    """The settings that a visitor finds at first."""
    settings = opening.settings
    budget = min(opening.budget, BUDGETS[1])
    return Knobs(budget, settings.top_k or DEFAULT_TOP_K, settings.search, 0.5, settings.judge)


def checked_budget(budget: object) -> int:
    """Check a budget that any program may have sent.

    Raises:
        SettingsError: it is out of range.
    """
    return int(_number("budget", budget, *BUDGETS))


def checked_knobs(
    budget: object, top_k: object, search: object, merge_ratio: object, judge: object
) -> Knobs:
    """Settings as they came from a browser.

    Raises:
        SettingsError: one is out of range; the message says which.
    """
    return Knobs(
        checked_budget(budget),
        int(_number("hits", top_k, *TOP_KS)),
        _one_of("search", search, SEARCHES),
        _number("merge threshold", merge_ratio, 0.1, 0.9),
        _one_of("judge", judge, JUDGES),
    )


def _number(name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise SettingsError(f"setting {name}: give a number from {least:,} to {most:,}")


def _one_of(name: str, value: object, values: Collection[str]) -> str:
    if isinstance(value, str) and value in values:
        return value
    raise SettingsError(f"setting {name}: choose one of {', '.join(values)}")
