"""Processes of our own that read what others have made, and may do little else."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

#: What such a process may know of this one's environment.
_KNOWN = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")


#: Bytes that may lie between the process and this one, where the system lets that be said.
_BETWEEN = 2**20


def started(module: str, *words: str, fed: bool = False) -> subprocess.Popen[bytes]:
    """Start a module of ours as a process; what it writes to its output is read here.

    Parameters
    ----------
    module : str
    *words : str
        Its arguments.
    fed : bool
        Whether it is told more through its input.
    """
    environment = {name: os.environ[name] for name in _KNOWN if name in os.environ}
    paths = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", module, *words],
        stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | {"PYTHONPATH": paths},
        pipesize=_BETWEEN,
    )


def confine(memory: int, work: float | None = None) -> None:
    """Bound memory and, where given, seconds of processor time; no file may be written.

    Where the system knows no such bounds nothing is bounded.
    """
    try:
        import resource
    except ImportError:
        return
    limits = {resource.RLIMIT_AS: memory, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    if work is not None:
        limits[resource.RLIMIT_CPU] = int(work) + 1
    for what, most in limits.items():
        with contextlib.suppress(ValueError, OSError):  # a bound that is lower already stays
            resource.setrlimit(what, (most, most))
