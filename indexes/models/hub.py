"""Files of models from the Hugging Face Hub: fetched when asked, found again, removed.

    fetch(find("bge-large-en"), cache, on_progress=print)
    located(find("bge-large-en"), cache)

A file is fetched into our own cache folder, bit by bit, so that one that was broken off goes on
where it stopped (Hugging Face's own client starts again in a new process). It takes its place only
once its hash is right, which is the publisher's: of the catalogue, or what the hub says of it. A
copy in Hugging Face's own cache is used, too.
`HF_ENDPOINT`, `HF_HUB_OFFLINE` and `HF_TOKEN` mean what they mean elsewhere.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from indexes.errors import ModelError, SettingsError, shown
from indexes.extras import needed
from indexes.models.capabilities import Capabilities
from indexes.models.catalogue import Entry, in_words, recommended
from indexes.progress import OnProgress, Progress

_SECONDS = 30.0
# Left free beside a file: a full disk breaks more than a download.
_SPARE_BYTES = 200_000_000
_SHA256_LENGTH = 64
_PIECE = 1 << 20


@dataclass(frozen=True)
class Remote:
    """What the hub says of a file: address, size, SHA-256 (None for small ones), headers."""

    url: str
    size: int
    sha256: str | None
    headers: dict[str, str]

    def __repr__(self) -> str:
        return f"Remote({self.size} bytes)"


def place(entry: Entry, cache: Path) -> Path:
    """Where a file of the hub is, or would be."""
    folder = entry.repository.replace("/", "--")
    return cache / "models" / folder / entry.file


def located(entry: Entry, cache: Path) -> Path | None:
    """The file of a model of the hub, if it is on this machine."""
    ours = place(entry, cache)
    return ours if ours.is_file() else _in_their_cache(entry)


def required(entry: Entry, cache: Path) -> Path:
    """The same, or how to come by it.

    Raises:
        ModelError: it isn't here
    """
    found = located(entry, cache)
    if found is None:
        raise ModelError(
            f"{entry.name} is not on this machine ({entry.size}): run `{command(entry)}`"
        )
    return found


def command(entry: Entry) -> str:
    """What fetches a model."""
    return f"advanced-rag models get {entry.short}"


def better_model(what: Capabilities, cache: Path) -> str:
    """What to say where a language model is not fit to answer; empty where it is."""
    if what.fits("answer"):
        return ""
    entry = recommended()
    # Not where else it might be: this is said when the page opens, which has no time to spare.
    here = place(entry, cache).is_file()
    get = "" if here else f"get it with `{command(entry)}`, then "
    size = f", {entry.size}" if get else ""
    return (
        f"{what.name} answers badly: it only shows how everything works. There is a better one, "
        f"{entry.name}{size}: {get}start the page with `--llm {entry.short}`."
    )


def fetch(entry: Entry, cache: Path, on_progress: OnProgress | None = None) -> Path:
    """Fetch a model's file, or go on with it; one that is there is left alone.

    Args:
        entry: the model
        cache: folder for models
        on_progress: told how many bytes are there

    Raises:
        ModelError: the hub can't be reached or refuses, the disk is full, or the file is
            not what its publisher says
        SettingsError: the package that talks to the hub is not installed
    """
    if (found := located(entry, cache)) is not None:
        return found
    target = place(entry, cache)
    part = target.with_name(target.name + ".part")
    with _explained(entry, target):
        remote = ask(entry)
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(entry, part):
            _check_space(entry, remote, part)
            _download(entry, remote, part, on_progress)
            _check_hash(entry, remote, part)
            part.replace(target)
    return target


def remove(entry: Entry, cache: Path) -> int:
    """Delete a model's file, and what was fetched of one that was broken off.

    Returns:
        The bytes that are free again.

    Raises:
        ModelError: there is nothing of ours to delete, or it can't be deleted
    """
    target = place(entry, cache)
    part = target.with_name(target.name + ".part")
    freed = 0
    try:
        for file in (target, part):
            if file.is_file():
                freed += file.stat().st_size
                file.unlink()
        if target.parent.is_dir() and not any(target.parent.iterdir()):
            target.parent.rmdir()
    except OSError as error:
        raise ModelError(
            f"cannot delete {target} ({error.strerror or error}): delete it by hand"
        ) from error
    if not freed and _in_their_cache(entry) is not None:
        raise ModelError(
            f"{entry.name} is in Hugging Face's own cache: remove it with `hf cache rm "
            f"model/{entry.repository}`"
        )
    if not freed:
        raise ModelError(f"{entry.name} is not on this machine: nothing to remove")
    return freed


def fetched(cache: Path) -> Iterator[tuple[str, str, Path]]:
    """Repository, file and place of everything in our cache folder."""
    root = cache / "models"
    for file in sorted(root.rglob("*.gguf")):
        folder, *rest = file.relative_to(root).parts
        yield folder.replace("--", "/", 1), "/".join(rest), file


def ask(entry: Entry) -> Remote:
    """What the hub says of a model's file.

    Raises:
        ModelError: the catalogue knows another hash
        SettingsError: the package that talks to the hub is not installed, or offline
            mode is on
    """
    with needed("local", "fetching models"):
        import huggingface_hub as hub
        from huggingface_hub import constants
    if _is_true(os.environ.get("HF_HUB_OFFLINE")) or constants.HF_HUB_OFFLINE:
        raise SettingsError(
            f"{entry.name} can't be fetched: HF_HUB_OFFLINE is set; unset it, or copy the file to "
            "this machine and give its path"
        )
    url = hub.hf_hub_url(entry.repository, entry.file, endpoint=_endpoint())
    token = hub.get_token()
    said = hub.get_hf_file_metadata(url, token=token, timeout=_SECONDS, endpoint=_endpoint())
    if said.size is None:
        raise ModelError(f"the hub doesn't say how large {entry.name} is: try again later")
    # The token is the hub's; where else it sends us has its own signature in the address.
    theirs = urlsplit(said.location).netloc == urlsplit(url).netloc
    headers = {"authorization": f"Bearer {token}"} if token and theirs else {}
    tag = said.etag or ""
    is_hash = len(tag) == _SHA256_LENGTH and all(letter in "0123456789abcdef" for letter in tag)
    if is_hash and entry.sha256 and tag != entry.sha256:
        raise ModelError(
            f"the hub has another file for {entry.name} than the one that is known: if you trust "
            "it, download it by hand and give its path"
        )
    return Remote(said.location, said.size, entry.sha256 or (tag if is_hash else None), headers)


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _is_true(value: str | None) -> bool:
    return (value or "").upper() in {"1", "ON", "YES", "TRUE"}


def _in_their_cache(entry: Entry) -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    found = try_to_load_from_cache(entry.repository, entry.file)
    return Path(found) if isinstance(found, str) and Path(found).is_file() else None


@contextmanager
def _alone(entry: Entry, part: Path) -> Iterator[None]:
    lock = part.with_name(part.name + ".lock")
    try:
        with FileLock(lock, timeout=0):
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
    except Timeout:
        raise ModelError(f"{entry.name} is being fetched by another process: wait for it") from None


def _check_space(entry: Entry, remote: Remote, part: Path) -> None:
    there = part.stat().st_size if part.exists() else 0
    free = shutil.disk_usage(part.parent).free
    missing = remote.size - there + _SPARE_BYTES - free
    if missing > 0:
        raise ModelError(
            f"{entry.name} takes {in_words(remote.size)}, and {in_words(free)} are free in "
            f"{part.parent}: free {in_words(missing)}, or point RAG_CACHE to another disk"
        )


def _download(entry: Entry, remote: Remote, part: Path, on_progress: OnProgress | None) -> None:
    from huggingface_hub.file_download import http_get

    there = part.stat().st_size if part.exists() else 0
    if there > remote.size:
        part.unlink()
        there = 0
    with part.open("ab") as stream:
        http_get(
            remote.url,
            stream,
            resume_size=there,
            headers=remote.headers,
            expected_size=remote.size,
            displayed_filename=entry.name,
            tqdm_class=_bar(entry, remote.size, on_progress),
        )


def _bar(entry: Entry, size: int, on_progress: OnProgress | None) -> type[Any]:
    """Our progress, in the form in which the hub's client reports its own."""

    class Bar:
        def __init__(self, *_: Any, initial: int = 0, **__: Any) -> None:
            self.done = initial

        def update(self, more: float = 1) -> None:
            self.done += int(more)
            if self.done > size:
                raise ModelError(f"more came for {entry.name} than the hub said: fetch it again")
            if on_progress is not None:
                on_progress(Progress("fetched", entry.name, self.done, size))

        def __enter__(self) -> "Bar":
            self.update(0)
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def close(self) -> None:
            pass

    return Bar


