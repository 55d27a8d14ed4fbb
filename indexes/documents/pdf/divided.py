"""A row of a ruled table → several, where lines between them are missing."""

import math
from itertools import pairwise

from indexes.documents.pdf.lines import Cell, lines_of
from indexes.documents.pdf.writing import SAME_LINE, Run

# In ems: a space, and what a cell keeps free at its edge.
_SPACE = 0.75


def divided(row: list[Cell], rights: list[float]) -> list[list[Cell]]:
    """One row, or several where cells have a value of their own on each of the same lines."""
    level = SAME_LINE * max((run.size for cell in row for run in cell), default=0)
    cuts = _rows_of_numbers(row, level) or _cuts(row, rights, level)
    if not cuts:
        return [row]
    parts: list[list[Cell]] = []
    for number in range(len(cuts) + 1):
        high = cuts[number - 1] + level / 2 if number else math.inf
        low = cuts[number] + level / 2 if number < len(cuts) else -math.inf
        parts.append([[run for run in cell if low < run.baseline <= high] for cell in row])
    return parts


def _rows_of_numbers(row: list[Cell], level: float) -> list[float]:
    """Where each further line of a row's cells is, if all have the same, and numbers on them."""
    cells = [lines_of(cell) for cell in {id(cell): cell for cell in row if cell}.values()]
    if len(cells) < 2 or len(set(map(len, cells))) > 1 or len(cells[0]) < 2:
        return []
    baselines = [[line[0].baseline for line in lines] for lines in cells]
    if any(max(same) - min(same) > level for same in zip(*baselines, strict=True)):
        return []
    numbers = sum(
        all(any(map(str.isdigit, "".join(run.text for run in line))) for line in lines)
        for lines in cells
    )
    return [max(same) for same in zip(*baselines, strict=True)][1:] if numbers >= 2 else []


def _cuts(row: list[Cell], rights: list[float], level: float) -> list[float]:
    starts: list[tuple[float, int]] = []
    for number, cell in enumerate(row):
        if number and cell is row[number - 1]:
            continue
        right = next(rights[n] for n in reversed(range(len(row))) if row[n] is cell)
        for upper, lower in pairwise(lines_of(cell)):
            kept_on = had_to_end(upper, lower, right)
            starts.append((lower[0].baseline, -1 if kept_on else number))
    return [
        group[0][0]
        for group in _groups(starts, level)
        if len({number for _, number in group}) > 1 and all(number >= 0 for _, number in group)
    ]


def _groups(starts: list[tuple[float, int]], level: float) -> list[list[tuple[float, int]]]:
    """What starts on the same line, from top to bottom."""
    groups: list[list[tuple[float, int]]] = []
    for start in sorted(starts, reverse=True):
        if groups and groups[-1][0][0] - start[0] <= level:
            groups[-1].append(start)
        else:
            groups.append([start])
    return groups


def had_to_end(upper: list[Run], lower: list[Run], right: float) -> bool:
    """Whether a line of a cell ends where it does because its next word is too wide."""
    last, first = upper[-1], lower[0]
    if not any(map(str.isalpha, last.text + first.text)):
        return False
    word = first.text.partition(" ")[0]
    width = (first.x1 - first.x0) * len(word) / max(1, len(first.text))
    return last.x1 + width + _SPACE * last.size > right
