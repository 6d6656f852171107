"""Any folder of ``class/*.jpg``, with optional ``train/ validation/ test/`` above the classes."""

from __future__ import annotations

import difflib
import logging
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from featurize.images import Image, decode
from featurize.paths import expanded
from featurize.suggest import hint
from pipelines.datasets.base import Dataset, Fault
from pipelines.datasets.scan import Scanned, scan
from pipelines.progress import SILENT, Progress

log = logging.getLogger(__name__)

#: Endings of the files that are taken for pictures, in lower case.
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".pgm"})
#: Names of split folders, in lower case.
SPLITS = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip


@dataclass(frozen=True)
class _Listed:
    """A picture file: its path below the root, its class and its split."""

    name: str
    label: str
    split: str


class FileSamples:
    """Picture files, each decoded when it is asked for; pickles as a list of names.

    Attributes
    ----------
    root : Path
    names : tuple of str
        Paths below `root`.
    blank : (n,) bool
        Which are blank (`pipelines.datasets.base.is_blank`), as seen when they were scanned.
    """

    def __init__(self, root: Path, names: Iterable[str], blank: NDArray[np.bool_]) -> None:
        self.root = root
        self.names = tuple(names)
        self.blank = blank

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Image:
        path = self.root / self.names[index]
        return decode(path.read_bytes(), str(path))


def load(
    path: Path | str,
    *,
    strict: bool = False,
    cache: Path | None = None,
    progress: Progress = SILENT,
) -> Dataset:
    """Load a folder of pictures, one subfolder a class.

    Without split folders every sample is of the split "train"; `pipelines.splits` then holds some out.
    Classes are those of the training folder, in order of name.

    Parameters
    ----------
    path : Path or str
        ``class/*.jpg``, or ``train/class/*.jpg`` with optional ``validation/`` (``val/``) and ``test/``.
        Files of other endings than `PICTURES`, and hidden ones, are not looked at.
    strict : bool
        Raise on an unreadable picture, instead of leaving it out and listing it in ``faults``.
    cache : Path, optional
        Folder that remembers what was read: the first load reads and decodes every picture once, a later
        one only those whose size or time of change differs.
    progress : Progress

    Returns
    -------
    Dataset
        ``ids`` are paths below `path`.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such folder.
    ValueError
        One line: no class folders, one class only, an empty class folder, a test or validation folder that
        misses a class or has an unknown one, a class without a readable picture; with `strict`, an unreadable
        picture.
    """
    root = expanded(path)
    if not root.is_dir():
        missing = "is not a folder" if root.exists() else "no such folder"
        raise (NotADirectoryError if root.exists() else FileNotFoundError)(f"{root}: {missing}")
    listed = _listed(root)
    found = scan(root, [one.name for one in listed], cache, progress)
    faults = tuple(
        Fault(str(root / o.name), s.reason) for o, s in zip(listed, found, strict=True) if s.reason
    )
    if strict and faults:
        raise ValueError(f"{faults[0].path}: {faults[0].reason} ({len(faults)} unreadable in all)")
    whole = [(o, s) for o, s in zip(listed, found, strict=True) if not s.reason]
    _check_left(root, listed, [one for one, _ in whole])
    return _dataset(root, whole, faults)


def _dataset(root: Path, whole: list[tuple[_Listed, Scanned]], faults: tuple[Fault, ...]) -> Dataset:
    classes = tuple(sorted({one.label for one, _ in whole}))
    number = {name: i for i, name in enumerate(classes)}
    blank = np.array([seen.blank for _, seen in whole], dtype=bool)
    return Dataset(
        name=root.resolve().name,
        classes=classes,
        # A file name that is not UTF-8 has surrogates, which no CSV could hold.
        ids=np.array([o.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                      for o, _ in whole]),
        labels=np.array([number[one.label] for one, _ in whole], dtype=np.int64),
        split=np.array([one.split for one, _ in whole]),
        samples=FileSamples(root, (one.name for one, _ in whole), blank),
        digests=np.array([seen.digest for _, seen in whole]),
        faults=faults,
    )  # fmt: skip


