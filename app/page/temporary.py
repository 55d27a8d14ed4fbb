"""A private folder for what is uploaded, which goes with the page.

Gradio keeps uploads below one folder of the machine, which every user of it can look into.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "advanced-rag-page-"
# Where Gradio looks for its folder whenever it needs one.
_VARIABLE = "GRADIO_TEMP_DIR"


def private_folder() -> Path:
    """A new folder that only this user can look into; those of pages that crashed go."""
    root = Path(tempfile.gettempdir())
    for left in root.glob(f"{_PREFIX}*"):
        if _is_left(left):
            remove_folder(left)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=root))


def remove_folder(folder: Path) -> None:
    """Delete it with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Whether it is ours, and the process that made it is gone."""
    with suppress(OSError, ValueError):
        about = folder.lstat()
        if not folder.is_dir() or folder.is_symlink() or about.st_uid != os.getuid():
            return False
        try:
            os.kill(int(folder.name.removeprefix(_PREFIX).partition("-")[0]), 0)
        except ProcessLookupError:
            return True
    return False


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Have Gradio keep what it keeps in a folder, for whatever is made meanwhile."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = before
