"""A pattern as a LlamaIndex query engine: a retriever, postprocessors and a synthesizer.

engine = index.query_engine("parent", llm=llm, streaming=True)
engine.update_prompts({"response_synthesizer:text_qa_template": PromptTemplate("…")})
response = engine.query("How did the cloud business evolve?")
response.source_nodes, response.metadata["advanced_rag"]["citations"]
"""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any, cast

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import RESPONSE_TYPE, Response
from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.prompts.mixin import PromptDictType, PromptMixinType
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import (
    BaseSynthesizer,
    ResponseMode,
    get_response_synthesizer,
)
from llama_index.core.response_synthesizers.context_only import ContextOnly
from llama_index.core.response_synthesizers.no_text import NoText
from llama_index.core.schema import NodeWithScore, QueryBundle, QueryType

from indexes.answer_prompt import as_prompt
from indexes.answering import Answerer, contexts_of
from indexes.answers import NOT_FOUND, Answer, Context, Word
from indexes.copies import Remade
from indexes.errors import ModelError, SettingsError
from indexes.namespace import OURS
from indexes.query_options import EngineOptions
from indexes.trace import Trace, current_trace, tracing

# What the answer's prompt is called: LlamaIndex's name, for those who change it by that.
_PROMPT = "text_qa_template"

_WITHOUT_MODEL = {ResponseMode.NO_TEXT: NoText, ResponseMode.CONTEXT_ONLY: ContextOnly}


class CitingSynthesizer(BaseSynthesizer):
    """Answers from nodes as `HierarchicalIndex.ask` does: one call, citations, a trace.

    The response's metadata has the metadata of each node by its id, as LlamaIndex's own
    synthesizers have it, and under `advanced_rag` the `Answer` as JSON (of a stream, once it has
    ended).

    Args:
        answerer: asks the model
        pattern: named in the answer
        streaming: yield words as they are written
        callback_manager: told of synthesis and model calls
    """

    def __init__(
        self,
        answerer: Answerer,
        *,
        pattern: str = "",
        streaming: bool = False,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(
            llm=answerer.llm,
            callback_manager=callback_manager,
            streaming=streaming,
            empty_response=NOT_FOUND,
        )
        self._answerer = answerer
        self._pattern = pattern

    def _get_prompts(self) -> PromptDictType:
        return {_PROMPT: self._answerer.answer_prompt.template}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        for name, template in prompts.items():
            if name != _PROMPT:
                raise _no_prompt(name)
            self._answerer.answer_prompt = as_prompt(template)

    def synthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **kwargs: Any,
    ) -> RESPONSE_TYPE:
        """An answer to `query` from `nodes`."""
        asked = _Asked.of(query, nodes, self._pattern)
        response = super().synthesize(query, nodes, additional_source_nodes, asked=asked, **kwargs)
        if not nodes:
            "".join(self._words(asked))
        return asked.put_into(response)

    async def asynthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **kwargs: Any,
    ) -> RESPONSE_TYPE:
        """The same, natively async."""
        asked = _Asked.of(query, nodes, self._pattern)
        response = await super().asynthesize(
            query, nodes, additional_source_nodes, asked=asked, **kwargs
        )
        if not nodes:
            [words async for words in self._awords(asked)]
        return asked.put_into(response)

    def get_response(
        self,
        query_str: str,
        text_chunks: Sequence[str],
        asked: "_Asked | None" = None,
        **_: Any,
    ) -> str | Generator[str, None, None]:
        """The answer's text from texts alone, or from what `synthesize` was given."""
        words = self._words(asked or _Asked.of_texts(query_str, text_chunks))
        return words if self._streaming else "".join(words)

    async def aget_response(
        self,
        query_str: str,
        text_chunks: Sequence[str],
        asked: "_Asked | None" = None,
        **_: Any,
    ) -> str | AsyncGenerator[str, None]:
        """The same, natively async."""
        words = self._awords(asked or _Asked.of_texts(query_str, text_chunks))
        return words if self._streaming else "".join([piece async for piece in words])

    def _words(self, asked: "_Asked") -> Generator[str, None, None]:
        for event in self._answerer.answer(*asked.question):
            if isinstance(event, Word):
                yield event.text
            elif isinstance(event, Answer):
                asked.answered(event)

    async def _awords(self, asked: "_Asked") -> AsyncGenerator[str, None]:
        async for event in self._answerer.aanswer(*asked.question):
            if isinstance(event, Word):
                yield event.text
            elif isinstance(event, Answer):
                asked.answered(event)


class _Asked:
    """One question to a synthesizer, and where the answer goes when it is complete."""

    def __init__(self, question: str, pattern: str, contexts: list[Context], trace: Trace) -> None:
        self.question = (question, pattern, contexts, trace)
        begun = Answer(question=question, pattern=pattern, answer="", contexts=contexts)
        self.metadata: dict[str, Any] = _Unsaid(begun.to_json())

    @classmethod
    def of(cls, query: QueryType, nodes: Sequence[NodeWithScore], pattern: str) -> "_Asked":
        question = query if isinstance(query, str) else query.query_str
        return cls(question, pattern, contexts_of(nodes), current_trace() or Trace())

    @classmethod
    def of_texts(cls, question: str, texts: Sequence[str]) -> "_Asked":
        contexts = [
            Context(number=number, document="", start=0, end=len(text), text=text, score=0, level=0)
            for number, text in enumerate(texts, start=1)
        ]
        return cls(question, "", contexts, Trace())

    def answered(self, answer: Answer) -> None:
        """Note what came of it.

        Raises:
            ModelError: it broke off, which LlamaIndex's responses have no word for
        """
        self.metadata |= answer.to_json()
        if answer.finish == "broken":
            raise ModelError(answer.finish_note)

    def put_into(self, response: RESPONSE_TYPE) -> RESPONSE_TYPE:
        response.metadata = {**(response.metadata or {}), OURS: self.metadata}
        return response


