"""The tree of chunks (`indexes.tree`) as LlamaIndex nodes."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import (
    BaseNode,
    Document,
    MetadataMode,
    NodeRelationship,
    ObjectType,
    RelatedNodeInfo,
    TextNode,
)
from pydantic import Field, TypeAdapter, ValidationError, field_validator

from indexes.errors import SettingsError
from indexes.namespace import OURS, theirs
from indexes.setting_checks import check_levels
from indexes.tree import Node, Tree, build_tree, node_id

__all__ = ["Node", "Tree", "TreeNodeParser", "build_tree", "node_id"]


class TreeNodeParser(NodeParser):
    """The tree as LlamaIndex nodes, for use in any LlamaIndex pipeline.

    Unlike the stock `HierarchicalNodeParser`, ids are deterministic, offsets are those
    of the document, and PARENT, CHILD, NEXT and PREVIOUS hold at every level.

        nodes = TreeNodeParser(levels=(1024, 256, 128)).get_nodes_from_documents(documents)

    The version that goes into the ids is the document's `hash`.
    """

    levels: tuple[int, ...] = Field((1024, 256, 128), description="Tokens, root first.")

    @field_validator("levels", mode="before")
    @classmethod
    def _check_levels(cls, given: Any) -> tuple[int, ...]:
        try:
            levels = TypeAdapter(tuple[int, ...]).validate_python(given)
            check_levels(levels)
        except ValidationError as error:
            raise SettingsError(f"levels={given!r}: give whole numbers, root first") from error
        except ValueError as error:
            raise SettingsError(f"levels={given!r}: {error}") from error
        return levels

    def _parse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> list[BaseNode]:
        parsed: list[BaseNode] = []
        for document in nodes:
            text = document.get_content(metadata_mode=MetadataMode.NONE)
            tree = build_tree(
                text, document_id=document.node_id, version=document.hash, levels=self.levels
            )
            parsed.extend(_text_nodes(tree, text, document))
        return parsed

    def _postprocess_parsed_nodes(
        self, nodes: list[BaseNode], parent_doc_map: dict[str, Document]
    ) -> list[BaseNode]:
        # The base class searches each text in its document for offsets that are known.
        return nodes


def _text_nodes(tree: Tree, text: str, document: BaseNode) -> list[TextNode]:
    source = RelatedNodeInfo(node_id=document.node_id, node_type=ObjectType.DOCUMENT)
    made: list[TextNode] = []
    for node in tree.nodes:
        made.append(
            TextNode(
                id_=node.id,
                text=text[node.start : node.end],
                start_char_idx=node.start,
                end_char_idx=node.end,
                metadata={**theirs(document.metadata), OURS: {"level": node.level}},
                excluded_embed_metadata_keys=[*document.excluded_embed_metadata_keys, OURS],
                excluded_llm_metadata_keys=[*document.excluded_llm_metadata_keys, OURS],
                relationships={NodeRelationship.SOURCE: source},
            )
        )
        if node.parent is not None:
            parent = made[node.parent]
            made[-1].relationships[NodeRelationship.PARENT] = _related(parent)
            children = parent.relationships.setdefault(NodeRelationship.CHILD, [])
            assert isinstance(children, list)  # noqa: S101 - what CHILD holds, for the type checker
            children.append(_related(made[-1]))
    by_level: dict[int, list[TextNode]] = {}
    for node, text_node in zip(tree.nodes, made, strict=True):
        by_level.setdefault(node.level, []).append(text_node)
    for level in by_level.values():
        for before, after in pairwise(level):
            # Where a level was left out in between, its nodes aren't neighbours.
            if before.end_char_idx == after.start_char_idx:
                before.relationships[NodeRelationship.NEXT] = _related(after)
                after.relationships[NodeRelationship.PREVIOUS] = _related(before)
    return made


def _related(node: TextNode) -> RelatedNodeInfo:
    # Without the metadata that LlamaIndex would copy into every relation.
    return RelatedNodeInfo(node_id=node.node_id, node_type=ObjectType.TEXT)
