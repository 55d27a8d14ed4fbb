"""A small index whose models answer at once."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
import pytest

from app.page.conversation import Run, Tab
from app.page.lanes import Lanes
from app.page.layout import make_workbench
from app.page.library import Library
from app.page.opening import Opening
from app.page.visitors import COOKIE, signed
from app.page.workbench import Workbench
from indexes.index import HierarchicalIndex
from indexes.models.described import described
from indexes.settings import Settings
from tests.page.fakes import ScriptedLLM, WordEmbedding

LETTER = """# Keelstrand letter

Keelstrand is the cloud business. Its revenue rose to 3.18 billion dollars in 2019.
Its operating margin was 22.3 percent.

The depots shipped 418 million parcels. Vans delivered a third of them.
"""


@pytest.fixture
def llm() -> ScriptedLLM:
    return ScriptedLLM()


@pytest.fixture(scope="session")
def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A letter and its index, closed: to be copied, for making one takes longer."""
    folder = tmp_path_factory.mktemp("filled")
    with opened(folder, ScriptedLLM()) as index:
        index.ingest([letter_in(folder)])
    return folder


@pytest.fixture
def index(filled_folder: Path, tmp_path: Path, llm: ScriptedLLM) -> Iterator[HierarchicalIndex]:
    """An index of one letter."""
    # Unlike shutil, it leaves holes of files out.
    subprocess.run(["cp", "-r", f"{filled_folder}/.", tmp_path], check=True)
    with opened(tmp_path, llm) as index:
        yield index


@pytest.fixture
def empty_index(tmp_path: Path, llm: ScriptedLLM) -> Iterator[HierarchicalIndex]:
    with opened(tmp_path, llm) as index:
        yield index


@pytest.fixture
def workbench(index: HierarchicalIndex) -> Workbench:
    """A page's insides, over an index of one letter."""
    return make_workbench(Opening.of(index))


@pytest.fixture
def lanes(index: HierarchicalIndex) -> Lanes:
    return Lanes(Opening.of(index))


@pytest.fixture
def library(empty_index: HierarchicalIndex) -> Library:
    """An empty library whose visitors are kept apart."""
    return Library(Opening.of(empty_index))


@pytest.fixture
def upload(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Puts a file where Gradio would have put an upload."""

    def put(name: str, content: str | bytes) -> Path:
        path = tmp_path / "uploads" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return put


@contextmanager
def unserved() -> Iterator[None]:
    """Blocks made herein have no routes, which take three quarters of the time of making them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradio.routes.App.create_app", lambda *_, **__: None)
        yield


def letter_in(folder: Path) -> Path:
    """The letter as a file."""
    letter = folder / "letter.md"
    letter.write_text(LETTER, encoding="utf-8")
    return letter


def opened(folder: Path, llm: ScriptedLLM) -> HierarchicalIndex:
    """An index in a folder, with models that answer at once and do not judge."""
    settings = Settings(index=str(folder / "index"), budget=256, max_file_mb=1)
    described(llm, fit=["answer", "condense"])
    return HierarchicalIndex(settings, embedding=WordEmbedding(), llm=llm)


def begun(tab: Tab, question: str, *patterns: str) -> Run:
    """A run of a tab, whose lanes wait."""
    return tab.begin(question, question, patterns or ("regular", "parent"))


def request_of(name: str, session: str = "tab") -> gr.Request:
    """A request of the visitor called `name`; one without a name has no cookie."""
    request = gr.Request(session_hash=session)
    cookies = {COOKIE: signed(name.ljust(43, "-"))} if name else {}
    request.__dict__["cookies"] = cookies
    return request
