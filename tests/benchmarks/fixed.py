"""Chunks cut elsewhere, searched by the pattern `regular`: how a scorer is proved.

The chunking evaluation report publishes the recall of well-known chunkings with five
chunks a question. Whoever scores the same chunks must find the same recall.

    chunks = {"a.md": token_chunks(text, size=250, overlap=125)}
    index_chunks(index, {"a.md": text}, chunks)
    contexts = nearest(index, "…", count=5)
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import islice

from llama_index.core.schema import Document

from indexes.answers import Context
from indexes.documents import adopt
from indexes.index import HierarchicalIndex
from indexes.namespace import ours
from indexes.sentences import Span
from indexes.store.ancestry import above
from indexes.store.nodes import manifest_for
from indexes.store.points import Fingerprint, leaf_point
from indexes.store.probe import dimension_of
from indexes.tokens import token_starts
from indexes.tree import Node, Tree, node_id

# Larger than any chunk here: no chunk is cut for lack of room.
_BUDGET = 20_000
_AT_ONCE = 256


def token_chunks(text: str, *, size: int, overlap: int = 0) -> list[Span]:
    """Runs of `size` cl100k tokens, each beginning `size - overlap` after the one before.

    What LangChain's `TokenTextSplitter` cuts, but for characters that a cut would divide.
    """
    starts = token_starts(text)
    spans = []
    for first in range(0, len(starts), size - overlap):
        end = starts[first + size] if first + size < len(starts) else len(text)
        spans.append((starts[first], end))
        if end == len(text):
            break
    return spans


def index_chunks(
    index: HierarchicalIndex, texts: Mapping[str, str], chunks: Mapping[str, Sequence[Span]]
) -> int:
    """Store chunks exactly as they are given, and embed them exactly as they are.

    Args:
        index: an empty one; `regular` is the only pattern that such an index serves.
        texts: the documents, by source.
        chunks: of each document, the chunks' places in it.

    Returns:
        How many there are.
    """
    probe = index.store.probes.of(index.embedding)
    index.store.prepare(
        Fingerprint(
            embedding=index.embedding.model_name,
            dimension=dimension_of(probe),
            levels=(_BUDGET,),
            embedded_levels=(0,),
            probe=probe,
        )
    )
    stored = 0
    with index.store.writing():
        for source, text in texts.items():
            document = adopt(Document(id_=source, text=text, metadata={"source": source}))
            tree = _flat_tree(document, chunks[source])
            manifest = manifest_for(document, tree)
            replaced = index.store.begin([manifest])
            leaves = iter(tree.leaves)
            while part := list(islice(leaves, _AT_ONCE)):
                said = [text[leaf.start : leaf.end] for leaf in part]
                vectors = index.embedding.get_text_embedding_batch(said)
                index.store.put(
                    [
                        leaf_point(
                            tree, leaf, above(tree, leaf), text=words, embedded=words, dense=vector,
                            digest="", shared={"metadata": {}},
                        )
                        for leaf, words, vector in zip(part, said, vectors, strict=True)
                    ]
                )  # fmt: skip
            index.store.commit([manifest], replaced)
            stored += len(tree.leaves)
    return stored


def nearest(index: HierarchicalIndex, question: str, count: int) -> list[Context]:
    """The chunks closest in meaning, the best first: `regular` without words or budget."""
    contexts, _ = index.retrieve(question, "regular", search="dense", budget=_BUDGET)
    return contexts[:count]


def _flat_tree(document: Document, spans: Sequence[Span]) -> Tree:
    version = ours(document.metadata)["content_hash"]
    starts = token_starts(document.text)
    leaves = tuple(
        Node(
            id=node_id(document.id_, version, 0, start, end),
            level=0,
            start=start,
            end=end,
            tokens=bisect_left(starts, end) - bisect_left(starts, start),
            parent=None,
            leaves=(place, place + 1),
        )
        for place, (start, end) in enumerate(spans)
    )
    nothing = ("",) * len(leaves)
    return Tree(document.id_, version, leaves, leaves, nothing, nothing)
