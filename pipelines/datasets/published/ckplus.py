"""CK+ (Lucey et al., 2010): sequences from a neutral face to the peak of an emotion, 123 persons."""

from __future__ import annotations

import re
from pathlib import Path

from featurize.walk import Fault
from pipelines.datasets.base import Dataset
from pipelines.datasets.listing import Entry, Listed, Reading, dataset_of
from pipelines.datasets.published.about import EMOTIONS8, About
from pipelines.datasets.published.tree import existing_folder, files, folders, images

#: Labelled sequences of each emotion.
SEQUENCES = {
    "angry": 45, "contempt": 18, "disgust": 59, "fear": 25, "happy": 69, "sad": 28, "surprise": 83,
}  # fmt: skip
PEAK = 3
ABOUT = About(
    "CK+ (Lucey et al. 2010)",
    "https://www.jeffcohn.net/Resources/, a signed agreement",
    "non-commercial research, signed",
    {"train": {name: PEAK * n for name, n in SEQUENCES.items()} | {"neutral": sum(SEQUENCES.values())}},
)
#: Its numbers, from 0.
NUMBERS = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
_FRAME = re.compile(r"(S\d{3})_(\d{3})_(\d+)", re.IGNORECASE)
_LABEL = re.compile(r"(S\d{3})_(\d{3})_\d+_emotion\.txt", re.IGNORECASE)


def listed(path: Path | str, *, peak: int = PEAK, classes: int = 8, contempt: bool = True) -> Listed:
    """Return the frames of the labelled sequences.

    Parameters
    ----------
    path : Path or str
        The folder of ``cohn-kanade-images/S005/001/*.png`` and ``Emotion/S005/001/*_emotion.txt``.
    peak : int
        So many last frames of each sequence show its emotion.
    classes : {8, 7}
        With 8 the first frame of each is neutral; with 7 it is left out.
    contempt : bool
        Whether sequences of contempt are taken: without them it is a class fewer.

    Raises
    ------
    ValueError, OSError
        One line that says what is missing.
    """
    if classes not in (7, 8) or peak < 1:
        raise ValueError(
            f"ckplus: classes={classes!r}, peak={peak!r}; use 8 or 7 (no neutral), peak from 1 on"
        )
    root = existing_folder(path, "ckplus")
    found = Listed("ckplus", root)
    found.classes = tuple(
        c for c in EMOTIONS8 if (classes == 8 or c != "neutral") and (contempt or c != "contempt")
    )
    sequences, labels = _sequences(root), _labels(root, found)
    if not labels:
        raise ValueError(f"ckplus: no Emotion/S005/001/S005_001_00000011_emotion.txt in {root}")
    for key, label in labels.items():
        frames = sequences.get(key, [])
        if len(frames) <= peak:
            found.faults.append(Fault(f"{root}, sequence {key[0]}/{key[1]}", _why(len(frames), peak)))
        elif label in found.classes:
            chosen = [(frame, label) for frame in frames[-peak:]]
            chosen += [(frames[0], "neutral")] if classes == 8 else []
            found.entries += [Entry(f, word, subject=key[0], where="/".join(key)) for f, word in chosen]
        else:
            found.ignored[f"sequences labelled {label}"] += 1
    found.ignored["sequences without a label"] = len(sequences.keys() - labels.keys())
    return found


def _why(frames: int, peak: int) -> str:
    return f"has {frames} frames, too few for {peak} at the peak" if frames else "has a label and no frames"


def _sequences(root: Path) -> dict[tuple[str, str], list[str]]:
    """Return (person, sequence) -> its frames in order, as paths below the root."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for folder in folders(root):
        for name in images(folder):
            if match := _FRAME.match(name):
                key = (match[1].upper(), match[2])
                found.setdefault(key, []).append(
                    (int(match[3]), (folder / name).relative_to(root).as_posix())
                )
    return {key: [name for _, name in sorted(frames)] for key, frames in sorted(found.items())}


def _labels(root: Path, found: Listed) -> dict[tuple[str, str], str]:
    labels: dict[tuple[str, str], str] = {}
    for folder in folders(root):
        for name in files(folder):
            if match := _LABEL.fullmatch(name):
                text = (folder / name).read_text("ascii", errors="replace").strip()
                try:
                    labels[match[1].upper(), match[2]] = NUMBERS[_number(text)]
                except ValueError:
                    found.faults.append(Fault(str(folder / name), f"{text[:20]!r} is no number from 0 to 7"))
    return dict(sorted(labels.items()))


def _number(text: str) -> int:
    value = float(text)
    if not value.is_integer() or not 0 <= value < len(NUMBERS):
        raise ValueError(text)
    return int(value)


def load(
    path: Path | str,
    *,
    peak: int = PEAK,
    classes: int = 8,
    contempt: bool = True,
    how: Reading | None = None,
) -> Dataset:
    """Load CK+; parameters as in `listed`, and how images are read. `groups` are "S005" ..."""
    return dataset_of(listed(path, peak=peak, classes=classes, contempt=contempt), how or Reading())
