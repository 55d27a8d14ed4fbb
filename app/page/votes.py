"""What a visitor's blind votes come to, by pattern. No Gradio here."""

import math
from dataclasses import dataclass, field

# Of a normal distribution: 95% lie within so many standard deviations.
_Z = 1.96


@dataclass(frozen=True)
class Standing:
    """How often a pattern won the blind votes that it took part in.

    Attributes:
        pattern: its name
        chosen: votes for it, alone or with others
        shown: votes in which it took part
        low, high: the 95% interval of the share
    """

    pattern: str
    chosen: int
    shown: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The part of the votes that it got."""
        return self.chosen / self.shown


@dataclass
class Votes:
    """Blind votes, by the runs that they were cast on."""

    cast: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)

    def add(self, run: str, shown: tuple[str, ...], chosen: tuple[str, ...]) -> None:
        """Count a vote; a run has one."""
        self.cast.setdefault(run, (shown, chosen))

    def standings(self) -> list[Standing]:
        """The patterns, those with the larger share first."""
        names = dict.fromkeys(name for shown, _ in self.cast.values() for name in shown)
        found = [self._standing(name) for name in names]
        return sorted(found, key=lambda one: (-one.share, -one.shown, one.pattern))

    def _standing(self, name: str) -> Standing:
        where = [chosen for shown, chosen in self.cast.values() if name in shown]
        count = sum(name in chosen for chosen in where)
        return Standing(name, count, len(where), *wilson(count, len(where)))


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 95% interval of a share that few trials tell of.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.

    Args:
        hits: from 0 to `trials`.
        trials: 1 or more.
    """
    share, spread = hits / trials, _Z**2 / trials
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return max(0.0, middle - half), min(1.0, middle + half)
