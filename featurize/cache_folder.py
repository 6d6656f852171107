"""Where what is computed is kept: the cache folder, or a temporary one where it cannot be written."""

from __future__ import annotations

import atexit
import errno
import logging
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from featurize.paths import expanded

log = logging.getLogger(__name__)

#: Errors that say that a folder is not to be written, and not that the disk is full.
READ_ONLY = frozenset({
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.ELOOP,
})  # fmt: skip
#: Tells child processes of the temporary folder, so that it is made, and said, once.
TEMPORARY_CACHE = "_MUECA_TEMPORARY_CACHE"


def default_root() -> Path:
    """Return the cache folder: ``MUECA_CACHE``, else the platform's cache folder for this user."""
    if given := os.environ.get("MUECA_CACHE"):
        return expanded(given)
    import platformdirs

    return Path(platformdirs.user_cache_dir("mueca", appauthor=False))


def usable_root() -> Path | None:
    """Return `default_root()` if it can be written, else a temporary folder that goes with this process.

    That one is said once, with ``MUECA_CACHE``. None if nothing can be written anywhere.
    """
    return usable(default_root())


def temporary_root() -> Path | None:
    """Return the temporary folder of `usable_root`, if one was made."""
    inherited = os.environ.get(TEMPORARY_CACHE)
    return Path(inherited) if inherited and Path(inherited).is_dir() else None


@cache
def usable(root: Path) -> Path | None:
    """Return `root` if it can be written, else as `usable_root`; each folder is asked about once."""
    reason = why_not_writable(root)
    if reason is None:
        return root
    if made := temporary_root():
        return made
    made = _temporary()
    kept = "is kept for this run only" if made else "is not kept"
    log.warning(
        "cannot write the cache folder %s (%s): what is computed %s; "
        "set MUECA_CACHE to a folder you can write to",
        root, reason, kept,
    )  # fmt: skip
    return made


def why_not_writable(folder: Path) -> str | None:
    """Return why nothing can be written to a folder, which is made if it is not there; None if it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return None if error.errno not in READ_ONLY else error.strerror or type(error).__name__


def _temporary() -> Path | None:
    for place in (None, "/dev/shm"):  # noqa: S108 - a folder of our own is made in it, readable by us alone
        try:
            made = Path(tempfile.mkdtemp(prefix="mueca-cache-", dir=place))
        except OSError:
            continue
        os.environ[TEMPORARY_CACHE] = str(made)
        atexit.register(_remove, made, os.getpid())
        return made
    return None


def _remove(folder: Path, owner: int) -> None:
    """Remove the folder, as the process that made it: one that was forked from it leaves it alone."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
