"""A lane's journey, station by station: found, grown, reranked, compressed, asked.

Everything here is read from the trace; what a station did not do is not shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from indexes.outline import Outline
from indexes.tokens import count_tokens
from indexes.trace import Stage, Trace

from ..view import View
from .lane import letter
from .markup import counted, html, joined, seconds
from .outline import Touched, outline
from .passages import numbered, score_name
from .strip import stages

_SHOWN_HITS = 12
_AFTER_MERGING = frozenset({"rerank", "extract", "filter"})


def journey(view: View, documents: Sequence[Outline], prompt: str) -> str:
    """All stations of a lane.

    Args:
        view: the lane, answered or only retrieved.
        documents: those that its passages come from, the best first.
        prompt: what the model was asked, or would be.
    """
    calls = int(view.trace.total("llm_calls"))
    asked = "answered" if view.answer else f"passages only, {counted(calls, 'LLM call')}"
    parts = [
        _understood(view.trace),
        _found(view.trace, documents),
        _grown(view, documents),
        _reranked(view.trace),
        *(_compressed(stage, view, documents) for stage in _named(view.trace, "extract", "filter")),
        _prompt(prompt, view),
        _section("Stages", "every one, as it was recorded", stages(view.trace)),
    ]
    return html(
        '<div class="journey"><header><h2>{question}</h2>'
        '<p class="hint">{letter}<b>{pattern}</b> · {asked} · {time}</p></header>{parts}</div>',
        question=view.question,
        letter=html('<span class="letter" aria-hidden="true">{}</span> ', letter(view.lane))
        if view.lane
        else "",
        pattern=view.pattern,
        asked=asked,
        time=seconds(view.trace.total("seconds")),
        parts=joined(part for part in parts if part),
    )


def _section(title: str, about: str, body: Markup) -> Markup:
    return html(
        '<section class="station"><header><h3>{}</h3><p>{}</p></header>{}</section>',
        title,
        about,
        body,
    )


def _named(trace: Trace, *names: str) -> Iterator[Stage]:
    return (stage for stage in trace.stages if stage.name in names)


def _details(trace: Trace, name: str) -> Mapping[str, Any]:
    try:
        return trace[name].details
    except KeyError:
        return {}


# Understood


def _understood(trace: Trace) -> Markup:
    details = _details(trace, "condense")
    if not details:
        return Markup("")
    body = html(
        '<p class="quote">{}</p><p class="hint">Asked: {} · {}</p>',
        details.get("condensed", ""),
        details.get("question", ""),
        details.get("outcome", ""),
    )
    return _section("Understood as", "a follow-up, made to stand alone", body)


# Found


def _found(trace: Trace, documents: Sequence[Outline]) -> Markup:
    """The best leaves with their scores, and whether they reached the model."""
    ranked = list(_details(trace, "merge").get("ranked", []))
    if not ranked:
        return Markup("")
    given = {leaf for row in _merged(trace) for leaf in row["leaves"]}
    texts = {leaf.id: leaf.text for document in documents for leaf in document.leaves}
    top = max(abs(row["score"]) for row in ranked) or 1.0
    digits = 2 if top >= 1 else 4
    rows = joined(
        html(
            '<tr{kind}><th scope="row">{rank}</th><td class="what"><b>{document}</b> <span>leaf '
            "{leaf}</span><p>{text}</p></td>"
            '<td class="score"><b>{score}</b><i style="width: {width}%"></i></td>'
            "<td>{cosine}</td><td>{bm25}</td><td>{given}</td></tr>",
            kind=html(' class="given"') if row["id"] in given else "",
            rank=rank,
            document=row["document"],
            leaf=row["position"] + 1,
            text=_beginning(texts.get(row["id"], "")),
            score=f"{row['score']:.{digits}f}",
            width=f"{max(0.0, 100 * row['score'] / top):.0f}",
            cosine=f"{row['cosine']:.2f}",
            bm25=f"{row['bm25']:.1f}" if row["bm25"] else "–",
            given="yes" if row["id"] in given else "no",
        )
        for rank, row in enumerate(ranked[:_SHOWN_HITS], 1)
    )
    table = html(
        '<div class="scroll" role="region" aria-label="Leaves found" tabindex="0">'
        '<table class="hits"><thead><tr><th scope="col">rank</th><th scope="col">leaf</th>'
        '<th scope="col">score</th><th scope="col">cosine</th><th scope="col">BM25</th>'
        '<th scope="col">taken</th></tr></thead><tbody>{}</tbody></table></div>',
        rows,
    )
    search = _details(trace, "search")
    looked = search.get("candidates")
    about = f"the best of {looked:,} leaves looked at" if isinstance(looked, int) else ""
    note = html('<p class="hint">Score: {}.</p>', score_name(trace) or "higher is better")
    return _section("Found", about, note + table)


def _beginning(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= 110 else plain[:110].rsplit(" ", 1)[0] + " …"


# Grown


def _merged(trace: Trace) -> list[Mapping[str, Any]]:
    return list(_details(trace, "merge").get("passages", []))


def _grown(view: View, documents: Sequence[Outline]) -> Markup:
    """The documents as trees, with hits, and what became passages and why."""
    if not documents:
        return Markup("")
    trace = view.trace
    digits = 2 if any(abs(row["score"]) >= 1 for row in _ranked(trace)) else 4
    found = {
        row["id"]: (rank, f"{row['score']:.{digits}f}")
        for rank, row in enumerate(_ranked(trace)[:_SHOWN_HITS], 1)
    }
    given = {leaf: number for number, row in enumerate(_merged(trace), 1) for leaf in row["leaves"]}
    if not given:
        # A lane that keeps no tree: its passages are placed in ours.
        given = _placed(view, documents)
    reasons = {number: str(row["reason"]) for number, row in enumerate(_merged(trace), 1)}
    # What is compressed afterwards is not what the model gets.
    last = not any(stage.name in _AFTER_MERGING for stage in trace.stages)
    goal = "given to the model" if last else "handed on"
    touched = Touched(found, given, reasons, goal)
    merged = sum(len(row["leaves"]) > 1 for row in _merged(trace))
    count = len(set(given.values()))
    about = f"{counted(count, 'passage')}" + (
        f", {merged} of them merged from leaves" if merged else ""
    )
    legend = html(
        '<ul class="legend"><li><i class="found"></i>found</li><li><i class="given"></i>{}</li>'
        '<li><i class="found given"></i>both</li><li><i></i>neither</li></ul>',
        goal,
    )
    trees = joined(outline(document, touched) for document in documents)
    return _section("Grown into passages", about, legend + trees)


def _ranked(trace: Trace) -> list[Mapping[str, Any]]:
    return list(_details(trace, "merge").get("ranked", []))


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


def _reranked(trace: Trace) -> Markup:
    """Who moved where."""
    rows = [
        row
        for row in _details(trace, "rerank").get("passages", [])
        if row.get("rank_before") is not None
    ]
    if not rows:
        return Markup("")
    rows.sort(key=lambda row: (row.get("rank_after") or len(rows) + 1, row["rank_before"]))
    items = joined(
        html(
            '<tr><th scope="row">{}</th><td>{}</td><td class="move {}">{}</td><td>{}</td>'
            "<td>{}</td></tr>",
            row.get("rank_after") or "–",
            row["rank_before"],
            _direction(row),
            _moved(row),
            f"{row['document']}, characters {row['start']:,}–{row['end']:,}",
            "–" if row.get("score") is None else f"{row['score']:.3f}",
        )
        for row in rows
    )
    table = html(
        '<div class="scroll" role="region" aria-label="Reranking" tabindex="0">'
        '<table class="moves"><thead><tr><th scope="col">now</th><th scope="col">before</th>'
        '<th scope="col">moved</th><th scope="col">passage</th>'
        '<th scope="col">score</th></tr></thead>'
        "<tbody>{}</tbody></table></div>",
        items,
    )
    return _section("Reranked", _judge(_details(trace, "rerank")), table)


def _direction(row: Mapping[str, Any]) -> str:
    after = row.get("rank_after")
    if after is None:
        return "gone"
    return "up" if after < row["rank_before"] else "down" if after > row["rank_before"] else "same"


def _moved(row: Mapping[str, Any]) -> str:
    after = row.get("rank_after")
    if after is None:
        return "left out"
    by = row["rank_before"] - after
    return f"▲ up {by}" if by > 0 else f"▼ down {-by}" if by < 0 else "stayed"


def _judge(details: Mapping[str, Any]) -> str:
    """Who decided."""
    what = {"llm": "language model", "embedding": "embedding similarity"}
    judge = str(details.get("judge", ""))
    name = details.get("model")
    told = f"judged by {what.get(judge, judge)}" if judge else ""
    return f"{told}, {name}" if told and name else told


# Compressed


def _compressed(stage: Stage, view: View, documents: Sequence[Outline]) -> Markup:
    """What was kept and dropped, in place; crossed out and said, not only coloured."""
    rows = list(stage.details.get("passages", []))
    title = "Sentences kept" if stage.name == "extract" else "Passages kept"
    numbers = {context.id: context.number for context in view.contexts}
    body = joined(_judged(row, numbers.get(row.get("id", "")), documents) for row in rows)
    fallback = stage.details.get("fallback")
    if fallback:
        told = {
            "keep_best": "Everything was dropped, so the best passage was kept as it was.",
            "empty": "Everything was dropped: the documents do not say.",
        }
        body += html('<p class="notice">{}</p>', told.get(str(fallback), str(fallback)))
    parts = (_summary(stage, rows), _judge(stage.details), _rule(stage.details))
    about = "; ".join(filter(None, parts))
    return _section(title, about, html('<ol class="judged">{}</ol>', body))


def _rule(details: Mapping[str, Any]) -> str:
    """What a score meant, where there are scores."""
    if fills := details.get("fills"):
        return f"the best fill {fills:,} tokens"
    threshold = details.get("threshold")
    return "" if threshold is None else f"a score of {threshold:g} is enough"


def _summary(stage: Stage, rows: Sequence[Mapping[str, Any]]) -> str:
    """`kept 4 of 11 sentences, 38% of the tokens`."""
    before, after = stage.tokens_in, stage.tokens_out
    if before is None or after is None:
        before = sum(row.get("tokens_in") or 0 for row in rows)
        after = sum(row.get("tokens_out") or 0 for row in rows)
    share = f", {after / before:.0%} of the tokens" if before else ""
    sentences = [sentence for row in rows for sentence in row.get("sentences") or []]
    if sentences:
        kept = sum(bool(sentence["kept"]) for sentence in sentences)
        return f"kept {kept} of {counted(len(sentences), 'sentence')}{share}"
    kept = sum(bool(row.get("kept")) for row in rows)
    return f"kept {kept} of {counted(len(rows), 'passage')}{share}"


def _judged(row: Mapping[str, Any], number: int | None, documents: Sequence[Outline]) -> Markup:
    document = next((d for d in documents if d.manifest.source == row.get("document")), None)
    sentences = row.get("sentences") or []
    if sentences:
        kept = sum(bool(sentence["kept"]) for sentence in sentences)
        told = f"kept {kept} of {counted(len(sentences), 'sentence')}"
    else:
        told = "kept" if row.get("kept") else "dropped"
    tokens = f"{row.get('tokens_in') or 0:,} → {row.get('tokens_out') or 0:,} tokens"
    score = row.get("score")
    facts = [
        told,
        tokens,
        "" if score is None else f"score {score:.3f}",
        str(row.get("note") or ""),
    ]
    return html(
        '<li class="{}"><p class="facts">{}<b>{}</b> {}</p><p class="text">{}</p></li>',
        "kept" if row.get("kept") else "dropped",
        html('<span class="number">{}</span> ', number) if number else "",
        row.get("document", ""),
        " · ".join(filter(None, facts)),
        joined(_sentences(row, document)) if document else "",
    )


def _sentences(row: Mapping[str, Any], document: Outline) -> Iterator[Markup]:
    sentences = row.get("sentences") or [
        {"start": row["start"], "end": row["end"], "kept": row.get("kept"), "score": None}
    ]
    done = sentences[0]["start"]
    for sentence in sentences:
        # What is between sentences is white space.
        yield html("{}", document.text(done, sentence["start"]))
        done = sentence["end"]
        text = document.text(sentence["start"], done)
        bare = text.rstrip()
        score = sentence.get("score")
        title = "" if score is None else html(' title="score {}"', f"{score:.3f}")
        if sentence["kept"]:
            yield html('<span class="kept"{}>{}</span>', title, bare)
        else:
            yield html(
                '<del{}><span class="sr">dropped: </span>{}</del>',
                title,
                bare,
            )
        yield html("{}", text[len(bare) :])


# Asked


def _prompt(prompt: str, view: View) -> Markup:
    if not prompt:
        return Markup("")
    sent = "exactly as the model got it" if view.answer else "exactly as the model would get it"
    body = html(
        '<pre class="prompt" tabindex="0" role="region" aria-label="Prompt">{}</pre>', prompt
    )
    return _section("Asked", f"{sent}, {counted(count_tokens(prompt), 'token')}", body)
