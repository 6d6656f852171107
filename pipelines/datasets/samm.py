"""SAMM (Davison, Lansley, Costen, Tan and Yap, 2018): 159 clips of 32 subjects at 200 frames a second.

Asked for at Manchester Metropolitan University, with a signed agreement.
"""

from __future__ import annotations

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
    """Load SAMM.

    Parameters
    ----------
    path : Path or str
        The folder of ``006/006_1_2/006_05562.jpg``.
    sheet : Path or str, optional
        The coding sheet (SAMM_Micro_FACS_Codes), .xlsx or .csv; by default the only one in `path`.
    labels, span, strict
        See `pipelines.datasets.clips.load`.

    Returns
    -------
    Dataset
        `groups` are "006" ...

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = existing_folder(path, "samm")

    def folder_of(row: SheetRow) -> Path | None:
        # Excel drops the leading zeros of the subject, not those of the clip.
        return root / row.clip.split("_")[0] / row.clip

    records, faults = from_sheet(root, sheet_path(root, sheet), folder_of)
    named = [r.of_subject(r.path.parent.name) for r in records]
    return build("samm", root, named, labels=labels, span=span, strict=strict, faults=faults)
