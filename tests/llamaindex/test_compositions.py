"""LlamaIndex's own parts around ours, as its users put them together."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import QueryBundle, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
)
from llama_index.core.chat_engine import CondensePlusContextChatEngine, CondenseQuestionChatEngine
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.llms import MockLLM
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.postprocessor import (
    LLMRerank,
    LongContextReorder,
    MetadataReplacementPostProcessor,
    SentenceEmbeddingOptimizer,
    SimilarityPostprocessor,
)
from llama_index.core.query_engine import (
    CitationQueryEngine,
    RetrieverQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.retrievers import (
    QueryFusionRetriever,
    RecursiveRetriever,
    RouterRetriever,
    TransformRetriever,
)
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import IndexNode, MetadataMode, NodeWithScore
from llama_index.core.selectors import EmbeddingSingleSelector
from llama_index.core.tools import QueryEngineTool, RetrieverTool
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters
from pydantic import Field, PrivateAttr

from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.namespace import OURS
from tests.fakes import ScriptedLLM, WordEmbedding
from tests.llamaindex.conftest import QUESTION

# LlamaIndex's memories leave their databases to the garbage collector, and its agents read
# models' fields by a name that pydantic has renamed.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def what_stands_is_left_alone() -> None:
    """Nothing that other tests keep is looked through for garbage, 38 times."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def their_garbage_is_collected_here(what_stands_is_left_alone: None) -> Iterator[None]:
    """Where its warnings are expected, and not in whatever test runs next."""
    yield
    gc.collect()


