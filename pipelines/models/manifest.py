"""The SHA-256 of every part of a model's folder, written last and checked first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from featurize.hashes import file_sha256
from featurize.json_files import read_mapping

NAME = "manifest.json"
FORMAT = 1
#: What a model is not used without, and what may be taken away to save room.
NEEDED, OPTIONAL = ("card.json", "head.skops", "head.skops.json"), ("rows.csv", "predictions.npz")


def write_manifest(folder: Path) -> Path:
    """Write the manifest of a folder that is whole; return where it is."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != NAME)
    content = {"format": FORMAT, "sha256": {name: file_sha256(folder / name) for name in names}}
    (folder / NAME).write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return folder / NAME


def check_manifest(folder: Path) -> bool:
    """Refuse a folder of which a part was changed, or is gone.

    Returns
    -------
    bool
        False where there is no manifest: the model was saved by an earlier version.

    Raises
    ------
    ValueError
        One line that names the part.
    """
    if not (folder / NAME).is_file():
        return False
    sums = _sums(folder)
    for name in (*NEEDED, *sums):
        if (path := folder / name).is_file():
            if sums.get(name) != file_sha256(path):
                raise ValueError(
                    f"{path} was changed since the model was saved; fit it again, or copy the folder anew"
                )
        elif name not in OPTIONAL:
            raise ValueError(
                f"{folder} lacks {name}, a part of its model; copy the folder anew, or fit again"
            )
    if extra := [path.name for path in folder.glob("weights-*") if path.name not in sums]:
        raise ValueError(f"{folder} holds {extra[0]}, which is no part of its model; remove it")
    return True


def _sums(folder: Path) -> dict[str, Any]:
    try:
        content = read_mapping(folder / NAME)
        sums = content["sha256"]
        plain = all(isinstance(name, str) and Path(name).name == name for name in sums)
        if content.get("format") == FORMAT and isinstance(sums, dict) and plain:
            return sums
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{folder / NAME} is damaged, or of another version; copy the folder anew, or fit again")
