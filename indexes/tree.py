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

What is known of a text besides (`Structure`) is respected: a table is cut between its
rows, its header stays with the first of them and is remembered for the others, and every
leaf knows the headings above it.

`indexes.hierarchy` shows the result as LlamaIndex nodes.
"""

import hashlib
import re
import uuid
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexes.division import cheapest_cuts
from indexes.documents.structure import Structure, TableSpan
from indexes.sentences import line_starts, paragraph_starts, unwrapped_spans
from indexes.tokens import token_starts
from indexes.wrapping import unwrapped

_NAMESPACE = uuid.UUID("5f5e8c39-3f0c-4a6e-9a0f-6d1f3f4f2b57").bytes
# Which bits of a UUID say its variant and its version, and what they say of ours.
_FREE_BITS = ~(0xF << 76 | 0x3 << 62)
_VERSION_BITS = 0x5 << 76 | 0x2 << 62
_WORD_START = re.compile(r"(?<=\s)\S")
# Begins with what it looks for, which is found quicker, and tried at the starts of gaps only.
_WIDE_GAP = re.compile(r"\s(?<!\s\s)\s{255,}+")
# Of every so many characters one is enough to see that there is none.
_SAMPLED = 32
_MAYBE_WIDE = re.compile(r"\s{8}")
# Ends of lines that are no headings.
_CLOSED = (".", "!", "?", ";", ",", '"', "”", "。")
_LONGEST_HEADING = 120
# Those of markup: `## Title ##`, `== Title`, `* Title`; lines above and under it, on its line.
_HEADING_MARKS = re.compile(
    r"^(?:#{1,6}|={1,6}|\*{1,8}|([=\-~^\"'`#*+.:_<>])\1{2,}) | "
    r"(?:#+|=+|-+|([~^\"'`*+.:_<>])\2{2,})$"
)
_HEADING_MACRO = re.compile(r"^\\[a-z]+\*?(?:\[[^\]]*\])?\{(.*)\}$")
_LONGEST_HEADER = 400


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

    Attributes:
        headings: for each leaf the headings above its first character.
        headers: for each leaf that begins below the header of a table, that header.
        rows: for each leaf in a table with numbered rows, the numbers of its first and last.
    """

    document_id: str
    version: str
    nodes: tuple[Node, ...]
    leaves: tuple[Node, ...]
    headings: tuple[str, ...]
    headers: tuple[str, ...]
    rows: tuple[tuple[int, int] | None, ...] = ()

    def named(self, document_id: str, version: str) -> "Tree":
        """The same tree as that of another document or version, with its ids."""
        nodes = tuple(
            replace(node, id=node_id(document_id, version, node.level, node.start, node.end))
            for node in self.nodes
        )
        finest = [node for node in nodes if node.leaves[1] - node.leaves[0] == 1]
        leaves = {node.leaves[0]: node for node in finest}
        return replace(
            self,
            document_id=document_id,
            version=version,
            nodes=nodes,
            leaves=tuple(leaves[place] for place in range(len(self.leaves))),
        )

    def ancestors(self, node: Node) -> list[Node]:
        """The parents of `node`, the root first."""
        found: list[Node] = []
        while node.parent is not None:
            node = self.nodes[node.parent]
            found.append(node)
        return found[::-1]


def node_id(document_id: str, version: str, level: int, start: int, end: int) -> str:
    """The id of a chunk: the same place in the same version always has the same id."""
    return uuid_text(node_number(document_id, version, level, start, end))


def uuid_text(number: int) -> str:
    """A UUID as it is written. Python's `uuid` takes three times as long."""
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def node_number(document_id: str, version: str, level: int, start: int, end: int) -> int:
    """The same id as a number: a version 5 UUID's."""
    key = f"{document_id}\0{version}\0{level}\0{start}\0{end}"
    digest = hashlib.sha1(_NAMESPACE + key.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:16]) & _FREE_BITS | _VERSION_BITS


