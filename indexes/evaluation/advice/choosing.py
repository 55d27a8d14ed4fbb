"""Many settings, some questions → the best of them, and whether that is sure.

    chosen = choose(variants, groups, budgets, measure)

Knows nothing of indexes: `measure(variant, questions, budgets)` gives recalls, so that what is
decided on noise can be tried on matrices. Half of the questions choose, by successive halving
(Jamieson and Talwalkar, 2016): few questions for all settings, the better third goes on to twice
as many. The other half confirms: it is seen by the few that are left, and gives every figure that
is reported.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from indexes.errors import SettingsError
from indexes.evaluation.advice.deciding import ENOUGH_DOCUMENTS, Decision, decide, decide_all
from indexes.evaluation.advice.variants import Variant

# Recall of each question (rows) at each budget (columns).
Recalls = NDArray[np.float64]
Measure = Callable[[int, Sequence[int], Sequence[int]], Recalls]

FEWEST_QUESTIONS = 4
# Questions that the first rung asks.
_FIRST_RUNG = 8
# Share of the settings that goes on to the next round.
_GOES_ON = 1 / 3
# Settings that see all questions, with the reference and the best of each pattern.
_FINALISTS = 4
# Settings as good as the best within this are told apart by their place in the list alone.
ALIKE = 0.005
# A doubling of the budget that wins less recall is not worth its tokens.
BEND = 0.03
_ALMOST_NOTHING = 1e-9


@dataclass(frozen=True)
class Rung:
    """A round of successive halving: the questions asked, and who took part with what recall."""

    questions: int
    recalls: dict[int, float]


@dataclass(frozen=True)
class Choice:
    """The setting that was chosen, and how sure that is.

    Attributes:
        winner: place of the best setting in the list, as half of the questions chose it
        reference: place of the setting that it is tested against
        budget: place of the budget at which it is
        bends: whether it is where the curve of recall bends, and not only the largest; None
            where there was no choice
        decision: what the other half says of the two
        rivals: the other finalists at that budget, and what the other half says of them
        recommended: the winner if that is decided, else the setting in use
        choosing: questions that chose
        confirming: questions that confirmed
        rungs: how it was chosen
        recalls: of the finalists, on the confirming questions
    """

    winner: int
    reference: int
    budget: int
    bends: bool | None
    decision: Decision
    rivals: dict[int, Decision]
    recommended: int
    choosing: tuple[int, ...]
    confirming: tuple[int, ...]
    rungs: tuple[Rung, ...]
    recalls: dict[int, Recalls] = field(repr=False)

    @property
    def decided(self) -> bool:
        """Whether the winner is better than the reference beyond chance."""
        return self.decision.better

    @property
    def more_questions(self) -> int | None:
        """How many more would settle it, counting those that choose; None if it can't be seen."""
        more = self.decision.needed.more
        return None if more is None else 2 * more


def choose(
    variants: Sequence[Variant],
    groups: Sequence[str],
    budgets: Sequence[int],
    measure: Measure,
    *,
    budget: int | None = None,
) -> Choice:
    """Choose among settings, the first of which is the one in use.

    Args:
        variants: at least two, the simpler ones first
        groups: the documents of each question
        budgets: ascending
        measure: gives the recalls of a variant, a row for each question and a column for each
            budget, all by their places
        budget: at which to choose; by default where the curve of recall bends

    Raises:
        SettingsError: there are too few questions, or there is nothing to choose from
    """
    if len(groups) < FEWEST_QUESTIONS:
        raise SettingsError(
            f"{len(groups)} questions with evidence: give {FEWEST_QUESTIONS} at least, half of "
            "which choose and half confirm"
        )
    if len(variants) < 2:
        raise SettingsError("there is one setting only: name more patterns, searches or levels")
    choosing, confirming = halves(groups)
    seen = _Seen(measure)
    every = range(len(budgets))
    # Where no budget is given every other one tells enough to leave most settings out.
    fixed = None if budget is None else [*budgets].index(budget)
    rungs, left = _race(len(variants), choosing, every[::2] if fixed is None else [fixed], seen)
    finalists = _finalists(variants, left, rungs[-1])
    chose = {place: seen(place, choosing, every) for place in finalists}
    curve = np.max([found.mean(axis=0) for found in chose.values()], axis=0)
    column = bend(curve, budgets) if fixed is None else fixed
    means = {place: float(found[:, column].mean()) for place, found in chose.items()}
    winner = _best(means)
    reference = 0 if winner else _runner_up(variants, means)
    confirmed = {place: seen(place, confirming, every) for place in finalists}
    at = {place: found[:, column].tolist() for place, found in confirmed.items()}
    about = [groups[place] for place in confirming]
    decision = decide(at[winner], at[reference], about)
    others = [place for place in finalists if place != winner]
    rivals = decide_all(at[winner], [at[place] for place in others], about)
    if not decision.better:
        rivals = [Decision(False, one.by, one.p, one.needed) for one in rivals]
    return Choice(
        winner=winner,
        reference=reference,
        budget=column,
        bends=column < len(budgets) - 1 if fixed is None and len(budgets) > 1 else None,
        decision=decision,
        rivals=dict(zip(others, rivals, strict=True)),
        recommended=winner if decision.better else 0,
        choosing=choosing,
        confirming=confirming,
        rungs=tuple(rungs),
        recalls=confirmed,
    )


