"""MMEW (Ben et al., TPAMI 2022): 300 micro-expressions of 36 subjects, a folder an emotion."""

from __future__ import annotations

from pathlib import Path

from pipelines.datasets.base import Dataset
from pipelines.datasets.micro_expressions.clips import build, existing_folder
from pipelines.datasets.micro_expressions.recordings import from_recordings
from pipelines.datasets.published.about import About

ABOUT = About(
    "MMEW (Ben et al. 2022)",
    "https://github.com/benxianyeteam/MMEW-Dataset, a signed agreement",
    "non-commercial research, signed",
    {"train": {"happiness": 36, "anger": 8, "surprise": 89, "disgust": 72, "fear": 16, "sadness": 13,
               "others": 66}},
)  # fmt: skip


def load(
    path: Path | str,
    *,
    sheet: Path | str | None = None,
    labels: str = "own",
    span: str = "onset-offset",
    strict: bool = False,
) -> Dataset:
    """Load the micro-expressions of MMEW.

    Parameters
    ----------
    path : Path or str
        A folder that holds ``Micro_Expression/anger/S01-01-001/*.jpg``, itself or below.
    sheet : Path or str, optional
        The sheet (MMEW_Micro_Exp), .xlsx or .csv; by default the only one in `path` or a folder below.
    labels, span, strict
        See `pipelines.datasets.micro_expressions.clips.load`.

    Returns
    -------
    Dataset
        `groups` are the sheet's subjects.

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = existing_folder(path, "mmew")
    records, faults = from_recordings(root, sheet, "micro")
    return build("mmew", root, records, labels=labels, span=span, strict=strict, faults=faults)
