"""Runs → lines: what stands on one line, in the order of reading."""

from collections.abc import Sequence

from indexes.documents.pdf.writing import SAME_LINE, Run

Cell = list[Run]


def lines_of(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs as lines, from top to bottom, each in the order of reading."""
    lines: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: -run.baseline):
        first = lines[-1][0] if lines else None
        if first and first.baseline - run.baseline <= SAME_LINE * min(first.size, run.size):
            lines[-1].append(run)
        else:
            lines.append([run])
    for line in lines:
        line.sort(key=lambda run: run.x0)
    return lines


def said(cell: Cell) -> str:
    """What a cell's runs say, in their order."""
    return " ".join(run.text for run in cell)


def baseline_of(row: Sequence[Cell]) -> float:
    """Where the lowest line of a row stands."""
    return min(run.baseline for cell in row for run in cell)
