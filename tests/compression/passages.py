"""Documents and nodes to be judged."""

from llama_index.core.schema import NodeWithScore, TextNode

from indexes.namespace import OURS, ours

DOCUMENT = """# Bosun

Bosun was a warehouse robot. It cost $41 million, e.g. for its arms. It was stopped in 2021.

| Year | Spent |
|---|---|
| 2019 | 12 |
| 2020 | 29 |

The warehouse in Dunmore had been built around it. Nine robots were running there by the
end of the first year, and each of them needed two people to free it when it was stuck.

1. The arms were sold
2. The software lives on in Keelstrand
- nobody was dismissed

ボースンは倉庫ロボットでした。二〇二一年に中止されました。

the team wrote that it had learned more than it had lost and would do it again if it could
"""


def node(text: str, start: int = 0, *, id: str = "n", score: float = 0.5) -> NodeWithScore:
    """A node as our retriever makes them."""
    metadata = {
        "source": "bosun.md",
        "title": "Bosun",
        "start": start,
        "end": start + len(text),
        "tokens": 1,
    }
    return NodeWithScore(
        node=TextNode(
            id_=id,
            text=text,
            start_char_idx=start,
            end_char_idx=start + len(text),
            metadata={OURS: metadata},
        ),
        score=score,
    )


def nodes(document: str = DOCUMENT, size: int = 200) -> list[NodeWithScore]:
    """The document in pieces of `size` characters, wherever they end."""
    return [
        node(document[start : start + size], start, id=f"n{start}", score=1 / (1 + start))
        for start in range(0, len(document), size)
    ]


def check_verbatim(found: list[NodeWithScore], document: str = DOCUMENT) -> None:
    """Every character that is left is in the source, where it says it is."""
    for one in found:
        place = ours(one.node.metadata)
        spans = place["spans"]
        assert spans == sorted(spans)
        pieces = [document[start:end] for start, end in spans]
        assert all(pieces)
        assert one.node.get_content() == " … ".join(pieces)
        assert place["start"] <= spans[0][0]
        assert spans[-1][1] <= place["end"]
