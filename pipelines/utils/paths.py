"""Paths as callers give them: text or `pathlib.Path`, ``~`` for the home folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from featurize.paths import expanded

__all__ = ["as_path", "check_parents", "check_target"]


def as_path(given: Any, what: str = "path") -> Path:
    """Return a path from text or a path object, ``~`` expanded.

    Parameters
    ----------
    given : str or path
    what : str
        The parameter, for the message.

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If it is empty, or a web address.
    """
    if not isinstance(given, str | os.PathLike) or isinstance(os.fspath(given), bytes):
        raise TypeError(f"{what}={given!r:.60}: give a path, as text or pathlib.Path")
    if not os.fspath(given):
        raise ValueError(f"{what} is empty; give a path ('.' is the current folder)")
    return expanded(Path(given))


def check_parents(folder: Path) -> None:
    """Refuse a folder that could not be made: a file, below a file, or where nothing may be written.

    Asked before long work whose results go there.

    Raises
    ------
    NotADirectoryError, PermissionError
    """
    nearest = next((p for p in (folder, *folder.absolute().parents) if p.exists()), Path("/"))
    if not nearest.is_dir():
        raise NotADirectoryError(f"{folder} cannot be made: {nearest} is a file; give another folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{folder} cannot be made: nothing may be written in {nearest}; give another folder"
        )


def check_target(folder: Path | str, card: str = "card.json", what: str = "model") -> None:
    """Refuse a folder that cannot be written or holds something else, before anything is computed.

    Parameters
    ----------
    folder : path
    card : str
        The file by which an older one is known, which may be replaced.
    what : str
        What it is, for the message.

    Raises
    ------
    ValueError
        If it holds something else.
    OSError
        If it cannot be made.
    """
    folder = as_path(folder, "out")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / card).is_file()):
        raise ValueError(f"{folder} holds something that is no {what}; give an empty or a new --out folder")
    check_parents(folder)
