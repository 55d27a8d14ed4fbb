"""What happened to a question in one lane, in a sentence or two; read from the trace."""

from collections.abc import Iterator

from indexes import Trace
from indexes.answers import passages_of
from indexes.details import JudgeDetails, MergeDetails, PeerSearchDetails, SearchDetails

from ..view import View
from .markup import counted


def happened(view: View) -> str:
    """In plain words: what was found, what became of it, and what the model made of that."""
    told = "; ".join(filter(None, (_found(view), *_judged(view.trace), _answered(view))))
    return f"{told[0].upper()}{told[1:]}." if told else ""


def _found(view: View) -> str:
    passages = counted(len(passages_of(view.contexts)), "passage")
    tokens = counted(sum(context.tokens for context in view.contexts), "token")
    given = f"{passages} of {tokens}" if view.contexts else "nothing"
    peer = view.trace.find(PeerSearchDetails)
    if peer is not None:
        return f"{peer.peer} delivered {given}; how it chose them is not known here"
    search, merge = view.trace.find(SearchDetails), view.trace.find(MergeDetails)
    if search is None or merge is None:
        return f"{view.pattern} delivered {given}"
    if not merge.passages:
        return "the search found nothing"
    leaves = sum(len(row.leaves) for row in merge.passages)
    merged = sum(len(row.leaves) > 1 for row in merge.passages)
    grown = f", {merged:,} of them merged from several leaves" if merged else ""
    return (
        f"of {counted(search.candidates, 'leaf', 'leaves')} looked at in "
        f"{counted(search.documents, 'document')}, the best {leaves:,} became "
        f"{counted(len(merge.passages), 'passage')}{grown}, within a budget of "
        f"{merge.budget:,} tokens"
    )


def _judged(trace: Trace) -> Iterator[str]:
    for stage in trace.stages:
        details = stage.details
        if not isinstance(details, JudgeDetails) or stage.name not in (
            "rerank", "extract", "filter",
        ):  # fmt: skip
            continue
        rows = details.passages
        if stage.name == "rerank":
            moved = sum(row.rank_before != row.rank_after for row in rows)
            yield f"reranking moved {moved:,} of {counted(len(rows), 'passage')}"
            continue
        sentences = [one.kept for row in rows for one in row.sentences or ()]
        kept = sentences or [row.kept for row in rows]
        name = "sentence" if sentences else "passage"
        yield f"compression kept {sum(kept):,} of {counted(len(kept), name)}"


def _answered(view: View) -> str:
    if view.answer is None:
        return "no model was asked for an answer" if view.contexts else ""
    if view.unanswered:
        return "the answer is that the documents do not say"
    words = counted(len(view.text.split()), "word")
    cited = sorted({one.context for one in view.answer.citations if one.origin == "model"})
    if not cited:
        return f"the model wrote {words} and cited no passage"
    numbers = ", ".join(map(str, cited))
    return f"the model wrote {words} and cited passage{'s' * (len(cited) > 1)} {numbers}"
