"""CASME II (Yan et al., PLoS ONE 2014): 247 clips of 26 subjects at 200 frames a second.

Asked for at the Institute of Psychology, Chinese Academy of Sciences, with a signed release agreement.
"""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.datasets.base import Dataset
from pipelines.datasets.clip_sheets import SheetRow
from pipelines.datasets.clips import build, existing_folder, from_sheet, sheet_path


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
        A folder that holds ``subNN/EPxx_xx/*.jpg``, itself or in a folder such as ``Cropped/`` or
        ``CASME2-RAW/``.
    sheet : Path or str, optional
        The coding sheet (CASME2-coding), .xlsx or .csv; by default the only one in `path`.
    labels, span, strict
        See `pipelines.datasets.clips.load`.

    Returns
    -------
    Dataset
        `groups` are "sub01" ...

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = existing_folder(path, "casme2")
    inside = next((p.parent for p in _subjects(root)), root)

    def folder_of(row: SheetRow) -> Path | None:
        return inside / f"sub{_number(row.subject):02d}" / row.clip

    records, faults = from_sheet(root, sheet_path(root, sheet), folder_of)
    named = [r.of_subject(r.path.parent.name) for r in records]
    return build("casme2", root, named, labels=labels, span=span, strict=strict, faults=faults)


def _subjects(root: Path) -> list[Path]:
    """Return the folders of subjects, in `path` or one folder below it; Cropped wins over raw."""
    for pattern in ("sub[0-9]*", "Cropped/sub[0-9]*", "*/sub[0-9]*"):
        if found := sorted(p for p in root.glob(pattern) if p.is_dir()):
            return found
    return []


def _number(subject: str) -> int:
    digits = re.search(r"\d+", subject)
    return int(digits.group()) if digits else 0
