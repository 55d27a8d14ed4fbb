"""A pattern on an index, as a LlamaIndex query engine."""

from typing import TYPE_CHECKING, Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import RESPONSE_TYPE, Response
from llama_index.core.schema import (
    NodeRelationship,
    NodeWithScore,
    ObjectType,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)

from indexes.answers import Answer
from indexes.namespace import OURS

if TYPE_CHECKING:
    from indexes.queryable import AskOptions, Queryable


class PatternQueryEngine(BaseQueryEngine):
    """A pattern on an index as a LlamaIndex query engine.

    The response's `source_nodes` are the contexts; its metadata holds, under `answer`,
    the `Answer` with citations and trace.
    """

    def __init__(self, index: "Queryable", pattern: str, options: "AskOptions") -> None:
        super().__init__(callback_manager=None)
        self._index = index
        self._pattern = pattern
        self._options = options

    def _get_prompt_modules(self) -> dict[str, Any]:
        return {}

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return _response(self._index.ask(query_bundle.query_str, self._pattern, **self._options))

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        answer = await self._index.aask(query_bundle.query_str, self._pattern, **self._options)
        return _response(answer)


def _response(answer: Answer) -> Response:
    nodes = [
        NodeWithScore(
            node=TextNode(
                id_=context.id,
                text=context.text,
                start_char_idx=context.start,
                end_char_idx=context.end,
                metadata={
                    **context.metadata,
                    OURS: context.model_dump(exclude={"text", "id", "metadata"}),
                },
                excluded_llm_metadata_keys=[OURS],
                excluded_embed_metadata_keys=[OURS],
                relationships={
                    NodeRelationship.SOURCE: RelatedNodeInfo(
                        node_id=context.document_id, node_type=ObjectType.DOCUMENT
                    )
                },
            ),
            score=context.score,
        )
        for context in answer.contexts
    ]
    return Response(answer.answer, source_nodes=nodes, metadata={"answer": answer.to_json()})
