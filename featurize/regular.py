"""Regular files alone: a pipe would be waited for without end, and a device gives no end of bytes."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO

from featurize.file_kinds import examine


def open_regular(path: Path) -> IO[bytes]:
    """Open a file to read, if it is a regular one; nothing is waited for.

    Raises
    ------
    OSError
        If it is not there, a folder, a pipe, a socket or a device, or the system does not give it.
    """
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(number).st_mode
    if not stat.S_ISREG(mode):
        os.close(number)
        code = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
        raise OSError(code, os.strerror(code) if code == errno.EISDIR else "no regular file", str(path))
    return os.fdopen(number, "rb")


def check_file_or_folder(path: Path, what: str) -> None:
    """Refuse what is neither a file nor a folder, such as a pipe, before it is waited for.

    Raises
    ------
    ValueError
        One line that says what it is.
    """
    kind = examine(path)
    if kind.group == "special" and kind.name != "folder":
        raise ValueError(f"{what} {path}: {kind.reason()}")
    if kind.group == "dead link":
        raise ValueError(f"{what} {path}: {kind.reason()}")
