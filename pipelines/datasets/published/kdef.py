"""KDEF (Lundqvist, Flykt and Öhman, 1998): 4,900 posed faces of 70 persons, seven emotions, five angles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pipelines.datasets.base import EMOTIONS, Dataset
from pipelines.datasets.listing import Listed, Reading, dataset_of
from pipelines.datasets.published.about import About
from pipelines.datasets.published.named_files import named_files

ABOUT = About(
    "KDEF (Lundqvist, Flykt, Öhman 1998)",
    "https://kdef.se, with an account",
    "non-commercial research",
    {"train": dict.fromkeys(EMOTIONS, 700)},
)
CODES = {"AF": "fear", "AN": "angry", "DI": "disgust", "HA": "happy", "NE": "neutral", "SA": "sad",
         "SU": "surprise"}  # fmt: skip
#: ``AF01ANS.JPG``: session, person, emotion, angle.
_FILES = r"[AB](?P<subject>[FM]\d\d)(?P<label>[A-Z]{{2}})({angles})\.\w+"
ANGLES = {"all": "FL|HL|S|HR|FR", "straight": "S", "half": "HL|S|HR"}


def listed(path: Path | str, *, angles: Literal["all", "straight", "half"] = "all") -> Listed:
    """Return the images below a folder, by their names.

    Parameters
    ----------
    path : Path or str
    angles : {"all", "straight", "half"}
        All five, the front alone, or the front and the half profiles.
    """
    if angles not in ANGLES:
        raise ValueError(f"kdef: angles={angles!r}; use one of {', '.join(ANGLES)}")
    files = re.compile(_FILES.format(angles=ANGLES[angles]), re.IGNORECASE)
    return named_files(path, "kdef", files, CODES)


def load(
    path: Path | str, *, angles: Literal["all", "straight", "half"] = "all", how: Reading | None = None
) -> Dataset:
    """Load KDEF; parameters as in `listed`, and how images are read. `groups` are "F01" ..."""
    return dataset_of(listed(path, angles=angles), how or Reading())
