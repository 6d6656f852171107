"""Two names of one file system exchanged in one step, where the system can."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

#: Of ``renameat2(2)``: paths are relative to the working folder; both names go on to exist.
_HERE, _EXCHANGE = -100, 2
#: What systems say that have no such call, or not for this file system.
_CANNOT = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM, errno.ENOTTY})


def exchange(one: Path, other: Path) -> bool:
    """Exchange what two names stand for, so that neither is ever missing.

    Returns
    -------
    bool
        False where the system cannot; nothing has then changed.

    Raises
    ------
    OSError
        If one of them is not there, or may not be renamed.
    """
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    if call is None:
        return False
    if call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(other))
