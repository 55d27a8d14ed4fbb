"""What the notebooks share: one index of the sample letters, tables, pictures.

The first notebook that is run makes the index (about 15 s on two idle cores); the others
open it. It is in `.rag/notebooks`, or wherever NOTEBOOK_INDEX says.
"""

import html
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from IPython.display import HTML
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from app.samples import LETTERS, QUESTIONS
from indexes import Answer, Context, HierarchicalIndex, load_settings
from indexes.errors import StoreLockedError
from indexes.evaluation.questions import Question, read_questions
from indexes.evaluation.vectors import RememberedEmbedding
from indexes.models.providers import build_embedding
from indexes.tree import Tree

T = TypeVar("T")

ENDED = {"length": "cut", "thinking": "spent on thinking", "broken": "broken off"}
FOUND, OTHER, KEPT = "#0072B2", "#DDE6EE", "#FFE9A8"


def open_index(
    name: str = "letters",
    documents: Sequence[Path] = (),
    *,
    llm: Any = None,
    embedding: Any = None,
    **settings: Any,
) -> HierarchicalIndex:
    """The index of `documents`, or of the letters, with the settings' models or your own.

    It is made now if it is not there.

    Vectors are kept beside it, so that no sentence is embedded twice. While another
    notebook has the index open, this one has one of its own, made from those vectors. When the
    notebooks run as tests, answers are short.
    """
    place = Path(os.environ.get("NOTEBOOK_INDEX", str(ROOT / ".rag" / "notebooks")))
    if "NOTEBOOK_TAKES_ONE_IN" in os.environ:
        settings["max_answer_tokens"] = 16
    chosen = load_settings(index=str(place / name), **settings)
    if embedding is None:
        embedding = RememberedEmbedding(build_embedding(chosen), place / "vectors.sqlite")
    try:
        index = HierarchicalIndex(chosen, llm=llm, embedding=embedding)
    except StoreLockedError:
        own = chosen.model_copy(update={"index": f"{place / name}-{os.getpid()}"})
        index = HierarchicalIndex(own, llm=llm, embedding=embedding)
    report = index.ingest(documents or letters())
    what = f"{len(index.documents())} documents"
    if report.leaves:
        print(f"{what} indexed: {report.leaves} leaves")
    else:
        print(f"{what} were indexed already")
    return index


def questions() -> dict[str, Question]:
    """The letters' questions with the places of their evidence, by name."""
    return {str(question.id): question for question in read_questions(QUESTIONS)}


def letters() -> list[Path]:
    """All four; the first when the notebooks run as tests."""
    found = sorted(LETTERS.glob("*.pdf"))
    return sampled(found)


def answerable() -> list[Question]:
    """The questions whose evidence is known, and in the letters."""
    known = {letter.name for letter in letters()}
    return sampled(
        [
            question
            for question in questions().values()
            if question.references and {place.document for place in question.references} <= known
        ]
    )


def sampled(found: Sequence[T]) -> list[T]:
    """All of them; one of several when the notebooks run as tests."""
    return list(found[:: int(os.environ.get("NOTEBOOK_TAKES_ONE_IN", "1"))])


def amazon_letters() -> list[Path]:
    """The letters that AWS's sample reads, 2019 to 2022, where `advanced-rag fetch
    amazon-letters` or a developer put them; none if they are not here.
    """
    places = (
        ROOT / "data" / "amazon-letters" / "letters",
        ROOT.parent / "shared" / "data" / "amazon_letters",
    )
    found = [place for place in places if place.is_dir()]
    return sampled(sorted(found[0].glob("AMZN-20[12][0129]-*.pdf"))) if found else []


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> HTML:
    """A table. Everything in it is text: documents and models can't write HTML here."""

    def cells(tag: str, row: Sequence[Any]) -> str:
        aligned = [
            f'<{tag} style="text-align:left;vertical-align:top">{_shown(cell)}</{tag}>'
            for cell in row
        ]
        return f"<tr>{''.join(aligned)}</tr>"

    body = "".join(cells("td", row) for row in rows)
    return HTML(f"<table>{cells('th', heads)}{body}</table>")


def _shown(cell: Any) -> str:
    return html.escape(f"{cell:.3f}" if isinstance(cell, float) else str(cell))


def answered(answer: Answer) -> HTML:
    """An answer as text, how it ended where that isn't well, and its thoughts, folded."""
    parts = [f'<p style="white-space:pre-wrap;max-width:60em">{html.escape(answer.answer)}</p>']
    if answer.finish != "stop":
        note = html.escape(answer.finish_note)
        parts.append(f'<p style="max-width:60em">⚠ <em>{note}</em></p>')
    if answer.thinking:
        thoughts = html.escape(answer.thinking)
        parts.append(f"<details><summary>what it thought before</summary>{thoughts}</details>")
    return HTML("".join(parts))


def briefly(answer: Answer) -> str:
    """An answer for a cell of a table, with how it ended where that isn't well."""
    end = "" if answer.finish == "stop" else f" [{ENDED[answer.finish]}]"
    return answer.answer.strip() + end


def passages(contexts: Sequence[Context], characters: int = 160) -> HTML:
    """Contexts as a table, each with its first words."""
    return table(
        ["", "document", "page", "characters", "leaves", "score", "begins"],
        [
            [
                number,
                context.document.removeprefix("alderquay-").removesuffix(".pdf"),
                context.pages[0] if context.pages else "",
                f"{context.start}–{context.end}",
                context.leaves,
                round(context.score, 2),
                " ".join(context.text.split())[:characters] + "…",
            ]
            for number, context in enumerate(contexts, start=1)
        ],
    )


def kept_and_dropped(text: str, kept: Iterable[tuple[int, int]]) -> HTML:
    """A passage with what compression kept on yellow, and what it dropped in grey."""
    parts, place = [], 0
    for start, end in sorted(kept):
        parts.append(f'<span style="color:#999">{html.escape(text[place:start])}</span>')
        parts.append(
            f'<mark style="background:{KEPT};color:#000">{html.escape(text[start:end])}</mark>'
        )
        place = end
    parts.append(f'<span style="color:#999">{html.escape(text[place:])}</span>')
    return HTML(f'<p style="white-space:pre-wrap;max-width:60em">{"".join(parts)}</p>')


def draw_tree(
    tree: Tree, contexts: Sequence[Context], title: str, axes: Axes | None = None
) -> Axes:
    """A document's tree, a row a level; delivered passages are blue.

    Args:
        tree: as `indexes.hierarchy.build_tree` makes it.
        contexts: passages of this document.
        title: of the picture.
        axes: where to draw.
    """
    if axes is None:
        _, axes = plt.subplots(figsize=(10, 2.2), layout="constrained")
    levels = max(node.level for node in tree.nodes) + 1
    for node in tree.nodes:
        inside = any(c.start <= node.start and node.end <= c.end for c in contexts)
        axes.barh(
            -node.level, node.end - node.start, left=node.start, height=0.9,
            color=FOUND if inside else OTHER, edgecolor="white", linewidth=0.7,
        )  # fmt: skip
    names = ["roots", *("parents" for _ in range(levels - 2)), "leaves"]
    axes.set_yticks([-level for level in range(levels)], names[:levels])
    axes.set_xlabel("characters of the document")
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return axes