def halves(groups: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Questions that choose and questions that confirm.

    Where there are documents enough, each has its own: a setting that is lucky with some
    documents is not confirmed by them. Else of each document about as many go into either.
    """
    if len(set(groups)) < 2 * ENOUGH_DOCUMENTS:
        shuffled = sorted(range(len(groups)), key=lambda place: (groups[place], _shuffle(place)))
        choosing, confirming = shuffled[::2], shuffled[1::2]
    else:
        choosing, confirming = [], []
        for name in sorted(set(groups), key=_shuffle):
            half = choosing if len(choosing) <= len(confirming) else confirming
            half += [place for place, of in enumerate(groups) if of == name]
    return tuple(sorted(choosing, key=_shuffle)), tuple(sorted(confirming))


def bend(curve: Sequence[float] | NDArray[np.float64], budgets: Sequence[float]) -> int:
    """Place of the budget beyond which no larger one wins `BEND` a doubling."""
    for place, (recall, budget) in enumerate(zip(curve, budgets, strict=True)):
        gains = (
            (curve[other] - recall) / math.log2(budgets[other] / max(budget, _ALMOST_NOTHING))
            for other in range(place + 1, len(budgets))
        )
        if all(gain < BEND for gain in gains):
            return place
    raise AssertionError("nothing is beyond the last budget")


class _Seen:
    """Measures each question once for each setting and budget."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._known: dict[tuple[int, int, int], float] = {}

    def __call__(self, variant: int, questions: Sequence[int], budgets: Sequence[int]) -> Recalls:
        for budget in budgets:
            new = [place for place in questions if (variant, budget, place) not in self._known]
            if new:
                found = self._measure(variant, new, [budget])[:, 0]
                for place, recall in zip(new, found, strict=True):
                    self._known[variant, budget, place] = float(recall)
        return np.array(
            [[self._known[variant, budget, place] for budget in budgets] for place in questions]
        )


def _race(
    count: int, choosing: Sequence[int], budgets: Sequence[int], seen: _Seen
) -> tuple[list[Rung], list[int]]:
    """Rounds of halving; the setting in use is never left out."""
    left, asked = [*range(count)], min(_FIRST_RUNG, len(choosing))
    rungs: list[Rung] = []
    while True:
        means = {place: float(seen(place, choosing[:asked], budgets).mean()) for place in left}
        rungs.append(Rung(asked, means))
        if asked == len(choosing):
            return rungs, left
        if len(left) > _FINALISTS:
            best = sorted(left, key=lambda place: (-means[place], place))
            left = sorted({0, *best[: max(_FINALISTS, math.ceil(len(left) * _GOES_ON))]})
        asked = min(2 * asked, len(choosing))


def _finalists(variants: Sequence[Variant], left: Sequence[int], last: Rung) -> list[int]:
    """The setting in use, the best of each pattern that is left, and the best of all."""
    best = sorted(left, key=lambda place: (-last.recalls[place], place))
    first: dict[str, int] = {}
    for place in best:
        first.setdefault(variants[place].pattern, place)
    return sorted({0, *first.values(), *best[:_FINALISTS]})


def _best(means: dict[int, float]) -> int:
    """The simplest of those that are as good as the best."""
    most = max(means.values())
    return min(place for place, mean in means.items() if mean >= most - ALIKE)


def _runner_up(variants: Sequence[Variant], means: dict[int, float]) -> int:
    """What the setting in use is tested against: the best other pattern, or other setting."""
    others = [place for place in means if place]
    apart = [place for place in others if variants[place].pattern != variants[0].pattern]
    return max(apart or others, key=lambda place: means[place])


def _shuffle(name: int | str) -> bytes:
    return hashlib.sha256(str(name).encode()).digest()
