"""A document becomes a tree: exact offsets, tiling levels, stable ids, true links."""

from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.schema import Document, NodeRelationship
from llama_index.core.utils import get_tokenizer

from indexes.documents import load_document
from indexes.documents.assembly import assemble
from indexes.documents.blocks import Code, Paragraph, table_of
from indexes.documents.extracted import HeadingSpan, Structure
from indexes.errors import SettingsError
from indexes.hierarchy import TreeNodeParser
from indexes.namespace import ours
from indexes.tokens import count_tokens, token_starts
from indexes.tree import Tree, build_tree

LEVELS = (64, 32, 16)

hostile_text = st.one_of(
    st.text(),
    st.text(alphabet="ab .\n\r\t", max_size=2000),
    st.text(alphabet="日本語。！、😀👨‍👩‍👧é", max_size=400),
    st.lists(st.sampled_from(["| a | b |\r\n", "# Heading\n", "- item\n", "Word. ", "\n\n"])).map(
        "".join
    ),
)


def tree_of(text: str, levels: tuple[int, ...] = LEVELS) -> Tree:
    return build_tree(text, document_id="d", version="v", levels=levels)


def assert_is_a_tree(tree: Tree, text: str, levels: tuple[int, ...]) -> None:
    assert "".join(text[leaf.start : leaf.end] for leaf in tree.leaves) == text
    for place, node in enumerate(tree.nodes):
        assert node.tokens <= levels[node.level] or node.end - node.start == 1
        children = [child for child in tree.nodes if child.parent == place]
        if node.level == len(levels) - 1:
            assert not children
            continue
        assert len(children) > 1
        assert [children[0].start, children[-1].end] == [node.start, node.end]
        assert all(left.end == right.start for left, right in pairwise(children))
        covered = tree.leaves[slice(*node.leaves)]
        assert [covered[0].start, covered[-1].end] == [node.start, node.end]
    spans = [(node.start, node.end) for node in tree.nodes]
    assert len(set(spans)) == len(spans), "a node repeats its only child"


@pytest.mark.slow
@given(hostile_text)
@settings(max_examples=150)
def test_any_text_is_tiled_at_every_level(text: str) -> None:
    assert_is_a_tree(tree_of(text), text, LEVELS)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_000,
        "word " * 5_000,
        "Line one.\r\nLine two.\r\n\r\n" * 200,
        "| year | revenue |\n|---|---|\n" + "| 2021 | 4.2 |\n" * 300,
        "没有空格的长句子。" * 500,
        " " * 3000,
        "a\ud800b" * 500,
        "word " * 4000 + "x" * 20_000,
    ],
    ids=[
        "one word",
        "no sentences",
        "CRLF",
        "table",
        "Chinese",
        "spaces",
        "lone surrogates",
        "neither sentences nor words",
    ],
)
def test_awkward_texts_are_tiled_too(text: str) -> None:
    assert_is_a_tree(tree_of(text), text, LEVELS)


def test_cuts_prefer_paragraphs_then_sentences_then_words() -> None:
    paragraph = "One sentence stands here. Another one follows it closely. "
    text = "\n\n".join([paragraph * 2] * 8)
    for leaf in tree_of(text, (60,)).leaves[1:]:
        assert text[leaf.start - 2 : leaf.start] == "\n\n"
    for leaf in tree_of(paragraph * 40, (40,)).leaves[1:]:
        assert (paragraph * 40)[leaf.start :].startswith(("One sentence", "Another one"))
    for leaf in tree_of("word " * 400, (40,)).leaves:
        assert ("word " * 400)[leaf.start : leaf.end].startswith("word")


def test_a_parent_is_divided_without_a_stub_at_its_end() -> None:
    tokens = [leaf.tokens for leaf in tree_of("word " * 100, (60,)).leaves]
    assert max(tokens) - min(tokens) <= 2