class Chatting(ScriptedLLM):
    """A scripted model that says it is one for chats, so that it is asked by messages."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="chatting", is_chat_model=True)


def documents_of(nodes: Sequence[NodeWithScore]) -> list[str | None]:
    return [node.node.ref_doc_id for node in nodes]


def only(topic_year: int) -> MetadataFilters:
    return MetadataFilters(filters=[MetadataFilter(key="year", value=topic_year)])


# Query engines


@pytest.mark.slow
def test_a_router_chooses_among_our_engines(
    filled: HierarchicalIndex, embedding: WordEmbedding
) -> None:
    tools = [
        QueryEngineTool.from_defaults(
            filled.query_engine("parent", filters=only(2021)), name="h", description="the harbour"
        ),
        QueryEngineTool.from_defaults(
            filled.query_engine("regular", filters=only(2022)), name="o", description="the orchard"
        ),
    ]
    router = RouterQueryEngine.from_defaults(
        tools, llm=MockLLM(), selector=EmbeddingSingleSelector.from_defaults(embedding)
    )
    response = router.query("what of the orchard")
    assert set(documents_of(response.source_nodes)) == {"orchard"}
    assert response.metadata[OURS]["pattern"] == "regular"


@pytest.mark.slow
def test_sub_questions_are_asked_of_our_engines(
    filled: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    questions = (
        '```json\n{"items": [{"sub_question": "And the harbour?", "tool_name": "notes"}, '
        '{"sub_question": "And the volcano?", "tool_name": "notes"}]}\n```'
    )
    llm.enqueue(questions, "The harbour does.", "The volcano does.", "Both do.")
    tool = QueryEngineTool.from_defaults(
        filled.query_engine("parent"), name="notes", description="notes"
    )
    engine = SubQuestionQueryEngine.from_defaults(
        [tool],
        question_gen=LLMQuestionGenerator.from_defaults(llm=llm),
        response_synthesizer=get_response_synthesizer(
            llm=llm, response_mode=ResponseMode.SIMPLE_SUMMARIZE
        ),
        llm=llm,
        verbose=False,
        use_async=False,
    )
    response = engine.query("Compare harbour and volcano")
    assert str(response) == "Both do."
    assert {"harbour", "volcano"} <= {*documents_of(response.source_nodes)}


@pytest.mark.slow
@pytest.mark.parametrize("include_original", [False, True])
async def test_hyde_decides_what_is_embedded(
    filled: HierarchicalIndex, embedding: WordEmbedding, include_original: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked: list[str] = []
    real = WordEmbedding._embed
    monkeypatch.setattr(
        WordEmbedding,
        "_get_query_embedding",
        lambda self, text: asked.append(text) or real(self, text),
    )
    invented = ScriptedLLM()
    invented.enqueue("The volcano keeper.", "The volcano keeper.", "The volcano keeper.")
    hyde = HyDEQueryTransform(llm=invented, include_original=include_original)
    engine = TransformQueryEngine(filled.query_engine("regular", search="dense"), hyde)
    response = engine.query("Who?")
    assert documents_of(response.source_nodes)[0] == "volcano"
    searched = ["The volcano keeper.", *(["Who?"] if include_original else [])]
    assert asked == searched
    asked.clear()
    found = TransformRetriever(filled.retriever("regular", search="dense"), hyde).retrieve("Who?")
    assert documents_of(found)[0] == "volcano"
    assert asked == searched
    awaited = await engine.aquery("Who?")
    assert documents_of(awaited.source_nodes) == documents_of(response.source_nodes)


@pytest.mark.slow
def test_a_question_may_bring_its_vector_or_other_texts(
    filled: HierarchicalIndex, embedding: WordEmbedding
) -> None:
    retriever = filled.retriever("parent", search="dense")
    asked = QueryBundle("zzz", custom_embedding_strs=["the volcano keeper", "volcano facts"])
    assert documents_of(retriever.retrieve(asked))[0] == "volcano"
    assert asked.embedding is None, "the caller's question is left as it was"
    vector = embedding.get_query_embedding("the orchard keeper")
    found = retriever.retrieve(QueryBundle("", embedding=vector))
    assert documents_of(found)[0] == "orchard"


@pytest.mark.slow
def test_stock_engines_take_our_retriever(filled: HierarchicalIndex, llm: ScriptedLLM) -> None:
    stock = RetrieverQueryEngine.from_args(filled.retriever("parent+extract"), llm=llm)
    assert documents_of(stock.query(QUESTION).source_nodes)[0] == "harbour"
    citing = CitationQueryEngine.from_args(
        index=VectorStoreIndex([], embed_model=WordEmbedding()),
        retriever=filled.retriever("parent"),
        llm=MockLLM(max_tokens=5),
    )
    assert citing.query(QUESTION).source_nodes


# Retrievers


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(FUSION_MODES))
@pytest.mark.parametrize("use_async", [False, True])
def test_fusion_joins_our_retrievers(
    filled: HierarchicalIndex, mode: FUSION_MODES, use_async: bool
) -> None:
    fused = QueryFusionRetriever(
        [filled.retriever("parent"), filled.retriever("regular")],
        llm=MockLLM(max_tokens=10),
        mode=mode,
        num_queries=1,
        similarity_top_k=5,
        use_async=use_async,
    )
    found = fused.retrieve(QUESTION)
    assert documents_of(found)[0] == "harbour"
    assert len({node.node.node_id for node in found}) == len(found)


@pytest.mark.slow
def test_a_router_chooses_among_our_retrievers(
    filled: HierarchicalIndex, embedding: WordEmbedding
) -> None:
    tools = [
        RetrieverTool.from_defaults(filled.retriever(filters=only(2021)), description="harbour"),
        RetrieverTool.from_defaults(filled.retriever(filters=only(2023)), description="volcano"),
    ]
    router = RouterRetriever(EmbeddingSingleSelector.from_defaults(embedding), tools, llm=MockLLM())
    assert set(documents_of(router.retrieve("volcano"))) == {"volcano"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["query_engine", "retriever"])
async def test_a_recursive_retriever_enters_ours(
    filled: HierarchicalIndex, embedding: WordEmbedding, kind: str
) -> None:
    top = VectorStoreIndex(
        [IndexNode(text="notes of harbours", index_id="notes")], embed_model=embedding
    ).as_retriever()
    if kind == "retriever":
        recursive = RecursiveRetriever(
            "top", retriever_dict={"top": top, "notes": filled.retriever("parent")}
        )
    else:
        recursive = RecursiveRetriever(
            "top",
            retriever_dict={"top": top},
            query_engine_dict={"notes": filled.query_engine("parent")},
        )
    found = recursive.retrieve(QUESTION)
    assert found
    assert len(await recursive.aretrieve(QUESTION)) == len(found)
    # What a synthesizer reads of it is the answer, or the passage: not a trace.
    read = found[0].node.get_content(MetadataMode.LLM)
    assert "trace" not in read
    assert ("Scripted answer [1]." if kind == "query_engine" else "harbour") in read


HANDBOOK = """# Handbook

## Fees

