"""Folders of models: those that ship, by name, and the SHA-256 of every part, written last, checked first."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from classifiers.registry import OLD_HEADS
from featurize.hashes import file_sha256
from featurize.json_files import read_mapping

log = logging.getLogger(__name__)

#: The file of the sums, and the version of its form.
NAME = "manifest.json"
FORMAT = 1
#: What a model is not used without, and what may be taken away to save room.
NEEDED, OPTIONAL = ("card.json", "head.skops", "head.skops.json"), ("rows.csv", "predictions.npz")
#: Each model is a folder in here, named after it.
FOLDER = Path(__file__).parent
#: What is taken where no model is given.
DEFAULT = "default"
#: The one that takes least time and room.
SMALL = "small"


def shipped_models() -> dict[str, Path]:
    """Return the folders of the models that ship, by name; the default first."""
    found = {path.parent.name: path.parent for path in sorted(FOLDER.glob("*/card.json"))}
    return {name: found[name] for name in sorted(found, key=lambda name: (name != DEFAULT, name))}


def model_folder(model: Path | str | None) -> Path:
    """Return the folder of a model: one of the user's, or one that ships, by its name.

    Parameters
    ----------
    model : Path, str or None
        A folder that ``mueca fit --out`` wrote, or a name of `shipped_models`; the default if None. A folder
        of that name is taken before a model that ships, and the log says so.

    Raises
    ------
    FileNotFoundError
        If nothing is given and no model ships with this version.
    """
    known = shipped_models()
    if model is None and DEFAULT not in known:
        raise FileNotFoundError(
            "no model ships with this version; make one with mueca fit --data fer2013 --backbone hog "
            "--head softmax --out MODEL, and give --model MODEL"
        )
    if model is None:
        return known[DEFAULT]
    from featurize.paths import as_path

    folder = as_path(model, "model")
    if str(folder) not in known:
        return folder
    if folder.is_dir():
        log.warning("the folder %s is used, not the model of that name that ships", folder.resolve())
        return folder
    return known[str(folder)]


def read_card(folder: Path) -> dict[str, Any]:
    """Return the card of a model, its head by the name of today; errors as `read_mapping`."""
    card = read_mapping(folder / "card.json")
    head = card.get("head")
    if not isinstance(head, dict) or head.get("name") not in tuple(OLD_HEADS):
        return card
    old, new, title = head["name"], OLD_HEADS[head["name"]], str(card.get("title", ""))
    named = new + title.removeprefix(old) if title.startswith(f"{old} ") else title
    return {**card, "head": {**head, "name": new}, "title": named}


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
