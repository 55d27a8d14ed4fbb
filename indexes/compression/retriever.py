"""A retriever followed by postprocessors, filling a budget: what a pattern comes down to."""

from collections.abc import Sequence

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

from indexes.compression.budget import fit
from indexes.details import FitDetails
from indexes.retrieval import TreeRetriever
from indexes.trace import stage


class CompressingRetriever(BaseRetriever):
    """Retrieves, postprocesses, and hands on as much as fits into a budget.

    Args:
        retriever: any LlamaIndex retriever; it should find more than the budget holds
        postprocessors: applied in order; any of LlamaIndex's
        budget: cl100k tokens of what is handed on
        callback_manager: told of each retrieval
    """

    def __init__(
        self,
        retriever: BaseRetriever,
        postprocessors: Sequence[BaseNodePostprocessor],
        budget: int,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager)
        self._retriever = retriever
        self._postprocessors = list(postprocessors)
        self._budget = budget

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
            record.details = FitDetails(budget=self._budget)
        return fitting
