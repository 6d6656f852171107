"""Sets whose files' names say person and emotion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from featurize.walk import walk
from pipelines.datasets.base import EMOTIONS
from pipelines.datasets.listing import Entry, Listed
from pipelines.datasets.published.tree import existing_folder


def named_files(path: Path | str, name: str, pattern: re.Pattern[str], words: Mapping[str, str]) -> Listed:
    """Return the images of a folder by what their names say.

    Parameters
    ----------
    path : Path or str
        Looked through to any depth.
    name : str
        Of the set.
    pattern : re.Pattern
        With groups ``subject`` and ``label``.
    words : mapping
        Label in upper case -> class.

    Raises
    ------
    ValueError, OSError
        One line: there is no folder, or no image of the set in it.
    """
    root = existing_folder(path, name)
    there = walk(root)
    found = Listed(name, root, faults=list(there.faults), ignored=there.ignored, classes=EMOTIONS)
    for file in there.images:
        match = pattern.fullmatch(file.name)
        if match is None or match["label"].upper() not in words:
            found.ignored["images not named as in the set"] += 1
            continue
        label, below = words[match["label"].upper()], file.relative_to(root).as_posix()
        found.entries.append(Entry(below, label, subject=match["subject"].upper(), where=file.name))
    if not found.entries:
        raise ValueError(f"{name}: no image in {root} is named as in the set; see mueca data list")
    return found
