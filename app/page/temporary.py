"""A private folder for what is uploaded, which goes with the page.

Gradio keeps uploads below one folder of the machine, which every user of it can look into.
"""

import os
import shutil
import threading
from pathlib import Path

from indexes.disks import own_folder

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
        _before = os.environ.get(_VARIABLE)
        folder = own_folder(_PREFIX)
        os.environ[_VARIABLE] = str(folder)
        return folder


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
