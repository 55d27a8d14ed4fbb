"""The cheapest way to divide a run of text into chunks of at most a given size.

A chunk costs the square of its empty share, and each cut what it tears apart. A chunk
that begins at a later place is at first too empty to pay, then better, and better from
then on (the costs satisfy the quadrangle inequality). So of all places where the chunk
that ends here may begin, only a few can still win, each from a size on that is known: a
queue of them makes the search linear (Hirschberg and Larmore, "The least weight
subsequence problem", 1987, where it breaks paragraphs into lines).
"""

from collections.abc import Sequence
from math import inf


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
    # Places where the chunk may begin, with the tokens before them and what was spent; and those
    # from which on the next place is better. What lies before `first` is over.
    open_places: list[tuple[int, int, float]] = []
    until: list[float] = []
    first = 0
    for place in range(1, len(tokens)):
        late, late_spent = tokens[place - 1], spent[-1]
        while len(open_places) > first:
            # A chunk that ends beyond so many tokens is better begun at the newest place.
            _, early, early_spent = open_places[-1]
            overtakes: float = early + size
            if late == early:
                if late_spent < early_spent:
                    overtakes = -inf
            else:
                # Where ((x - early) / size - 1)² + early_spent is the same of the later one.
                middle = (early + late) / 2 + size
                equal = middle + (late_spent - early_spent) * size * size / (2 * (late - early))
                if equal <= overtakes:
                    overtakes = equal
            if len(until) <= first or overtakes > until[-1]:
                until.append(overtakes)
                break
            # It would be overtaken before it overtook.
            open_places.pop()
            until.pop()
        open_places.append((place - 1, late, late_spent))
        here = tokens[place]
        while len(until) > first and here > until[first]:
            first += 1
        begin, before, before_spent = open_places[first]
        empty = 1 - (here - before) / size
        spent.append(before_spent + empty * empty + costs[place])
        begins.append(begin)
    cuts = [len(tokens) - 1]
    while cuts[-1] > 0:
        cuts.append(begins[cuts[-1]])
    return cuts[::-1]
