"""The whole journey over the stand-in, with the real local models behind it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indexes.answers import Answer, Retrieved, Word
from indexes.index import HierarchicalIndex
from indexes.models.providers import build_embedding, build_llm
from indexes.models.sagemaker.emulator import Emulator, LocalModels, Serving
from indexes.settings import load_settings

QUESTION = "When was the cloud business Bosun closed?"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def served(cache: Path) -> Iterator[tuple[str, Emulator]]:
    local = load_settings(cache=cache)
    emulator = Emulator(LocalModels(build_llm(local), build_embedding(local)))
    with Serving(emulator.app) as url:
        yield url, emulator


@pytest.mark.slow
def test_contexts_are_the_local_ones_and_the_answer_streams_with_citations(
    served: tuple[str, Emulator], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, emulator = served
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    text = "Bosun, the cloud business, was closed in spring.\n\nFerries ran late all winter."
    (tmp_path / "notes.md").write_text(text, encoding="utf-8")
    shared: dict[str, Any] = {"cache": cache, "budget": 120, "max_answer_tokens": 6}
    place = str(tmp_path / "index")
    with HierarchicalIndex.open(place, **shared) as index:
        index.ingest([tmp_path / "notes.md"])
        expected, _ = index.retrieve(QUESTION)
    remote = {
        "provider": "sagemaker",
        "sagemaker_endpoint_url": url,
        "sagemaker_region": "us-east-1",
        "embedding_model": "all-MiniLM-L6-v2",
    }
    for shape in ("tgi", "lmi", "messages"):
        emulator.shape = shape  # type: ignore[assignment]
        with HierarchicalIndex.open(place, **shared, **remote) as index:
            events = list(index.stream(QUESTION))
        retrieved = next(event for event in events if isinstance(event, Retrieved))
        assert [(c.document, c.start, c.end) for c in retrieved.contexts] == [
            (c.document, c.start, c.end) for c in expected
        ]
        assert [c.score for c in retrieved.contexts] == pytest.approx(
            [c.score for c in expected], abs=1e-4
        )
        words = [event for event in events if isinstance(event, Word)]
        assert len(words) > 1
        answer = events[-1]
        assert isinstance(answer, Answer)
        assert answer.answer == "".join(word.text for word in words)
        assert answer.citations, answer.answer
        assert answer.trace["answer"].llm_tokens_out > 1


def test_a_stranger_to_the_protocol_is_turned_away(served: tuple[str, Emulator]) -> None:
    import httpx

    url, _ = served
    path = f"{url}/endpoints/e/invocations"
    with httpx.Client(trust_env=False) as client:
        assert client.post(path, json={"inputs": "?"}).status_code == 403
        signed = {"Authorization": "AWS4-HMAC-SHA256 whoever"}
        for body in (b"no json", b"[]", b'{"inputs": 7}', b'{"text_inputs": [1]}'):
            reply = client.post(path, content=body, headers=signed)
            assert reply.status_code == 424
            assert reply.json()["OriginalStatusCode"] in (400, 422)
        large = client.post(path, content=b" " * (6 * 2**20 + 1), headers=signed)
        assert large.status_code == 413
