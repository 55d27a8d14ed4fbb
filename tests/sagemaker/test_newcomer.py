"""The sequence of docs/sagemaker.md, from nothing to an answer and back, step by step; and
another model behind an endpoint, which an index notices."""

import importlib
import json
import logging
import re
import shlex
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

pytest.importorskip("boto3", reason="needs the extra sagemaker")
pytest.importorskip("moto.server", reason="needs moto's server, of the extra dev")

from app.cli.main import main
from indexes.errors import IndexMismatchError
from indexes.index import HierarchicalIndex
from indexes.models.sagemaker.emulator import Container, container_of
from indexes.models.sagemaker.profiles import offered
from tests.sagemaker import aws as stand_in
from tests.sagemaker.aws import KEY, REGION, SECRET, Aws, PlainHosting
from tests.sagemaker.conftest import Service
from tests.sagemaker.fakes import TEXT, SaidModels

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).parents[2] / "docs" / "sagemaker.md"
LETTERS = Path(__file__).parents[2] / "app" / "samples" / "letters"


def steps() -> list[list[str]]:
    """The commands of the guide's sequence, as a shell would split them."""
    text = GUIDE.read_text(encoding="utf-8")
    found = re.search(r"## From nothing to an answer.*?```bash\n(.*?)```", text, re.DOTALL)
    assert found
    return [shlex.split(line, comments=True) for line in found[1].splitlines() if line.strip()]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Aws]:
    """An empty account, whose models are made without AWS's SDK."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = stand_in.started()
    url = "http://{}:{}".format(*server.get_host_and_port())
    urllib.request.urlopen(f"{url}/moto-api/reset", data=b"", timeout=10).close()
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "RAG_CACHE": str(tmp_path / "cache"),
        "RAG_INDEX": str(tmp_path / "index"),
    }.items():
        monkeypatch.setenv(name, value)
    stand_in.mend_moto(monkeypatch)
    deploying = importlib.import_module("indexes.models.sagemaker.endpoints.deploy")
    monkeypatch.setattr(deploying, "JumpStart", lambda plane, _role: PlainHosting(plane.client))
    monkeypatch.setattr(deploying, "POLL_SECONDS", 0.0)
    yield Aws(url, stand_in.session())
    server.stop()


def test_a_newcomers_sequence_runs_from_permissions_to_deletion(
    account: Aws,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = ["advanced-rag-mixtral", "advanced-rag-bge"]
    service.emulator.endpoints = names
    for name, model in zip(names, ("Mixtral-8x7B-Instruct-v0.1", "bge-large-en"), strict=True):
        profile = offered("llm", model) or offered("embedding", model)
        assert profile
        service.emulator.containers[name] = container_of(profile)
    printed: dict[str, str] = {}
    for step in steps():
        if step[0] == "export":
            monkeypatch.setenv(*step[1].split("=", 1))
            continue
        assert step[0] == "advanced-rag"
        arguments = [str(LETTERS) if word == "letters/" else word for word in step[1:]]
        monkeypatch.setattr(sys, "argv", ["advanced-rag", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
            raise SystemExit(0)
        said = capsys.readouterr()
        assert not exit_.value.code, f"{step}: {said.err}"
        printed[" ".join(word for word in step[1:4] if word[0] not in '-"')] = said.out
        if step[1:3] == ["endpoints", "deploy"] and "--dry-run" not in step:
            assert account.names()["endpoint"] == sorted(names)
    assert "aws iam create-role" in printed["endpoints permissions"]
    assert "an hour" in printed["endpoints deploy"]
    assert TEXT in next(text for words, text in printed.items() if words.startswith("ask"))
    assert "nothing remains" in printed["endpoints delete"]
    assert account.nothing_left()
    asked = [body["inputs"] for body in service.emulator.seen if body["endpoint"] == names[0]]
    assert all(text.startswith("[INST]") for text in asked)


class Backwards(SaidModels):
    """Another model whose vectors are as long."""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [vector[::-1] for vector in super().embed(texts)]


def test_another_model_behind_an_endpoint_is_refused(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_CACHE", str(tmp_path / "cache"))
    (tmp_path / "one.md").write_text("The ferry left at noon.", encoding="utf-8")
    (tmp_path / "more.md").write_text("Nobody was on it.", encoding="utf-8")
    place = str(tmp_path / "index")
    for model in ("bge-large-en", "bge-m3"):
        profile = offered("embedding", model)
        assert profile
        service.emulator.containers[model] = container_of(profile)
    service.emulator.endpoints = ["bge", "bge-m3", "mixtral"]
    service.emulator.containers["bge"] = Container(payload="jumpstart")

    def opened(endpoint: str) -> HierarchicalIndex:
        return HierarchicalIndex.open(
            place, provider="sagemaker", sagemaker_embedding_endpoint=endpoint
        )

    with opened("bge") as index:
        index.ingest([tmp_path / "one.md"])
    service.emulator.models = Backwards()
    # Under another name, and under the same: what it makes of a text tells.
    for endpoint in ("bge-m3", "bge"):
        with opened(endpoint) as index, pytest.raises(IndexMismatchError):
            index.ingest([tmp_path / "more.md"])
    assert json.dumps(service.emulator.seen)
