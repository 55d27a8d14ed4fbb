"""The patterns, as data: what retrieves, and what works on the contexts afterwards.

    find_pattern("parent")                   auto-merging over the hierarchy
    find_pattern("parent+rerank+extract")    the same, then reranking, then compression
    find_pattern("extract")                  as "regular+extract"

Any retriever goes with any postprocessors in any order. A new retriever is a row in
`RETRIEVERS`, a new postprocessor one in `POSTPROCESSORS`; the combinations that people are
offered are listed in `PATTERNS`, to which users add theirs:

    register_pattern("mine", lambda question: my_search(question))
    index.ask("…", "mine+extract")
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import Any

from indexes.errors import SettingsError
from indexes.parameters import parameters
from indexes.registry import Registry
from indexes.settings import Method

PATTERN_PARAMETERS = ("question", "index", "budget", "filters")

_LONGEST_NAME = 200


@dataclass(frozen=True)
class Part:
    """A retriever or a postprocessor, as a pattern's name refers to it.

    Attributes:
        name: its part of a pattern's name
        summary: what it does, for people
        langchain: its counterpart there
        method: of a retriever: how `TreeRetriever` chooses contexts
    """

    name: str
    summary: str
    langchain: str
    method: Method = "leaves"


@dataclass(frozen=True)
class Pattern:
    """A named way from a question to contexts.

    Attributes:
        name: on the command line and the page
        method: how `TreeRetriever` chooses contexts
        summary: what it does, for people
        langchain: its counterpart there
        postprocessors: applied to the contexts in this order
        source: a registered retriever or function that replaces `TreeRetriever`
    """

    name: str
    method: Method
    summary: str
    langchain: str
    postprocessors: tuple[str, ...] = ()
    source: Any = field(default=None, compare=False, repr=False)


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


def _alone(part: Part) -> Pattern:
    return Pattern(part.name, part.method, part.summary, part.langchain)


def _joined(name: str, base: Pattern, more: list[str]) -> Pattern:
    """A pattern with further postprocessors behind its own."""
    after = [POSTPROCESSORS[part] for part in more]
    if not after:
        return changed(base, name=name)
    started = [] if base.name == "regular" else [base.summary]
    return changed(
        base,
        name=name,
        summary=" ".join([*started, *(part.summary for part in after)]),
        langchain=" + ".join([base.langchain, *dict.fromkeys(part.langchain for part in after)]),
        postprocessors=(*base.postprocessors, *more),
    )


def _compose(name: str, known: Mapping[str, Pattern]) -> Pattern | None:
    """The pattern that a name's parts make; None where they make none."""
    first, *more = name.split("+")
    if first in known and first not in POSTPROCESSORS:
        base = known[first]
    elif first in RETRIEVERS:
        base = _alone(RETRIEVERS[first])
    else:
        base, more = _alone(RETRIEVERS["regular"]), [first, *more]
    after = [*base.postprocessors, *more]
    if any(part not in POSTPROCESSORS for part in after) or len(set(after)) < len(after):
        return None
    return _joined(name, base, more)


PATTERNS: Registry[Pattern] = Registry(
    "pattern",
    {
        name: found
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
        if (found := _compose(name, {}))
    },
)


def find_pattern(name: str) -> Pattern:
    """The pattern called `name`: one of `PATTERNS`, or any composition of its parts.

    Raises:
        SettingsError: there is none; the message lists those there are.
    """
    if name in PATTERNS:
        return PATTERNS[name]
    found = _compose(name, PATTERNS) if len(name) <= _LONGEST_NAME else None
    if found is None:
        shown = name if len(name) <= 40 else name[:40] + "…"
        raise SettingsError(
            f"no pattern is called {shown!r}: choose one of {', '.join(PATTERNS)}, or join "
            f"{', '.join(RETRIEVERS)} with {', '.join(POSTPROCESSORS)}, each at most once, by +"
        )
    return found


def register_pattern(name: str, source: Any, *, summary: str = "", replace: bool = False) -> None:
    """Add a pattern: `pattern="NAME"` everywhere, also as the first part of a composition.

    Example:
        register_pattern("mine", lambda question: my_search(question))
        register_pattern("thorough", "parent+rerank+extract")

    Args:
        name: what it is called
        source: a composition of known parts; a retriever, LlamaIndex's or LangChain's; or a
            function, called with those of `question`, `index`, `budget` and `filters` that its
            parameters name. With `question` it returns nodes, documents or texts, best first;
            without it a retriever. It may be async.
        summary: what it does, for people
        replace: take the place of a pattern of that name

    Raises:
        SettingsError: the name is taken or no name, or nothing is made of the source
    """
    if isinstance(name, str) and (name in POSTPROCESSORS or name in RETRIEVERS.keys() - PATTERNS):
        raise SettingsError(f"a part of patterns is called {name!r} already: choose another name")
    if isinstance(source, str):
        found = find_pattern(source)
        made = changed(found, name=name, summary=summary or found.summary)
    else:
        if not is_retriever(source):
            parameters(source, PATTERN_PARAMETERS, f"pattern {name!r}")
        made = Pattern(name, "leaves", summary or "Registered.", "", source=source)
    PATTERNS.register(name, made, replace=replace)


def is_retriever(source: Any) -> bool:
    """Whether it is a retriever of LlamaIndex or of LangChain."""
    methods = ("retrieve", "aretrieve"), ("invoke", "ainvoke")
    return not isinstance(source, type) and any(
        all(callable(getattr(source, method, None)) for method in pair) for pair in methods
    )
