"""HiChunk's adaptive merging over our tree: the rule of Lu et al., "HiChunk: Evaluating and
Enhancing Retrieval-Augmented Generation with Hierarchical Chunking" (2025), as a lane.

Chunks are taken in the order of a search. After each, its parent takes the place of its children
if at least two of them are in, they cover θ = parent/3 · (1 + used/budget) tokens of it, and the
rest of it fits; then the parent's parent likewise. The fuller the context, the more it takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from indexes.evaluation.peers.base import Only, Peer
from indexes.evaluation.peers.settings import PeerSettings
from indexes.evaluation.peers.texts import PeerPassage, Text, text_of, tokens_of
from indexes.index import HierarchicalIndex
from indexes.outline import Section
from indexes.progress import OnProgress
from indexes.trace import stage

# More than any document has: the whole tree is wanted.
_ALL_LEAVES = 10**9


@dataclass(frozen=True, eq=False)
class Chunk:
    """A node of a document's tree.

    Attributes:
        document: its id
        first, last: the half-open range of its leaves' positions
        start, end: characters of the document
        tokens: of its leaves
        parent: None for a root
        children: how many
    """

    document: str
    first: int
    last: int
    start: int
    end: int
    tokens: int
    parent: "Chunk | None"
    children: int

    def inside(self, other: "Chunk") -> bool:
        """Whether it is a part of another, or the same."""
        return (
            self.document == other.document
            and other.first <= self.first
            and self.last <= other.last
        )


def merged(ranked: Sequence[Chunk], budget: int) -> list[Chunk]:
    """Leaves, best first → chunks that fill a budget; the last may exceed it.

    Args:
        ranked: leaves as a search ranks them
        budget: tokens
    """
    taken: list[Chunk] = []
    for leaf in ranked:
        used = sum(chunk.tokens for chunk in taken)
        if used >= budget:
            break
        if any(leaf.inside(chunk) for chunk in taken):
            continue
        alone = leaf.parent is not None and leaf.parent.children == 1
        taken.append(leaf.parent if alone and leaf.parent else leaf)
        parent = taken[-1].parent
        while parent is not None and _merges(taken, parent, used, budget):
            inside = [chunk for chunk in taken if chunk.inside(parent)]
            taken[taken.index(inside[0])] = parent
            taken = [chunk for chunk in taken if chunk is parent or not chunk.inside(parent)]
            used = sum(chunk.tokens for chunk in taken)
            parent = parent.parent if used < budget else None
    return taken


def _merges(taken: Sequence[Chunk], parent: Chunk, used: int, budget: int) -> bool:
    children = [chunk for chunk in taken if chunk.parent is parent]
    had = sum(chunk.tokens for chunk in taken if chunk.inside(parent))
    threshold = parent.tokens / 3 * (1 + used / budget)
    return (
        len(children) >= 2
        and sum(chunk.tokens for chunk in children) >= threshold
        and parent.tokens - had <= budget - used
    )


class HiChunkPeer(Peer):
    """The rule on an index's own tree, from its own hybrid search with titles."""

    def __init__(self, settings: PeerSettings, index: HierarchicalIndex, only: Only) -> None:
        super().__init__(settings, index, only)
        # It searches the index's own collection, and stores nothing.
        self.collection = index.store.collection
        self._leaves: dict[str, dict[int, Chunk]] = {}

    def prepare(self, on_progress: OnProgress = lambda _: None) -> int:
        """Read the trees of documents that are new; nothing is embedded."""
        wanted = {found.document_id: found for found in filter(self._only, self.index.documents())}
        for name in self._texts.keys() - wanted.keys():
            self._drop(name)
        for name, manifest in wanted.items():
            known = self._texts.get(name)
            if known is None or known.version != str(manifest.version):
                self._texts[name] = text_of(self.index, manifest)
                self._add(self._texts[name], embed=False)
        return 0

    def _add(self, text: Text, *, embed: bool) -> None:
        outline = self.index.outline(text.document_id, most=_ALL_LEAVES)
        tokens = [leaf.tokens for leaf in outline.leaves]
        by_start: dict[int, Chunk] = {}

        def walk(section: Section, parent: Chunk | None) -> None:
            chunk = Chunk(
                text.document_id, section.first, section.last, section.start, section.end,
                sum(tokens[section.first : section.last]), parent, len(section.children),
            )  # fmt: skip
            if not section.children:
                by_start[section.start] = chunk
            for child in section.children:
                walk(child, chunk)

        for root in outline.sections:
            walk(root, None)
        self._leaves[text.document_id] = by_start

    def _drop(self, document_id: str) -> None:
        self._texts.pop(document_id, None)
        self._leaves.pop(document_id, None)

    def _search(self, question: str, budget: int) -> list[PeerPassage]:
        contexts, _ = self.index.retrieve(question, "regular", search="hybrid", budget=budget)
        with stage("search") as record:
            ranked = [
                self._leaves[context.document_id][context.start]
                for context in contexts
                if context.document_id in self._leaves
            ]
            passages = [self._passage(chunk) for chunk in merged(ranked, budget)]
            record.nodes_out = len(passages)
            record.tokens_out = tokens_of(passages)
        return passages

    def _passage(self, chunk: Chunk) -> PeerPassage:
        origin = self._texts[chunk.document]
        text = origin.text[chunk.start : chunk.end]
        return PeerPassage(origin, chunk.start, chunk.end, text, 0.0)

    def _found(self, question: str, hits: int) -> list[PeerPassage]:
        raise NotImplementedError("_search asks the index instead")
