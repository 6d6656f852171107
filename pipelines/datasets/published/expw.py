"""ExpW (Zhang, Luo, Loy and Tang, 2018): 91,793 faces in photos from the web, seven emotions."""

from __future__ import annotations

from pathlib import Path

from featurize.walk import Fault
from pipelines.datasets.base import EMOTIONS, Dataset
from pipelines.datasets.listing import Entry, Listed, Reading, dataset_of
from pipelines.datasets.published.about import About
from pipelines.datasets.published.tree import existing_folder, find_folder, need_file

ABOUT = About(
    "ExpW (Zhang, Luo, Loy, Tang 2018)",
    "http://mmlab.ie.cuhk.edu.hk/projects/socialrelation/index.html",
    "non-commercial research",
    {"train": dict(zip(EMOTIONS, (3671, 3995, 1088, 30537, 34883, 10559, 7060), strict=True))},
)
#: Its numbers, from 0.
NUMBERS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
_COLUMNS = 8


def listed(path: Path | str, *, least: float = 0.0) -> Listed:
    """Return the faces that ``label.lst`` names, each a box in a photo.

    Parameters
    ----------
    path : Path or str
        The folder of ``label/label.lst`` and ``image/origin/``.
    least : float
        Boxes of which the detector was less sure are left out; its own threshold was 60.

    Raises
    ------
    ValueError, OSError
        One line: the list or the photos are missing.
    """
    root = existing_folder(path, "expw")
    sheet = need_file("expw", root, r"label\.lst", "label.lst")
    folder = find_folder(root, "origin")
    if folder is None:
        raise ValueError(f"expw: no folder origin/ of photos in {root}")
    below, found = folder.relative_to(root).as_posix(), Listed("expw", root, classes=EMOTIONS)
    for line, text in enumerate(sheet.read_text("utf-8", errors="replace").splitlines(), start=1):
        if not text.strip():
            continue
        try:
            name, entry, sure = _parsed(text)
        except ValueError:
            found.faults.append(
                Fault(f"{sheet}, line {line}", f"not {_COLUMNS} columns with an emotion from 0 to 6")
            )
            continue
        if sure < least:
            found.ignored["boxes below the least confidence"] += 1
        else:
            found.entries.append(Entry(f"{below}/{name}", entry.label, box=entry.box, where=f"line {line}"))
    return found


def _parsed(text: str) -> tuple[str, Entry, float]:
    """Read ``NAME FACE TOP LEFT RIGHT BOTTOM CONFIDENCE EMOTION``; names may have spaces."""
    *name, _, top, left, right, bottom, sure, label = text.split()
    if not name or int(label) not in range(len(NUMBERS)):
        raise ValueError(text)
    box = int(left), int(top), int(right) - int(left), int(bottom) - int(top)
    return " ".join(name), Entry("", NUMBERS[int(label)], box=box), float(sure)


def load(path: Path | str, *, least: float = 0.0, how: Reading | None = None) -> Dataset:
    """Load ExpW; parameters as in `listed`, and how images are read. It brings no splits."""
    return dataset_of(listed(path, least=least), how or Reading())
