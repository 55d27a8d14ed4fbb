"""A document becomes a tree of chunks.

The levels tile: children cover their parent from its first character to its last, with
no gap and no overlap, so a parent is nothing but a run of leaves, and
`text[node.start:node.end]` is a node's text at every level.

Where to cut is the problem of breaking a paragraph into lines, and solved the same way
(Knuth and Plass, 1981; `indexes.division`): of all ways to divide a parent, the one
with the least total cost, where a chunk costs the more the emptier it is and a cut the
more it tears apart: nothing between paragraphs, little between lines and sentences,
much between words, and most inside a word, which happens only to words longer than a
chunk. Greedy filling leaves a stub at the end of each parent, which is embedded badly
and found by accident; it retrieves measurably worse (docs/architecture.md).

Nodes that would repeat their only child are left out: a short document is one leaf,
not three nodes with the same text.

`build_tree` works on plain data and does the whole job; `TreeNodeParser` shows its
result as LlamaIndex nodes.
"""

import re
import uuid
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
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

from indexes.division import cheapest_cuts
from indexes.namespace import OURS, theirs
from indexes.sentences import line_starts, paragraph_starts, sentence_spans
from indexes.tokens import token_starts

_NAMESPACE = uuid.UUID("5f5e8c39-3f0c-4a6e-9a0f-6d1f3f4f2b57")
_WORD_START = re.compile(r"(?<=\s)\S")
# Ends of lines that are no headings.
_CLOSED = (".", "!", "?", ";", ",", '"', "”", "。")
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
    places = _Places(text, levels[-1])
    nodes: list[Node] = []
    leaves: list[Node] = []
    finest = len(levels) - 1

    def grow(level: int, first: int, last: int, parent: int | None) -> None:
        """Add the chunk between two places, and what lies below it, at `level` or finer."""
        cuts = [first, last]
        while level < finest and len(cuts) == 2:
            cuts = places.divide(first, last, levels[level + 1])
            level += len(cuts) == 2
        start, end = places.offsets[first], places.offsets[last]
        identity = node_id(document_id, version, level, start, end)
        own, first_leaf = len(nodes), len(leaves)
        tokens = places.tokens[last] - places.tokens[first]
        node = Node(identity, level, start, end, tokens, parent, (first_leaf, first_leaf + 1))
        nodes.append(node)
        if level == finest:
            leaves.append(node)
            return
        for child_first, child_last in pairwise(cuts):
            grow(level + 1, child_first, child_last, own)
        # How many leaves it has is known now that its children have grown.
        nodes[own] = replace(node, leaves=(first_leaf, len(leaves)))

    if text:
        end = len(places.offsets) - 1
        for first, last in pairwise(places.divide(0, end, levels[0])):
            grow(0, first, last, None)
    paths = _heading_paths(text, leaves) if markdown else [""] * len(leaves)
    return Tree(document_id, version, tuple(nodes), tuple(leaves), tuple(paths))


# What a cut costs, in units of a chunk left empty.
_PARAGRAPH, _LINE, _SENTENCE, _WORD, _INSIDE = 0.0, 0.02, 0.1, 0.6, 2.0
# A heading should stay with what it heads.
_AFTER_HEADING = 0.5
_HEADING_TOKENS = 16


class _Places:
    """Where a text may be cut: ascending offsets, the tokens before each, what a cut costs.

    Args:
        text: what is to be cut.
        size: tokens of the smallest chunks. Only sentences longer than that can be cut
            between words, and only words longer than that inside.
    """

    def __init__(self, text: str, size: int) -> None:
        starts = token_starts(text)

        def before(offset: int) -> int:
            return int(starts.searchsorted(offset))

        sentences = [start for start, _ in sentence_spans(text)]
        costs = dict.fromkeys(sentences, _SENTENCE)
        costs |= dict.fromkeys(line_starts(text), _LINE)
        costs |= dict.fromkeys(paragraph_starts(text), _PARAGRAPH)
        costs |= {0: 0.0, len(text): 0.0}
        whole = sorted(costs)
        tokens = np.diff(starts.searchsorted(whole))
        for place in np.flatnonzero(tokens > size).tolist():
            start, end = whole[place], whole[place + 1]
            words = [start, *(m.start() for m in _WORD_START.finditer(text, start, end)), end]
            for word, next_word in pairwise(words):
                costs.setdefault(word, _WORD)
                first, last = before(word), before(next_word)
                if last - first > size:
                    costs |= dict.fromkeys(
                        [offset for offset in starts[first:last].tolist() if offset > word],
                        _INSIDE,
                    )
        self.offsets = sorted(costs)
        self.tokens: list[int] = starts.searchsorted(self.offsets).tolist()
        self._costs = [costs[offset] for offset in self.offsets]
        for place in range(1, len(self.offsets) - 1):
            line = text[self.offsets[place - 1] : self.offsets[place]].strip()
            short = self.tokens[place] - self.tokens[place - 1] < _HEADING_TOKENS
            if self._costs[place] <= _LINE and short and not line.endswith(_CLOSED):
                self._costs[place] += _AFTER_HEADING

    def divide(self, first: int, last: int, size: int) -> list[int]:
        """Cheapest cuts of the text between two places into chunks of at most `size` tokens.

        Returns the places of the cuts, `first` and `last` included. A chunk without a
        place inside may be larger.
        """
        tokens = self.tokens[first : last + 1]
        count = last - first
        if tokens[-1] - tokens[0] <= size or count == 1:
            return [first, last]
        cuts = cheapest_cuts(tokens, self._costs[first : last + 1], size)
        return [first + cut for cut in cuts]


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
                metadata={**theirs(document.metadata), OURS: {"level": node.level}},
                excluded_embed_metadata_keys=[*document.excluded_embed_metadata_keys, OURS],
                excluded_llm_metadata_keys=[*document.excluded_llm_metadata_keys, OURS],
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
