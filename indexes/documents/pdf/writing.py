"""What is written on a page: runs of characters, with their places."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from indexes.documents.pdf.rulings import Ruling, Rulings

# In ems: what stands on one line.
SAME_LINE = 0.3


class Box(NamedTuple):
    """Left, top, right and bottom on the page as shown, in points from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, boxes: Iterable["Box"]) -> "Box":
        """The smallest box that holds all of them."""
        left, top, right, bottom = zip(*boxes, strict=True)
        return cls(min(left), min(top), max(right), max(bottom))


@dataclass(slots=True)
class Run:
    """Characters on one line without a wide gap between them.

    Attributes:
        text: its words.
        x0, x1: from where to where it goes, in the direction of reading.
        baseline: where it stands across that direction.
        size: of its largest characters, in points.
        bold: whether all of it is.
        box: where it is on the page as shown.
        mono: whether all of it is set as by a typewriter.
        pieces: the same in parts, if it has gaps that may be those between columns.
    """

    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    bold: bool
    box: Box = field(repr=False)
    mono: bool = False
    pieces: Sequence["Run"] = field(default=(), repr=False)

    @classmethod
    def of(cls, pieces: Sequence["Run"]) -> "Run":
        """The run that pieces make, from left to right."""
        if len(pieces) == 1:
            return pieces[0]
        size = max(piece.size for piece in pieces)
        return cls(
            text=" ".join(piece.text for piece in pieces),
            x0=min(piece.x0 for piece in pieces),
            x1=max(piece.x1 for piece in pieces),
            baseline=max(piece.baseline for piece in pieces if piece.size == size),
            size=size,
            bold=all(piece.bold for piece in pieces),
            box=Box.around(piece.box for piece in pieces),
            mono=all(piece.mono for piece in pieces),
            pieces=pieces,
        )


@dataclass(frozen=True, slots=True)
class Writing:
    """What is written in one direction on a page, in the order of drawing.

    Attributes:
        angle: the direction, in degrees against the clock.
        mirrored: whether it is read from right to left. Places of runs are mirrored then, so
            that what is read first has the smaller one.
        runs: not empty.
    """

    angle: int
    mirrored: bool
    runs: list[Run]

    def turned(self, rulings: Rulings) -> Rulings:
        """The lines of the page as seen in this direction; none if that is askew."""
        lines = turned(rulings, self.angle)
        if not self.mirrored:
            return lines
        across = [Ruling(line.at, -line.end, -line.start) for line in lines.across]
        return Rulings(across, [line._replace(at=-line.at) for line in lines.down])


def turned(rulings: Rulings, angle: int) -> Rulings:
    """Lines as seen in a direction, in degrees; none if that is askew."""
    across, down = rulings
    if angle == 0:
        return rulings
    if angle == 90:
        return Rulings(
            [line._replace(at=-line.at) for line in down],
            [Ruling(line.at, -line.end, -line.start) for line in across],
        )
    if angle == 270:
        return Rulings(
            [Ruling(line.at, -line.end, -line.start) for line in down],
            [line._replace(at=-line.at) for line in across],
        )
    if angle == 180:
        return Rulings(*([Ruling(-at, -end, -start) for at, start, end in way] for way in rulings))
    return Rulings([], [])
