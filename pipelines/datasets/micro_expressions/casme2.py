"""CASME II (Yan et al., PLoS ONE 2014): 247 clips of 26 subjects at 200 frames a second.

Asked for at the Institute of Psychology, Chinese Academy of Sciences, with a signed release agreement.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.datasets.base import Dataset
from pipelines.datasets.micro_expressions.clip_records import from_sheet, sheet_path
from pipelines.datasets.micro_expressions.clips import build, existing_folder
from pipelines.datasets.published.about import About

ABOUT = About(
    "CASME II (Yan et al. 2014)",
    "https://melabipcas.github.io/melab/en/db/casme2.html, a signed release agreement",
    "non-commercial research, signed",
    {"train": 247},
)


def load(
    path: Path | str,
    *,
    sheet: Path | str | None = None,
    labels: str = "own",
    span: str = "onset-offset",
    strict: bool = False,
) -> Dataset:
    """Load CASME II.

    Parameters
    ----------
    path : Path or str
        A folder that holds ``subNN/EPxx_xx/*.jpg``, itself or up to two folders below, such as in
        ``Cropped-updated/Cropped/`` or ``CASME2-RAW/``; cropped faces win over raw frames.
    sheet : Path or str, optional
        The coding sheet (CASME2-coding), .xlsx or .csv; by default the only one in `path` or a folder below.
    labels, span, strict
        See `pipelines.datasets.micro_expressions.clips.load`.

    Returns
    -------
    Dataset
        `groups` are "sub01" ..., as the folders are called.

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = existing_folder(path, "casme2")
    records, faults = from_sheet(root, sheet_path(root, sheet), prefer="cropped")
    return build("casme2", root, records, labels=labels, span=span, strict=strict, faults=faults)
