"""Folders that results go to, checked before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Collection
from fnmatch import fnmatch
from pathlib import Path

from featurize.paths import as_path

__all__ = ["as_path", "check_parents", "check_target"]


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


def _check_parts(folder: Path, parts: Collection[str], what: str) -> None:
    for path in sorted(folder.iterdir()):
        if not any(fnmatch(path.name, pattern) for pattern in parts):
            raise ValueError(
                f"{folder} holds {path.name}, which is of no {what} and would be lost; "
                "move it, or give another --out folder"
            )


def check_target(
    folder: Path | str,
    card: str = "card.json",
    what: str = "model",
    parts: Collection[str] | None = None,
) -> None:
    """Refuse a folder that cannot be written or holds something else, before anything is computed.

    Parameters
    ----------
    folder : path
    card : str
        The file by which an older one is known, which may be replaced.
    what : str
        What it is, for the message.
    parts : collection of str, optional
        Patterns of the names that such a folder has: anything beside these would be lost with it.

    Raises
    ------
    ValueError
        If it holds something else.
    OSError
        If it cannot be made.
    """
    folder = as_path(folder, "out")
    if parts is not None and (folder / card).is_file():
        _check_parts(folder, parts, what)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / card).is_file()):
        raise ValueError(f"{folder} holds something that is no {what}; give an empty or a new --out folder")
    check_parents(folder)
