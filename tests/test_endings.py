"""Answers that were cut, spent on thinking or broke off, and thoughts: in the answer object, on
the command line, on the page, in judgements and follow-ups.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from app.page.render.lane import lane, status
from app.page.view import View
from indexes.answering import Answerer
from indexes.answers import Answer, Context, Thought, Word
from indexes.compression.extractor import SentenceExtractor
from indexes.compression.llm_judge import LLMJudge
from indexes.conversation import Condenser, Turn
from indexes.details import AnswerDetails
from indexes.errors import ModelError
from indexes.evaluation.grading import _AnswersOnly
from indexes.lanes import LaneInfo
from indexes.models.given import given_llm
from indexes.settings import load_settings
from indexes.trace import Trace
from tests.fakes import ScriptedLLM, WordEmbedding
from tests.models.stand_in import StandIn
from tests.test_commands import Ran
from tests.test_commands import rag as rag

CONTEXT = Context(
    number=1, document="a.md", start=0, end=22, text="Bosun was sold in 2021.", score=1, level=0
)
QUESTION = "What happened to Bosun?"


class Piecewise(ScriptedLLM):
    """Streams what it is given: a piece, its thoughts, why it ended; or raises."""

    def __init__(self, *pieces: str | Exception, thoughts: Sequence[str] = (), ends: str = ""):
        super().__init__()
        self._pieces = pieces
        self._thoughts = thoughts
        self._ends = ends

    _pieces: tuple[str | Exception, ...] = ()
    _thoughts: Sequence[str] = ()
    _ends: str = ""

    def _words(self, messages: Sequence[ChatMessage]) -> Iterator[ChatResponse]:
        text = ""
        for thought in self._thoughts:
            yield response(text, "", thinking_delta=thought)
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            text += piece
            yield response(text, piece)
        yield response(text, "", **({"finish_reason": self._ends} if self._ends else {}))


def response(text: str, delta: str, **beside: Any) -> ChatResponse:
    message = ChatMessage(role="assistant", content=text)
    return ChatResponse(message=message, delta=delta, additional_kwargs=beside)


def answered(llm: Any) -> tuple[Answer, list[Any]]:
    events = list(Answerer(llm, WordEmbedding()).answer(QUESTION, "parent", [CONTEXT], Trace()))
    assert isinstance(events[-1], Answer)
    return events[-1], events[:-1]


async def aanswered(llm: Any) -> Answer:
    answerer = Answerer(llm, WordEmbedding())
    events = [e async for e in answerer.aanswer(QUESTION, "parent", [CONTEXT], Trace())]
    assert isinstance(events[-1], Answer)
    return events[-1]


# The answer object

ENDS = [
    # what the model does, how the answer ends, its text, its thoughts, a word of the note
    (lambda: Piecewise("Sold [1].", ends="stop"), "stop", "Sold [1].", "", ""),
    (lambda: Piecewise("Sold", ends="length"), "length", "Sold", "", "RAG_MAX_ANSWER_TOKENS"),
    (lambda: Piecewise(thoughts=["[1] says"], ends="length"), "thinking", "", "[1] says",
     "RAG_MAX_ANSWER_TOKENS"),
    (lambda: Piecewise("<think>[1] says"), "thinking", "", "[1] says", "RAG_EXTRA_BODY"),
    (lambda: Piecewise("Sold ", ends="content_filter"), "broken", "Sold ", "", "content filter"),
    (lambda: Piecewise("Sold ", ModelError("it broke")), "broken", "Sold ", "", "it broke"),
    (lambda: Piecewise("Sold ", OSError("gone")), "broken", "Sold ", "", "broke off"),
    (lambda: Piecewise("<think>[1] hm</think>", "Sold."), "stop", "Sold.", "[1] hm", ""),
    (lambda: Piecewise("[1] hm", "</think>", "Sold."), "stop", "Sold.", "[1] hm", ""),
]  # fmt: skip


@pytest.mark.parametrize(("make", "finish", "text", "thinking", "note"), ENDS)
async def test_an_answer_says_how_it_ended_and_keeps_what_came(
    make: Callable[[], Any], finish: str, text: str, thinking: str, note: str
) -> None:
    for answer in (answered(make())[0], await aanswered(make())):
        assert (answer.finish, answer.answer, answer.thinking) == (finish, text, thinking)
        assert note in answer.finish_note
        assert bool(answer.finish_note) is (finish != "stop")
        assert "\n" not in answer.finish_note
        # Passages that are named in thoughts are not cited for it.
        cited = [citation for citation in answer.citations if citation.origin == "model"]
        assert len(cited) == text.count("[1]")
        details = answer.trace.find(AnswerDetails)
        assert details is not None and details.finish == finish


@pytest.mark.parametrize(("read", "told"), [(1024, True), (1500, False), (1023, False), (0, False)])
def test_what_a_server_cut_off_the_prompt_without_a_word_is_told(read: int, told: bool) -> None:
    class Short(Piecewise):
        def _words(self, messages: Sequence[ChatMessage]) -> Iterator[ChatResponse]:
            yield response("Sold [1].", "Sold [1].")
            last = response("Sold [1].", "")
            yield last.model_copy(update={"raw": {"usage": {"prompt_tokens": read}}})

    text = "Bosun was sold in 2021. " * 200
    long = CONTEXT.model_copy(update={"text": text, "end": len(text), "tokens": 1400})
    events = Answerer(Short(), WordEmbedding()).answer(QUESTION, "parent", [long], Trace())
    answer = list(events)[-1]
    assert isinstance(answer, Answer)
    details = answer.trace.find(AnswerDetails)
    assert details is not None
    assert ("OLLAMA_CONTEXT_LENGTH" in details.left_out) is told


def test_a_model_that_fails_before_its_first_word_is_an_error() -> None:
    with pytest.raises(ModelError):
        answered(Piecewise(ModelError("it broke")))
    with pytest.raises(ModelError):
        answered(Piecewise(ModelError("it broke"), thoughts=["hm"]))


def test_the_first_word_is_the_answers() -> None:
    answer, events = answered(Piecewise("Sold.", thoughts=["h", "m"]))
    assert events == [Thought("h"), Thought("m"), Word("Sold.")]
    answer, _ = answered(Piecewise("<think>hm"))
    details = answer.trace.find(AnswerDetails)
    assert details is not None and details.first_word_seconds is None


# Models of LangChain


class Reasoning(GenericFakeChatModel):
    """LangChain's fake, with thoughts as DeepSeek's integration has them."""


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("Sold [1].", additional_kwargs={"reasoning_content": "hm"}),
        AIMessage([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Sold [1]."}]),
        AIMessage(
            [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "Sold [1]."}]
        ),
        AIMessage("<think>hm</think>Sold [1]."),
    ],
)
def test_thoughts_of_langchains_models_are_kept_apart(message: AIMessage) -> None:
    message.response_metadata = {"finish_reason": "length"}
    model: BaseChatModel = Reasoning(messages=iter([message]))
    llm = given_llm(model)
    assert llm is not None
    from indexes.models.replies import read

    said = read(llm.chat([ChatMessage(role="user", content="?")]))
    assert (said.text, said.thinking, said.finish()[0]) == ("Sold [1].", "hm", "length")


# Judges, follow-ups, graders


def test_a_judge_does_not_read_thoughts() -> None:
    llm = ScriptedLLM()
    llm.enqueue("<think> Sentences 1 and 2 help. </think> [2]")
    nodes = [NodeWithScore(node=TextNode(text="One is here. Two is there. Three is far."), score=1)]
    kept = SentenceExtractor(LLMJudge(llm)).postprocess_nodes(nodes, QueryBundle("two?"))
    assert "Two is there." in kept[0].text
    assert "One is here." not in kept[0].text


def test_a_follow_up_is_rewritten_without_thoughts() -> None:
    llm = ScriptedLLM()
    llm.enqueue("<think> Who is she? </think> What did Mary Bosun cost?")
    turns = [Turn(question="Who is Mary Bosun?", answer="A robot.")]
    assert Condenser(llm).condense("What did she cost?", turns) == "What did Mary Bosun cost?"


async def test_a_grader_is_not_heard_thinking() -> None:
    llm = ScriptedLLM()
    llm.enqueue("<think> YES or no? </think> NO", "<think> YES? </think> NO")
    plain = _AnswersOnly(llm)
    messages = [ChatMessage(role="user", content="?")]
    assert plain.chat(messages).message.content == "NO"
    assert plain.complete("?").text.strip() == "NO"


# The command line


def command(
    rag: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, llm: Any
) -> Callable[..., Ran]:
    assert rag("ingest", "lighthouse.txt").code == 0
    monkeypatch.setattr("indexes.index.build_llm", lambda _: llm)
    return rag


@pytest.mark.slow
@pytest.mark.parametrize(("make", "finish", "text", "thinking", "note"), ENDS)
def test_the_command_line_says_how_an_answer_ended(
    rag: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[], Any],
    finish: str,
    text: str,
    thinking: str,
    note: str,
) -> None:
    ask = command(rag, monkeypatch, make())
    code = 1 if finish in ("broken", "thinking") else 0
    ran = ask("ask", "Who winds the lamp?", "--json")
    printed = json.loads(ran.out)
    assert (ran.code, printed["finish"], printed["answer"]) == (code, finish, text)
    assert printed["thinking"] == thinking
    assert note in ran.err
    ran = ask("ask", "Who winds the lamp?")
    assert ran.code == code and text in ran.out
    assert note in ran.err
    if thinking and text:
        assert "--verbose" in ran.out
        assert thinking in ask("ask", "Who winds the lamp?", "--verbose").out


# The page

INFO = LaneInfo(name="parent", summary="it does", what="it does")


@pytest.mark.parametrize(("make", "finish", "text", "thinking", "note"), ENDS)
def test_the_page_says_how_an_answer_ended_and_folds_thoughts(
    make: Callable[[], Any], finish: str, text: str, thinking: str, note: str
) -> None:
    answer, _ = answered(make())
    view = View(
        phase="done", text=answer.answer, thinking=answer.thinking, answer=answer,
        contexts=tuple(answer.contexts), question=QUESTION, pattern="parent",
    )  # fmt: skip
    shown = lane(view, INFO)
    assert ("<details" in shown) is bool(thinking)
    assert note in shown
    ended = {"length": "cut short", "thinking": "no answer, only thinking", "broken": "broke off"}
    assert status(view) == ended.get(finish, "done")


def test_thoughts_on_the_page_are_text() -> None:
    view = View(phase="writing", thinking="<script>alert(1)</script>")
    assert "<script>" not in lane(view, INFO)
    assert status(view) == "thinking"


# End to end, on an endpoint


@pytest.mark.slow
async def test_a_stream_that_dies_keeps_what_came(tmp_path: Path) -> None:
    from indexes.index import HierarchicalIndex

    with StandIn() as server, StandIn() as other:
        settings = load_settings(
            index=str(tmp_path / "index"), provider="openai", base_url=server.url,
            llm_model="m", embedding_base_url=other.url, embedding_model="e", cache=tmp_path,
            budget=120, levels=(96, 48, 24),
        )  # fmt: skip
        (tmp_path / "a.md").write_text("Bosun was sold in 2021. " * 20)
        with HierarchicalIndex(settings) as index:
            index.ingest([tmp_path / "a.md"])
            server.behaviour = "dies"
            answer = index.ask(QUESTION, "regular")
            assert (answer.finish, answer.answer) == ("broken", "All")
            assert "broke off in the middle" in answer.finish_note
            answer = await index.aask(QUESTION, "regular")
            assert (answer.finish, answer.answer) == ("broken", "All")
