"""Things that are made once in a run of the tests, by whichever of its processes asks first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> Path:
    """Return the file or folder `name` that ``make(path)`` writes; the others wait for it, and read it only.

    Parameters
    ----------
    factory : pytest.TempPathFactory
    name : str
        Says what it is: two that differ have names that differ.
    make : callable
    """
    root = factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent  # each process has a folder of its own in it
    path, done = root / "once" / name, root / "once" / f".{name}.done"
    path.parent.mkdir(exist_ok=True)
    with FileLock(root / "once" / f".{name}.lock"):
        if not done.exists():
            make(path)
            done.touch()
    return path
