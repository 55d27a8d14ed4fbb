"""What each kind of stage did, as typed records: the `details` of a trace's stages.

    merge = trace.find(MergeDetails)
    merge.passages[0].reason

A stage of your own records `OtherDetails`, or a subclass of `Details` with its own fields:

    with stage("deduplicate") as record:
        record.details = OtherDetails(values={"dropped": 3})

Offsets are characters of the document's text; scores are higher for what is better.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

# judged      as the judge said
# cached      as it said when it was asked the same before
# unreadable  its answer could not be understood
# incomplete  its answer broke off before this passage
# omitted     it ordered the others and left this one out
# failed      it could not be asked
# timeout     it did not answer in time
# blank       there is no text to judge
Outcome = Literal[
    "judged", "cached", "unreadable", "incomplete", "omitted", "failed", "timeout", "blank"
]
# When everything would be dropped: the best passage as it is, or nothing.
Fallback = Literal["keep_best", "empty"]


class Details(BaseModel):
    """What a stage did. `kind` tells the records apart in JSON."""

    kind: str

    @property
    def notes(self) -> list[str]:
        """What is worth a line wherever the stage is listed."""
        return []


class OtherDetails(Details):
    """Of a stage that this library has no record for."""

    kind: str = "other"
    values: dict[str, JsonValue] = Field(default_factory=dict)


class _Part(BaseModel):
    """A part of a record."""

    model_config = ConfigDict(frozen=True)


# From question to passages


class CondenseDetails(Details):
    """How a follow-up question was made to stand alone."""

    kind: Literal["condense"] = "condense"
    question: str = Field("", description="As it was asked.")
    turns: int = Field(0, description="Turns of the conversation before it.")
    prompt_version: str = Field("", description="Empty where no model was asked.")
    prompt: str = ""
    condensed: str = Field("", description="As it is searched for.")
    outcome: str = Field("", description="How it came to be, in words.")

    @property
    def notes(self) -> list[str]:
        """How it came to be."""
        return [self.outcome] if self.outcome else []


class SearchDetails(Details):
    """What a search of the tree looked at."""

    kind: Literal["search"] = "search"
    mode: str = Field(description="`dense`, `bm25` or `hybrid`.")
    top_k: int = Field(description="Hits of each search.")
    candidates: int = Field(description="Leaves that were scored.")
    documents: int = Field(description="Documents that they are from.")
    changed_while_reading: bool = Field(description="Whether a document was left out for that.")
    nodes_lost: tuple[str, ...] = Field(
        (), description="Nodes of the cluster that did not answer when last asked, as host:port."
    )
    vector: Any = Field(
        None,
        exclude=True,
        repr=False,
        description="The question's, until quotes are chosen.",
    )

    @property
    def notes(self) -> list[str]:
        """Which nodes are lost."""
        return [f"node {node} does not answer, others do" for node in self.nodes_lost]


class RankedLeaf(_Part):
    """A leaf and everything that was measured of it."""

    id: str
    document_id: str
    document: str = Field(description="The document's source.")
    start: int
    end: int
    position: int = Field(description="Among the document's leaves, from 0.")
    score: float = Field(description="What it was ranked by.")
    cosine: float
    parent_cosine: float = Field(description="Of the parent around it.")
    bm25: float
    hit: bool = Field(description="A search returned it; else it came with others of its root.")


class MergedPassage(_Part):
    """A passage and the leaves that it is made of."""

    id: str
    document_id: str
    start: int
    end: int
    leaves: tuple[str, ...] = Field(description="Their ids, in order.")
    score: float
    reason: str = Field(description="How it came to be as long as it is, in words.")


class MergeDetails(Details):
    """How scored leaves became passages."""

    kind: Literal["merge"] = "merge"
    method: str = Field("", description="`leaves`, `tree` or `ratio`.")
    budget: int = Field(0, description="cl100k tokens to fill.")
    score: str = Field("", description="What the scores measure, in words.")
    ranked: tuple[RankedLeaf, ...] = Field((), description="The best leaves, best first.")
    passages: tuple[MergedPassage, ...] = Field((), description="What was delivered, best first.")
    reserve: tuple[Any, ...] = Field(
        (),
        exclude=True,
        repr=False,
        description="Nodes that can be quoted from, until sentences are chosen; not in JSON.",
    )


class PeerSearchDetails(Details):
    """What another framework's retriever was asked for."""

    kind: Literal["peer_search"] = "peer_search"
    peer: str = Field(description="Its class.")
    hits: int
    options: dict[str, JsonValue] = Field(description="What differs from its defaults.")


# Reranking and compression


class JudgedSentence(_Part):
    """A sentence that was kept or dropped."""

    start: int
    end: int
    kept: bool
    score: float | None = None