class _Unsaid(dict[str, Any]):
    """A dictionary that a prompt shows as three dots.

    LlamaIndex's `RecursiveRetriever` makes a node of a response, with its metadata, and
    synthesizers write a node's metadata into their prompts: a whole trace, here.
    """

    def __str__(self) -> str:
        return "…"


class PatternQueryEngine(Remade, RetrieverQueryEngine):
    """LlamaIndex's query engine over a pattern, with a trace of what happened.

    Args:
        retriever: of the pattern
        response_synthesizer: answers
        node_postprocessors: applied to what the retriever delivers
        callback_manager: told of everything
        pattern: its name
    """

    def __init__(
        self,
        retriever: BaseRetriever,
        response_synthesizer: BaseSynthesizer,
        node_postprocessors: list[BaseNodePostprocessor] | None = None,
        callback_manager: CallbackManager | None = None,
        pattern: str = "",
    ) -> None:
        super().__init__(retriever, response_synthesizer, node_postprocessors, callback_manager)
        self._pattern = pattern

    def _get_prompt_modules(self) -> PromptMixinType:
        return {**super()._get_prompt_modules(), "retriever": self._retriever}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        # By its bare name, too: the synthesizer's prompts are what people mean.
        known = self._response_synthesizer.get_prompts()
        bare: dict[str, BasePromptTemplate] = {}
        for name, template in prompts.items():
            if ":" in name:
                continue
            if name not in known:
                raise _no_prompt(name)
            bare[name] = template
        self._response_synthesizer.update_prompts(bare)

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with tracing() as trace:
            return self._described(super()._query(query_bundle), query_bundle, trace)

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with tracing() as trace:
            return self._described(await super()._aquery(query_bundle), query_bundle, trace)

    def _described(
        self, response: RESPONSE_TYPE, asked: QueryBundle, trace: Trace
    ) -> RESPONSE_TYPE:
        """The response with what is known of it; another synthesizer's has no citations."""
        if OURS not in (response.metadata or {}):
            answer = Answer(
                question=asked.query_str,
                pattern=self._pattern,
                answer=str(response) if isinstance(response, Response) else "",
                contexts=contexts_of(response.source_nodes),
                trace=trace,
            )
            response.metadata = {**(response.metadata or {}), OURS: _Unsaid(answer.to_json())}
        return response


def synthesizer(
    answerer: Callable[..., Answerer],
    given: EngineOptions,
    pattern: str,
    callback_manager: CallbackManager | None,
) -> BaseSynthesizer:
    """Who answers in a query engine: ours, or one of LlamaIndex's by its mode.

    Args:
        answerer: makes ours from a model and a prompt
        given: what the caller wants of it
        pattern: the pattern's name
        callback_manager: told of synthesis and model calls

    Raises:
        SettingsError: options that exclude each other, or a prompt without its places
    """
    wanted: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    wanted.pop("node_postprocessors", None)
    own = wanted.pop("response_synthesizer", None)
    if own is not None:
        if wanted:
            raise SettingsError(
                f"{next(iter(wanted))}: the response_synthesizer brings its own: give it that"
            )
        return cast(BaseSynthesizer, own)
    if "text_qa_template" in wanted and "answer_prompt" in wanted:
        raise SettingsError("text_qa_template and answer_prompt are the same: give one")
    llm, mode = wanted.pop("llm", None), wanted.pop("response_mode", None)
    streaming = bool(wanted.pop("streaming", False))
    prompt = wanted.pop("answer_prompt", None)
    if mode in _WITHOUT_MODEL:
        # LlamaIndex would make a client of OpenAI here, and never ask it.
        return _WITHOUT_MODEL[mode](llm=MockLLM(), streaming=streaming)
    if mode is not None:
        if prompt is not None:
            wanted["text_qa_template"] = as_prompt(prompt).for_llamaindex()
        return get_response_synthesizer(
            llm=answerer(llm).llm,
            response_mode=mode,
            streaming=streaming,
            callback_manager=callback_manager,
            **wanted,
        )
    prompt = wanted.pop("text_qa_template", prompt)
    if wanted:
        raise SettingsError(
            f"{next(iter(wanted))}: by default one call answers: add response_mode='compact', "
            "or another of LlamaIndex's"
        )
    return CitingSynthesizer(
        answerer(llm, prompt),
        pattern=pattern,
        streaming=streaming,
        callback_manager=callback_manager,
    )


def _no_prompt(name: str) -> SettingsError:
    return SettingsError(f"no prompt is called {name!r}: get_prompts() names those there are")
