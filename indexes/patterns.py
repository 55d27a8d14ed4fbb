"""The patterns, as data: what retrieves, and what works on the contexts afterwards.

    find_pattern("parent")                   auto-merging over the hierarchy
    find_pattern("parent+rerank+extract")    the same, then reranking, then compression
    find_pattern("extract")                  as "regular+extract"

Any retriever goes with any postprocessors in any order. A new retriever is a row in
`RETRIEVERS`, a new postprocessor one in `POSTPROCESSORS`; the combinations that people are
offered are listed in `PATTERNS`.
"""

from dataclasses import dataclass

from indexes.errors import SettingsError
from indexes.settings import Method

_LONGEST_NAME = 200


@dataclass(frozen=True)
class Part:
    """A retriever or a postprocessor.

    Attributes:
        name: what it is called in a pattern's name.
        summary: what it does, for people.
        langchain: its counterpart there.
        method: of a retriever, how `TreeRetriever` chooses contexts.
    """

    name: str
    summary: str
    langchain: str
    method: Method = "leaves"


@dataclass(frozen=True)
class Pattern:
    """A named way from a question to contexts.

    Attributes:
        name: what it is called on the command line and on the page.
        method: how `TreeRetriever` chooses contexts.
        summary: what it does, for people.
        langchain: its counterpart there.
        postprocessors: what works on the contexts, in this order.
    """

    name: str
    method: Method
    summary: str
    langchain: str
    postprocessors: tuple[str, ...] = ()


RETRIEVERS: dict[str, Part] = {
    part.name: part
    for part in (
        Part(
            "regular",
            "The best small chunks, as they are.",
            "VectorStoreRetriever",
            "leaves",
        ),
        Part(
            "parent",
            "Small chunks are found and grow into their parents while the budget allows.",
            "ParentDocumentRetriever",
            "tree",
        ),
        Part(
            "parent-ratio",
            "LlamaIndex's own rule: a parent replaces its chunks once half of them are found.",
            "ParentDocumentRetriever",
            "ratio",
        ),
        Part(
            "parent-whole",
            "LangChain's own rule: the parents of the best small chunks, whole.",
            "ParentDocumentRetriever",
            "whole",
        ),
    )
}

POSTPROCESSORS: dict[str, Part] = {
    part.name: part
    for part in (
        Part(
            "rerank",
            "More passages are found than fit, and the most helpful come first.",
            "DocumentCompressorPipeline",
        ),
        Part(
            "extract",
            "Of more passages than fit, only the sentences that help are kept.",
            "LLMChainExtractor",
        ),
        Part(
            "filter",
            "Of more passages than fit, those that don't help are dropped.",
            "LLMChainFilter",
        ),
    )
}


def _compose(name: str) -> Pattern:
    first, *rest = name.split("+")
    parts = rest if first in RETRIEVERS else [first, *rest]
    retriever = RETRIEVERS.get(first, RETRIEVERS["regular"])
    after = [POSTPROCESSORS[part] for part in parts]
    if not after:
        return Pattern(name, retriever.method, retriever.summary, retriever.langchain)
    started = [] if retriever.name == "regular" else [retriever]
    return Pattern(
        name,
        retriever.method,
        " ".join(part.summary for part in [*started, *after]),
        " + ".join([retriever.langchain, *dict.fromkeys(part.langchain for part in after)]),
        tuple(part.name for part in after),
    )


PATTERNS: dict[str, Pattern] = {
    name: _compose(name)
    for name in (
        "regular",
        "parent",
        "parent-ratio",
        "extract",
        "filter",
        "parent+extract",
        "parent+filter",
        "parent+rerank+extract",
    )
}


def find_pattern(name: str) -> Pattern:
    """The pattern called `name`: one of `PATTERNS`, or any composition of its parts.

    Raises:
        SettingsError: there is none; the message lists those there are.
    """
    if name in PATTERNS:
        return PATTERNS[name]
    first, *rest = name[:_LONGEST_NAME].split("+")
    after = rest if first in RETRIEVERS else [first, *rest]
    known = len(name) <= _LONGEST_NAME and all(part in POSTPROCESSORS for part in after)
    if not known or len(set(after)) < len(after):
        shown = name if len(name) <= 40 else name[:40] + "…"
        raise SettingsError(
            f"no pattern is called {shown!r}: choose one of {', '.join(PATTERNS)}, or join "
            f"{', '.join(RETRIEVERS)} with {', '.join(POSTPROCESSORS)}, each at most once, by +"
        )
    return _compose(name)
