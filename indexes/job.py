"""A document on its way into the store: what is embedded for its chunks, and their points."""

import hashlib
from dataclasses import dataclass

from llama_index.core.schema import Document

from indexes.namespace import ours, theirs
from indexes.store.ancestry import Above, above
from indexes.store.columns import Point
from indexes.store.filterable import filterable
from indexes.store.points import Manifest, embedding_text, leaf_point, parent_point
from indexes.tree import Node, Tree


@dataclass(frozen=True, slots=True)
class Chunk:
    """A node on its way, with the text that is embedded for it and that text's digest."""

    node: Node
    embedded: str
    digest: str


class Job:
    """A document on its way."""

    def __init__(self, document: Document, tree: Tree, embedded_levels: tuple[int, ...]) -> None:
        self.document = document
        self._content = document.text
        self.tree = tree
        about = ours(document.metadata)
        self.source: str = about["source"]
        self._title: str = about["title"]
        self.chunks = [self._chunk(node) for node in tree.nodes if node.level in embedded_levels]
        self.left = len(self.chunks)
        self.manifest: Manifest | None = None
        self.vectors: dict[str, list[float]] = {}
        metadata, self.unfilterable = filterable(theirs(document.metadata))
        owner = {"owner": about["owner"]} if about.get("owner") else {}
        self._shared = {"metadata": metadata, **owner}
        self._above: dict[int, Above] = {}

    def _text(self, node: Node) -> str:
        return self._content[node.start : node.end]

    def _chunk(self, node: Node) -> Chunk:
        first = node.leaves[0]
        embedded = embedding_text(
            self._title,
            self.tree.headings[first],
            self._text(node),
            header=self.tree.headers[first],
        )
        digest = hashlib.blake2b(embedded.encode(), digest_size=12).hexdigest()
        return Chunk(node, embedded, digest)

    def _over(self, node: Node) -> Above:
        """What is above a node: found once for all children of a parent."""
        if node.parent is None:
            return above(self.tree, node)
        found = self._above.get(node.parent)
        if found is None:
            found = self._above[node.parent] = above(self.tree, node)
        return found

    def point(self, chunk: Chunk, dense: list[float]) -> Point:
        """The chunk as it is stored, with its vector."""
        node = chunk.node
        over = self._over(node)
        if node is not self.tree.leaves[node.leaves[0]]:
            return parent_point(
                self.tree, node, over, dense=dense, digest=chunk.digest, shared=self._shared
            )
        return leaf_point(
            self.tree,
            node,
            over,
            text=self._text(node),
            embedded=chunk.embedded,
            dense=dense,
            digest=chunk.digest,
            shared=self._shared,
        )
