"""A document as the tree that it was cut into, with what a question touched marked in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import Markup

from indexes.outline import Outline, Section
from indexes.sentences import sentence_spans

from .markup import counted, html, joined, pages

if TYPE_CHECKING:
    from indexes.store.points import Leaf

# Leaves nothing happened to show their beginning.
_EXCERPT = 160


@dataclass(frozen=True)
class Touched:
    """What a question did to a document.

    Attributes:
        found: by leaf id, its rank among the leaves found, from 1, and its score in words.
        given: by leaf id, the number of the passage that it went into.
        reasons: by passage number, how the passage came to be as long as it is.
        goal: what became of those that went into a passage.
        searched: whether it is known which leaves were found.
    """

    found: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    given: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[int, str] = field(default_factory=dict)
    goal: str = "given to the model"
    searched: bool = True


NOTHING = Touched()


def outline(document: Outline, touched: Touched = NOTHING) -> Markup:
    """The tree, the sections that were touched open and the others closed."""
    manifest = document.manifest
    facts = [
        counted(len(manifest.page_starts), "page") if manifest.page_starts else "",
        counted(manifest.leaves, "leaf", "leaves"),
        counted(manifest.tokens, "token"),
    ]
    return html(
        '<article class="outline" data-marks="{id}"><header><h{level}>{title}</h{level}>'
        "<p>{facts}</p>{mark}</header>{map}{short}"
        '<ul class="tree">{sections}</ul></article>',
        id=manifest.document_id,
        # Alone it stands below its tab's heading, in Inspect below a chapter's.
        level=3 if touched is NOTHING else 4,
        mark="" if touched is NOTHING else _MARK,
        title=manifest.title or manifest.source,
        facts=" · ".join(filter(None, facts)),
        map=_map(document, touched) if touched.found or touched.given else "",
        short=""
        if document.whole
        else html('<p class="hint">The first {} leaves.</p>', f"{len(document.leaves):,}"),
        sections=joined(_sections(document, document.sections, touched)),
    )


_MARK = html(
    '<button type="button" class="quiet" data-marking aria-pressed="false">Mark evidence</button>'
    '<span class="marking" role="status"></span>'
)


def _map(document: Outline, touched: Touched) -> Markup:
    """The whole document as one row of leaves: where in it the question was answered."""
    cells = joined(html('<i class="{}"></i>', _kind(leaf.id, touched)) for leaf in document.leaves)
    found, given = _counts(document.leaves, touched)
    return html(
        '<div class="map" role="img" aria-label="{}">{}</div>',
        f"{_count_found(found, len(document.leaves), touched)}, {given} {touched.goal}",
        cells,
    )


def _count_found(found: int, of: int, touched: Touched) -> str:
    return f"{found} of {of} leaves found" if touched.searched else f"{of} leaves, found: not known"


def _kind(leaf: str, touched: Touched) -> str:
    kinds = [
        name
        for name, where in (("found", touched.found), ("given", touched.given))
        if leaf in where
    ]
    return " ".join(kinds)


def _counts(leaves: "Sequence[Leaf]", touched: Touched) -> tuple[int, int]:
    return (
        sum(leaf.id in touched.found for leaf in leaves),
        sum(leaf.id in touched.given for leaf in leaves),
    )


def _sections(document: Outline, sections: Sequence[Section], touched: Touched) -> Iterator[Markup]:
    """Sections in order; of a touched document, those that nothing happened to in one line."""
    quiet: list[Section] = []
    for section in sections:
        found, given = _counts(document.leaves[section.first : section.last], touched)
        if touched is not NOTHING and not found and not given:
            quiet.append(section)
            continue
        yield _quiet(quiet, touched)
        quiet = []
        yield (
            _leaf(document, section, touched)
            if not section.children
            else _section(document, section, touched)
        )
    yield _quiet(quiet, touched)


def _quiet(sections: Sequence[Section], touched: Touched) -> Markup:
    if not sections:
        return Markup("")
    leaves = sections[-1].last - sections[0].first
    without = "without a hit" if touched.searched else f"not {touched.goal}"
    return html('<li class="quiet">{} {}</li>', counted(leaves, "leaf", "leaves"), without)


def _section(document: Outline, section: Section, touched: Touched) -> Markup:
    leaves = document.leaves[section.first : section.last]
    found, given = _counts(leaves, touched)
    about = [_where(document, section)]
    about.append(counted(section.last - section.first, "leaf", "leaves"))
    if touched is not NOTHING:
        about += [f"{found} found"] if touched.searched else []
        about += [f"{given} {touched.goal}"]
    return html(
        '<li class="section"><details{open}><summary><b>Level {level}</b> <span>{about}</span>'
        "</summary>{why}<ul>{inside}</ul></details></li>",
        open=html(" open") if touched is not NOTHING else "",
        level=section.level,
        about=" · ".join(filter(None, about)),
        why=_why(section, document, touched),
        inside=joined(_sections(document, section.children, touched)),
    )


def _why(section: Section, document: Outline, touched: Touched) -> Markup:
    """The reasons of the passages that lie in a section and in none of its children."""
    inside = {number for child in section.children for number in _holds(child, document, touched)}
    return joined(
        html(
            '<p class="why"><span class="number">{}</span> {}</p>', number, touched.reasons[number]
        )
        for number in sorted(_holds(section, document, touched) - inside)
        if touched.reasons.get(number)
    )


def _holds(section: Section, document: Outline, touched: Touched) -> set[int]:
    """Numbers of the passages that lie wholly in a section that has children."""
    if not section.children:
        return set()
    inside = {leaf.id for leaf in document.leaves[section.first : section.last]}
    here = {touched.given[leaf] for leaf in inside if leaf in touched.given}
    return {
        number
        for number in here
        if all(leaf in inside for leaf, given in touched.given.items() if given == number)
    }


def _leaf(document: Outline, section: Section, touched: Touched) -> Markup:
    leaf = document.leaves[section.first]
    signs = Markup("")
    if leaf.id in touched.found:
        rank, score = touched.found[leaf.id]
        signs += html('<span class="hit">● hit {}</span> <small>{}</small> ', rank, score)
    if leaf.id in touched.given:
        signs += html(
            '<span class="sent">in passage <span class="number">{}</span></span> ',
            touched.given[leaf.id],
        )
    elif leaf.id in touched.found:
        signs += html('<span class="out">not taken: the budget was full</span> ')
    shown = bool(signs) or touched is NOTHING
    text: str | Markup = " ".join(leaf.text.split())
    if not shown and len(text) > _EXCERPT:
        text = text[:_EXCERPT].rsplit(" ", 1)[0] + " …"
    elif touched is not NOTHING:
        text = _sentences(leaf)
    return html(
        '<li class="leaf {}"><p class="signs"><b>Leaf {}</b> {}{}</p><p class="text">{}</p></li>',
        _kind(leaf.id, touched),
        section.first + 1,
        html("<span>{}</span> ", _where(document, section)),
        signs,
        text,
    )


def _sentences(leaf: "Leaf") -> Markup:
    """Each sentence with its place in the document, for whoever marks some as evidence."""
    return joined(
        (
            html(
                '<span class="sentence" data-start="{}" data-end="{}">{}</span>',
                leaf.start + start,
                leaf.start + start + len(leaf.text[start:end].rstrip()),
                " ".join(leaf.text[start:end].split()),
            )
            for start, end in sentence_spans(leaf.text)
        ),
        " ",
    )


def _where(document: Outline, section: Section) -> str:
    return (
        pages(document.pages(section.start, section.end))
        or f"characters {section.start:,}–{section.end:,}"
    )
