"""What embedding models' containers on SageMaker are sent, and what they answer.

Three payloads are sent: JumpStart's own for sentence models (`jumpstart`: `text_inputs`),
that of Text Embeddings Inference, LMI and Hugging Face's toolkit (`feature-extraction`:
`inputs`), and OpenAI's (`openai`: `input`). All their answers are read.
"""

import json
from collections.abc import Sequence
from math import isfinite
from typing import Any, Literal, get_args

from indexes.models.sagemaker.codecs import CodecError, ReportedError
from indexes.models.sagemaker.reading import parsed, words_of

Payload = Literal["jumpstart", "feature-extraction", "openai"]
EmbeddingCodec = Literal["auto", "jumpstart", "feature-extraction", "openai"]
# What containers, and scripts within them, call the list of vectors.
_NAMES = ("embedding", "embeddings", "vectors", "sentence_embeddings", "predictions", "outputs")
PAYLOADS: tuple[Payload, ...] = get_args(Payload)


def write_texts(texts: Sequence[str], payload: Payload, model: str | None = None) -> bytes:
    """The body of a request for embeddings; `model` for containers that insist on a name."""
    body: dict[str, Any]
    if payload == "jumpstart":
        body = {"text_inputs": list(texts), "mode": "embedding"}
    elif payload == "openai":
        body = {"input": list(texts)}
        if model is not None:
            body["model"] = model
    else:
        body = {"inputs": list(texts)}
    return json.dumps(body, ensure_ascii=False).encode()


def read_vectors(body: bytes, expected: int) -> list[list[float]]:
    """One vector a text, from any form; of token vectors the first, which is how BGE pools.

    Raises:
        ReportedError: the container reports a failure, or embeds the first text only.
        WebPageError: it is a web page.
        CodecError: these are not `expected` vectors of one length.
    """
    value = parsed(body)
    if isinstance(value, dict):
        value = _listed(value)
    if not isinstance(value, list):
        raise CodecError("no list of vectors")
    if value and _is_number(value[0]):
        value = [value]
    if value and isinstance(value[0], dict):
        value = _in_order(value)
    vectors = [_vector(item) for item in value]
    if len(vectors) == 1 < expected:
        # As AWS's and Hugging Face's example scripts do.
        raise ReportedError(f"one vector for {expected} texts: at most 1 of the texts at once")
    if len(vectors) != expected:
        raise CodecError(f"{len(vectors)} vectors for {expected} texts")
    if len({len(vector) for vector in vectors}) > 1:
        raise CodecError("vectors of different lengths")
    return vectors


def _listed(value: dict[str, Any]) -> Any:
    if value.get("error"):
        raise ReportedError(words_of(value))
    if isinstance(data := value.get("data"), list):
        return _in_order(data)
    found = next((value[name] for name in _NAMES if name in value), None)
    if isinstance(found, dict):  # by type, as Cohere's
        found = found.get("float")
    if found is None and "message" in value:
        raise ReportedError(words_of(value))
    return found


def _in_order(data: list[Any]) -> list[Any]:
    """OpenAI's items by their numbers: they need not come in the order of the texts."""
    if not all(isinstance(item, dict) for item in data):
        raise CodecError("a vector that is none")
    places = [item.get("index", place) for place, item in enumerate(data)]
    if sorted(map(str, places)) != sorted(map(str, range(len(data)))):
        raise CodecError("vectors that are not numbered one by one")
    return [item.get("embedding") for _, item in sorted(zip(places, data, strict=True), key=_first)]


def _first(pair: tuple[int, Any]) -> int:
    return int(pair[0])


def _vector(item: Any) -> list[float]:
    # Feature extraction answers [1, tokens, dimension] or [tokens, dimension] where the
    # container does not pool; BGE's own pooling takes the first token.
    while isinstance(item, list) and item and isinstance(item[0], list):
        item = item[0]
    if not isinstance(item, list) or not item or not all(map(_is_number, item)):
        raise CodecError("a vector that is none")
    return [float(number) for number in item]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
