"""From own photos to a data set: the faces of class folders cut out, and splits written as a table."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.atomic import AtomicFile, write_bytes
from featurize.detect import Detector, crop_face, tilt
from featurize.detect import detector as named_detector
from featurize.images import Image, decode
from featurize.walk import Fault
from pipelines.datasets.base import Dataset
from pipelines.datasets.layout import read_layout
from pipelines.datasets.splits import hold_out
from pipelines.utils.progress import SILENT, Progress

#: Side in pixels of the smallest face that is cut out, as prediction classifies no smaller one.
MIN_FACE = 32
By = Literal["subject", "class"]


@dataclass
class Cropped:
    """What `crop_folder` wrote.

    Attributes
    ----------
    folder : Path
    written : list of str
        Paths below the folder.
    faults : list of Fault
        Photos without a face that is large enough, and those that cannot be read.
    """

    folder: Path
    written: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def crop_folder(
    photos: Path, out: Path, detector: str = "auto", min_face: int = MIN_FACE, progress: Progress = SILENT
) -> Cropped:
    """Cut the largest face out of every photo of class folders; keep class and split folders.

    A crop lies around the face as training faces lie, and is turned with its eyes: as `Predictor` cuts the
    faces that it classifies. It is as large as it is in the photo, and a .png.

    Parameters
    ----------
    photos : Path
        As a folder of ``mueca fit --data``: ``class/*.jpg``, with or without split folders above.
    out : Path
        A new or empty folder.
    detector : str
        "auto" or one of `featurize.detect.DETECTORS`.
    min_face : int
        Side in pixels of the smallest face that is cut out.
    progress : Progress

    Raises
    ------
    ValueError, OSError
        If `photos` has no class folders, `out` holds something or lies inside `photos`, or no face was found.
    """
    if not photos.is_dir():
        raise ValueError(f"no folder {photos}; give a folder of class/*.jpg")
    if out.resolve().is_relative_to(photos.resolve()):
        raise ValueError(f"--out {out} lies inside {photos}; give a folder elsewhere")
    if out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out} holds files already; give a new or empty folder")
    layout, find = read_layout(photos), named_detector(detector)
    made = Cropped(out, faults=list(layout.faults))
    with progress.task("cropping", len(layout.listed)) as advance:
        for one in layout.listed:
            _crop_file(layout.root, one.name, find, min_face, made)
            advance(1)
    if not made.written:
        raise ValueError(f"{photos}: no face of {min_face} pixels on any of {len(layout.listed)} photos")
    return made


def _crop_file(root: Path, name: str, find: Detector, min_face: int, made: Cropped) -> None:
    try:
        image = decode((root / name).read_bytes(), name)
    except (ValueError, OSError) as error:
        made.faults.append(Fault(name, " ".join(str(error).split())))
        return
    crop = largest_face(image, find, min_face)
    if crop is None:
        made.faults.append(Fault(name, f"no face of {min_face} pixels was found"))
        return
    target = _free(str(PurePath(name).with_suffix(".png")), name, made)
    pixels = crop[..., ::-1] if crop.ndim == 3 else crop
    write_bytes(made.folder / target, cv2.imencode(".png", np.ascontiguousarray(pixels))[1].tobytes())
    made.written.append(target)


def _free(target: str, name: str, made: Cropped) -> str:
    """Return a name that no other photo took: a.jpg and a.png are two."""
    return f"{name}.png" if target in made.written else target


def largest_face(image: Image, find: Detector, min_face: int = MIN_FACE) -> Image | None:
    """Return the crop around the largest face of an image, None if it is smaller than `min_face`."""
    found = find(image, min_face)
    if not found or found[0].box.right - found[0].box.left < min_face:
        return None
    return crop_face(image, found[0].box, find.framing, angle=tilt(found[0].points))


def write_split(
    dataset: Dataset, out: Path, by: By = "subject", test: float = 0.2, validation: float = 0.1, seed: int = 0
) -> dict[str, int]:
    """Divide a set anew and write it as a table that ``--data`` reads: file, label, subject, split.

    Parameters
    ----------
    dataset : Dataset
        Of image files.
    out : Path
        A .csv; files are named by their absolute paths.
    by : {"subject", "class"}
        Keep each person on one side, or draw from each class whoever it shows.
    test, validation : float
        Shares; the second of what the first leaves, 0 for none.
    seed : int

    Returns
    -------
    dict of str to int
        How many samples each split has.

    Raises
    ------
    ValueError
        If persons are asked for and not known, it is no set of files, or a share cannot be held out.
    """
    if by == "subject" and dataset.groups is None:
        raise ValueError(
            f"{dataset.name}: its persons are not known; give --subject, a regular expression for the person "
            "in file names, or a table with a column subject, or take --by class"
        )
    if not hasattr(dataset.samples, "root") or getattr(dataset.samples, "boxes", None):
        raise ValueError(f"{dataset.name} is no set of whole image files, so that no table can name them")
    if not (0 < test < 1 and 0 <= validation < 1):
        raise ValueError(f"test={test}, validation={validation}: give shares between 0 and 1")
    split = _drawn(dataset if by == "subject" else replace(dataset, groups=None), test, validation, seed)
    with AtomicFile(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        person = [] if dataset.groups is None else ["subject"]
        writer.writerow(["file", "label", *person, "split"])
        writer.writerows(_rows(dataset, split))
    return {name: int((split == name).sum()) for name in ("train", "validation", "test") if name in split}


def _drawn(dataset: Dataset, test: float, validation: float, seed: int) -> NDArray[np.str_]:
    split = np.full(len(dataset), "train", dtype="<U10")
    left, held = hold_out(dataset, np.arange(len(dataset)), test, seed, "test")
    split[held] = "test"
    if validation:
        split[hold_out(dataset, left, validation, seed)[1]] = "validation"
    return split


def _rows(dataset: Dataset, split: NDArray[np.str_]) -> Iterator[list[str]]:
    samples = dataset.samples
    for i in range(len(dataset)):
        path = str((samples.root / samples.names[i]).resolve())  # type: ignore[attr-defined]
        person = [] if dataset.groups is None else [str(dataset.groups[i])]
        yield [path, dataset.classes[dataset.labels[i]], *person, str(split[i])]
