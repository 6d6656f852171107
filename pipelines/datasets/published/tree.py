"""Finding the parts of a published set, however its archive was unpacked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from featurize.file_kinds import IMAGE_ENDINGS, ending_of
from featurize.paths import expanded
from featurize.walk import is_hidden

#: Folders below the one given that are looked through.
DEPTH = 4


def existing_folder(path: Path | str, name: str) -> Path:
    """Return the folder of a set, or say that it is not there."""
    root = expanded(path)
    if not root.is_dir():
        raise FileNotFoundError(
            f"{name}: no folder {root}; give its path, or run `mueca data add {name} PATH` (mueca data list "
            "says where to ask for it)"
        )
    return root


def folders(root: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Yield a folder and those below it, the nearest first."""
    level = [root]
    for _ in range(depth + 1):
        yield from level
        level = [inner for folder in level for inner in subfolders(folder)]


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder that are not hidden, in order of name."""
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.is_dir() and not is_hidden(e.name, folder=True))
    return [folder / name for name in names]


def files(folder: Path) -> list[str]:
    """Return the names of the files in a folder that are not hidden, in order."""
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if not e.is_dir() and not is_hidden(e.name))


def images(folder: Path) -> list[str]:
    """Return the names of the images in a folder, by their endings, in order."""
    return [name for name in files(folder) if ending_of(name) in IMAGE_ENDINGS]


def find_file(root: Path, pattern: str) -> Path | None:
    """Return the nearest file whose name matches a regular expression, None if there is none."""
    regex = re.compile(pattern, re.IGNORECASE)
    found = (folder / name for folder in folders(root) for name in files(folder) if regex.fullmatch(name))
    return next(found, None)


def find_folder(root: Path, pattern: str) -> Path | None:
    """Return the nearest folder whose name matches a regular expression, None if there is none."""
    regex = re.compile(pattern, re.IGNORECASE)
    return next((folder for folder in folders(root) if regex.fullmatch(folder.name)), None)


def need_file(name: str, root: Path, pattern: str, called: str) -> Path:
    """Return a file of a set, or say in one line that it is missing."""
    found = find_file(root, pattern)
    if found is None:
        raise ValueError(f"{name}: no {called} in {root}; give the folder that holds it")
    return found
