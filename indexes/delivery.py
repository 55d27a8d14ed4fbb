"""Runs of leaves → passages as LlamaIndex nodes."""

import uuid
from collections.abc import Sequence
from typing import Any

from llama_index.core.schema import (
    MetadataMode,
    NodeRelationship,
    NodeWithScore,
    ObjectType,
    RelatedNodeInfo,
    TextNode,
)

from indexes.documents import pages_of
from indexes.merging import LeafRun
from indexes.namespace import OURS, ours
from indexes.places import place_of
from indexes.settings import Order
from indexes.store.points import Manifest

# Longer metadata is delivered, but not shown to models: it would not leave room for the text.
_SHOWN = 500


class PassageNode(TextNode):
    """A passage. Beside its document's metadata, LlamaIndex's synthesizers and rerankers are
    shown the headings above it and the header of its table, which its text lacks.
    """

    def get_metadata_str(self, mode: MetadataMode = MetadataMode.ALL) -> str:
        """What models are shown with the text, a line each."""
        said = super().get_metadata_str(mode)
        if mode not in (MetadataMode.LLM, MetadataMode.EMBED):
            return said
        about = ours(self.metadata)
        above = [
            self.metadata_template.format(key=name, value=about[name])
            for name in ("heading", "header")
            if about.get(name)
        ]
        return self.metadata_separator.join([*([said] if said else []), *above])


def node_of(run: LeafRun, manifests: dict[str, Manifest]) -> NodeWithScore:
    """A passage as a LlamaIndex node. One that covers a parent has the parent's id."""
    first = run.leaves[0]
    manifest = manifests[first.document_id]
    whole = (run.start, run.end) == (first.start, first.end)
    if run.covers:
        identity = run.covers.id
    elif whole:
        identity = first.id
    else:
        place = f"{first.document_id}/{first.version}/{run.start}-{run.end}"
        identity = str(uuid.uuid5(uuid.NAMESPACE_URL, place))
    about: dict[str, Any] = {
        "document_id": first.document_id,
        "source": manifest.source,
        "title": manifest.title,
        "start": run.start,
        "end": run.end,
        "level": run.level,
        "leaves": len(run.leaves),
        "tokens": run.text_tokens,
        "reason": run.reason,
    }
    if run.scores:
        starts = [leaf.start for leaf in run.leaves]
        about["leaf_scores"] = list(zip(starts, run.scores, strict=True))
    if first.heading:
        about["heading"] = first.heading
    pages = pages_of(manifest.page_starts or [], run.start, run.end)
    if pages:
        about["pages"] = list(pages)
        if within := [at for at in manifest.page_starts or () if run.start < at < run.end]:
            about["page_starts"] = within
    if first.header:
        about["header"] = first.header
    rows = [leaf.rows for leaf in run.leaves if leaf.rows]
    if rows:
        about["rows"] = [rows[0][0], rows[-1][1]]
    if place := place_of(manifest.about, pages, (rows[0][0], rows[-1][1]) if rows else None):
        about["place"] = place
    long = [name for name, said in manifest.metadata.items() if len(str(said)) > _SHOWN]
    node = PassageNode(
        id_=identity,
        text=run.text,
        start_char_idx=run.start,
        end_char_idx=run.end,
        metadata={**manifest.metadata, OURS: about},
        excluded_embed_metadata_keys=[OURS, *{*manifest.hidden_from_embedding, *long}],
        excluded_llm_metadata_keys=[OURS, *{*manifest.hidden_from_llm, *long}],
        relationships={
            NodeRelationship.SOURCE: RelatedNodeInfo(
                node_id=first.document_id, node_type=ObjectType.DOCUMENT
            )
        },
    )
    return NodeWithScore(node=node, score=run.score)


def ordered(nodes: Sequence[NodeWithScore], order: Order) -> list[NodeWithScore]:
    """Passages as they are to be read.

    Args:
        nodes: the best first.
        order: `relevance` leaves them so; `document` gives those of each document in its own
            order, the document of the best passage first.
    """
    if order == "relevance":
        return list(nodes)
    ranks: dict[str, int] = {}
    for node in nodes:
        ranks.setdefault(node.node.ref_doc_id or "", len(ranks))

    def place(node: NodeWithScore) -> tuple[int, int]:
        return ranks[node.node.ref_doc_id or ""], ours(node.node.metadata).get("start") or 0

    return sorted(nodes, key=place)