def test_a_heading_stays_with_what_it_heads() -> None:
    section = "A heading\n\n" + "Plain words fill this section. " * 5 + "\n\n"
    text = section * 8
    for leaf in tree_of(text, (48,)).leaves:
        assert not text[: leaf.end].rstrip().endswith("heading")


def test_a_short_document_is_a_single_leaf_without_parents() -> None:
    tree = tree_of("Just this.")
    assert [(node.level, node.parent) for node in tree.nodes] == [(2, None)]


def test_the_empty_text_has_no_nodes() -> None:
    assert tree_of("").nodes == ()


def test_ids_depend_on_document_version_and_place_only() -> None:
    text = "Some words in a row. " * 40
    ids = [node.id for node in tree_of(text).nodes]
    assert ids == [node.id for node in tree_of(text).nodes]
    assert len(set(ids)) == len(ids)
    other = build_tree(text, document_id="d", version="w", levels=LEVELS)
    assert not {node.id for node in other.nodes} & set(ids)


def test_headings_are_told_without_the_marks_of_markdown(tmp_path: Path) -> None:
    file = tmp_path / "guide.md"
    file.write_text("Guide\n=====\n\n## Network ##\n\n" + "A cable. " * 30, encoding="utf-8")
    document = load_document(file)
    structure = Structure.of(ours(document.metadata)["structure"], len(document.text))
    tree = build_tree(
        document.text, document_id="d", version="v", levels=LEVELS, structure=structure
    )
    assert tree.headings[-1] == "Guide › Network"


def test_leaves_know_the_headings_above_them() -> None:
    filler = "Plain words fill the section. " * 12
    text = f"# Guide\n{filler}\n## Network\n{filler}\n```\n# no heading\n```\n# Usage\n{filler}"
    marks = [("Guide", 1), ("Network", 2), ("Usage", 1)]
    headings = [
        HeadingSpan(text.index(title), text.index(title) + len(title), level)
        for title, level in marks
    ]
    structure = Structure(headings=tuple(headings))
    tree = build_tree(text, document_id="d", version="v", levels=(64, 24), structure=structure)
    assert {"Guide", "Guide › Network", "Usage"} <= set(tree.headings)
    for leaf, path in zip(tree.leaves, tree.headings, strict=True):
        if leaf.start > text.index("Usage"):
            assert path == "Usage"


def test_a_table_is_cut_between_rows_and_remembers_its_header() -> None:
    rows = [[f"Depot {n}", str(n), "", "The keeper lives there. So does a cat."] for n in range(60)]
    table = table_of([["Depot", "Boats", "Cars", "Remarks"], *rows])
    assert table is not None
    found = assemble([Paragraph("All depots."), table, Paragraph("The end.")], max_characters=9999)
    tree = build_tree(
        found.text, document_id="d", version="v", levels=LEVELS, structure=found.structure
    )
    assert "".join(found.text[leaf.start : leaf.end] for leaf in tree.leaves) == found.text
    (span,) = found.structure.tables
    inside = [leaf for leaf in tree.leaves if span.start < leaf.start < span.end]
    assert len(inside) > 20
    assert all(leaf.start in span.rows for leaf in inside)
    assert all(leaf.tokens <= 2 * LEVELS[-1] for leaf in tree.leaves)
    for leaf, header in zip(tree.leaves, tree.headers, strict=True):
        expected = "Depot | Boats | Cars | Remarks" if leaf in inside else ""
        assert header == expected


def test_lines_of_code_stay_whole() -> None:
    code = "\n".join(f"    total = total + prices[{n}]. Count the rest. {n}" for n in range(20))
    found = assemble([Paragraph("Example."), Code(code)], max_characters=9999)
    tree = build_tree(
        found.text, document_id="d", version="v", levels=(24,), structure=found.structure
    )
    ((start, end),) = found.structure.code
    for leaf in tree.leaves:
        if start < leaf.start < end:
            assert found.text[leaf.start - 1] == "\n"


