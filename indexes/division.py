"""The cheapest way to divide a run of text into chunks of at most a given size.

A chunk costs the square of its empty share, and each cut what it tears apart. A chunk
that begins at a later place is at first too empty to pay, then better, and better from
then on (the costs satisfy the quadrangle inequality). So of all places where the chunk
that ends here may begin, only a few can still win, each from a size on that is known: a
queue of them makes the search linear (Hirschberg and Larmore, "The least weight
subsequence problem", 1987, where it breaks paragraphs into lines).
"""

from collections import deque
from collections.abc import Sequence


def cheapest_cuts(tokens: Sequence[int], costs: Sequence[float], size: int) -> list[int]:
    """Where to cut, as ascending indexes into `tokens`, the first and the last included.

    Args:
        tokens: how many tokens lie before each place where a cut may be, ascending; two
            places at least.
        costs: of a cut at each place, in units of an empty chunk.
        size: the most tokens of a chunk. A chunk without a place inside may have more.
    """
    # `spent[place]`: the least that dividing all before the place costs.
    spent = [0.0]
    begins = [0]
    # Places where the chunk may begin, each with the tokens from which on the next is better.
    open_places: deque[int] = deque()
    until: deque[float] = deque()
    for place in range(1, len(tokens)):
        newest = place - 1
        overtakes = 0.0
        while open_places:
            overtakes = _overtakes(open_places[-1], newest, tokens, spent, size)
            if not until or overtakes > until[-1]:
                break
            # It would be overtaken before it overtook.
            open_places.pop()
            until.pop()
        if open_places:
            until.append(overtakes)
        open_places.append(newest)
        here = tokens[place]
        while until and here > until[0]:
            open_places.popleft()
            until.popleft()
        begin = open_places[0]
        empty = 1 - (here - tokens[begin]) / size
        spent.append(spent[begin] + empty * empty + costs[place])
        begins.append(begin)
    cuts = [len(tokens) - 1]
    while cuts[-1] > 0:
        cuts.append(begins[cuts[-1]])
    return cuts[::-1]


def _overtakes(
    early: int, late: int, tokens: Sequence[int], spent: Sequence[float], size: int
) -> float:
    """A chunk that ends beyond so many tokens is better begun at `late` than at `early`."""
    full = tokens[early] + size
    apart = tokens[late] - tokens[early]
    if apart == 0:
        return float("-inf") if spent[late] < spent[early] else full
    # Where (1 - (x - early) / size)² + spent[early] = (1 - (x - late) / size)² + spent[late].
    middle = (tokens[early] + tokens[late]) / 2 + size
    equal = middle + (spent[late] - spent[early]) * size * size / (2 * apart)
    return full if equal > full else equal
