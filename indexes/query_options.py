"""What the methods of `HierarchicalIndex` that ask take besides question and pattern."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager
from llama_index.core.memory import BaseMemory
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.response_synthesizers import BaseSynthesizer, ResponseMode
from pydantic import BaseModel, PlainValidator
from typing_extensions import TypedDict

from indexes.compression.verdicts import Judge
from indexes.extensions import JUDGES, is_judge
from indexes.options import strictly
from indexes.retrieval import MergeRatio, Parents
from indexes.settings import AnswerKind, Budget, Order, SearchMode, TopK
from indexes.store.filters import Filters, qdrant_filter
from indexes.trace import Trace

ChatMode = Literal["best", "condense_plus_context", "context", "condense_question", "simple"]


def _judge(given: Any) -> Judge | str | None:
    if isinstance(given, str):
        if given not in JUDGES:
            raise ValueError(f"choose one of {', '.join(JUDGES)}, or give a judge")
    elif given is not None and not is_judge(given):
        raise ValueError(f"give a judge, or one of {', '.join(JUDGES)}")
    return cast(Judge | str | None, given)


def _response_mode(given: Any) -> ResponseMode | None:
    try:
        return None if given is None else ResponseMode(given)
    except ValueError as error:
        known = ", ".join(mode.value for mode in ResponseMode)
        raise ValueError(f"choose one of {known}; by default one call answers") from error


@strictly
class RetrievalOptions(TypedDict, total=False):
    """What decides which passages are delivered; by default the settings'.

    Attributes:
        budget: cl100k tokens of context, from 16
        top_k: hits of each search; without the tree, also the most passages
        search: by meaning (`dense`), by words (`bm25`) or both (`hybrid`)
        order: the passages best first (`relevance`), or those of each document in its own order,
            the best passage's document first (`document`)
        filters: on the documents' metadata: a dictionary as in LangChain, LlamaIndex's or
            Qdrant's own; see `indexes.store.filters`
        judge: decides in the pattern's postprocessors: a judge, or which of ours
        fill: whether the next best fill the budget, beyond what the judge chooses
        merge_ratio: share of its children from which `parent-ratio` takes a parent
        parents: how many parents `parent-whole` delivers; then the budget doesn't bound them
        score_threshold: least cosine of a leaf that counts as found, for `parent-whole`
    """

    budget: Budget | None
    top_k: TopK | None
    search: SearchMode | None
    order: Order | None
    filters: Annotated[Filters | None, PlainValidator(qdrant_filter)]
    judge: Annotated[Judge | str | None, PlainValidator(_judge)]
    fill: bool | None
    merge_ratio: MergeRatio | None
    parents: Parents | None
    score_threshold: float | None


@strictly
class RetrieveOptions(RetrievalOptions, total=False):
    """Options of a question that is not answered.

    Attributes:
        trace: holds stages that come before; by default there are none
    """

    trace: Trace | None


@strictly
class AskOptions(RetrieveOptions, total=False):
    """Options of a question: those of retrieval, and of the answer.

    Attributes:
        llm: answers instead of the index's; LlamaIndex's, LangChain's, or a spec
        answer_prompt: a text with `{context}` and `{question}`, a LlamaIndex template, or a file
        answer: `quotes` of the documents, for which no language model is asked, `written` or
            `both`
    """

    llm: Any
    answer_prompt: str | Path | BasePromptTemplate | None
    answer: AnswerKind | None


@strictly
class RetrieverOptions(RetrievalOptions, total=False):
    """Options of a retriever: those of retrieval, and LlamaIndex's.

    Attributes:
        callback_manager: told of each retrieval
    """

    callback_manager: CallbackManager | None


@strictly
class EngineOptions(RetrieverOptions, total=False):
    """Options of a query engine: those of retrieval, and LlamaIndex's by its names.

    Attributes:
        llm: answers instead of the index's; LlamaIndex's, LangChain's, or a spec
        answer_prompt: a text with `{context}` and `{question}`, a LlamaIndex template, or a file
        text_qa_template: the same by LlamaIndex's name
        node_postprocessors: applied to what the pattern delivers
        streaming: the response is a stream
        response_mode: LlamaIndex's synthesizer of that mode answers, without citations; by
            default ours does, with one call
        refine_template: of those modes that refine
        summary_template: of `tree_summarize`
        output_cls: of those modes; what the answer is to be
        response_synthesizer: answers; it brings its own model and prompts
    """

    llm: Any
    answer_prompt: str | Path | BasePromptTemplate | None
    text_qa_template: BasePromptTemplate | None
    node_postprocessors: Sequence[BaseNodePostprocessor] | None
    streaming: bool | None
    response_mode: Annotated[ResponseMode | str | None, PlainValidator(_response_mode)]
    refine_template: BasePromptTemplate | None
    summary_template: BasePromptTemplate | None
    output_cls: type[BaseModel] | None
    response_synthesizer: BaseSynthesizer | None


@strictly
class ChatOptions(RetrieverOptions, total=False):
    """Options of a chat engine: those of retrieval, and LlamaIndex's by its names.

    Attributes:
        llm: answers instead of the index's; LlamaIndex's, LangChain's, or a spec
        chat_history: what was said before
        memory: keeps what is said; by default as much as the model reads
        system_prompt: instructions of the conversation
        context_prompt: how passages are shown to the model
        condense_prompt: how a follow-up question is made to stand alone
        node_postprocessors: applied to what the pattern delivers
        verbose: print what happens
    """

    llm: Any
    chat_history: list[ChatMessage] | None
    memory: BaseMemory | None
    system_prompt: str | None
    context_prompt: str | BasePromptTemplate | None
    condense_prompt: str | BasePromptTemplate | None
    node_postprocessors: Sequence[BaseNodePostprocessor] | None
    verbose: bool | None
