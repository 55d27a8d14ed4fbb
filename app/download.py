"""Files from their publishers: bounded, whole or not at all, and known again by their hash."""

import hashlib
from pathlib import Path

import httpx

from indexes import DocumentError

SUMS = "SHA256SUMS"
_SECONDS = 60.0


def download(url: str, path: Path, *, most: int, remedy: str) -> str:
    """Get a file; returns its SHA-256.

    Args:
        url: where it is
        path: where it goes; its folder is made where it is missing
        most: bytes; a larger file is refused
        remedy: what to do by hand where it can't be had

    Raises:
        DocumentError: it can't be reached, or is too large
    """
    digest, size = hashlib.sha256(), 0
    unfinished = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            httpx.stream("GET", url, follow_redirects=True, timeout=_SECONDS) as response,
            unfinished.open("wb") as file,
        ):
            response.raise_for_status()
            for piece in response.iter_bytes():
                size += len(piece)
                if size > most:
                    raise DocumentError(
                        f"{url}: is larger than {most // 1024**2} MB, which it should not be: "
                        f"{remedy}"
                    )
                digest.update(piece)
                file.write(piece)
        unfinished.replace(path)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DocumentError(
            f"{url}: could not be downloaded ({reason}): check the network, or {remedy}"
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_sums(path: Path) -> dict[str, str]:
    """The format of `sha256sum`: its `-c` reads it too."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    parts = [line.split(maxsplit=1) for line in lines if line.strip()]
    return {name.lstrip("*"): digest for digest, name in (part for part in parts if len(part) == 2)}


def write_sums(path: Path, sums: dict[str, str]) -> None:
    """Write what `read_sums` reads."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items())]
    write(path, "".join(lines).encode())


def write(path: Path, data: bytes) -> None:
    """Whole or not at all; a file that says the same is left alone."""
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(data)
    unfinished.replace(path)
