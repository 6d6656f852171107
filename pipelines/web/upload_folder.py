"""Where uploads lie while they are classified: a folder of this server alone, removed with it or after it."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "mueca-serve-"


class Spool:
    """A temporary folder that a server locks as long as it lives.

    A killed server leaves its folder behind, without the lock: the next one removes it.

    Parameters
    ----------
    root : Path, optional
        Where; by default the system's temporary folder.

    Attributes
    ----------
    folder : Path
        Readable by this user only.
    removed : int
        Folders of killed servers that were removed.
    """

    def __init__(self, root: Path | None = None) -> None:
        root = Path(root or tempfile.gettempdir())
        self.removed = sum(map(_remove_if_dead, sorted(root.glob(f"{PREFIX}*.lock"))))
        # The lock is held before the folder is there, so that no server that starts now removes it.
        self._lock = FileLock(root / f"{PREFIX}{secrets.token_hex(8)}.lock")
        self._lock.acquire(timeout=5)
        self.folder = _folder_of(Path(self._lock.lock_file))
        self.folder.mkdir(mode=0o700)

    @contextmanager
    def place(self) -> Iterator[Path]:
        """Give a folder for one request; it is removed with what it holds, whatever happens."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def _folder_of(lock: Path) -> Path:
    return lock.with_suffix("")


def _remove_if_dead(path: Path) -> bool:
    """Remove the folder of a server that no longer lives; another user's is left alone."""
    try:
        if path.is_symlink() or path.stat().st_uid != os.getuid():
            return False
        with FileLock(path, timeout=0):
            folder = _folder_of(path)
            found = folder.is_dir()
            shutil.rmtree(folder, ignore_errors=True)
            path.unlink(missing_ok=True)
            return found
    except (OSError, Timeout):
        return False
