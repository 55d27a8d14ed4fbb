"""A retriever followed by postprocessors, filling a budget: what a pattern comes down to."""

from collections.abc import Sequence

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import NodeWithScore, QueryBundle

from indexes.compression.budget import fit
from indexes.compression.compressor import Compressor
from indexes.copies import Remade
from indexes.delivery import ordered
from indexes.details import FitDetails
from indexes.errors import SettingsError
from indexes.retrieval import TreeRetriever
from indexes.settings import Order
from indexes.trace import stage


class CompressingRetriever(Remade, BaseRetriever):
    """Retrieves, postprocesses, and delivers as much as fits into a budget.

    Args:
        retriever: any LlamaIndex retriever; it should find more than the budget holds
        postprocessors: applied in order; any of LlamaIndex's
        budget: cl100k tokens to deliver
        order: best first (`relevance`), or each document's passages in its own order (`document`)
        callback_manager: told of each retrieval
    """

    def __init__(
        self,
        retriever: BaseRetriever,
        postprocessors: Sequence[BaseNodePostprocessor],
        budget: int,
        *,
        order: Order = "relevance",
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager)
        self._retriever = retriever
        self._postprocessors = list(postprocessors)
        self._budget = budget
        self._order = order

    @property
    def _asking(self) -> dict[str, Compressor]:
        """Those postprocessors that ask a judge in words, by what they ask for."""
        ours = [part for part in self._postprocessors if isinstance(part, Compressor)]
        return {part.task: part for part in ours if part.task in part.judge.prompts}

    def _get_prompts(self) -> PromptDictType:
        return {task: part.judge.prompts[task].template for task, part in self._asking.items()}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        for task, template in prompts.items():
            if task not in self._asking:
                raise SettingsError(
                    f"no prompt is called {task!r}: get_prompts() names those there are"
                )
            self._asking[task]._update_prompts({task: template})

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        question = query_bundle
        if isinstance(self._retriever, TreeRetriever):
            # Postprocessors may need the question's vector, too.
            question = self._retriever.embed(question)
        nodes = self._retriever.retrieve(question)
        for postprocessor in self._postprocessors:
            nodes = postprocessor.postprocess_nodes(nodes, question)
        return self._fit(nodes)

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        question = query_bundle
        if isinstance(self._retriever, TreeRetriever):
            question = await self._retriever.aembed(question)
        nodes = await self._retriever.aretrieve(question)
        for postprocessor in self._postprocessors:
            nodes = await postprocessor.apostprocess_nodes(nodes, question)
        return self._fit(nodes)

    def _fit(self, nodes: list[NodeWithScore]) -> list[NodeWithScore]:
        with stage("fit") as record:
            fitting, record.tokens_in, record.tokens_out = fit(nodes, self._budget)
            record.nodes_in, record.nodes_out = len(nodes), len(fitting)
            record.details = FitDetails(budget=self._budget, order=self._order)
        return ordered(fitting, self._order)
