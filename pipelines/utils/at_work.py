"""One run at a time where two would write the same: the second is told who works there.

The system frees a lock when its holder dies, however that happens; the next takes over the file it leaves.
"""

from __future__ import annotations

import errno
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

#: What systems say that cannot lock files of this disk: the work is then done without.
_CANNOT = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


@contextmanager
def at_work(place: Path, what: str, about: Path) -> Iterator[None]:
    """Hold a lock while the block works.

    Parameters
    ----------
    place : Path
        The file that is locked; its folder is made. It is removed at the end.
    what : str
        What works, such as "mueca compare", for the run that comes second.
    about : Path
        The folder that both would write to.

    Raises
    ------
    ValueError
        If another run holds it: one line that says which, and what to do.
    OSError
        If the file cannot be made.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    number = _taken(place, about)
    try:
        os.ftruncate(number, 0)
        os.write(number, json.dumps(_who(what)).encode())
        yield
    finally:
        with suppress(OSError):
            place.unlink()
        os.close(number)


def lock_of(folder: Path) -> Path:
    """Return the lock of a folder that is replaced as a whole: it lies beside it."""
    return folder.absolute().with_name(f".{folder.absolute().name}.lock")


def _taken(place: Path, about: Path) -> int:
    """Return the open file, locked: the one at `place`, and not one that was removed meanwhile."""
    while True:
        number = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _lock(number):
                raise ValueError(_busy(number, about))
            if _same(number, place):
                return number
        except BaseException:
            os.close(number)
            raise
        os.close(number)


def _lock(number: int) -> bool:
    """Return whether the file is locked now; True where nothing can be locked."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    return True


def _same(number: int, place: Path) -> bool:
    try:
        there = place.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(number)
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


def _who(what: str) -> dict[str, str | int]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"what": what, "process": os.getpid(), "machine": platform.node(), "since": now}


def _busy(number: int, about: Path) -> str:
    try:
        who = json.loads(os.pread(number, 4096, 0))
        said = f"{who['what']} (process {who['process']} on {who['machine']}, since {who['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        said = "another run"
    return f"{about}: {said} works there; wait for it, or give another --out folder"