def _check_hash(entry: Entry, remote: Remote, part: Path) -> None:
    with part.open("rb") as stream:
        is_model = stream.read(4) == b"GGUF"
    if remote.sha256 is None and not is_model:
        part.unlink()
        raise ModelError(
            f"what came for {entry.name} is no GGUF file, so it was removed: check its address"
        )
    if remote.sha256 is None:
        return
    digest = hashlib.sha256()
    with part.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    if digest.hexdigest() != remote.sha256:
        part.unlink()
        raise ModelError(
            f"what came for {entry.name} is not what its publisher says (SHA-256 "
            f"{digest.hexdigest()[:12]}…, not {remote.sha256[:12]}…), so it was removed: fetch it "
            "again, or from elsewhere by HF_ENDPOINT"
        )


@contextmanager
def _explained(entry: Entry, target: Path) -> Iterator[None]:
    """Whatever the hub, the network or the disk does, in one line."""
    with needed("local", "fetching models"):
        import httpx2
        from huggingface_hub import errors
    where = urlsplit(_endpoint() or "https://huggingface.co").hostname
    page = f"{_endpoint() or 'https://huggingface.co'}/{entry.repository}"
    try:
        yield
    except errors.GatedRepoError as error:
        raise ModelError(
            f"{entry.name} is only for those who accept its licence: do so at {page}, then set "
            "HF_TOKEN to a token of your account"
        ) from error
    except (errors.RepositoryNotFoundError, errors.EntryNotFoundError) as error:
        raise ModelError(
            f"{where} has no {entry.repository}/{entry.file} for you: check its name, or, if it is "
            "private, set HF_TOKEN"
        ) from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        fix = "check HF_TOKEN" if status in (401, 403) else "try again later"
        raise ModelError(f"{where} refused {entry.name} (status {status}): {fix}") from error
    except httpx2.ConnectError as error:
        raise ModelError(
            f"{where} can't be reached ({shown(error)}): see whether you are online; HF_ENDPOINT "
            "names a mirror"
        ) from error
    except httpx2.HTTPError as error:
        raise ModelError(
            f"{where} broke off {entry.name} ({shown(error)}): run it again, and it goes on from "
            "where it stopped"
        ) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ModelError(
                f"the disk became full while {entry.name} ({entry.size}) was fetched: free some "
                "space and run it again; it goes on from where it stopped"
            ) from error
        if error.errno is None:
            raise ModelError(
                f"{where} broke off {entry.name}: run it again, and it goes on from where it "
                "stopped"
            ) from error
        raise ModelError(
            f"cannot write {target} ({error.strerror or error}): point RAG_CACHE at a folder that "
            "can be written"
        ) from error
