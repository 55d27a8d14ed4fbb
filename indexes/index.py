"""The facade: one index, its models, and every pattern on it.

index = HierarchicalIndex.open("./my-index")
index.ingest(["letters/"])
answer = index.ask("How did the cloud business evolve?", pattern="parent")
answer.answer, answer.contexts[0].pages, answer.trace["search"].round_trips

engine = index.query_engine("parent")            # a LlamaIndex query engine
retriever = index.retriever("regular", budget=512)  # a LlamaIndex retriever
"""

from functools import cached_property
from pathlib import Path
from typing import Any, Self, Unpack

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate

from indexes.answer_prompt import AnswerPrompt, as_prompt
from indexes.errors import SettingsError
from indexes.fillable import Fillable
from indexes.models.capabilities import Capabilities
from indexes.models.described import capabilities_of
from indexes.models.given import given_embedding, given_llm
from indexes.models.providers import (
    build_embedding,
    build_llm,
    describe_embedding,
    describe_llm,
)
from indexes.models.shared import shared_embedding, shared_llm
from indexes.models.specs import check, is_spec, with_specs
from indexes.options import named
from indexes.patterns import find_pattern
from indexes.queryable import Queryable
from indexes.setting_options import SettingOptions
from indexes.settings import DEFAULT_LEVELS, Settings, load_settings
from indexes.store.connect import Engine, connect
from indexes.store.nodes import TreeStore
from indexes.store.points import Fingerprint
from indexes.store.probe import dimension_of
from indexes.store.server import server_parameters

# The two finest levels get vectors: no single scale suits every question.
_EMBEDDED_LEVELS = 2
# A model's own tokens for a chunk and its title, at most, per cl100k token.
WINDOW_MARGIN = 1.35


