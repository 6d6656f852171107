"""RAF-DB, basic (Li, Deng and Du, CVPR 2017): 15,339 faces from the web, seven emotions."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from featurize.walk import Fault
from pipelines.datasets.base import EMOTIONS, Dataset
from pipelines.datasets.listing import Entry, Listed, Reading, dataset_of
from pipelines.datasets.published.about import About
from pipelines.datasets.published.tree import existing_folder, find_folder, images, need_file

ABOUT = About(
    "RAF-DB basic (Li, Deng, Du 2017)",
    "http://www.whdeng.cn/raf/model1.html, by mail from an academic address",
    "non-commercial research, signed",
    {
        "train": dict(zip(EMOTIONS, (705, 717, 281, 4772, 2524, 1982, 1290), strict=True)),
        "test": dict(zip(EMOTIONS, (162, 160, 74, 1185, 680, 478, 329), strict=True)),
    },
)
#: Its numbers, from 1.
NUMBERS = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")


def listed(path: Path | str, *, form: Literal["aligned", "original"] = "aligned") -> Listed:
    """Return what the list of the set names.

    Parameters
    ----------
    path : Path or str
        The folder of ``EmoLabel/list_patition_label.txt`` (or of the list alone) and ``Image/aligned/``.
    form : {"aligned", "original"}
        Which images.

    Raises
    ------
    ValueError, OSError
        One line: the list or the images are missing, or a line of the list cannot be read.
    """
    if form not in ("aligned", "original"):
        raise ValueError(f"raf-db: form={form!r}; use 'aligned' or 'original'")
    root = existing_folder(path, "raf-db")
    sheet = need_file("raf-db", root, r"list_patition_label\.txt", "list_patition_label.txt")
    folder = find_folder(root, form)
    if folder is None:
        raise ValueError(f"raf-db: no folder {form}/ of images in {root}")
    there = {Path(name).stem.removesuffix("_aligned"): name for name in images(folder)}
    found = Listed("raf-db", root, classes=EMOTIONS)
    below = folder.relative_to(root).as_posix()
    for line, text in enumerate(sheet.read_text("utf-8-sig").splitlines(), start=1):
        if text.strip():
            name, label = _parsed(text, f"{sheet}, line {line}")
            file = there.pop(Path(name).stem, "")
            if not file:
                found.faults.append(Fault(f"{sheet}, line {line}", f"no image of {name} in {folder}"))
                continue
            split = "test" if name.lower().startswith("test") else "train"
            found.entries.append(Entry(f"{below}/{file}", label, split, where=f"line {line}"))
    found.ignored["images that the list does not name"] = len(there)
    return found


def _parsed(text: str, where: str) -> tuple[str, str]:
    parts = text.split()
    if len(parts) != 2 or parts[1] not in map(str, range(1, len(NUMBERS) + 1)):
        raise ValueError(f"{where}: {text.strip()[:40]!r} is no file and number from 1 to 7")
    return parts[0], NUMBERS[int(parts[1]) - 1]


def load(
    path: Path | str, *, form: Literal["aligned", "original"] = "aligned", how: Reading | None = None
) -> Dataset:
    """Load RAF-DB; parameters as in `listed`, and how images are read."""
    return dataset_of(listed(path, form=form), how or Reading())
