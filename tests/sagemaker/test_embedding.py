"""The embedding model over HTTP, through boto3, against the stand-in."""

import asyncio
import copy
import pickle
from typing import Any

import pytest
from llama_index.embeddings.sagemaker_endpoint import SageMakerEmbedding

from indexes.errors import ModelError
from indexes.models.given import embedding_dimension
from indexes.models.sagemaker.profiles import offered
from tests.sagemaker.conftest import Service


async def test_the_instruction_goes_before_queries_only(service: Service) -> None:
    model = service.embedding()
    assert isinstance(model, SageMakerEmbedding)
    model.get_query_embedding("a")
    await model.aget_query_embedding("b")
    model.get_text_embedding("c")
    await model.aget_text_embedding("d")
    model.get_text_embedding_batch(["e"])
    await model.aget_text_embedding_batch(["f"])
    known = offered("embedding", "bge-large-en")
    assert known
    said = known.query_instruction
    assert service.models.texts == [said + "a", said + "b", *"cdef"]


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["jumpstart", "feature-extraction"])
async def test_vectors_have_length_one_and_the_order_of_the_texts(
    service: Service, codec: Any
) -> None:
    model = service.embedding(codec=codec, texts_per_request=4)
    texts = ["x" * n for n in range(1, 31)]
    for vectors in (
        model.get_text_embedding_batch(texts),
        await model.aget_text_embedding_batch(texts),
    ):
        assert [round(v[0] / v[1] * 3) for v in vectors] == list(range(1, 31))
        assert all(abs(sum(x * x for x in v) - 1) < 1e-9 for v in vectors)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_requests_run_side_by_side_up_to_the_bound(service: Service, asynchronous: bool) -> None:
    service.models.seconds = 0.05
    model = service.embedding(texts_per_request=1, requests_at_once=3)
    if asynchronous:
        asyncio.run(model.aget_text_embedding_batch(["text"] * 12))
    else:
        model.get_text_embedding_batch(["text"] * 12)
    assert service.models.most_at_once == 3


@pytest.mark.slow
def test_batches_are_bounded_by_tokens_and_by_bytes(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.embedding(tokens_per_request=10).get_text_embedding_batch(["one two three four"] * 5)
    assert sorted(service.models.batches) == [1, 2, 2]
    service.models.batches.clear()
    monkeypatch.setattr("indexes.models.sagemaker.embedding.PAYLOAD_BYTES", 100)
    service.embedding().get_text_embedding_batch(["x" * 30] * 3)
    assert service.models.batches == [1, 1, 1]


def test_a_text_over_the_window_is_cut_or_refused(service: Service) -> None:
    text = "word " * 100
    service.embedding(window_tokens=27).get_text_embedding(text)
    (sent,) = service.models.texts
    assert text.startswith(sent)
    assert sent.split() == ["word"] * 20
    with pytest.raises(ModelError, match="too long"):
        service.embedding(window_tokens=27, too_long="refuse").get_text_embedding(text)


def test_vectors_of_another_length_are_another_models(service: Service) -> None:
    with pytest.raises(ModelError, match="length 3, not 1024"):
        service.embedding(dimension=1024).get_text_embedding("x")


def test_the_dimension_is_asked_for_once(service: Service) -> None:
    model = service.embedding()
    assert embedding_dimension(model) == embedding_dimension(model) == 3
    assert len(service.models.texts) == 1


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_failure_ends_the_batch(service: Service, asynchronous: bool) -> None:
    service.fails(fault="validation", share=1, message="too many tokens")
    model = service.embedding(texts_per_request=1, requests_at_once=2)
    with pytest.raises(ModelError, match="too many tokens"):
        if asynchronous:
            asyncio.run(model.aget_text_embedding_batch(["text"] * 20))
        else:
            model.get_text_embedding_batch(["text"] * 20)
    assert len(service.emulator.faults.handed) < 20


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_works_like_the_original(service: Service, duplicate: Any) -> None:
    model = service.embedding()
    vector = model.get_text_embedding("four")
    assert duplicate(model).get_text_embedding("four") == vector
