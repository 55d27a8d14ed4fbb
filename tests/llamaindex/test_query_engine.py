"""A pattern as a query engine: LlamaIndex's options, prompts, streams, and our answer in it."""

import json
from typing import Any

import pytest
from llama_index.core import PromptTemplate, get_response_synthesizer
from llama_index.core.base.response.schema import (
    AsyncStreamingResponse,
    Response,
    StreamingResponse,
)
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.llms import ChatMessage, MockLLM
from llama_index.core.postprocessor import LongContextReorder, SimilarityPostprocessor
from llama_index.core.prompts import ChatPromptTemplate, RichPromptTemplate
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from indexes.answers import NOT_FOUND
from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.namespace import OURS
from tests.fakes import ScriptedLLM
from tests.llamaindex.conftest import QUESTION


def test_the_response_has_sources_and_our_answer_as_json(
    filled: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    llm.enqueue("The keeper keeps it [1].")
    response = filled.query_engine("parent").query(QUESTION)
    assert isinstance(response, Response)
    assert str(response) == "The keeper keeps it [1]."
    answer = json.loads(json.dumps(response.metadata))[OURS]
    assert (answer["pattern"], answer["question"]) == ("parent", QUESTION)
    assert answer["answer"] == str(response)
    assert answer["citations"][0]["context"] == 1
    stages = [stage["name"] for stage in answer["trace"]]
    assert stages == ["embed question", "search", "merge", "answer", "cite"]
    assert [context["id"] for context in answer["contexts"]] == [
        node.node_id for node in response.source_nodes
    ]


def test_sources_carry_the_users_metadata_document_and_offsets(filled: HierarchicalIndex) -> None:
    response = filled.query_engine("parent").query(QUESTION)
    first = response.source_nodes[0].node
    assert isinstance(first, TextNode)
    assert {name: first.metadata[name] for name in ("year", "start")} == {
        "year": 2021,
        "start": "noon",
    }
    assert first.ref_doc_id == "harbour"
    assert (first.start_char_idx, first.end_char_idx) == (
        first.metadata[OURS]["start"],
        first.metadata[OURS]["end"],
    )
    assert response.metadata[first.node_id] == first.metadata


async def test_async_answers_the_same(filled: HierarchicalIndex) -> None:
    engine = filled.query_engine("parent")
    awaited = await engine.aquery(QUESTION)
    answer = awaited.metadata[OURS]
    assert str(awaited) == "Scripted answer [1]." == answer["answer"]
    assert [stage["name"] for stage in answer["trace"]][-2:] == ["answer", "cite"]


def test_it_streams(filled: HierarchicalIndex, llm: ScriptedLLM) -> None:
    llm.enqueue("The keeper keeps it [1].")
    response = filled.query_engine("parent", streaming=True).query(QUESTION)
    assert isinstance(response, StreamingResponse)
    assert response.source_nodes
    assert response.metadata[OURS]["answer"] == ""
    words = list(response.response_gen)
    assert len(words) > 2
    assert "".join(words) == "The keeper keeps it [1]."
    assert response.metadata[OURS]["citations"]
    assert next(stage["name"] for stage in response.metadata[OURS]["trace"]) == "embed question"


async def test_it_streams_asynchronously(filled: HierarchicalIndex, llm: ScriptedLLM) -> None:
    llm.enqueue("The keeper keeps it [1].")
    response = await filled.query_engine("parent", streaming=True).aquery(QUESTION)
    assert isinstance(response, AsyncStreamingResponse)
    words = [word async for word in response.async_response_gen()]
    assert "".join(words) == "The keeper keeps it [1]."
    assert response.metadata[OURS]["answer"] == "The keeper keeps it [1]."


@pytest.mark.parametrize("streaming", [False, True])
def test_nothing_found_is_said_without_asking_the_model(
    filled: HierarchicalIndex, llm: ScriptedLLM, streaming: bool
) -> None:
    engine = filled.query_engine("parent", search="bm25", streaming=streaming)
    response = engine.query("xylophone")
    assert str(response) == NOT_FOUND
    assert response.metadata[OURS]["answer"] == NOT_FOUND
    assert (response.source_nodes, llm.prompts) == ([], [])


def test_another_model_answers(filled: HierarchicalIndex, llm: ScriptedLLM) -> None:
    other = ScriptedLLM()
    other.enqueue("From the other.")
    assert str(filled.query_engine("parent", llm=other).query(QUESTION)) == "From the other."
    assert (len(other.prompts), llm.prompts) == (1, [])
    assert filled.ask(QUESTION, llm=other).answer == "Scripted answer [1]."
    assert llm.prompts == []


TEMPLATES = [
    "Q {question} of {context}",
    PromptTemplate("Q {query_str} of {context_str}"),
    PromptTemplate(
        "Q {mine} of {yours}", template_var_mappings={"query_str": "mine", "context_str": "yours"}
    ),
    RichPromptTemplate("Q {{ query_str }} of {{ context_str }}"),
    ChatPromptTemplate([ChatMessage(role="user", content="Q {query_str} of {context_str}")]),
]


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_prompt_is_whatever_template_is_given(
    filled: HierarchicalIndex, llm: ScriptedLLM, template: Any
) -> None:
    answered = filled.query_engine("parent", answer_prompt=template).query(QUESTION)
    assert llm.prompts[-1].startswith(f"Q {QUESTION} of [1] harbour")
    (stage,) = [s for s in answered.metadata[OURS]["trace"] if s["name"] == "answer"]
    assert stage["details"]["prompt_version"].startswith("custom-")
    if not isinstance(template, str):
        filled.query_engine("parent", text_qa_template=template).query(QUESTION)
        assert llm.prompts[-1] == llm.prompts[-2]


@pytest.mark.parametrize("name", ["text_qa_template", "response_synthesizer:text_qa_template"])
def test_updated_prompts_act(filled: HierarchicalIndex, llm: ScriptedLLM, name: str) -> None:
    engine = filled.query_engine("parent")
    assert list(engine.get_prompts()) == ["response_synthesizer:text_qa_template"]
    engine.update_prompts({name: PromptTemplate("Changed: {context_str} {query_str}")})
    engine.query(QUESTION)
    assert llm.prompts[-1].startswith("Changed: [1] harbour")
    (template,) = engine.get_prompts().values()
    assert template.get_template() == "Changed: {context_str} {query_str}"
    # Of this engine only.
    filled.query_engine("parent").query(QUESTION)
    assert not llm.prompts[-1].startswith("Changed")


def test_the_judges_prompts_are_among_them(filled: HierarchicalIndex, llm: ScriptedLLM) -> None:
    engine = filled.query_engine("parent+extract", judge="llm")
    assert "retriever:extract" in engine.get_prompts()
    engine.update_prompts({"retriever:extract": PromptTemplate("Pick. {question} {passages}")})
    llm.enqueue("[1]", "An answer [1].")
    engine.query(QUESTION)
    assert llm.prompts[0].startswith("Pick. ")


def test_prompts_that_are_none_are_refused(filled: HierarchicalIndex) -> None:
    engine = filled.query_engine("parent+extract", judge="llm")
    fit = PromptTemplate("{context} {question}")
    for name in ("qa", "response_synthesizer:qa", "retriever:filter"):
        with pytest.raises(SettingsError, match=r"no prompt is called .*get_prompts\(\)"):
            engine.update_prompts({name: fit})
    with pytest.raises(SettingsError, match=r"no place for \{context\}"):
        engine.update_prompts({"text_qa_template": PromptTemplate("{query_str}")})


def test_postprocessors_work_on_what_the_pattern_delivers(filled: HierarchicalIndex) -> None:
    class First(SimilarityPostprocessor):
        def _postprocess_nodes(
            self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
        ) -> list[NodeWithScore]:
            return nodes[:1]

    engine = filled.query_engine("regular", node_postprocessors=[LongContextReorder(), First()])
    response = engine.query(QUESTION)
    assert len(response.source_nodes) == 1
    assert len({c["number"] for c in response.metadata[OURS]["contexts"]}) == 1
    assert len(engine.retrieve(QueryBundle(QUESTION))) == 1


async def test_retrieving_and_synthesizing_apart(filled: HierarchicalIndex) -> None:
    engine = filled.query_engine("parent")
    nodes = engine.retrieve(QueryBundle(QUESTION))
    assert nodes == await engine.aretrieve(QueryBundle(QUESTION))
    more = [NodeWithScore(node=TextNode(text="Besides."))]
    response = engine.synthesize(QueryBundle(QUESTION), nodes, additional_source_nodes=more)
    awaited = await engine.asynthesize(QueryBundle(QUESTION), nodes)
    assert str(response) == str(awaited) == "Scripted answer [1]."
    assert len(response.source_nodes) == len(nodes) + 1
    assert response.metadata[OURS]["contexts"][0]["document_id"] == "harbour"


@pytest.mark.parametrize("mode", [mode.value for mode in ResponseMode])
def test_llamaindexs_synthesizers_answer_by_their_mode(
    filled: HierarchicalIndex, mode: str
) -> None:
    engine = filled.query_engine("parent", response_mode=mode, llm=MockLLM(max_tokens=4))
    response = engine.query(QUESTION)
    assert response.source_nodes
    assert response.metadata[OURS]["trace"][0]["name"] == "embed question"
    assert response.metadata[OURS]["pattern"] == "parent"


def test_their_modes_take_our_prompt_and_their_templates(
    filled: HierarchicalIndex, llm: ScriptedLLM
) -> None:
    filled.query_engine(
        response_mode="simple_summarize", answer_prompt="Mine: {context} / {question}"
    ).query(QUESTION)
    assert llm.prompts[-1].startswith("Mine: ")
    assert llm.prompts[-1].endswith(f"/ {QUESTION}")
    summary = PromptTemplate("Sum up {context_str} for {query_str}")
    engine = filled.query_engine(response_mode="tree_summarize", summary_template=summary)
    engine.query(QUESTION)
    assert llm.prompts[-1].startswith("Sum up ")


def test_a_synthesizer_may_be_handed_over(filled: HierarchicalIndex) -> None:
    theirs = get_response_synthesizer(llm=MockLLM(max_tokens=3), response_mode=ResponseMode.REFINE)
    response = filled.query_engine("parent", response_synthesizer=theirs).query(QUESTION)
    assert str(response) == "text text text"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"response_mode": "cited"}, "response_mode='cited': choose one of refine, compact"),
        ({"refine_template": PromptTemplate("x")}, "refine_template: .*response_mode='compact'"),
        (
            {"response_synthesizer": get_response_synthesizer(llm=MockLLM()), "streaming": True},
            "streaming: the response_synthesizer brings its own",
        ),
        (
            {"answer_prompt": "{context}{question}", "text_qa_template": PromptTemplate("x")},
            "are the same: give one",
        ),
        ({"answer_prompt": "Be brief."}, "no place for {context} and {question}"),
        ({"text_qa_template": PromptTemplate("{query_str}")}, "no place for {context}"),
        ({"answer_prompt": 5}, "answer_prompt=5"),
        ({"streaming": "yes"}, "streaming='yes': should be a valid boolean"),
        ({"node_postprocessors": ["rerank"]}, "node_postprocessors="),
        ({"similarity_top_k": 3}, "'similarity_top_k' here"),
        ({"embed_model": MockLLM()}, "'embed_model' here"),
    ],
)
def test_options_that_make_no_engine_are_refused_at_the_call(
    filled: HierarchicalIndex, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        filled.query_engine("parent", **options)


def test_a_callback_manager_is_told_of_every_stage(filled: HierarchicalIndex) -> None:
    told = LlamaDebugHandler(print_trace_on_end=False)
    model = MockLLM(max_tokens=5)
    engine = filled.query_engine("parent", llm=model, callback_manager=CallbackManager([told]))
    engine.query(QUESTION)
    seen = {start.event_type.value for start, *_ in told.get_event_pairs()}
    assert {"query", "retrieve", "synthesize", "llm"} <= seen


def test_a_models_own_instructions_are_kept(filled: HierarchicalIndex, llm: ScriptedLLM) -> None:
    llm.system_prompt = "Answer in French."
    answer = filled.ask(QUESTION)
    assert answer.trace["answer"].details.prompt.startswith("system: Answer in French.")  # type: ignore[attr-defined]


def test_llamaindexs_names_are_the_same_methods(filled: HierarchicalIndex) -> None:
    assert str(filled.as_query_engine(pattern="regular", budget=64).query(QUESTION))
    assert filled.as_retriever(pattern="regular", budget=64).retrieve(QUESTION)
