"""What the README tells people to type works, with the real local models."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import BRIEFLY

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCES = re.findall(r"```(\w+)([^\n]*)\n(.*?)```", README, re.DOTALL)

COMMANDS = [
    line.split("  #")[0].strip()
    for language, note, body in FENCES
    if language == "bash" and "no-test" not in note
    for line in body.splitlines()
    if line.startswith("advanced-rag ")
]
SNIPPETS = [body for language, _, body in FENCES if language == "python"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout's root, as far as the commands look at it, to leave files in."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "app").symlink_to(ROOT / "app")
    (folder / "indexes").symlink_to(ROOT / "indexes")
    return folder


def run(folder: Path, *command: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAG_")} | BRIEFLY
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_commands_work_in_their_order(folder: Path) -> None:
    assert len(COMMANDS) >= 3
    for command in COMMANDS:
        words = shlex.split(command)
        assert words[0] == "advanced-rag"
        words[:1] = [sys.executable, "-m", "app"]
        if "ask" in words:
            check_answer(json.loads(run(folder, *words, "--json")))
        else:
            run(folder, *words)
        if "fetch" in words:
            # One of the four letters tells as much, in a quarter of the time.
            for letter in sorted((folder / "data/samples/letters").glob("*.pdf"))[1:]:
                letter.unlink()


def check_answer(answer: dict) -> None:
    """The letters' answer, by the real model, from merged parents, exact to the character."""
    from app.samples import LETTERS
    from indexes.documents import load_document

    assert answer["answer"].strip()
    assert any(context["level"] < 2 or context["leaves"] > 1 for context in answer["contexts"])
    for context in answer["contexts"]:
        text = load_document(LETTERS / context["document"]).text
        assert context["text"] == text[context["start"] : context["end"]]
    assert answer["trace"][-2]["llm_tokens_out"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("snippet", SNIPPETS)
def test_the_python_works(folder: Path, snippet: str) -> None:
    assert run(folder, sys.executable, "-c", snippet).strip()


def test_every_link_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"
