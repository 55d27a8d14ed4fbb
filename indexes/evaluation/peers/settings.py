"""The peers and how each is set up, as data: nothing of another framework is imported."""

from dataclasses import dataclass, replace
from typing import Any

from indexes.lanes import LaneInfo


@dataclass(frozen=True, kw_only=True)
class PeerSettings(LaneInfo):
    """How a peer is set up: everything that differs from its defaults.

    Attributes:
        kind: the module and class that run it.
        chunks: names the chunking; lanes that share one share a collection.
    """

    kind: str
    chunks: str


_SAMPLE_CHUNKS = {"chunk_size": 1000, "chunk_overlap": 100}
_TUNED_CHUNKS = {"chunk_size": 200, "chunk_overlap": 0, "length": "cl100k tokens"}
_TUNED: dict[str, Any] = {"chunks": "langchain-200-tokens", "options": _TUNED_CHUNKS}

_regular = PeerSettings(
    name="langchain-regular",
    framework="LangChain",
    what="VectorStoreRetriever",
    kind="langchain:LangChainPeer",
    summary="Chunks by similarity, as many as fill the budget.",
    chunks="langchain-1000",
    options=_SAMPLE_CHUNKS,
)
_parent = PeerSettings(
    name="langchain-parent",
    framework="LangChain",
    what="ParentDocumentRetriever",
    kind="langchain:ParentDocumentPeer",
    summary="Children are found, their parents delivered, as many as fill the budget.",
    chunks="langchain-parent-2000-400",
    options={
        "parent_size": 2000,
        "parent_overlap": 200,
        "chunk_size": 400,
        "chunk_overlap": 200,
    },
    notes=(
        "overlaps of 200 characters are the splitters' own default",
        "no scores: parents come in the order of their best child",
    ),
)
_extract = replace(
    _regular,
    name="langchain-extract",
    what="LLMChainExtractor",
    kind="langchain:CompressedPeer",
    summary="An LLM writes out what matters of each chunk.",
    uses_llm=True,
    notes=(
        "one call a passage, one after another",
        "only the exact answer NO_OUTPUT drops a passage; any other text is delivered",
    ),
)
_filter = replace(
    _extract,
    name="langchain-filter",
    what="LLMChainFilter",
    summary="An LLM says YES or NO to each chunk.",
    notes=("an answer without YES or NO aborts the query",),
)
_similar = replace(
    _regular,
    name="langchain-embeddings-filter",
    what="EmbeddingsFilter",
    kind="langchain:CompressedPeer",
    summary="Chunks below a similarity are dropped.",
    options={**_SAMPLE_CHUNKS, "similarity_threshold": 0.76},
    notes=("0.76 is the documentation's threshold; MiniLM's similarities are lower",),
)
_merging = PeerSettings(
    name="llamaindex-auto-merging",
    framework="LlamaIndex",
    what="AutoMergingRetriever",
    kind="llamaindex:AutoMergingPeer",
    summary="Leaves are found; a parent replaces them once more than half of them are in.",
    chunks="llamaindex-2048-512-128",
    options={"chunk_sizes": [2048, 512, 128], "chunk_overlap": 20},
    notes=(
        "its contexts have no bound: what exceeds the budget is cut off",
        "as many leaves are searched as would fill the budget unmerged",
    ),
)

_llamaindex_hybrid = PeerSettings(
    name="llamaindex-hybrid",
    framework="LlamaIndex",
    what="VectorIndexRetriever, hybrid",
    kind="llamaindex_plain:PlainPeer",
    summary="Chunks by meaning and by words, fused by relative scores, as many as fill the budget.",
    chunks="llamaindex-200-hybrid",
    options={"chunk_size": 200, "chunk_overlap": 0, "search": "hybrid", "title": True},
    notes=("the same BM25 in the engine as `regular`, through LlamaIndex's own hybrid mode",),
)
_window = PeerSettings(
    name="llamaindex-sentence-window",
    framework="LlamaIndex",
    what="SentenceWindowNodeParser",
    kind="llamaindex_plain:PlainPeer",
    summary="Sentences are found, and delivered with the three before and behind.",
    chunks="llamaindex-sentences",
    options={"window_size": 3, "title": True},
    notes=("windows overlap: what is delivered twice takes room twice",),
)
_hichunk = PeerSettings(
    name="hichunk-merging",
    framework="HiChunk",
    what="adaptive merging",
    kind="hichunk:HiChunkPeer",
    summary="A parent replaces its children once they cover a share of it that grows as the "
    "budget fills.",
    chunks="",
    options={"theta": "parent/3 · (1 + used/budget)", "search": "hybrid", "title": True},
    notes=(
        "its rule, written anew over our tree, leaves and search; its chunker needs a model of "
        "its own, and is not compared",
        "no scores: passages come in the order of their first chunk",
    ),
)

# The most that can be had of the two with LangChain's own parts.
_BEST: dict[str, Any] = {"search": "hybrid", "title": True}
_BEST_NOTES = (
    "the same BM25 and reciprocal rank fusion in the engine as `regular`, through "
    "LangChain's own hybrid mode",
    "the title is put before each chunk that is embedded",
)

# In the order in which they are shown.
PEERS: tuple[PeerSettings, ...] = (
    _regular,
    replace(_regular, name="langchain-regular-tuned", **_TUNED),
    replace(
        _regular,
        name="langchain-regular-hybrid",
        chunks="langchain-200-tokens-hybrid",
        options={**_TUNED_CHUNKS, **_BEST},
        notes=_BEST_NOTES,
    ),
    _parent,
    replace(
        _parent,
        name="langchain-parent-tuned",
        chunks="langchain-parent-1000-400",
        options={"parent_size": 1000, "parent_overlap": 0, "chunk_size": 400, "chunk_overlap": 0},
        notes=_parent.notes[1:],
    ),
    replace(
        _parent,
        name="langchain-parent-hybrid",
        chunks="langchain-parent-1000-400-hybrid",
        options={
            "parent_size": 1000,
            "parent_overlap": 0,
            "chunk_size": 400,
            "chunk_overlap": 0,
            **_BEST,
        },
        notes=(*_parent.notes[1:], *_BEST_NOTES),
    ),
    _extract,
    replace(_extract, name="langchain-extract-tuned", **_TUNED),
    _filter,
    replace(_filter, name="langchain-filter-tuned", **_TUNED),
    _similar,
    replace(
        _similar,
        name="langchain-embeddings-filter-tuned",
        options={**_SAMPLE_CHUNKS, "similarity_threshold": 0.3},
        notes=(),
    ),
    _merging,
    *(
        replace(
            _merging,
            name=f"llamaindex-auto-merging-k{k}",
            options={**_merging.options, "similarity_top_k": k},
            notes=_merging.notes[:1],
        )
        for k in (6, 12, 24)
    ),
    replace(
        _merging,
        name="llamaindex-auto-merging-tuned",
        chunks="llamaindex-1024-256-128",
        options={"chunk_sizes": [1024, 256, 128], "chunk_overlap": 0, "similarity_top_k": 12},
        notes=_merging.notes[:1],
    ),
    _llamaindex_hybrid,
    _window,
    _hichunk,
)