class JudgedPassage(_Part):
    """What became of a passage."""

    id: str = Field("", description="The node's.")
    document: str = Field(description="The document's source.")
    start: int
    end: int
    kept: bool = Field(True, description="Whether any of it was.")
    outcome: Outcome | None = Field(None, description="None where no judge of ours decided.")
    note: str = Field("", description="How it came about, in words.")
    score: float | None = None
    rank_before: int | None = Field(None, description="From 1; None where nothing was ordered.")
    rank_after: int | None = Field(None, description="None where it was left out.")
    tokens_in: int = 0
    tokens_out: int = 0
    sentences: tuple[JudgedSentence, ...] | None = Field(
        None, description="None where it was judged as a whole."
    )


class CompressionDetails(Details):
    """What is common to all that drops or reorders passages."""

    passages: tuple[JudgedPassage, ...] = Field((), description="In the order in which they came.")


class PromptVersion(_Part):
    """Which prompt a model was asked with."""

    name: str
    version: str


class JudgeCall(_Part):
    """A call of a language model and its answer's beginning."""

    outcome: str
    seconds: float
    tokens_in: int
    tokens_out: int
    answer: str


class JudgeDetails(CompressionDetails):
    """How a judge decided."""

    kind: Literal["judge"] = "judge"
    judge: str = Field("", description="What kind of judge.")
    model: str = ""
    prompt: PromptVersion | None = Field(None, description="None for a judge without words.")
    fallback: Fallback | None = Field(None, description="Set where everything would be dropped.")
    fills: int | None = Field(None, description="Tokens that the best filled; None: a threshold.")
    threshold: float | None = Field(None, description="The least score that was kept.")
    least_cosine: float | None = Field(None, description="And the least similarity.")
    score: str = Field("", description="What the scores measure, in words.")
    packing: str = Field("", description="Of an LLM: `packed` or `each`.")
    calls: tuple[JudgeCall, ...] = ()
    llm_tokens: Literal["counted", "estimated"] = Field(
        "counted", description="`estimated` where the endpoint tells none."
    )


class PeerCompressionDetails(CompressionDetails):
    """What another framework's compressor kept."""

    kind: Literal["peer_compression"] = "peer_compression"
    peer: str = Field(description="Its class.")
    invented_tokens: int = Field(0, description="Tokens of what is in no document.")


class FitDetails(Details):
    """What passages were cut to."""

    kind: Literal["fit"] = "fit"
    budget: int = Field(description="cl100k tokens.")
    order: Literal["relevance", "document"] = Field(
        "relevance", description="Best first, or as in the document."
    )


# The answer


class AnswerDetails(Details):
    """How a model was asked."""

    kind: Literal["answer"] = "answer"
    model: str = ""
    prompt_version: str = ""
    prompt: str = Field("", description="To the letter; empty where the model was not asked.")
    outcome: str = Field("", description="Why the model was not asked, in words.")
    left_out: str = Field("", description="What did not fit into the model's window, in words.")
    first_word_seconds: float | None = Field(
        None, description="From asking to the answer's first word, behind all thoughts."
    )
    finish: str = Field("stop", description="See `Answer`.")
    finish_note: str = ""
    thinking_characters: int = Field(0, description="Length of what the model thought before.")

    @property
    def notes(self) -> list[str]:
        """What was not done."""
        return [note for note in (self.outcome, self.left_out, self.finish_note) if note]


class QuoteDetails(Details):
    """Which sentences were quoted before an answer was written."""

    kind: Literal["quote"] = "quote"
    quotes: int = 0
    note: str = Field("", description="Why there are none, in words.")

    @property
    def notes(self) -> list[str]:
        """Why there are none."""
        return [self.note] if self.note else []


class CiteDetails(Details):
    """Where the answer's citations came from."""

    kind: Literal["cite"] = "cite"
    citations: int = 0
    origin: Literal["model", "similarity", "none"] = "none"
    refused: int = Field(0, description="Markers whose passage lacks a figure of their sentence.")
    sentences: int = Field(0, description="Of the answer, that claim something.")
    unsupported: int = Field(0, description="Of those, the ones that no passage bears out.")
    note: str = Field("", description="Why sentences could not be compared by meaning.")

    @property
    def notes(self) -> list[str]:
        """What went wrong."""
        return [self.note] if self.note else []


_KINDS: dict[str, type[Details]] = {
    "condense": CondenseDetails,
    "search": SearchDetails,
    "merge": MergeDetails,
    "peer_search": PeerSearchDetails,
    "judge": JudgeDetails,
    "peer_compression": PeerCompressionDetails,
    "fit": FitDetails,
    "answer": AnswerDetails,
    "quote": QuoteDetails,
    "cite": CiteDetails,
    "other": OtherDetails,
}


def details_of(value: Any) -> Any:
    """The record that a JSON object stands for; one of an unknown kind is `OtherDetails`."""
    if not isinstance(value, dict):
        return value
    kind = str(value.get("kind", "other"))
    if kind in _KINDS or value.keys() <= {"kind", "values"}:
        return _KINDS.get(kind, OtherDetails).model_validate(value)
    return OtherDetails(kind=kind, values={k: v for k, v in value.items() if k != "kind"})