def build_tree(
    text: str,
    *,
    document_id: str,
    version: str,
    levels: Sequence[int],
    structure: Structure | None = None,
) -> Tree:
    """Cut `text` into a tree of chunks.

    Args:
        text: the document's text. The empty text gives a tree without nodes.
        document_id: goes into every node's id.
        version: the content's version, which goes there too.
        levels: the most tokens a chunk may have, root first, leaves last. A chunk of
            one character may have more tokens than that.
        structure: the text's headings, tables and code.
    """
    structure = structure or Structure()
    places = _Places(text, levels[-1], structure)
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
        leaf_range = (first_leaf, len(leaves))
        nodes[own] = Node(identity, level, start, end, tokens, parent, leaf_range)

    if text:
        end = len(places.offsets) - 1
        for first, last in pairwise(places.divide(0, end, levels[0])):
            grow(0, first, last, None)
    return Tree(
        document_id,
        version,
        tuple(nodes),
        tuple(leaves),
        headings=tuple(_heading_paths(text, structure, leaves)),
        headers=tuple(_table_headers(text, structure, leaves)),
        rows=tuple(_row_numbers(structure, leaves)),
    )


# What a cut costs, in units of a chunk left empty.
_PARAGRAPH, _LINE, _SENTENCE, _WORD, _INSIDE = 0.0, 0.02, 0.1, 0.6, 2.0
# A heading should stay with what it heads.
_AFTER_HEADING = 0.5
_HEADING_TOKENS = 16
# Rows of a table that are cut, in sizes of the smallest chunks.
_LARGEST_ROW = 2
# A run without sentences of more than so many of the smallest chunks is no prose: so many
# places a chunk are enough to choose from.
_VERY_LONG = 64
_CHOICES = 16


class _Places:
    """Where a text may be cut: ascending offsets, the tokens before each, what a cut costs.

    Args:
        text: what is to be cut.
        size: tokens of the smallest chunks. Only sentences longer than that can be cut
            between words, and only words longer than that inside.
        structure: rows of tables are cut only if they are twice as large as the smallest
            chunks, lines of code only where they end.
    """

    def __init__(self, text: str, size: int, structure: Structure) -> None:
        starts = _inked(text, token_starts(text))
        plain = unwrapped(text)
        sentences = [start for start, _ in unwrapped_spans(plain)]
        costs = dict.fromkeys(sentences, _SENTENCE)
        costs |= dict.fromkeys(line_starts(plain), _LINE)
        costs |= dict.fromkeys(paragraph_starts(text), _PARAGRAPH)
        costs = _outside(costs, structure)
        for table in structure.tables:
            costs |= dict.fromkeys((row for row in table.rows if row >= table.header_end), _LINE)
            costs |= _around(text, table.start, table.end)
            if table.start < table.header_end < table.end:
                costs[table.header_end] = _LINE + _AFTER_HEADING
        for start, end in structure.code:
            lines = (start + line for line in line_starts(text[start:end]))
            costs |= dict.fromkeys(lines, _LINE)
            costs |= _around(text, start, end)
        costs |= {0: 0.0, len(text): 0.0}
        whole = sorted(costs)
        tokens = np.diff(starts.searchsorted(whole))
        in_table = _Inside(structure.tables)
        for place in np.flatnonzero(tokens > size).tolist():
            start, end = whole[place], whole[place + 1]
            if tokens[place] <= _LARGEST_ROW * size and in_table(start):
                continue
            found = [start, *(m.start() for m in _WORD_START.finditer(text, start, end))]
            words = _apart(np.array(found), starts, size)
            befores = starts.searchsorted([*words, end]).tolist()
            for word, (first, last) in zip(words, pairwise(befores), strict=True):
                costs.setdefault(word, _WORD)
                if last - first > size:
                    inside = _apart(starts[first:last], starts, size)
                    costs |= dict.fromkeys([place for place in inside if place > word], _INSIDE)
        self.offsets = sorted(costs)
        self.tokens: list[int] = starts.searchsorted(self.offsets).tolist()
        self._costs = [costs[offset] for offset in self.offsets]
        for place in range(1, len(self.offsets) - 1):
            if self._costs[place] > _LINE:
                continue
            line = text[self.offsets[place - 1] : self.offsets[place]].strip()
            short = self.tokens[place] - self.tokens[place - 1] < _HEADING_TOKENS
            is_heading = short and not line.endswith(_CLOSED) and not in_table(self.offsets[place])
            if is_heading:
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


