"""4DME (Li et al., TAC 2022): 267 micro-expressions of 41 subjects; here its grey videos."""

from __future__ import annotations

from pathlib import Path

from pipelines.datasets.base import Dataset
from pipelines.datasets.micro_expressions.clips import build, existing_folder
from pipelines.datasets.micro_expressions.recordings import from_recordings
from pipelines.datasets.published.about import About

ABOUT = About(
    "4DME (Li et al. 2022)",
    "its authors: Center for Machine Vision and Signal Analysis, University of Oulu, a signed agreement",
    "non-commercial research, signed",
    {"train": 267},
)


def load(
    path: Path | str,
    *,
    sheet: Path | str | None = None,
    labels: str = "own",
    span: str = "onset-offset",
    strict: bool = False,
) -> Dataset:
    """Load the grey videos of 4DME.

    Parameters
    ----------
    path : Path or str
        A folder that holds a folder of frames a clip, itself or below; cropped ones win over others.
    sheet : Path or str, optional
        The sheet (4DME_Labelling_Release), with columns sub_ID, fname, Onset, Apex, Offset and Emotion; by
        default the only one in `path` or a folder below.
    labels, span, strict
        See `pipelines.datasets.micro_expressions.clips.load`.

    Returns
    -------
    Dataset
        `groups` are the sheet's subjects. A clip that the sheet gives several emotions is left out.

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = existing_folder(path, "4dme")
    records, faults = from_recordings(root, sheet, "crop")
    return build("4dme", root, records, labels=labels, span=span, strict=strict, faults=faults)
