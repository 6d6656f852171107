"""Any folder of ``class/*.jpg``, with optional ``train/ validation/ test/`` above the classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from featurize.images import Image, decode
from featurize.paths import expanded
from featurize.walk import Fault
from pipelines.datasets.base import Dataset
from pipelines.datasets.layout import Layout, Listed, read_layout
from pipelines.datasets.scan import Box, Scanned, cropped, scan
from pipelines.utils.progress import SILENT, Progress


class FileSamples:
    """Image files, each decoded when it is asked for; pickles as a list of names.

    Attributes
    ----------
    root : Path
    names : tuple of str
        Paths below `root`.
    blank : (n,) bool
        Which are blank (`pipelines.datasets.registry.base.is_blank`), as seen when they were scanned.
    boxes : tuple of Box or None
        The part of each image that is meant, None for all of it.
    """

    def __init__(
        self,
        root: Path,
        names: Iterable[str],
        blank: NDArray[np.bool_],
        boxes: Iterable[Box | None] | None = None,
    ) -> None:
        self.root = root
        self.names = tuple(names)
        self.blank = blank
        self.boxes = None if boxes is None else tuple(boxes)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Image:
        path = self.root / self.names[index]
        box = self.boxes[index] if self.boxes else None
        return cropped(decode(path.read_bytes(), str(path)), box, str(path))


def load(
    path: Path | str,
    *,
    strict: bool = False,
    cache: Path | None = None,
    progress: Progress = SILENT,
) -> Dataset:
    """Load a folder of images, one subfolder a class.

    Without split folders every sample is of the split "train"; `pipelines.datasets.splits` then holds some
    out. Classes are those of the training folder, in order of name.

    Parameters
    ----------
    path : Path or str
        ``class/*.jpg``, or ``train/class/*.jpg`` with optional ``validation/`` and ``test/`` by any name in
        `pipelines.datasets.registry.split_names`; a folder around that is looked through. A file is an image
        by its first bytes, whatever its ending; what is not looked at stands in ``ignored``.
    strict : bool
        Raise on an unreadable image, a dead link and a stand-in for content that was not fetched, instead of
        leaving it out and listing it in ``faults``.
    cache : Path, optional
        Folder that remembers what was read: the first load reads and decodes every image once, a later
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
        One line: as `pipelines.datasets.registry.layout.read_layout`; a class without a readable image; with
        `strict`, a fault.
    """
    root = expanded(path)
    if not root.is_dir():
        missing = "is not a folder" if root.exists() else "no such folder"
        raise (NotADirectoryError if root.exists() else FileNotFoundError)(f"{root}: {missing}")
    layout = read_layout(root)
    found = scan(layout.root, [one.name for one in layout.listed], cache, progress)
    both = list(zip(layout.listed, found, strict=True))
    unreadable = (Fault(str(layout.root / o.name), s.reason) for o, s in both if s.reason)
    faults = (*layout.faults, *unreadable)
    if strict and faults:
        raise ValueError(f"{faults[0].path}: {faults[0].reason} ({len(faults)} unreadable in all)")
    whole = [(o, s) for o, s in both if not s.reason]
    _check_left(layout, [one for one, _ in whole], faults)
    return _dataset(layout, whole, faults)


def _dataset(layout: Layout, whole: list[tuple[Listed, Scanned]], faults: tuple[Fault, ...]) -> Dataset:
    root = layout.root
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
        ignored=dict(layout.ignored),
    )  # fmt: skip


def _check_left(layout: Layout, whole: list[Listed], faults: tuple[Fault, ...]) -> None:
    """Refuse a class of which no image can be read."""
    left = Counter((one.split, one.label) for one in whole)
    for one in layout.listed:
        if not left[one.split, one.label]:
            where = one.name.rpartition("/")[0]
            folder = str(layout.root / where)
            first = next(f for f in faults if str(Path(f.path).parent) == folder)
            name = Path(first.path).name
            raise ValueError(f"{layout.root}: no image of {where} can be read; {name}: {first.reason}")
