"""AffectNet (Mollahosseini, Hasani and Mahoor, 2017): faces from the web, eight emotions.

Two forms are handed out: folders of images beside arrays of labels, and the older one, a folder of images
with ``training.csv`` and ``validation.csv``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from featurize.walk import Fault
from pipelines.datasets.base import EMOTIONS, Dataset
from pipelines.datasets.listing import Entry, Listed, Reading, dataset_of
from pipelines.datasets.published.about import EMOTIONS8, About
from pipelines.datasets.published.tree import existing_folder, find_file, find_folder, folders, images
from pipelines.datasets.scan import Box
from pipelines.utils.cells import whole_number
from pipelines.utils.read_table import Columns, read_table

ABOUT = About(
    "AffectNet (Mollahosseini, Hasani, Mahoor 2017)",
    "http://mohammadmahoor.com/affectnet/, by a university's principal investigator",
    "non-commercial research, signed",
    {
        "train": {
            "angry": 24_882, "contempt": 3_750, "disgust": 3_803, "fear": 6_378, "happy": 134_415,
            "neutral": 74_874, "sad": 25_459, "surprise": 14_090,
        },
        "validation": 3_999,
    },
)  # fmt: skip
#: Its numbers, from 0; 8 to 10 are none, uncertain and no face, and are left out.
NUMBERS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
NO_EMOTION = ("none", "uncertain", "no face")
SPLITS = {
    "train": (r"train(ing)?(_?set)?", "training"),
    "validation": (r"val(idation)?(_?set)?", "validation"),
}
SHEET = Columns(
    {
        "file": ("subdirectoryfilepath",),
        "label": ("expression",),
        "left": ("facex",),
        "top": ("facey",),
        "width": ("facewidth",),
        "height": ("faceheight",),
    },
    ("file", "label"),
)


def listed(path: Path | str, *, classes: int = 8, cropped: bool = True) -> Listed:
    """Return the faces of the set.

    Parameters
    ----------
    path : Path or str
        The folder of ``train_set/`` and ``val_set/``, each with ``images/`` and ``annotations/``; or that of
        ``training.csv`` and ``validation.csv``, with the images below it.
    classes : {8, 7}
        With or without contempt.
    cropped : bool
        In the older form, the box of the face alone.

    Raises
    ------
    ValueError, OSError
        One line that says what is missing.
    """
    if classes not in (7, 8):
        raise ValueError(f"affectnet: classes={classes!r}; use 8, or 7 to leave contempt out")
    root = existing_folder(path, "affectnet")
    found = Listed("affectnet", root, classes=EMOTIONS8 if classes == 8 else EMOTIONS)
    for split, (folder_name, csv_name) in SPLITS.items():
        if (folder := _with_annotations(root, folder_name)) is not None:
            _from_arrays(found, folder, split, classes)
        elif (sheet := find_file(root, rf"(manually_annotated_)?{csv_name}\.csv")) is not None:
            _from_sheet(found, sheet, split, classes, cropped)
    if not found.entries and not found.faults:
        raise ValueError(
            f"affectnet: neither train_set/ with images/ and annotations/ nor training.csv in {root}"
        )
    return found


def _with_annotations(root: Path, name: str) -> Path | None:
    folder = find_folder(root, name)
    return folder if folder is not None and (folder / "annotations").is_dir() else None


def _from_arrays(found: Listed, folder: Path, split: str, classes: int) -> None:
    below = (folder / "images").relative_to(found.root).as_posix()
    for name in images(folder / "images"):
        file = folder / "annotations" / f"{Path(name).stem}_exp.npy"
        try:
            number = whole_number(str(np.load(file, allow_pickle=False).item()))
        except FileNotFoundError:
            found.faults.append(Fault(str(folder / "images" / name), f"no annotations/{file.name}"))
            continue
        except (ValueError, EOFError, OSError):
            found.faults.append(Fault(str(file), "no array of one number; unpack the archive again"))
            continue
        _take(found, Entry(f"{below}/{name}", "", split), number, classes, str(file))


def _take(found: Listed, entry: Entry, number: int, classes: int, where: str) -> None:
    if not 0 <= number < len(NUMBERS) + len(NO_EMOTION):
        found.faults.append(Fault(where, f"expression {number} is no number from 0 to 10"))
    elif number >= classes:
        what = ("contempt", *NO_EMOTION)[number - 7]
        found.ignored[f"images labelled {what}"] += 1
    else:
        found.entries.append(
            Entry(entry.file, NUMBERS[number], entry.split, box=entry.box, where=entry.where)
        )


def _from_sheet(found: Listed, sheet: Path, split: str, classes: int, cropped: bool) -> None:
    table = read_table(sheet, SHEET)
    base = _base(found.root, [row["file"] for _, row in table.rows[:20]])
    for line, row in table.rows:
        where = f"{sheet.name}, row {line}"
        file = f"{base}{row['file']}".replace("\\", "/")
        try:
            box = _box(row) if cropped else None
            number = whole_number(row["label"])
        except ValueError as error:
            found.faults.append(Fault(f"{sheet}, row {line}", str(error)))
            continue
        _take(found, Entry(file, "", split, box=box, where=where), number, classes, f"{sheet}, row {line}")


def _base(root: Path, names: list[str]) -> str:
    """Return the folder below the root that the names begin in, with a slash behind it."""
    bases = (folder for folder in folders(root, 2) for name in names if (folder / name).is_file())
    below = next((folder.relative_to(root).as_posix() for folder in bases), ".")
    return "" if below == "." else f"{below}/"


def _box(row: dict[str, str]) -> Box | None:
    sides = [row.get(name, "") for name in ("left", "top", "width", "height")]
    if not all(sides):
        return None
    left, top, width, height = map(whole_number, sides)
    return left, top, width, height


def load(path: Path | str, *, classes: int = 8, cropped: bool = True, how: Reading | None = None) -> Dataset:
    """Load AffectNet; parameters as in `listed`, and how images are read. It has no test split."""
    return dataset_of(listed(path, classes=classes, cropped=cropped), how or Reading())
