"""SMIC-HS (Li, Pfister, Huang, Zhao and Pietikäinen, FG 2013): 164 clips of 16 subjects, 100 frames a second.

Asked for at the University of Oulu, with a signed agreement.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.datasets.base import Dataset
from pipelines.datasets.micro_expressions.clip_records import ClipRecord, numbered_frames
from pipelines.datasets.micro_expressions.clips import build, existing_folder
from pipelines.datasets.published.about import About

ABOUT = About(
    "SMIC-HS (Li et al. 2013)",
    "https://www.oulu.fi/cmvs/node/41319, a signed agreement",
    "non-commercial research, signed",
    {"train": 164},
)


def load(
    path: Path | str, *, labels: str = "own", span: str = "onset-offset", strict: bool = False
) -> Dataset:
    """Load SMIC in the form of its folder HS, whose clips are cut from onset to offset.

    Parameters
    ----------
    path : Path or str
        A folder that holds ``sNN/micro/<class>/<clip>/*.bmp``, itself or up to two folders below.
    labels, span, strict
        See `pipelines.datasets.micro_expressions.clips.load`. There is no sheet: the apex of "onset-apex" is
        found by motion.

    Returns
    -------
    Dataset
        `groups` are "s01" ...

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = existing_folder(path, "smic")
    folders = next((found for depth in ("", "*/", "*/*/") if (found := _clips(root, depth))), [])
    if not folders:
        raise ValueError(f"{root}: no sNN/micro/<class>/<clip>/ folders of SMIC-HS")
    records = [ClipRecord(p.parents[2].name, p, p.parent.name, numbered_frames(p)) for p in folders]
    return build("smic", root, records, labels=labels, span=span, strict=strict)


def _clips(root: Path, depth: str) -> list[Path]:
    return sorted(p for p in root.glob(f"{depth}[sS]*/[mM]icro/*/*") if p.is_dir())