def _apart(offsets: NDArray[np.int64], starts: NDArray[np.int64], size: int) -> list[int]:
    """Offsets at which one long run may be cut; if it is very long, not each of them."""
    tokens = starts.searchsorted(offsets)
    if tokens[-1] - tokens[0] > _VERY_LONG * size:
        offsets = offsets[np.diff(tokens // max(1, size // _CHOICES), prepend=-1) > 0]
    kept: list[int] = offsets.tolist()
    return kept


def _inked(text: str, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Token starts without those in wide gaps, such as pictures leave that were taken out."""
    if not _MAYBE_WIDE.search(text[::_SAMPLED]):
        return starts
    wide = [gap.span() for gap in _WIDE_GAP.finditer(text)]
    if not wide:
        return starts
    begins, ends = np.array(wide).T
    gap = begins.searchsorted(starts) - 1  # the last gap that begins before a token
    inked: NDArray[np.int64] = starts[(gap < 0) | (starts >= ends[gap])]
    return inked


def _around(text: str, start: int, end: int) -> dict[int, float]:
    """Cuts before and behind a table or code, where no paragraph begins anyway."""
    cuts = {start: _PARAGRAPH}
    if not text[end : end + 1].isspace():
        cuts[end] = _PARAGRAPH
    return cuts


def _outside(costs: dict[int, float], structure: Structure) -> dict[int, float]:
    """The cuts that are in no table and in no code."""
    spans = sorted([*((table.start, table.end) for table in structure.tables), *structure.code])
    if not spans:
        return costs
    kept: dict[int, float] = {}
    place = 0
    for offset in sorted(costs):
        while place < len(spans) and spans[place][1] <= offset:
            place += 1
        if place == len(spans) or offset <= spans[place][0]:
            kept[offset] = costs[offset]
    return kept


class _Inside:
    """Whether an offset lies in a table."""

    def __init__(self, tables: Sequence[TableSpan]) -> None:
        self._tables = tables
        self._starts = [table.start for table in tables]

    def __call__(self, offset: int) -> bool:
        return self.table(offset) is not None

    def table(self, offset: int) -> TableSpan | None:
        """The table that it lies in."""
        place = bisect_right(self._starts, offset) - 1
        found = self._tables[place] if place >= 0 else None
        return found if found is not None and offset < found.end else None


def _heading_paths(text: str, structure: Structure, leaves: Sequence[Node]) -> Iterator[str]:
    """For each leaf the headings above its first character: `Setup › Network`."""
    open_headings: list[tuple[int, str]] = []
    waiting = deque(structure.headings)
    for leaf in leaves:
        while waiting and waiting[0].start <= leaf.start:
            heading = waiting.popleft()
            title = " ".join(text[heading.start : heading.end].split())
            title = _HEADING_MACRO.sub(r"\1", _HEADING_MARKS.sub("", title))[:_LONGEST_HEADING]
            open_headings = [entry for entry in open_headings if entry[0] < heading.level]
            open_headings.append((heading.level, title))
        yield " › ".join(title for _, title in open_headings)


def _table_headers(text: str, structure: Structure, leaves: Sequence[Node]) -> Iterator[str]:
    inside = _Inside(structure.tables)
    for leaf in leaves:
        table = inside.table(leaf.start)
        if table is not None and leaf.start >= table.header_end > table.start:
            yield text[table.start : table.header_end].strip()[:_LONGEST_HEADER]
        else:
            yield ""


def _row_numbers(structure: Structure, leaves: Sequence[Node]) -> Iterator[tuple[int, int] | None]:
    numbered = [
        (start, number)
        for table in structure.tables
        if len(table.numbers) == len(table.rows)
        for start, number in zip(table.rows, table.numbers, strict=True)
    ]
    starts = [start for start, _ in numbered]
    inside = _Inside([table for table in structure.tables if table.numbers])
    for leaf in leaves:
        # The row that it begins in, or the first that begins in it.
        first = bisect_right(starts, leaf.start) - 1
        first = first if inside(leaf.start) else first + 1
        last = bisect_left(starts, leaf.end) - 1
        yield (numbered[first][1], numbered[last][1]) if 0 <= first <= last else None
