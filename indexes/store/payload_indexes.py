"""Which of a point's fields are indexed: those that this project filters by."""

from qdrant_client import models

_EVERYWHERE: dict[str, models.PayloadFieldSchema] = {
    "kind": models.PayloadSchemaType.KEYWORD,
    "document_id": models.PayloadSchemaType.KEYWORD,
    # Of manifests, which go by these names too.
    "source": models.PayloadSchemaType.KEYWORD,
    "file_name": models.PayloadSchemaType.KEYWORD,
    # The page's visitors see their own documents and everybody's, so each search asks for it.
    "owner": models.PayloadSchemaType.KEYWORD,
    # A tenant's points lie together on disk: a question fetches all leaves of its roots.
    "root": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "level": models.IntegerIndexParams(
        type=models.IntegerIndexType.INTEGER, lookup=True, range=False
    ),
}
# Only ever asked for together with `document_id`, so that it needs none but where a server wants
# one for every key: each index of a keyword costs 300 bytes of memory a node.
_ON_SERVERS: dict[str, models.PayloadFieldSchema] = {"version": models.PayloadSchemaType.KEYWORD}

_METADATA = "metadata."


def indexed(*, embedded: bool) -> dict[str, models.PayloadFieldSchema]:
    """The indexes that every collection has, by payload key.

    Args:
        embedded: in a folder, not on a server
    """
    return {**_EVERYWHERE, **({} if embedded else _ON_SERVERS)}


def is_ours(key: str) -> bool:
    """Whether an index serves this project itself, not somebody's filters."""
    return not key.startswith(_METADATA)


def metadata_name(key: str) -> str:
    """What users call what a payload key names."""
    return key.removeprefix(_METADATA).strip('"')
