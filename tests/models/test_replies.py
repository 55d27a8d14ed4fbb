"""What a reply says: words, thoughts, and how it ended, of any model and in any pieces."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    TextBlock,
    ThinkingBlock,
)

from indexes.models.replies import Reading, read
from indexes.models.thoughts import Splitter, without_thoughts
from tests.models.stand_in import StandIn
from tests.models.test_refusals import MESSAGES, endpoint, llm_at

HARMONY = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>"
SAID = [
    # as it came, the answer, the thoughts
    ("<think>a b</think>\n\nAnswer [1].", "Answer [1].", "a b"),
    ("We need x.\n</think>\n\nAnswer", "Answer", "We need x.\n"),
    ("  <Thinking>x", "", "x"),
    ("<think>x</think>\n<think>y</think>z", "z", "xy"),
    ("<think>\nhm\n</think>\n[1, 2]", "[1, 2]", "\nhm\n"),
    ("[THINK]q[/THINK]r", "r", "q"),
    ("Plain <b> answer, 1 < 2", "Plain <b> answer, 1 < 2", ""),
    (" a blank before", " a blank before", ""),
    ("ends like a tag </thin", "ends like a tag </thin", ""),
    ("mentions <think> in the middle", "mentions <think> in the middle", ""),
    ("<", "<", ""),
    ("", "", ""),
    # gpt-oss as it is written, and where the server leaves its markers out
    (f"{HARMONY}All is well.<|return|>", "All is well.", "Hm."),
    ("analysisHm.assistantfinalAll is well.", "All is well.", "analysisHm."),
    ("An assistantfinal call.", "An assistantfinal call.", ""),
    ("◁think▷Hm.◁/think▷Yes.", "Yes.", "Hm."),
    ("<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>", "Yes.", "Hm."),
    ("<|channel>thought\nHm.<channel|>Yes.<turn|>\n", "Yes.", "\nHm."),
    # what some servers leave at the end
    ("Yes. </s>\n", "Yes. ", ""),
    ("Yes.<|im_end|>\n<|endoftext|>", "Yes.", ""),
    ("To strike it, write <s>it</s> or </s>.", "To strike it, write <s>it</s> or </s>.", ""),
]


def split(pieces: list[str]) -> tuple[str, str, str]:
    splitter = Splitter()
    streamed = ""
    for piece in pieces:
        found = splitter.add(piece)
        streamed = found.words if found.retracted else streamed + found.words
    streamed += splitter.end().words
    return splitter.text, splitter.thoughts, streamed


@pytest.mark.slow
@pytest.mark.parametrize(("said", "answer", "thoughts"), SAID)
@given(data=st.data())
def test_thoughts_are_parted_from_words_wherever_the_pieces_end(
    said: str, answer: str, thoughts: str, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(said)))))
    places = [0, *cuts, len(said)]
    pieces = [said[first:last] for first, last in pairwise(places)]
    assert split(pieces) == (answer, thoughts, answer)


@pytest.mark.slow
@given(st.lists(st.sampled_from(["<think>", "</think>", "<th", "ink>", "a", " ", "<", "\n"])))
def test_pieces_make_no_difference(pieces: list[str]) -> None:
    assert split(pieces)[:2] == split(["".join(pieces)])[:2]
    assert split(pieces)[0] == without_thoughts("".join(pieces))


def test_a_model_that_goes_on_at_its_end_is_not_kept() -> None:
    splitter = Splitter()
    for piece in ["Yes.", *["<|endoftext|>"] * 200, " "]:
        splitter.add(piece)
        assert len(splitter._held) < 600, "what is held is looked through with every piece"
    splitter.end()
    assert splitter.text == "Yes."


def test_a_model_known_to_think_without_a_tag_streams_no_thoughts_as_words() -> None:
    splitter = Splitter(thinking=True)
    assert splitter.add("We need x.").words == ""
    assert splitter.add("</think> Yes").words == "Yes"
    # When for once it doesn't think, all is answer.
    splitter = Splitter(thinking=True)
    splitter.add("Yes.")
    assert (splitter.end().words, splitter.text, splitter.thoughts) == ("Yes.", "Yes.", "")


def chat(text: str, **fields: Any) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role="assistant", content=text), **fields)


BLOCKS = ChatMessage(role="assistant", blocks=[ThinkingBlock(content="hm"), TextBlock(text="Yes.")])
OPENAI = SimpleNamespace(
    choices=[SimpleNamespace(finish_reason="stop", message=SimpleNamespace(reasoning="hm"))]
)


@pytest.mark.parametrize(
    "response",
    [
        chat("Yes.", additional_kwargs={"thinking": "hm"}),
        chat("Yes.", raw={"choices": [{"message": {"reasoning_content": "hm"}}]}),
        chat("Yes.", raw=OPENAI),
        chat("<think>hm</think>Yes."),
        ChatResponse(message=BLOCKS),
        CompletionResponse(text="<think>hm</think> Yes."),
        ChatResponse(
            message=ChatMessage(
                role="assistant", content="Yes.", additional_kwargs={"reasoning_content": "hm"}
            )
        ),
    ],
)
def test_thoughts_of_a_whole_response_are_found_wherever_they_are(
    response: ChatResponse | CompletionResponse,
) -> None:
    reading = read(response)
    assert (reading.text, reading.thinking) == ("Yes.", "hm")


@pytest.mark.parametrize(
    ("raw", "text", "finish"),
    [
        ({"choices": [{"finish_reason": "stop"}]}, "Yes.", "stop"),
        ({"choices": [{"finish_reason": "length"}]}, "Yes", "length"),
        ({"choices": [{"finish_reason": "length"}]}, "", "thinking"),
        ({"choices": [{"finish_reason": "length"}]}, "<think>hm", "thinking"),
        ({"choices": [{"finish_reason": "content_filter"}]}, "", "broken"),
        ({"stop_reason": "max_tokens"}, "Yes", "length"),
        ({"stopReason": "guardrail_intervened"}, "Sorry", "broken"),
        ({"done_reason": "length"}, "Yes", "length"),
        ({"candidates": [{"finish_reason": "SAFETY"}]}, "", "broken"),
        ({"candidates": [{"finishReason": "MAX_TOKENS"}]}, "Yes", "length"),
        ({}, "Yes.", "stop"),
        (None, "Yes.", "stop"),
    ],
)
def test_how_it_ended_is_read_from_any_providers_word(raw: Any, text: str, finish: str) -> None:
    found, note = read(chat(text, raw=raw)).finish()
    assert found == finish
    assert bool(note) is (finish != "stop")


def test_pieces_of_models_that_tell_all_there_is_so_far() -> None:
    reading = Reading()
    words = [reading.take(chat(text)).words for text in ("All", "All is", "All is well.")]
    assert words == ["All", " is", " well."]


# Our own client


@pytest.mark.slow
async def test_our_models_tell_thoughts_and_words_apart_in_every_way(server: StandIn) -> None:
    for words, thoughts in (
        (["<th", "ink>We ", "need</think>", "\n\nYes", "."], []),
        (["We ", "need</th", "ink>\nYes", "."], []),
        (["Yes", "."], ["We ", "need"]),
    ):
        server.words, server.thoughts, server.finish = words, thoughts, "length"
        llm = llm_at(endpoint(server))
        whole = [llm.chat(MESSAGES), await llm.achat(MESSAGES)]
        assert [(r.message.content, r.additional_kwargs["thinking"]) for r in whole] == [
            ("Yes.", "We need")
        ] * 2
        assert all(r.additional_kwargs["finish_reason"] == "length" for r in whole)
        for stream in (
            list(llm.stream_chat(MESSAGES)),
            [piece async for piece in await llm.astream_chat(MESSAGES)],
        ):
            assert stream[-1].message.content == "Yes."
            # By now it is known that the model thinks without saying so.
            assert "".join(piece.delta or "" for piece in stream) == "Yes."
            told = "".join(piece.additional_kwargs["thinking_delta"] for piece in stream)
            # LlamaIndex drops an asynchronous stream's first piece where it has no content.
            assert told in ("We need", "need")
            assert stream[-1].additional_kwargs["finish_reason"] == "length"
        assert llm.complete("?").text == "Yes."
        assert list(llm.stream_complete("?"))[-1].text == "Yes."


def test_a_first_stream_that_thinks_without_a_tag_takes_back_what_it_said(
    server: StandIn,
) -> None:
    server.words = ["We ", "need</think>", "Yes", "."]
    stream = list(llm_at(endpoint(server)).stream_chat(MESSAGES))
    reading = Reading()
    pieces = [reading.take(response) for response in stream]
    reading.end()
    assert (reading.text, reading.thinking) == ("Yes.", "We need")
    assert [piece.retracted for piece in pieces].count(True) == 1


def test_a_model_that_thinks_gets_room_for_it_before_it_judges(server: StandIn) -> None:
    llm = llm_at(endpoint(server))
    before = llm.constrained({}, 50)["max_tokens"]
    server.thoughts = ["hm"]
    llm.chat(MESSAGES)
    assert llm.constrained({}, 50)["max_tokens"] > before
    llm.chat(MESSAGES, max_tokens=70)
    assert server.seen[-1]["max_tokens"] == 70