def _listed(root: Path) -> list[_Listed]:
    """Return every picture of the folder in order of name, after checking its classes."""
    tops = _split_folders(root)
    listed: list[_Listed] = []
    train: list[str] = []
    for split in ("train", "validation", "test"):
        if split not in tops:
            continue
        folders = _class_folders(tops[split])
        train = train or list(folders)
        _check_classes(root, tops[split], list(folders), train)
        for label, folder in folders.items():
            prefix = folder.relative_to(root).as_posix()
            listed += [_Listed(f"{prefix}/{name}", label, split) for name in _pictures(folder)]
    return listed


def _split_folders(root: Path) -> dict[str, Path]:
    """Return split -> folder; the root itself as "train" if it has class folders and no split folders."""
    folders = _subfolders(root)
    found: dict[str, Path] = {}
    for folder in folders:
        split = SPLITS.get(folder.name.lower())
        # A folder of pictures alone is a class, whatever its name.
        if split is None or not _subfolders(folder):
            continue
        if split in found:
            raise ValueError(f"{root}: both {found[split].name}/ and {folder.name}/ are a {split} split")
        found[split] = folder
    if not found:
        return {"train": root}
    if "train" not in found:
        first = next(iter(found.values())).name
        raise ValueError(f"{root}: has {first}/ but no train/; put the training classes into train/")
    _check_strangers(root, [folder for folder in folders if folder not in found.values()], found["train"])
    return found


def _check_strangers(root: Path, folders: list[Path], train: Path) -> None:
    """Refuse a folder beside train/ that has its classes: left out, its pictures would be missed."""
    classes = set(_class_folders(train))
    for folder in folders:
        if classes & set(_class_folders(folder)):
            near = difflib.get_close_matches(folder.name.lower(), SPLITS, n=1)
            advice = f"did you mean {SPLITS[near[0]]}/?" if near else "name it train/, validation/ or test/"
            raise ValueError(f"{root}: folder {folder.name}/ is no split; {advice}")


def _subfolders(folder: Path) -> list[Path]:
    entries = sorted(folder.iterdir(), key=lambda p: p.name)
    return [p for p in entries if p.is_dir() and not p.name.startswith((".", "__MACOSX"))]


def _class_folders(folder: Path) -> dict[str, Path]:
    """Return class -> folder. Names are brought to one Unicode form: macOS writes accents in another."""
    return {unicodedata.normalize("NFC", p.name): p for p in _subfolders(folder)}


def _pictures(folder: Path) -> list[str]:
    """Return the names of the pictures of a class folder, sorted.

    Raises
    ------
    ValueError
        If there are none.
    """
    with os.scandir(folder) as entries:  # not pathlib: it takes four times as long for 36,000 files
        shown = [entry for entry in entries if not entry.name.startswith(".")]
    pictures = sorted(
        e.name for e in shown if "." + e.name.rpartition(".")[2].lower() in PICTURES and e.is_file()
    )
    deeper = sorted(e.name for e in shown if e.is_dir())
    if not pictures:
        what = f"pictures lie in subfolders such as {deeper[0]}/; move them up" if deeper else (
            "put pictures into it or remove it" if not shown else
            f"no file ends in {', '.join(sorted(PICTURES))}")  # fmt: skip
        raise ValueError(f"{folder}: this class folder is empty; {what}")
    if deeper:
        log.warning("%s: the subfolder %s/ of a class is not looked at", folder, deeper[0])
    return pictures


def _check_classes(root: Path, folder: Path, classes: list[str], train: list[str]) -> None:
    if not classes:
        raise ValueError(f"{root}: no class folders; a data set is a folder of class/*.jpg")
    if len(train) < 2:
        raise ValueError(f"{folder}: one class only ({train[0]}); a classifier needs two or more")
    for label in classes:
        if label not in train:
            has = f"train/ has {', '.join(train)}"
            raise ValueError(f"{folder}: unknown class {label!r}; {hint(label, train, has)}")
    missing = [label for label in train if label not in classes]
    if missing:
        raise ValueError(f"{folder}: class {', '.join(map(repr, missing))} is missing, which train/ has")


def _check_left(root: Path, listed: list[_Listed], whole: list[_Listed]) -> None:
    """Refuse a class of which no picture can be read."""
    left = Counter((one.split, one.label) for one in whole)
    for one in listed:
        if not left[one.split, one.label]:
            where = f"{one.split}/{one.label}" if (root / one.split).is_dir() else one.label
            raise ValueError(f"{root}: no picture of {where} can be read; see: mueca data audit")