| berth | fee |
|---|---|
""" + "".join(f"| berth {n} by the sluice | {n} crowns |\n" for n in range(40))


@pytest.mark.slow
def test_stock_synthesizers_read_headings_and_header_of_a_table_that_a_passage_is_cut_from(
    index: HierarchicalIndex, llm: ScriptedLLM, tmp_path: Path
) -> None:
    file = tmp_path / "handbook.md"
    file.write_text(HANDBOOK, encoding="utf-8")
    index.ingest(file)
    (found,) = index.retrieve("berth 33", "regular", top_k=1, budget=64)[0]
    assert "berth 33" in found.text and "| fee |" not in found.text
    engine = RetrieverQueryEngine.from_args(
        index.retriever("regular", top_k=1, budget=64), llm=llm, response_mode="compact"
    )
    (node,) = engine.query("What is the fee of berth 33?").source_nodes
    shown = llm.prompts[-1]
    assert "heading: Handbook › Fees\nheader: | berth | fee |" in shown
    assert f"\n\n{found.text.strip()}" in shown
    # What it is and where it is stay as they were.
    assert node.text == HANDBOOK[node.node.start_char_idx : node.node.end_char_idx]
    assert node.node.get_content(MetadataMode.NONE) == node.text
    assert set(node.metadata) == {"title", "source", "file_name", OURS}
    # And so does ours.
    index.ask("What is the fee of berth 33?", "regular", top_k=1, budget=64)
    assert "] Handbook › Fees\n| berth | fee |" in llm.prompts[-1]


# Postprocessors


@pytest.mark.slow
def test_stock_postprocessors_work_on_our_passages(
    filled: HierarchicalIndex, embedding: WordEmbedding, llm: ScriptedLLM
) -> None:
    found = filled.retriever("regular").retrieve(QUESTION)
    shortened = SentenceEmbeddingOptimizer(
        embed_model=embedding,
        percentile_cutoff=0.5,
        tokenizer_fn=lambda text: text.split(". "),
    ).postprocess_nodes([node.model_copy(deep=True) for node in found], query_str=QUESTION)
    assert len(shortened) == len(found)
    llm.enqueue("Doc: 2, Relevance: 9\nDoc: 1, Relevance: 5")
    ranked = LLMRerank(llm=llm, top_n=2).postprocess_nodes(found, query_str=QUESTION)
    assert [node.node.node_id for node in ranked] == [
        found[1].node.node_id,
        found[0].node.node_id,
    ]
    for kept in (
        LongContextReorder(),
        SimilarityPostprocessor(similarity_cutoff=0.0),
        MetadataReplacementPostProcessor(target_metadata_key="window"),
    ):
        engine = filled.query_engine("regular", node_postprocessors=[kept])
        assert len(engine.query(QUESTION).source_nodes) == len(found)


# Conversations


@pytest.mark.slow
def test_a_chat_engine_condenses_and_streams(filled: HierarchicalIndex) -> None:
    llm = Chatting()
    llm.enqueue("The keeper.", "What does the volcano keeper do?", "It watches.")
    chat = filled.as_chat_engine(pattern="parent", llm=llm, system_prompt="Be brief.")
    assert isinstance(chat, CondensePlusContextChatEngine)
    assert str(chat.chat("Who keeps the harbour?")) == "The keeper."
    streamed = chat.stream_chat("And the volcano?")
    assert "".join(streamed.response_gen) == "It watches."
    assert documents_of(streamed.source_nodes)[0] == "volcano"


@pytest.mark.slow
async def test_a_chat_engine_streams_asynchronously(filled: HierarchicalIndex) -> None:
    llm = Chatting()
    llm.enqueue("The keeper.")
    streamed = await filled.as_chat_engine(llm=llm).astream_chat("Who keeps the harbour?")
    assert "".join([word async for word in streamed.async_response_gen()]) == "The keeper."


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["best", "context", "condense_question", "simple"])
def test_every_chat_mode_answers(filled: HierarchicalIndex, llm: ScriptedLLM, mode: Any) -> None:
    chat = filled.as_chat_engine(mode, budget=64, chat_history=[])
    assert str(chat.chat("Who keeps the harbour?")) == "Scripted answer [1]."
    assert str(chat.chat("And the volcano?")) == "Scripted answer [1]."


@pytest.mark.slow
def test_condensed_questions_stream_from_our_engine(
    filled: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    chat = CondenseQuestionChatEngine.from_defaults(filled.query_engine("parent"), llm=llm)
    llm.enqueue("The keeper [1].")
    assert "".join(chat.stream_chat("Who?").response_gen).strip() == "The keeper [1]."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "options", "message"),
    [
        ("react", {}, "QueryEngineTool"),
        ("fast", {}, "choose one of best, condense_plus_context"),
        ("simple", {"context_prompt": "{context_str}"}, "mode simple takes none"),
        ("best", {"similarity_top_k": 3}, "'similarity_top_k' here"),
        ("best", {"memory": "none"}, "memory="),
    ],
)
def test_chat_options_that_mean_nothing_are_refused(
    filled: HierarchicalIndex, mode: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        filled.as_chat_engine(mode, **options)


# Agents


class ToolCaller(FunctionCallingLLM):
    """Calls the tool `notes` once, then answers."""

    _called: int = PrivateAttr(default=0)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="caller", is_function_calling_model=True)

    def _prepare_chat_with_tools(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {"messages": kwargs.get("chat_history") or []}

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        if response.message.content:
            return []
        asked = {"input": "the harbour keeper"}
        return [ToolSelection(tool_id="1", tool_name="notes", tool_kwargs=asked)]

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        self._called += 1
        said = "" if self._called == 1 else "The keeper does."
        return ChatResponse(message=ChatMessage(role="assistant", content=said), delta=said)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self.chat(messages)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Iterator[ChatResponse]:
        yield self.chat(messages)

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> AsyncIterator[ChatResponse]:
        async def stream() -> AsyncIterator[ChatResponse]:
            yield self.chat(messages)

        return stream()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        raise AssertionError("nothing here completes")

    acomplete = stream_complete = astream_complete = complete  # type: ignore[assignment]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["query_engine", "streaming engine", "retriever"])
async def test_a_function_agent_uses_our_parts_as_tools(
    filled: HierarchicalIndex, kind: str
) -> None:
    tool: Any
    if kind == "retriever":
        tool = RetrieverTool.from_defaults(
            filled.retriever("parent"), name="notes", description="notes"
        )
    else:
        engine = filled.query_engine("parent", streaming=kind != "query_engine")
        tool = QueryEngineTool.from_defaults(engine, name="notes", description="notes")
    done = await FunctionAgent(tools=[tool], llm=ToolCaller()).run("Who?")
    assert str(done) == "The keeper does."
    (call,) = done.tool_calls
    expected = "harbour" if kind == "retriever" else "Scripted answer [1]."
    assert expected in str(call.tool_output)


@pytest.mark.slow
async def test_a_react_agent_uses_our_engine(filled: HierarchicalIndex) -> None:
    thinking = Chatting()
    thinking.enqueue(
        'Thought: look\nAction: notes\nAction Input: {"input": "the harbour keeper"}',
        "Thought: I can answer.\nAnswer: The keeper does.",
    )
    tool = QueryEngineTool.from_defaults(
        filled.query_engine("parent"), name="notes", description="notes"
    )
    done = await ReActAgent(tools=[tool], llm=thinking).run("Who?")
    assert str(done) == "The keeper does."
    assert "Scripted answer [1]." in str(done.tool_calls[0].tool_output)


# Observers


class Seen(BaseEventHandler):
    """Keeps the names of the events it is told of."""

    names: list[str] = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "Seen"

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.names.append(type(event).__name__)


@pytest.mark.slow
def test_the_dispatcher_tells_of_every_stage(filled: HierarchicalIndex) -> None:
    seen = Seen()
    dispatcher = get_dispatcher()
    dispatcher.add_event_handler(seen)
    try:
        filled.query_engine("parent", llm=MockLLM(max_tokens=4)).query(QUESTION)
    finally:
        dispatcher.event_handlers.remove(seen)
    for name in ("Query", "Retrieval", "Embedding", "Synthesize", "LLMChat"):
        assert f"{name}StartEvent" in seen.names, name
        assert f"{name}EndEvent" in seen.names, name


# Loops and threads


@pytest.mark.slow
async def test_sync_methods_work_inside_a_running_loop(filled: HierarchicalIndex) -> None:
    assert filled.ask(QUESTION, "parent+extract").contexts
    assert str(filled.query_engine("parent").query(QUESTION)) == "Scripted answer [1]."
    assert "".join(filled.query_engine(streaming=True).query(QUESTION).response_gen)
    assert filled.retriever("parent").retrieve(QUESTION)
    assert str(filled.as_chat_engine().chat(QUESTION)) == "Scripted answer [1]."


@pytest.mark.slow
def test_async_methods_work_from_many_threads_with_loops_of_their_own(
    filled: HierarchicalIndex,
) -> None:
    engine, retriever = filled.query_engine("parent"), filled.retriever("parent+extract")

    def ask(turn: int) -> tuple[str, int]:
        answer = asyncio.run(_both(engine, retriever, f"{QUESTION} {turn}"))
        return str(answer[0]), len(answer[1])

    async def _both(engine: Any, retriever: Any, question: str) -> Any:
        return await asyncio.gather(engine.aquery(question), retriever.aretrieve(question))

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(ask, range(8)))
    assert all(said == "Scripted answer [1]." and found for said, found in answers)