def test_a_wide_gap_makes_no_chunks() -> None:
    text = "A picture stood here:" + " " * 50_000 + "and words go on."
    assert [leaf.end for leaf in tree_of(text).leaves] == [len(text)]


def test_the_tree_of_another_version_has_other_ids_only() -> None:
    text = "Some words in a row. " * 40
    named = tree_of(text).named("e", "w")
    assert named == build_tree(text, document_id="e", version="w", levels=LEVELS)


@pytest.mark.slow
@given(hostile_text)
@settings(max_examples=100)
def test_token_starts_agree_with_the_token_count(text: str) -> None:
    starts = token_starts(text)
    assert starts.tolist() == sorted(starts.tolist())
    assert all(0 <= start < len(text) for start in starts)
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert len(starts) == count_tokens(text)


# Words, digits, blanks and signs, and what joins them in odd ways.
_PIECES = [
    "the",
    "shall",
    "Don't",
    "'tis",
    "x'LL",
    "we'Ve",
    "'s",
    "'ſ",
    "ſt",
    "é",
    "naïve",
    "ß",
    "ª",
    "½x",
    "m²",
    "1",
    "23",
    "4567",
    "12a3",
    "_",
    "-",
    "--",
    "!?",
    ".",
    "…",
    "—",
    "“",
    "”",
    "’s",
    "€",
    "™",
    "→",
    "■",
    "中文",
    "ا",
    "😀",
    "<|endoftext|>",
]
_GAPS = [
    " ",
    "  ",
    "\n",
    "\r\n",
    "\n\n ",
    "\t",
    "\x0b",
    "\x1c",
    "\x85",
    "\xa0",
    "\u2003",
    "\u200b",
    "",
]


@pytest.fixture(scope="module")
def tiktoken_cl100k() -> Any:
    get_tokenizer()  # points it at the vocabulary that llama-index-core carries
    return tiktoken.get_encoding("cl100k_base")


@pytest.mark.slow
@given(pieces=st.lists(st.tuples(st.sampled_from(_PIECES), st.sampled_from(_GAPS)), max_size=60))
@settings(max_examples=300, deadline=None)
def test_tokens_are_those_of_openai_s_own_encoder(
    tiktoken_cl100k: Any, pieces: list[tuple[str, str]]
) -> None:
    text = "".join(chain.from_iterable(pieces))
    tokens = tiktoken_cl100k.encode(text, disallowed_special=())
    assert token_starts(text).tolist() == tiktoken_cl100k.decode_with_offsets(tokens)[1]
    assert count_tokens(text) == len(tokens)


def test_llamaindex_nodes_carry_offsets_and_true_links() -> None:
    document = Document(text="A sentence about trees. " * 60, id_="trees", metadata={"year": 2021})
    nodes = TreeNodeParser(levels=LEVELS).get_nodes_from_documents([document])
    by_id = {node.node_id: node for node in nodes}
    for node in nodes:
        assert document.text[node.start_char_idx : node.end_char_idx] == node.text
        assert node.ref_doc_id == "trees"
        assert node.metadata["year"] == 2021
        if node.parent_node:
            siblings = by_id[node.parent_node.node_id].child_nodes
            assert node.node_id in [child.node_id for child in siblings]
        if node.next_node:
            following = by_id[node.next_node.node_id]
            assert following.start_char_idx == node.end_char_idx
            assert following.prev_node.node_id == node.node_id
    inner = [node for node in nodes if node.child_nodes]
    assert {ours(node.metadata)["level"] for node in inner} == {0, 1}
    linked = [node for node in nodes if NodeRelationship.NEXT in node.relationships]
    assert {ours(node.metadata)["level"] for node in linked} == {0, 1, 2}


@pytest.mark.parametrize("levels", [(32, 128), (128, 128), (0,), (), ("a",), None, 128])
def test_chunk_sizes_that_make_no_hierarchy_are_refused(levels: Any) -> None:
    with pytest.raises(SettingsError, match=r"^levels=.*: (give|each level)"):
        TreeNodeParser(levels=levels)
