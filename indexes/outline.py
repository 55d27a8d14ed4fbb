"""A stored document as it was cut: for whoever wants to see the tree.

outline = index.outline(document_id)
for section in outline.sections:
    section.level, section.start, section.end, section.children
outline.text(120, 480)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexes.store.points import Leaf, Manifest


@dataclass(frozen=True)
class Section:
    """A node of the tree; a leaf has no children.

    `start` and `end` are characters of the document, `first` and `last` the half-open
    range of its leaves' positions, `level` counts from the root's 0.
    """

    id: str
    level: int
    start: int
    end: int
    first: int
    last: int
    children: "list[Section]" = field(default_factory=list)


@dataclass(frozen=True)
class Outline:
    """A document's visible version.

    Attributes:
        manifest: what it is.
        leaves: its leaves in order, with texts; of a very long document the first ones.
        sections: the roots, with everything below them.
    """

    manifest: "Manifest"
    leaves: "list[Leaf]"
    sections: list[Section]

    @property
    def whole(self) -> bool:
        """Whether all leaves are here."""
        return len(self.leaves) == self.manifest.leaves

    def pages(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last page of a span, counted from 1; None without pages."""
        # With the readers of all formats behind it, this is no light import.
        from indexes.documents import pages_of

        return pages_of(self.manifest.page_starts or [], start, end)

    def text(self, start: int, end: int) -> str:
        """The document's text between two characters, as far as the leaves reach."""
        inside = [leaf for leaf in self.leaves if leaf.start < end and leaf.end > start]
        return "".join(
            leaf.text[max(0, start - leaf.start) : max(0, end - leaf.start)] for leaf in inside
        )


def outline_of(manifest: "Manifest", leaves: "Sequence[Leaf]") -> Outline:
    """The tree above some leaves, which must be in order."""
    roots: list[Section] = []
    known: dict[str, Section] = {}
    for leaf in leaves:
        siblings = roots
        for node in leaf.ancestors:
            if node.id not in known:
                last = node.first_leaf + node.leaves
                known[node.id] = Section(
                    node.id, node.level, node.start, node.end, node.first_leaf, last
                )
                siblings.append(known[node.id])
            siblings = known[node.id].children
        place = leaf.position
        siblings.append(Section(leaf.id, leaf.level, leaf.start, leaf.end, place, place + 1))
    return Outline(manifest, list(leaves), roots)
