"""Nodes are cut into sentences and put together again without losing a character's place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.schema import NodeWithScore, TextNode

from indexes.compression.budget import fit
from indexes.compression.passages import LONGEST_SENTENCE, Passage, judged_spans
from indexes.namespace import OURS, ours
from indexes.tokens import count_tokens
from tests.compression.passages import DOCUMENT, check_verbatim, node, nodes


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in judged_spans(text)]


def test_abbreviations_lists_tables_and_other_scripts_are_cut_where_people_would() -> None:
    found = sentences(DOCUMENT)
    assert "It cost $41 million, e.g. for its arms." in found
    assert "| Year | Spent |\n|---|---|" in found
    assert "| 2019 | 12 |" in found
    assert "1. The arms were sold" in found
    assert "- nobody was dismissed" in found
    assert "ボースンは倉庫ロボットでした。" in found


def test_text_without_full_stops_is_divided() -> None:
    for text in ("word " * 500, "wörter, " * 500, "語" * 800, "x" * 3000):
        found = sentences(text)
        assert len(found) > 2
        assert all(count_tokens(piece) <= 1.6 * LONGEST_SENTENCE for piece in found)
        assert "".join("".join(found).split()) == "".join(text.split())


def test_what_says_nothing_alone_goes_with_its_neighbour() -> None:
    assert sentences("• \nBosun cost $41 million.") == ["• \nBosun cost $41 million."]
    assert sentences("It was stopped. \n—\n") == ["It was stopped. \n—"]
    assert sentences("—") == ["—"]


@given(st.text(max_size=400))
def test_sentences_ascend_and_leave_out_white_space_only(text: str) -> None:
    spans = judged_spans(text)
    left, place = "", 0
    for start, end in spans:
        assert place <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        left += text[place:start]
        place = end
    assert not (left + text[place:]).strip()


def test_offsets_of_a_node_are_its_documents() -> None:
    (passage,) = [Passage.of(n) for n in nodes() if n.node.node_id == "n200"]
    assert all(
        DOCUMENT[start:end] == passage.slice((start, end)) for start, end in passage.sentences
    )


def test_a_node_that_tells_no_offsets_counts_from_its_own_beginning() -> None:
    passage = Passage.of(NodeWithScore(node=TextNode(text="One. Two.")))
    assert passage.sentences == ((0, 4), (5, 9))


def test_what_is_kept_has_the_same_identity_and_leaves_the_input_alone() -> None:
    original = node("One. Two. Three.", 100, id="kept", score=0.25)
    before = original.model_dump()
    passage = Passage.of(original)
    kept = passage.kept(passage.joined([0, 2]))
    assert original.model_dump() == before
    assert kept.node.get_content() == "One. … Three."
    assert ours(kept.node.metadata)["spans"] == [[100, 104], [110, 116]]
    assert (kept.node.node_id, kept.score) == ("kept", 0.25)
    assert (ours(kept.node.metadata)["start"], ours(kept.node.metadata)["end"]) == (100, 116)
    assert OURS in kept.node.excluded_llm_metadata_keys


def test_neighbours_are_joined_with_what_stands_between_them() -> None:
    passage = Passage.of(node("One.  \n Two. Three."))
    assert passage.text_of(passage.joined([0, 1])) == "One.  \n Two."


def test_a_compressed_node_can_be_compressed_again() -> None:
    passage = Passage.of(node("One. Two. Three. Four.", 100))
    once = Passage.of(passage.kept(passage.joined([0, 2, 3])))
    assert once.sentences == ((100, 104), (110, 116), (117, 122))
    again = once.kept(once.joined([0, 1]))
    assert again.node.get_content() == "One. … Three."
    assert ours(again.node.metadata)["spans"] == [[100, 104], [110, 116]]


def test_spans_that_are_not_of_this_text_are_not_believed() -> None:
    for spans in ([[0, 3]], [[0, 4], [2, 1]], "0-4", [["a", "b"]], [[-1, 8]]):
        odd = node("One. Two.", 5)
        ours(odd.node.metadata)["spans"] = spans
        assert Passage.of(odd).sentences == ((5, 9), (10, 14))


@pytest.mark.slow
@given(st.integers(1, 120), st.integers(20, 200))
def test_a_budget_is_kept_and_what_fits_is_verbatim(budget: int, size: int) -> None:
    fitting, _, tokens = fit(nodes(size=size), budget)
    assert tokens == sum(count_tokens(one.node.get_content()) for one in fitting) <= budget
    check_verbatim([Passage.of(one).kept(Passage.of(one).whole) for one in fitting])


def test_a_budget_too_small_for_a_sentence_takes_the_words_that_fit() -> None:
    (fitting,), _, tokens = fit([node("Bosun was a warehouse robot of the second kind.")], 4)
    assert fitting.node.get_content() == "Bosun was"
    assert tokens <= 4
