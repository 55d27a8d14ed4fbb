"""A lane's journey in chapters: found, grown, reranked, compressed, asked.

Everything here is read from the trace; what did not happen has no chapter.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from indexes import Trace
from indexes.details import (
    CompressionDetails,
    CondenseDetails,
    Fallback,
    JudgeDetails,
    JudgedPassage,
    JudgedSentence,
    MergeDetails,
    SearchDetails,
)
from indexes.outline import Outline
from indexes.tokens import count_tokens
from indexes.trace import Stage

from ..view import View
from .happened import happened
from .lane import letter
from .markup import counted, html, joined, seconds
from .outline import Touched, outline
from .passages import numbered, score_name
from .strip import stages

_SHOWN_HITS = 12
_AFTER_MERGING = frozenset({"rerank", "extract", "filter"})


class _Chapter(NamedTuple):
    """A part of a journey, and what of it stands in the table of contents."""

    title: str
    about: str
    body: Markup


def journey(view: View, documents: Sequence[Outline], prompt: str) -> str:
    """Draw what happened to a question: a summary, a table of contents, a chapter a stage.

    Args:
        view: the lane, answered or only retrieved
        documents: those of its passages, best first
        prompt: what the model was asked, or would be
    """
    calls = int(view.trace.total("llm_calls"))
    asked = "answered" if view.answer else f"passages only, {counted(calls, 'LLM call')}"
    chapters = [
        _understood(view.trace),
        _found(view.trace, documents),
        _grown(view, documents),
        _reranked(view.trace),
        *(_compressed(stage, view, documents) for stage in _named(view.trace, "extract", "filter")),
        _prompt(prompt, view),
        _Chapter("Stages", "every one, as it was recorded", stages(view.trace)),
    ]
    told = [chapter for chapter in chapters if chapter]
    return html(
        '<div class="journey" data-question="{question}"><header><h2 dir="auto">{question}</h2>'
        '<p class="hint">{letter}<b>{pattern}</b> · {asked} · {time}</p>'
        '<p class="happened">{happened}</p></header>'
        '<nav class="chapters" aria-label="Chapters"><ol>{contents}</ol></nav>{parts}</div>',
        question=view.question,
        letter=html('<span class="letter" aria-hidden="true">{}</span> ', letter(view.lane))
        if view.lane
        else "",
        pattern=view.pattern,
        asked=asked,
        time=seconds(view.trace.total("seconds")),
        happened=happened(view),
        contents=joined(
            html(
                '<li><a href="#chapter-{}">{}</a> <span>{}</span></li>',
                number,
                chapter.title,
                chapter.about,
            )
            for number, chapter in enumerate(told, 1)
        ),
        parts=joined(_section(number, chapter) for number, chapter in enumerate(told, 1)),
    )


def _section(number: int, chapter: _Chapter) -> Markup:
    return html(
        '<section class="station" id="chapter-{number}" tabindex="-1" '
        'aria-labelledby="chapter-{number}-title"><header>'
        '<h3 id="chapter-{number}-title">{title}</h3><p>{about}</p></header>{body}</section>',
        number=number,
        title=chapter.title,
        about=chapter.about,
        body=chapter.body,
    )


def _named(trace: Trace, *names: str) -> Iterator[Stage]:
    return (stage for stage in trace.stages if stage.name in names)


# Understood


def _understood(trace: Trace) -> _Chapter | None:
    details = trace.find(CondenseDetails)
    if details is None:
        return None
    body = html(
        '<p class="quote">{}</p><p class="hint">Asked: {} · {}</p>',
        details.condensed,
        details.question,
        details.outcome,
    )
    return _Chapter("Understood as", "a follow-up, made to stand alone", body)


# Found


def _found(trace: Trace, documents: Sequence[Outline]) -> _Chapter | None:
    """The best leaves with their scores, and whether they reached the model."""
    merge = trace.find(MergeDetails)
    if merge is None or not merge.ranked:
        return None
    given = {leaf for row in merge.passages for leaf in row.leaves}
    texts = {leaf.id: leaf.text for document in documents for leaf in document.leaves}
    top = max(abs(row.score) for row in merge.ranked) or 1.0
    digits = 2 if top >= 1 else 4
    rows = joined(
        html(
            '<tr{kind}><th scope="row">{rank}</th><td class="what"><b>{document}</b> <span>leaf '
            "{leaf}</span><p>{text}</p></td>"
            '<td class="score" data-label="score"><b>{score}</b>'
            '<i style="width: {width}%"></i></td>'
            '<td data-label="cosine">{cosine}</td><td data-label="BM25">{bm25}</td>'
            '<td data-label="taken">{given}</td></tr>',
            kind=html(' class="given"') if row.id in given else "",
            rank=rank,
            document=row.document,
            leaf=row.position + 1,
            text=_beginning(texts.get(row.id, "")),
            score=f"{row.score:.{digits}f}",
            width=f"{max(0.0, 100 * row.score / top):.0f}",
            cosine=f"{row.cosine:.2f}",
            bm25=f"{row.bm25:.1f}" if row.bm25 else "–",
            given="yes" if row.id in given else "no",
        )
        for rank, row in enumerate(merge.ranked[:_SHOWN_HITS], 1)
    )
    table = html(
        '<div class="scroll" role="region" aria-label="Leaves found" tabindex="0">'
        '<table class="hits"><thead><tr><th scope="col">rank</th><th scope="col">leaf</th>'
        '<th scope="col">score</th><th scope="col">cosine</th><th scope="col">BM25</th>'
        '<th scope="col">taken</th></tr></thead><tbody>{}</tbody></table></div>',
        rows,
    )
    search = trace.find(SearchDetails)
    about = f"the best of {search.candidates:,} leaves looked at" if search else ""
    note = html('<p class="hint">Score: {}.</p>', score_name(trace) or "higher is better")
    return _Chapter("Found", about, note + table)


def _beginning(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= 110 else plain[:110].rsplit(" ", 1)[0] + " …"


# Grown


def _grown(view: View, documents: Sequence[Outline]) -> _Chapter | None:
    """The documents as trees, with hits, and what became passages and why."""
    if not documents:
        return None
    merge = view.trace.find(MergeDetails) or MergeDetails()
    digits = 2 if any(abs(row.score) >= 1 for row in merge.ranked) else 4
    found = {
        row.id: (rank, f"{row.score:.{digits}f}")
        for rank, row in enumerate(merge.ranked[:_SHOWN_HITS], 1)
    }
    given = {leaf: number for number, row in enumerate(merge.passages, 1) for leaf in row.leaves}
    if not given:
        # A lane that keeps no tree: its passages are placed in ours.
        given = _placed(view, documents)
    reasons = {number: row.reason for number, row in enumerate(merge.passages, 1)}
    # What is compressed afterwards is not what the model gets.
    last = not any(stage.name in _AFTER_MERGING for stage in view.trace.stages)
    goal = "given to the model" if last else "handed on"
    searched = bool(merge.ranked)
    touched = Touched(found, given, reasons, goal, searched=searched)
    merged = sum(len(row.leaves) > 1 for row in merge.passages)
    count = len(set(given.values()))
    about = f"{counted(count, 'passage')}" + (
        f", {merged} of them merged from leaves" if merged else ""
    )
    if searched:
        legend = html(
            '<ul class="legend"><li><i class="found"></i>found</li><li><i class="given"></i>{}'
            '</li><li><i class="found given"></i>both</li><li><i></i>neither</li></ul>',
            goal,
        )
    else:
        legend = html(
            '<p class="hint">Which leaves it found is not known: its passages are placed in our '
            "tree.</p>"
        )
    trees = joined(outline(document, touched) for document in documents)
    return _Chapter("Grown into passages", about, legend + trees)


def _placed(view: View, documents: Sequence[Outline]) -> dict[str, int]:
    return {
        leaf.id: number
        for number, parts in numbered(view.contexts)
        for context in parts
        for document in documents
        if document.manifest.source == context.document
        for leaf in document.leaves
        if leaf.start < context.end and leaf.end > context.start
    }


# Reranked


def _reranked(trace: Trace) -> _Chapter | None:
    """Which passage moved to which place."""
    details = next((s.details for s in _named(trace, "rerank")), None)
    if not isinstance(details, JudgeDetails):
        return None
    rows = [(row.rank_before, row) for row in details.passages if row.rank_before is not None]
    if not rows:
        return None
    rows.sort(key=lambda item: (item[1].rank_after or len(rows) + 1, item[0]))
    items = joined(
        html(
            '<tr><th scope="row">{}</th><td data-label="before">{}</td>'
            '<td class="move {}">{}</td><td>{}</td><td data-label="score">{}</td></tr>',
            row.rank_after or "–",
            before,
            _direction(before, row.rank_after),
            _moved(before, row.rank_after),
            f"{row.document}, characters {row.start:,}–{row.end:,}",
            "–" if row.score is None else f"{row.score:.3f}",
        )
        for before, row in rows
    )
    table = html(
        '<div class="scroll" role="region" aria-label="Reranking" tabindex="0">'
        '<table class="moves"><thead><tr><th scope="col">now</th><th scope="col">before</th>'
        '<th scope="col">moved</th><th scope="col">passage</th>'
        '<th scope="col">score</th></tr></thead>'
        "<tbody>{}</tbody></table></div>",
        items,
    )
    return _Chapter("Reranked", _judge(details), table)


def _direction(before: int, after: int | None) -> str:
    if after is None:
        return "gone"
    return "up" if after < before else "down" if after > before else "same"


def _moved(before: int, after: int | None) -> str:
    if after is None:
        return "left out"
    by = before - after
    return f"▲ up {by}" if by > 0 else f"▼ down {-by}" if by < 0 else "stayed"


def _judge(details: JudgeDetails) -> str:
    """Which kind of judge decided, and by which model."""
    what = {"llm": "language model", "embedding": "embedding similarity"}
    told = f"judged by {what.get(details.judge, details.judge)}" if details.judge else ""
    return f"{told}, {details.model}" if told and details.model else told


# Compressed


def _compressed(stage: Stage, view: View, documents: Sequence[Outline]) -> _Chapter | None:
    """What was kept and dropped, in place; crossed out and said, not only coloured."""
    details = stage.details
    if not isinstance(details, CompressionDetails):
        return None
    title = "Sentences kept" if stage.name == "extract" else "Passages kept"
    numbers = {context.id: context.number for context in view.contexts}
    body = joined(_judged(row, numbers.get(row.id), documents) for row in details.passages)
    parts = [_summary(stage, details.passages)]
    if isinstance(details, JudgeDetails):
        parts += [_judge(details), _rule(details)]
        if details.fallback:
            body += html('<p class="notice">{}</p>', _FALLBACKS[details.fallback])
    about = "; ".join(filter(None, parts))
    return _Chapter(title, about, html('<ol class="judged">{}</ol>', body))


_FALLBACKS: dict[Fallback, str] = {
    "keep_best": "Everything was dropped, so the best passage was kept as it was.",
    "empty": "Everything was dropped: the documents do not say.",
}


def _rule(details: JudgeDetails) -> str:
    """What a score meant, where there are scores."""
    if details.fills:
        return f"the best fill {details.fills:,} tokens"
    return "" if details.threshold is None else f"a score of {details.threshold:g} is enough"


def _summary(stage: Stage, rows: Sequence[JudgedPassage]) -> str:
    """`kept 4 of 11 sentences, 38% of the tokens`."""
    before, after = stage.tokens_in, stage.tokens_out
    if before is None or after is None:
        before = sum(row.tokens_in for row in rows)
        after = sum(row.tokens_out for row in rows)
    share = f", {after / before:.0%} of the tokens" if before else ""
    sentences = [sentence for row in rows for sentence in row.sentences or ()]
    if sentences:
        kept = sum(sentence.kept for sentence in sentences)
        return f"kept {kept} of {counted(len(sentences), 'sentence')}{share}"
    kept = sum(row.kept for row in rows)
    return f"kept {kept} of {counted(len(rows), 'passage')}{share}"


def _judged(row: JudgedPassage, number: int | None, documents: Sequence[Outline]) -> Markup:
    document = next((d for d in documents if d.manifest.source == row.document), None)
    if row.sentences:
        kept = sum(sentence.kept for sentence in row.sentences)
        told = f"kept {kept} of {counted(len(row.sentences), 'sentence')}"
    else:
        told = "kept" if row.kept else "dropped"
    facts = [
        told,
        f"{row.tokens_in:,} → {row.tokens_out:,} tokens",
        "" if row.score is None else f"score {row.score:.3f}",
        row.note,
    ]
    return html(
        '<li class="{}"><p class="facts">{}<b>{}</b> {}</p><p class="text">{}</p></li>',
        "kept" if row.kept else "dropped",
        html('<span class="number">{}</span> ', number) if number else "",
        row.document,
        " · ".join(filter(None, facts)),
        joined(_sentences(row, document)) if document else "",
    )


def _sentences(row: JudgedPassage, document: Outline) -> Iterator[Markup]:
    sentences = row.sentences or (JudgedSentence(start=row.start, end=row.end, kept=row.kept),)
    done = sentences[0].start
    for sentence in sentences:
        # What is between sentences is white space.
        yield html("{}", document.text(done, sentence.start))
        done = sentence.end
        text = document.text(sentence.start, done)
        bare = text.rstrip()
        title = "" if sentence.score is None else html(' title="score {}"', f"{sentence.score:.3f}")
        if sentence.kept:
            yield html('<span class="kept"{}>{}</span>', title, bare)
        else:
            yield html(
                '<del{}><span class="sr">dropped: </span>{}</del>',
                title,
                bare,
            )
        yield html("{}", text[len(bare) :])


# Asked


def _prompt(prompt: str, view: View) -> _Chapter | None:
    if not prompt:
        return None
    sent = "exactly as the model got it" if view.answer else "exactly as the model would get it"
    body = html(
        '<pre class="prompt" tabindex="0" role="region" aria-label="Prompt">{}</pre>', prompt
    )
    return _Chapter("Asked", f"{sent}, {counted(count_tokens(prompt), 'token')}", body)
