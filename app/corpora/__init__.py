"""Public benchmarks: each from its publisher, as documents and questions of this project's format.

    data/benchmarks/originals/…                 as they came, with SHA256SUMS; never changed
    data/benchmarks/qmsum/corpora/              documents, as text
    data/benchmarks/qmsum/questions.jsonl       questions with the places of their evidence

`corpora.json` says where each is published, at which commit, under which licence, and whether
anything here was chosen by looking at it (`development`) or not (`held-out`). A SHA-256 stands
there if the publisher says it; others are written down at the first download, and expected from
then on.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

from indexes import DocumentError, SettingsError

from ..download import SUMS, digest_of, download, read_sums, write, write_sums
from .layouts import LAYOUTS, Read

_RAW = "https://raw.githubusercontent.com"
_LARGE = "https://media.githubusercontent.com/media"
MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class Original:
    """A file as it is published.

    Attributes:
        path: in its repository
        commit: at which it is there
        lfs: whether the repository has it as a large file
        sha256: as the publisher says it; empty if not known beforehand
        url: where it is, if it is in no repository
    """

    path: str
    commit: str = ""
    lfs: bool = False
    sha256: str = ""
    url: str = ""


@dataclass(frozen=True)
class Corpus:
    """A benchmark, and where it is published."""

    name: str
    use: Literal["development", "held-out"]
    layout: str
    licence: str
    publisher: str
    files: tuple[Original, ...]
    repository: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where its originals go: one folder for all corpora of a publisher."""
        return (self.repository or self.publisher.rpartition("/")[2]).replace("/", "--")

    def address(self, file: Original, mirror: str | None) -> str:
        """Where a file is: at its publisher, or at a mirror of all publishers."""
        place = f"{self.repository or self.folder}/{file.commit or '-'}/{quote(file.path)}"
        if mirror:
            return f"{mirror.rstrip('/')}/{place}"
        return file.url or f"{_LARGE if file.lfs else _RAW}/{place}"


@dataclass(frozen=True)
class Fetched:
    """What came of one corpus.

    Attributes:
        corpus: which
        folder: with `corpora/` and `questions.jsonl`
        documents, questions: how many
        downloaded: files that were not there
        unknown: files whose hash was not known beforehand
        left_out: what could not be placed, by reason
    """

    corpus: Corpus
    folder: Path
    documents: int
    questions: int
    downloaded: int
    unknown: int
    left_out: dict[str, int]


@cache
def corpora(listed: Path | None = None) -> tuple[Corpus, ...]:
    """All that can be fetched.

    Args:
        listed: another list, laid out as `corpora.json`

    Raises:
        SettingsError: the list is none
    """
    path = listed or Path(__file__).with_name("corpora.json")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_corpus(found) for found in data["corpora"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise SettingsError(f"{path}: is no list of benchmarks ({reason}): mend it") from error


def _corpus(found: dict[str, Any]) -> Corpus:
    about = dict(found)
    commit = about.pop("commit", "")
    files = tuple(Original(**{"commit": commit} | file) for file in about.pop("files"))
    for path in (PurePosixPath(name) for name in [about["name"], *(one.path for one in files)]):
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"{path} is no path inside a folder")
    if about["layout"] not in LAYOUTS:
        raise ValueError(f"no layout is called {about['layout']!r}: {', '.join(LAYOUTS)}")
    return Corpus(files=files, **about)


def chosen(
    names: Sequence[str], *, held_out: bool = False, listed: Path | None = None
) -> list[Corpus]:
    """The corpora of these names; by default those for development.

    Raises:
        SettingsError: there is none of a name
    """
    known = {corpus.name: corpus for corpus in corpora(listed)}
    for name in names:
        if name not in known:
            raise SettingsError(f"no benchmark is called {name!r}: choose of {', '.join(known)}")
    if names:
        return [known[name] for name in dict.fromkeys(names)]
    return [corpus for corpus in known.values() if held_out or corpus.use == "development"]


def fetch_corpora(
    folder: Path,
    wanted: Sequence[Corpus],
    *,
    mirror: str | None = None,
    on_file: Callable[[str, int, int], None] = lambda name, done, known: None,
) -> list[Fetched]:
    """Download what is missing, check it, and convert it.

    Args:
        folder: made when missing
        wanted: which
        mirror: address of a copy of the publishers' files, by repository, commit and path
        on_file: called with a corpus's name, and how many of how many files are there

    Raises:
        DocumentError: a file can't be reached, or is not what it should be
    """
    fetched = []
    for corpus in wanted:
        originals = folder / "originals" / corpus.folder
        sums = read_sums(originals / SUMS)
        paths, downloaded = {}, 0
        for done, file in enumerate(corpus.files):
            on_file(corpus.name, done, len(corpus.files))
            path = originals / file.path
            if not path.exists():
                remedy = f"put the file in {path} by hand"
                download(corpus.address(file, mirror), path, most=MAX_BYTES, remedy=remedy)
                downloaded += 1
            _check(path, file, sums)
            write_sums(originals / SUMS, sums)
            paths[file.path] = path
        read = _converted(corpus, paths)
        _write(folder / corpus.name, read)
        fetched.append(
            Fetched(
                corpus,
                folder / corpus.name,
                documents=len(read.texts),
                questions=len(read.questions),
                downloaded=downloaded,
                unknown=sum(not file.sha256 for file in corpus.files),
                left_out=dict(read.left_out),
            )
        )
    return fetched


def _check(path: Path, file: Original, sums: dict[str, str]) -> None:
    """Hold a file against its publisher's hash, or that of the first download."""
    digest = digest_of(path)
    if digest != (file.sha256 or sums.get(file.path, digest)):
        who = "its publisher says" if file.sha256 else f"{SUMS} says"
        raise DocumentError(f"{path}: is not the file that {who}: delete it to fetch it again")
    sums[file.path] = digest


def _converted(corpus: Corpus, paths: dict[str, Path]) -> Read:
    try:
        read = LAYOUTS[corpus.layout](paths, corpus.options)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise DocumentError(
            f"{corpus.name}: its files are not laid out as {corpus.layout} ({reason}): fetch them "
            f"again from {corpus.publisher}"
        ) from error
    for question in read.questions:
        for place in question.references:
            text = read.texts.get(place.document, "")
            if place.end > len(text) or not text[place.start : place.end].strip():
                raise DocumentError(
                    f"{corpus.name}: question {question.id} has no evidence at characters "
                    f"{place.start} to {place.end} of {place.document}: fetch it again"
                )
    if not read.questions:
        raise DocumentError(f"{corpus.name}: has no questions in it: fetch it again")
    return read


def _write(folder: Path, read: Read) -> None:
    texts = folder / "corpora"
    texts.mkdir(parents=True, exist_ok=True)
    for there in texts.iterdir():
        if there.name not in read.texts:
            there.unlink()
    for name, text in read.texts.items():
        write(texts / name, text.encode())
    lines = (
        json.dumps(question.model_dump(exclude_none=True), ensure_ascii=False) + "\n"
        for question in read.questions
    )
    write(folder / "questions.jsonl", "".join(lines).encode())
