"""SFEW 2.0 (Dhall, Goecke, Lucey and Gedeon, 2011): frames of films, seven emotions."""

from __future__ import annotations

from pathlib import Path

from featurize.walk import Fault
from pipelines.datasets.base import EMOTIONS, Dataset
from pipelines.datasets.listing import Entry, Listed, Reading, dataset_of
from pipelines.datasets.published.about import WORDS, About
from pipelines.datasets.published.tree import existing_folder, folders, images, subfolders

ABOUT = About(
    "SFEW 2.0 (Dhall et al. 2011)",
    "https://cs.anu.edu.au/few/AFEW.html, a signed agreement",
    "non-commercial research, signed",
    {"train": 958, "validation": 436},
)
_SPLITS = {"train": "train", "val": "validation"}


def listed(path: Path | str, *, aligned: bool = False) -> Listed:
    """Return the images in class folders below folders whose names begin with Train and Val.

    Parameters
    ----------
    path : Path or str
        The folder of ``Train/Angry/*.png`` and ``Val/Angry/*.png``, or of ``Train_Aligned_Faces/`` and
        ``Val_Aligned_Faces/``, with a folder of the same name around or not.
    aligned : bool
        The faces as the authors aligned them, of which there are fewer.

    Raises
    ------
    ValueError, OSError
        One line that says what is missing.
    """
    root = existing_folder(path, "sfew")
    found = Listed("sfew", root, classes=EMOTIONS)
    for start, split in _SPLITS.items():
        top = _classes_of(root, start, aligned)
        if top is None:
            which = f"{start.capitalize()}{'_Aligned_Faces' if aligned else ''}/"
            raise ValueError(f"sfew: no {which} with class folders in {root}")
        for folder in subfolders(top):
            _take(found, folder, split)
    for folder in folders(root):
        if folder.name.lower().startswith("test"):
            found.ignored["images of the test, which has no labels"] += len(images(folder))
    return found


def _classes_of(root: Path, start: str, aligned: bool) -> Path | None:
    for folder in folders(root):
        below = folder.relative_to(root)
        begun = any(part.lower().startswith(start) for part in below.parts)
        fits = begun and ("align" in str(below).lower()) == aligned
        if fits and any(inner.name.lower() in WORDS for inner in subfolders(folder)):
            return folder
    return None


def _take(found: Listed, folder: Path, split: str) -> None:
    label = WORDS.get(folder.name.lower(), "")
    if label not in EMOTIONS:
        found.faults.append(Fault(str(folder), f"unknown class folder; SFEW has {', '.join(EMOTIONS)}"))
        return
    below = folder.relative_to(found.root).as_posix()
    found.entries += [Entry(f"{below}/{name}", label, split, where=name) for name in images(folder)]


def load(path: Path | str, *, aligned: bool = False, how: Reading | None = None) -> Dataset:
    """Load SFEW; parameters as in `listed`, and how images are read. Its test split has no labels."""
    return dataset_of(listed(path, aligned=aligned), how or Reading())
