"""What is above a leaf, as its payload tells it: so that no parent has to be asked for."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from indexes.tree import Node, Tree, node_id


class Span(NamedTuple):
    """Where a parent stands; `first_leaf` and `leaves` count positions."""

    level: int
    start: int
    end: int
    first_leaf: int
    leaves: int


class Above(NamedTuple):
    """What is above a node, as points tell it; the same for all children of a parent.

    Attributes:
        root: the id of the outermost node that holds it; its own if none.
        root_leaves: how many leaves that has.
        packed: its parents, as `pack_ancestors` has them.
    """

    root: str
    root_leaves: int
    packed: str


class Ancestor(NamedTuple):
    """A parent as its leaves remember it: its id, then as a `Span`."""

    id: str
    level: int
    start: int
    end: int
    first_leaf: int
    leaves: int


# As one string, for the engine takes longer over a dictionary than over all the rest of a
# leaf; without ids, which follow from the places.
_PACKED = re.compile(r"(\d{1,9}):(\d{1,15})-(\d{1,15}):(\d{1,15})\+(\d{1,15})")


def spans(nodes: Sequence[Node]) -> list[Span]:
    """Where nodes of a tree stand."""
    return [
        Span(node.level, node.start, node.end, node.leaves[0], node.leaves[1] - node.leaves[0])
        for node in nodes
    ]


def pack_ancestors(parents: Sequence[Span] | Sequence[Ancestor]) -> str:
    """Parents, root first, as a leaf's payload holds them.

    Each is `level:start-end:first_leaf+leaves`, with a space between: `0:0-4096:0+8`.
    """
    return " ".join(
        f"{parent.level}:{parent.start}-{parent.end}:{parent.first_leaf}+{parent.leaves}"
        for parent in parents
    )


@lru_cache(maxsize=16_384)
def unpack_ancestors(packed: str, document_id: str, version: str) -> tuple[Ancestor, ...]:
    """The parents again.

    Raises:
        ValueError: it is not what `pack_ancestors` gives.
    """
    return tuple(
        Ancestor(node_id(document_id, version, *span[:3]), *span) for span in spans_of(packed)
    )


# Eight leaves have the same parents, and a question brings a hundred leaves.
@lru_cache(maxsize=16_384)
def spans_of(packed: str) -> tuple[Span, ...]:
    """Where the parents stand.

    Raises:
        ValueError: it is not what `pack_ancestors` gives.
    """
    found = []
    for part in packed.split():
        match = _PACKED.fullmatch(part)
        if match is None:
            raise ValueError(f"{part[:40]!r} is no ancestor")
        found.append(Span(*map(int, match.groups())))
    return tuple(found)


def above(tree: Tree, node: Node) -> Above:
    """What is above a node of a tree."""
    parents = tree.ancestors(node)
    root = parents[0] if parents else node
    return Above(root.id, root.leaves[1] - root.leaves[0], pack_ancestors(spans(parents)))
