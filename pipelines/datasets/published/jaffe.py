"""JAFFE (Lyons, Akamatsu, Kamachi and Gyoba, 1998): 213 posed faces of ten Japanese women, seven emotions."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.datasets.base import EMOTIONS, Dataset
from pipelines.datasets.listing import Listed, Reading, dataset_of
from pipelines.datasets.published.about import About
from pipelines.datasets.published.named_files import named_files

ABOUT = About(
    "JAFFE (Lyons et al. 1998)",
    "https://zenodo.org/records/3451524, on request",
    "non-commercial research",
    {"train": dict(zip(EMOTIONS, (30, 29, 32, 31, 30, 31, 30), strict=True))},
)
#: ``KA.AN1.39.tiff``: person, emotion and its number, number in the set.
FILES = re.compile(r"(?P<subject>[A-Z]{2})[.\- ](?P<label>[A-Z]{2})\d?[.\-]\d+\.\w+", re.IGNORECASE)
CODES = {"AN": "angry", "DI": "disgust", "FE": "fear", "HA": "happy", "NE": "neutral", "SA": "sad",
         "SU": "surprise"}  # fmt: skip


def listed(path: Path | str) -> Listed:
    """Return the images below a folder, by their names."""
    return named_files(path, "jaffe", FILES, CODES)


def load(path: Path | str, *, how: Reading | None = None) -> Dataset:
    """Load JAFFE from the folder of its images, and how they are read. `groups` are "KA" ..."""
    return dataset_of(listed(path), how or Reading())
