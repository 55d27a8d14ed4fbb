"""A document becomes a tree of chunks.

The levels tile: children cover their parent from its first character to its last, with
no gap and no overlap, so a parent is nothing but a run of leaves, and
`text[node.start:node.end]` is a node's text at every level. Cuts fall where a paragraph
begins, else where a sentence does, else a word, and only inside a word that is longer
than a chunk; within that they divide a parent as evenly as they can, because a stub at
the end of each parent would be embedded badly and found by accident.

Nodes that would repeat their only child are left out: a short document is one leaf,
not three nodes with the same text.

`build_tree` works on plain data and does the whole job; `TreeNodeParser` shows its
result as LlamaIndex nodes.
"""

import re
import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import (
    BaseNode,
    Document,
    MetadataMode,
    NodeRelationship,
    ObjectType,
    RelatedNodeInfo,
    TextNode,
)
from pydantic import Field

from indexes.sentences import paragraph_starts, sentence_spans
from indexes.tokens import token_starts

_NAMESPACE = uuid.UUID("5f5e8c39-3f0c-4a6e-9a0f-6d1f3f4f2b57")
_WORD_START = re.compile(r"(?<=\s)\S")
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?(?:^\1|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Node:
    """One chunk of a document.

    `start` and `end` are character offsets in the document's text. `level` indexes the
    chunk sizes, 0 being the root's. `leaves` is the half-open range of leaf positions
    that the node covers; `parent` is an index into `Tree.nodes`.
    """

    id: str
    level: int
    start: int
    end: int
    tokens: int
    parent: int | None
    leaves: tuple[int, int]


@dataclass(frozen=True)
class Tree:
    """All nodes of one version of one document, parents before their children.

    `headings` holds, per leaf, the Markdown headings in force where it begins.
    """

    document_id: str
    version: str
    nodes: tuple[Node, ...]
    leaves: tuple[Node, ...]
    headings: tuple[str, ...]

    def ancestors(self, node: Node) -> list[Node]:
        """The parents of `node`, the root first."""
        found: list[Node] = []
        while node.parent is not None:
            node = self.nodes[node.parent]
            found.append(node)
        return found[::-1]


def node_id(document_id: str, version: str, level: int, start: int, end: int) -> str:
    """The id of a chunk: the same place in the same version always has the same id."""
    key = f"{document_id}\0{version}\0{level}\0{start}\0{end}"
    return str(uuid.uuid5(_NAMESPACE, key))


def build_tree(
    text: str,
    *,
    document_id: str,
    version: str,
    levels: Sequence[int],
    markdown: bool = False,
) -> Tree:
    """Cut `text` into a tree of chunks.

    Args:
        text: the document's text. The empty text gives a tree without nodes.
        document_id: goes into every node's id.
        version: the content's version, which goes there too.
        levels: the most tokens a chunk may have, root first, leaves last. A chunk of
            one character may have more tokens than that.
        markdown: whether `# headings` are to be collected for `Tree.headings`.
    """
    cutter = _Cutter(text)
    nodes: list[Node] = []
    leaves: list[Node] = []
    finest = len(levels) - 1

    def grow(level: int, start: int, end: int, parent: int | None) -> None:
        """Add the chunk `start:end` and what lies below it, at `level` or finer."""
        while level < finest:
            inner = cutter.divide(start, end, levels[level + 1])
            if len(inner) > 1:
                break
            level += 1
        tokens = cutter.tokens(start, end)
        identity = node_id(document_id, version, level, start, end)
        place, first = len(nodes), len(leaves)
        if level == finest:
            leaf = Node(identity, level, start, end, tokens, parent, (first, first + 1))
            nodes.append(leaf)
            leaves.append(leaf)
            return
        # The range of leaves is known once the children have grown.
        nodes.append(Node(identity, level, start, end, tokens, parent, (first, first)))
        for child_start, child_end in inner:
            grow(level + 1, child_start, child_end, place)
        nodes[place] = Node(identity, level, start, end, tokens, parent, (first, len(leaves)))

    if text:
        for start, end in cutter.divide(0, len(text), levels[0]):
            grow(0, start, end, None)
    paths = _heading_paths(text, leaves) if markdown else [""] * len(leaves)
    return Tree(document_id, version, tuple(nodes), tuple(leaves), tuple(paths))


class _Cutter:
    """Divides spans of one text, which it measures once: every cut is a binary search."""

    def __init__(self, text: str) -> None:
        self._starts = token_starts(text)
        words = [match.start() for match in _WORD_START.finditer(text)]
        sentences = [start for start, _ in sentence_spans(text)]
        # Strongest first; each kind of place as ascending offsets.
        self._places = (paragraph_starts(text), sentences, words)

    def tokens(self, start: int, end: int) -> int:
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def divide(self, start: int, end: int, size: int) -> list[tuple[int, int]]:
        """Tile `start:end` with spans of at most `size` tokens."""
        spans: list[tuple[int, int]] = []
        while (tokens := self.tokens(start, end)) > size:
            share = tokens / -(-tokens // size)
            cut = self._cut(start, end, share, size)
            spans.append((start, cut))
            start = cut
        spans.append((start, end))
        return spans

    def _cut(self, start: int, end: int, share: float, size: int) -> int:
        """The best place for the first cut, near `share` and at most `size` tokens in."""
        first = bisect_left(self._starts, start)
        # The furthest offset that keeps the piece within `size` tokens, and the nearest
        # that leaves no stub.
        furthest = self._starts[first + size] if first + size < len(self._starts) else end
        nearest = self._starts[first + max(1, int(share / 2))]
        target = self._starts[min(first + round(share), len(self._starts) - 1)]
        for places in self._places:
            low, high = bisect_left(places, nearest), bisect_right(places, furthest)
            if low < high:
                after = bisect_left(places, target, low, high)
                around = places[max(low, after - 1) : min(high, after + 1)]
                best = min(around, key=lambda place: abs(place - target))
                if start < best < end:
                    return best
        # One endless word. Tokens may share a character, so never stand still.
        return max(target, start + 1)


def _heading_paths(text: str, leaves: Sequence[Node]) -> list[str]:
    """For each leaf the headings above its first character: `Setup › Network`."""
    fences = [match.span() for match in _FENCE.finditer(text)]
    open_headings: list[tuple[int, str]] = []
    paths: list[tuple[int, str]] = [(0, "")]
    for match in _HEADING.finditer(text):
        if any(start <= match.start() < end for start, end in fences):
            continue
        depth = len(match[1])
        open_headings = [entry for entry in open_headings if entry[0] < depth]
        open_headings.append((depth, match[2][:120]))
        paths.append((match.start(), " › ".join(title for _, title in open_headings)))
    offsets = [offset for offset, _ in paths]
    return [paths[bisect_right(offsets, leaf.start) - 1][1] for leaf in leaves]


class TreeNodeParser(NodeParser):
    """The tree as LlamaIndex nodes, for use in any LlamaIndex pipeline.

    Unlike the stock `HierarchicalNodeParser`, ids are deterministic, offsets are those
    of the document, and PARENT, CHILD, NEXT and PREVIOUS hold at every level.

        nodes = TreeNodeParser(levels=(1024, 256, 128)).get_nodes_from_documents(documents)

    The version that goes into the ids is the document's `hash`.
    """

    levels: tuple[int, ...] = Field((1024, 256, 128), description="Tokens, root first.")

    def _parse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> list[BaseNode]:
        parsed: list[BaseNode] = []
        for document in nodes:
            text = document.get_content(metadata_mode=MetadataMode.NONE)
            tree = build_tree(
                text, document_id=document.node_id, version=document.hash, levels=self.levels
            )
            parsed.extend(_text_nodes(tree, text, document))
        return parsed

    def _postprocess_parsed_nodes(
        self, nodes: list[BaseNode], parent_doc_map: dict[str, Document]
    ) -> list[BaseNode]:
        # The base class searches each text in its document for offsets that are known.
        return nodes


def _text_nodes(tree: Tree, text: str, document: BaseNode) -> list[TextNode]:
    source = RelatedNodeInfo(node_id=document.node_id, node_type=ObjectType.DOCUMENT)
    made: list[TextNode] = []
    for node in tree.nodes:
        made.append(
            TextNode(
                id_=node.id,
                text=text[node.start : node.end],
                start_char_idx=node.start,
                end_char_idx=node.end,
                metadata={**document.metadata, "level": node.level},
                excluded_embed_metadata_keys=[*document.excluded_embed_metadata_keys, "level"],
                excluded_llm_metadata_keys=[*document.excluded_llm_metadata_keys, "level"],
                relationships={NodeRelationship.SOURCE: source},
            )
        )
        if node.parent is not None:
            parent = made[node.parent]
            made[-1].relationships[NodeRelationship.PARENT] = _related(parent)
            children = parent.relationships.setdefault(NodeRelationship.CHILD, [])
            assert isinstance(children, list)  # noqa: S101 - what CHILD holds, for the type checker
            children.append(_related(made[-1]))
    by_level: dict[int, list[TextNode]] = {}
    for node, text_node in zip(tree.nodes, made, strict=True):
        by_level.setdefault(node.level, []).append(text_node)
    for level in by_level.values():
        for before, after in pairwise(level):
            # Where a level was left out in between, its nodes aren't neighbours.
            if before.end_char_idx == after.start_char_idx:
                before.relationships[NodeRelationship.NEXT] = _related(after)
                after.relationships[NodeRelationship.PREVIOUS] = _related(before)
    return made


def _related(node: TextNode) -> RelatedNodeInfo:
    # Without the metadata that LlamaIndex would copy into every relation.
    return RelatedNodeInfo(node_id=node.node_id, node_type=ObjectType.TEXT)
