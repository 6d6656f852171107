"""CAS(ME)^3, part A (Li et al., TPAMI 2022): 943 micro-expressions of 100 subjects, several in a recording.

The frames of a recording lie in its folder ``color/``; a clip is a recording and an onset.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.datasets.base import Dataset
from pipelines.datasets.micro_expressions.clip_records import from_sheet, sheet_path
from pipelines.datasets.micro_expressions.clips import build, existing_folder
from pipelines.datasets.published.about import About

ABOUT = About(
    "CAS(ME)^3 (Li et al. 2022)",
    "https://melabipcas.github.io/melab/en/databases.html, a signed release agreement",
    "non-commercial research, signed",
    {"train": 943},
)


def load(
    path: Path | str,
    *,
    sheet: Path | str | None = None,
    labels: str = "own",
    span: str = "onset-offset",
    strict: bool = False,
) -> Dataset:
    """Load part A of CAS(ME)^3.

    Parameters
    ----------
    path : Path or str
        A folder that holds ``spNO.1/a/color/*.jpg``, itself or up to two folders below.
    sheet : Path or str, optional
        The sheet of micro-expressions (cas(me)3_part_A_ME_label_JpgIndex), .xlsx or .csv; by default the only
        one in `path` or a folder below.
    labels, span, strict
        See `pipelines.datasets.micro_expressions.clips.load`.

    Returns
    -------
    Dataset
        `groups` are "spNO.1" ...

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = existing_folder(path, "casme3")
    records, faults = from_sheet(root, sheet_path(root, sheet), inside="color")
    return build("casme3", root, records, labels=labels, span=span, strict=strict, faults=faults)
