"""A small layer over the system's calls that write: each can fail, or end the process, at a chosen step."""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from featurize import atomic

#: What a disk, or a person, may do to a write.
FAULTS = {name: getattr(errno, name) for name in ("ENOSPC", "EIO", "EACCES", "EINTR")}


class Shim:
    """Counts the steps of a write below a folder, and lets one of them fail.

    Parameters
    ----------
    root : Path
        Only what is done below it counts.
    at : int
        The step that fails, from 0; -1: none.
    number : int or None
        The error, None: the process is killed.
    """

    def __init__(self, root: Path, at: int = -1, number: int | None = errno.ENOSPC) -> None:
        self.root, self.at, self.number = str(root), at, number
        self.steps: list[str] = []

    def step(self, name: str, half: Callable[[], Any] | None = None, path: Any = None) -> None:
        """Take a step; the chosen one does half of its work, where it can, and fails."""
        self.steps.append(name)
        if len(self.steps) - 1 != self.at:
            return
        if half is not None:
            half()
        if self.number is None:
            os.kill(os.getpid(), signal.SIGKILL)
        assert self.number is not None
        named = [os.fspath(path)] if isinstance(path, str | bytes | os.PathLike) else []
        raise OSError(self.number, os.strerror(self.number), *named)

    def here(self, path: Any) -> bool:
        """Say whether a path, or an open file, lies below the folder."""
        try:
            name = Path(f"/proc/self/fd/{path}").readlink() if isinstance(path, int) else os.fspath(path)
        except (OSError, TypeError):
            return False
        return str(Path(os.fsdecode(name)).absolute()).startswith(self.root)


class Written:
    """A file whose every write is a step."""

    def __init__(self, file: Any, shim: Shim) -> None:
        self.__dict__.update(file=file, shim=shim)

    def write(self, data: Any) -> int:
        """Write; the step that fails leaves half of it."""

        def half() -> None:
            self.file.write(data[: len(data) // 2])
            self.file.flush()

        self.shim.step("write", half)
        return int(self.file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> Written:
        self.file.__enter__()
        return self

    def __exit__(self, *about: Any) -> Any:
        return self.file.__exit__(*about)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.file)


@contextmanager
def shimmed(shim: Shim) -> Iterator[Shim]:
    """Put the layer in place."""
    with pytest.MonkeyPatch.context() as patch:
        _patch_open(patch, shim)
        for module, name in (
            (os, "replace"), (os, "rename"), (os, "mkdir"), (os, "ftruncate"),
            (os, "posix_fallocate"), (os, "sendfile"), (atomic, "exchange"), (np, "save"),
        ):  # fmt: skip
            patch.setattr(module, name, _stepping(shim, name, getattr(module, name)))
        # What it does nobody sees here, and it takes long.
        patch.setattr(os, "fsync", _stepping(shim, "fsync", lambda _: None))
        yield shim


def _stepping(shim: Shim, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def stepping(*args: Any, **options: Any) -> Any:
        if any(shim.here(a) for a in args if isinstance(a, str | bytes | int | os.PathLike)):
            shim.step(name, path=args[0])
        return call(*args, **options)

    return stepping


def _patch_open(patch: pytest.MonkeyPatch, shim: Shim) -> None:
    opened, low = io.open, os.open

    def open_(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        if not set(mode) & set("wax+") or not shim.here(file):
            return opened(file, mode, *args, **options)
        shim.step("open", path=file)
        return Written(opened(file, mode, *args, **options), shim)

    def open_low(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and shim.here(path):
            shim.step("os.open", path=path)
        return low(path, flags, *args, **options)

    patch.setattr(builtins, "open", open_)
    patch.setattr(io, "open", open_)
    patch.setattr(os, "open", open_low)
