"""Running headers, footers and page numbers: what stands at the same height of several pages."""

import re
from collections import defaultdict
from collections.abc import Sequence

from indexes.documents.extracted import one_line
from indexes.documents.pdf.lines import lines_of
from indexes.documents.pdf.writing import Run

# Of a page's height, at its top and bottom; so many lines at most.
_BAND = 0.11
_MOST_LINES = 3
_MOST_ROWS = 6
_FEWEST_NAMES = 3
_MOST_NAMES = 40
_ALIGNED = 1.5  # points
_LONGEST_LINE = 200

_PAGE_NUMBER = re.compile(
    r"(?:p|pg|page|seite|página)?[^\w#]*#(?:[^\w#]*(?:of|/|von|de)? *\d+)?\W*"
)


def running_lines(pages: Sequence[tuple[Sequence[Run], float]]) -> list[list[Run]]:
    """Lines that stand at the same height of several pages and say the same.

    A number in such a line may differ if it counts along with the pages. It must be all
    the line says ("- 7 -", "Page 7 of 9"), or be the page's own number: a form letter's
    "Invoice 1041" and a chronicle's "In 1998" count along too.

    Args:
        pages: the runs of each page, and its height.
    """
    seen: dict[tuple[str, int, int], list[list[Run]]] = defaultdict(list)
    for number, (runs, height) in enumerate(pages):
        low, high = _BAND * height, (1 - _BAND) * height
        lines = lines_of([run for run in runs if not low < run.baseline < high])
        following = lines_of([run for run in runs if run.baseline > low])
        head = next(
            (
                at
                for at, line in enumerate(following[:_MOST_LINES])
                if _heads(line, following[at + 1 : at + 1 + _MOST_ROWS])
            ),
            len(following),
        )
        of_table = {id(line[0]) for line in following[head:]}
        above = [line for line in lines if line[0].baseline >= high and id(line[0]) not in of_table]
        below = [line for line in lines if line[0].baseline <= low]
        for line in above[:_MOST_LINES] + below[-_MOST_LINES:]:
            text = one_line(" ".join(run.text for run in line)).lower()
            if len(text) > _LONGEST_LINE:
                continue
            level = round(line[0].baseline / 4)
            seen[text, 0, level].append(line)
            for match in re.finditer(r"\d{1,4}", text):
                masked = f"{text[: match.start()]}#{text[match.end() :]}"
                offset = int(match[0]) - number
                if _PAGE_NUMBER.fullmatch(masked) or -20 <= offset <= 1:
                    seen[masked, offset, level].append(line)
    enough = min(3, max(2, len(pages)))
    running = {id(line[0]): line for same in seen.values() if len(same) >= enough for line in same}
    return list(running.values())


def _heads(line: Sequence[Run], rows: Sequence[Sequence[Run]]) -> bool:
    """Whether a line names the columns of a table that begins below it."""
    named = _FEWEST_NAMES <= len(line) <= _MOST_NAMES and all(
        any(
            min(abs(run.x0 - other.x0), abs(run.x1 - other.x1)) <= _ALIGNED
            for row in rows
            for other in row
        )
        for run in line
    )
    return named or bool(rows and _stands_above(line, rows[0]))


def _stands_above(line: Sequence[Run], below: Sequence[Run]) -> bool:
    """Whether each run of a line stands above a run of its own."""
    if not 1 < len(line) <= len(below):
        return False
    under = [
        {number for number, other in enumerate(below) if run.x0 < other.x1 and other.x0 < run.x1}
        for run in line
    ]
    return all(len(each) == 1 for each in under) and len(set.union(*under)) == len(line)
