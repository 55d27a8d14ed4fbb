"""A private folder for what is uploaded, which goes with the page.

Gradio keeps uploads below one folder of the machine, which every user of it can look into.
"""

import os
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

_PREFIX = "advanced-rag-page-"
# Where Gradio looks for its folder whenever it needs one.
_VARIABLE = "GRADIO_TEMP_DIR"


_lock = threading.Lock()
# Pages of this process that keep uploads in the folder, and what the variable was before.
_users = 0
_before: str | None = None


def take_folder() -> Path:
    """The folder of this process's pages, which only this user can look into.

    Gradio is told of it for as long as any of them is there. What pages that crashed have left
    goes.
    """
    global _users, _before
    with _lock:
        _users += 1
        if _users > 1:
            return Path(os.environ[_VARIABLE])
        root = Path(tempfile.gettempdir())
        for left in root.glob(f"{_PREFIX}*"):
            if _is_left(left):
                shutil.rmtree(left, ignore_errors=True)
        _before = os.environ.get(_VARIABLE)
        folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=root)
        os.environ[_VARIABLE] = folder
        return Path(folder)


def give_folder_back() -> None:
    """A page is gone; the last one takes the folder with it."""
    global _users
    with _lock:
        _users -= 1
        if _users:
            return
        shutil.rmtree(os.environ.pop(_VARIABLE), ignore_errors=True)
        if _before is not None:
            os.environ[_VARIABLE] = _before


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