class HierarchicalIndex(Fillable, Queryable):
    """Documents in one collection, and the models that read them. Thread-safe.

    Example:
        index = HierarchicalIndex.open("my-index")
        index.ingest(["letters/"])
        answer = index.ask("What happened to Bosun?", pattern="parent")

    Args:
        settings: by default from the environment.
        engine, embedding, llm: used instead of what the settings name; models may be
            LlamaIndex's or LangChain's, or specs in one line (docs/models.md).
            Without settings for a model, LlamaIndex's own `Settings.llm` and
            `Settings.embed_model` are used where they are set.
        answer_prompt: a text with `{context}` and `{question}`, one of LlamaIndex's
            templates, or a file's path; by default the settings'

    Raises:
        SettingsError: a setting is wrong.
        StoreError: the index cannot be opened or reached.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        engine: Engine | None = None,
        embedding: Any = None,
        llm: Any = None,
        answer_prompt: str | Path | BasePromptTemplate | AnswerPrompt | None = None,
    ) -> None:
        if settings is not None and not isinstance(settings, Settings):
            raise SettingsError(
                f"settings={settings!r}: give Settings; HierarchicalIndex.open(…) takes a folder"
            )
        self.settings = with_specs(settings or load_settings(), llm, embedding)
        check(self.settings)
        prompt = self.settings.answer_prompt if answer_prompt is None else answer_prompt
        self._answer_prompt = as_prompt(prompt)
        self._handed_embedding = given_embedding(None if is_spec(embedding) else embedding)
        self._handed_llm = given_llm(None if is_spec(llm) else llm)
        self._owns_engine = engine is None
        server = server_parameters(self.settings, embedded=engine.embedded if engine else None)
        self.engine = engine or connect(
            self.settings.index, api_key=self.settings.qdrant_api_key, ways=server.ways
        )
        self.store = TreeStore(self.engine, self.settings.collection, server)
        if self._owns_engine and not self.engine.embedded:
            self._reach()
        self._judges = {}

    @classmethod
    @named
    def open(
        cls,
        index: str | Path | None = None,
        *,
        engine: Engine | None = None,
        embedding: Any = None,
        llm: Any = None,
        answer_prompt: str | Path | BasePromptTemplate | None = None,
        **settings: Unpack[SettingOptions],
    ) -> Self:
        """An index in a folder or on a server.

        Example:
            index = HierarchicalIndex.open("my-index", embedding=my_embedding, levels=(512, 128))

        Args:
            index: the folder, or the server's URL; by default the settings'.
            engine: used instead of what `index` names.
            embedding: LlamaIndex's or LangChain's, or a spec in one line; used instead of
                what the settings name.
            llm: likewise.
            answer_prompt: a text, one of LlamaIndex's templates, or a file's path.
            settings: other settings by name, see `indexes.settings.Settings`.

        Raises:
            SettingsError: there is no such setting, or a value is not what it takes.
            StoreError: the index cannot be opened or reached.
        """
        chosen = load_settings(index, **settings)
        # Not by the constructor: a run takes lanes of a comparison as its pattern, too.
        find_pattern(chosen.pattern)
        return cls(
            chosen,
            engine=engine,
            embedding=embedding,
            llm=llm,
            answer_prompt=answer_prompt,
        )

    def __repr__(self) -> str:
        return f"HierarchicalIndex({self.engine.address!r}, {self.settings.collection!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._given_llm is not None or self._given_embedding is not None:
            raise SettingsError(
                "an index with models that were handed over can't be pickled: open it where it "
                "is needed, by its address and with those models"
            )
        if not self._owns_engine:
            raise SettingsError(
                "an index on an engine that was handed over can't be pickled: open it where it "
                "is needed, by its address"
            )
        return _reopened, (type(self), self.settings, self._answer_prompt)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the engine, if this index opened it."""
        if self._owns_engine:
            self.engine.close()

    def _reach(self) -> None:
        """Ask a server for the collection: whether it is there, and we may."""
        try:
            self.store.exists()
        except BaseException:  # Ctrl-C, too, must not keep the folder's lock
            self.engine.close()
            raise

    @cached_property
    def embedding(self) -> BaseEmbedding:
        """The embedding model."""
        return self._given_embedding or build_embedding(self.settings)

    @property
    def llm(self) -> LLM:
        """The language model."""
        return self._given_llm or self._own_llm

    @cached_property
    def _given_embedding(self) -> BaseEmbedding | None:
        # Found once: the collection is made with it.
        return self._handed_embedding or shared_embedding(self.settings)

    @property
    def _given_llm(self) -> LLM | None:
        return self._handed_llm or shared_llm(self.settings)

    @cached_property
    def _own_llm(self) -> LLM:
        return build_llm(self.settings)

    @property
    def llm_capabilities(self) -> Capabilities:
        """What the language model can do; asking does not make it."""
        if self._given_llm is not None:
            return capabilities_of(self._given_llm)
        return self._own_llm_capabilities

    @cached_property
    def _own_llm_capabilities(self) -> Capabilities:
        return describe_llm(self.settings)

    @cached_property
    def embedding_capabilities(self) -> Capabilities:
        """What the embedding model can do; asking does not make it."""
        if self._given_embedding is not None:
            return capabilities_of(self._given_embedding)
        return describe_embedding(self.settings)

    def _check(self) -> None:
        """Compare what can be compared without asking a model; see `TreeStore.recognise`."""
        made = self.store.fingerprint()
        self.store.check(levels=self.settings.levels or made.levels)

    def _fingerprint(self, levels: tuple[int, ...] | None = None) -> Fingerprint:
        """What a collection made now would be; what is not set is as it is there."""
        levels = levels or self.settings.levels
        if levels is None:
            there = self.store.made()
            levels = there.levels if there else DEFAULT_LEVELS
        reads = self.embedding_capabilities
        if levels[-1] * WINDOW_MARGIN > reads.window:
            given = self._given_embedding is not None
            how = "described(embedding, window=…)" if given else "RAG_EMBEDDING_WINDOW"
            raise SettingsError(
                f"setting levels (environment RAG_LEVELS): leaves of {levels[-1]} tokens may "
                f"exceed the {reads.window} that {reads.name} reads: choose at most "
                f"{int(reads.window / WINDOW_MARGIN)}, or say what it reads by {how}"
            )
        finest = range(len(levels))[-_EMBEDDED_LEVELS:]
        embedded = [level for level in finest if levels[level] * WINDOW_MARGIN <= reads.window]
        probe = self.store.probes.of(self.embedding)
        return Fingerprint(
            embedding=self.embedding_capabilities.name,
            dimension=dimension_of(probe),
            levels=levels,
            embedded_levels=tuple(embedded),
            probe=probe,
        )


def _reopened(
    kind: type[HierarchicalIndex], settings: Settings, prompt: AnswerPrompt
) -> HierarchicalIndex:
    return kind(settings, answer_prompt=prompt)
