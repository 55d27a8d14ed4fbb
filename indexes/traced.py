"""What the trace tells of a search and of a merge: typed records of their results."""

from collections.abc import Iterator, Sequence

from llama_index.core.schema import NodeWithScore

from indexes.candidates import Candidates, Scores, SearchResult
from indexes.delivery import node_of
from indexes.details import MergedPassage, RankedLeaf
from indexes.merging import LeafRun, in_order
from indexes.store.columns import uuid_of


def ranked(
    found: SearchResult, scores: Scores, most: int, *, all_count: bool
) -> Iterator[RankedLeaf]:
    """The best leaves.

    Args:
        found: with the leaves.
        scores: what they were ranked by.
        most: how many, at most.
        all_count: also those with no score, which no search returned.
    """
    leaves: Candidates = found.candidates
    for place in in_order(scores)[:most]:
        if all_count or scores[place] > 0:
            yield RankedLeaf(
                id=uuid_of(leaves.ids[place]),
                document_id=leaves.documents[place],
                document=found.sources[leaves.documents[place]],
                start=int(leaves.starts[place]),
                end=int(leaves.ends[place]),
                position=int(leaves.positions[place]),
                score=float(scores[place]),
                cosine=float(leaves.dense[place]),
                parent_cosine=float(leaves.parent_dense[place]),
                bm25=float(leaves.bm25[place]),
                hit=bool(leaves.hits[place] > 0),
            )


def merged(nodes: Sequence[NodeWithScore], passages: Sequence[LeafRun]) -> Iterator[MergedPassage]:
    """Passages and what they are made of.

    Args:
        nodes: the passages as they are delivered.
        passages: the same, as runs of leaves.
    """
    for node, passage in zip(nodes, passages, strict=True):
        yield MergedPassage(
            id=node.node.node_id,
            document_id=passage.leaves[0].document_id,
            start=passage.start,
            end=passage.end,
            leaves=tuple(leaf.id for leaf in passage.leaves),
            score=passage.score,
            reason=passage.reason,
        )


def reserved(found: SearchResult, passages: Sequence[LeafRun]) -> tuple[NodeWithScore, ...]:
    """Further passages as nodes, to quote from."""
    return tuple(node_of(passage, found.manifests) for passage in passages)
