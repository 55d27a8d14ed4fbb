"""A folder that can only be read: questions are answered from private copies of its collections.

The engine opens its files for writing, whatever it is asked. So on a disk that is mounted for
reading only, or in a folder of another user, a collection is copied to this user's temporary
folder when it is first asked for. What is written would be lost with the copy, and is refused.
"""

import errno
import logging
import shutil
from pathlib import Path

from indexes.disks import MB, check_room, copy_folder, explained, own_folder, taken
from indexes.errors import DiskError
from indexes.store.edge.holding import at_rest
from indexes.waits import waiting

_log = logging.getLogger(__name__)

_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)
_PREFIX = "advanced-rag-read-"
# For what the engine writes as it opens a copy.
_ROOM = 64 * MB


class Borrowed:
    """Copies of a folder's collections.

    Args:
        folder: which has collections.
        error: what writing to it raised.

    Attributes:
        refusal: one line for who wants to write.
    """

    def __init__(self, folder: Path, error: OSError) -> None:
        self._folder = folder
        self.refusal = explained(f"cannot write to {folder}", error, "choose another folder")
        self._why = error.strerror
        self._copies: Path | None = None

    @staticmethod
    def helps(folder: Path, error: OSError) -> bool:
        """Whether it was writing that was refused, and there is something to read."""
        return error.errno in _REFUSED and any((folder / "collections").glob("*"))

    def copy(self, collection: Path) -> Path:
        """Copy a collection.

        Args:
            collection: its folder.

        Returns:
            The copy's, in a folder that only this user can look into.

        Raises:
            StoreLockedError: another process writes to it.
            DiskError: it can't be read, or there is no room.
        """
        doing = f"cannot copy {collection}, which can only be read,"
        try:
            self._copies = self._copies or own_folder(_PREFIX)
            copy = self._copies / collection.name
            said = (
                f"{self._folder} can only be read ({self._why}): questions are answered from a "
                f"copy in {copy}, and nothing is written"
            )
            _log.warning(said)
            with at_rest(self._folder), waiting(said):
                check_room(self._copies, taken(collection) + _ROOM, doing)
                shutil.rmtree(copy, ignore_errors=True)
                copy_folder(collection, copy)
        except OSError as error:
            raise DiskError(explained(doing, error, "see that it may be read")) from error
        return copy

    def give_back(self) -> None:
        """Delete the copies, which must be closed."""
        if self._copies is not None:
            shutil.rmtree(self._copies, ignore_errors=True)
