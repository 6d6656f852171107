"""FER+: the faces of FER2013 with the votes of ten annotators each.

Barsoum, Zhang, Canton Ferrer, Zhang, ICMI 2016 (arXiv:1608.01041). The faces are those of FER2013, which is
added first; the votes are `fer2013new.csv`, whose rows are those of fer2013.csv in order.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import atomic_folder
from pipelines.datasets.base import EMOTIONS, Dataset, Origin, order_digest
from pipelines.datasets.fer2013 import dataset as fer2013
from pipelines.datasets.published.about import (
    EMOTIONS8,
    About,
    AddReport,
    check_replacing,
    count,
    differences,
)
from pipelines.datasets.published.ferplus_join import Votes, join, read_votes
from pipelines.datasets.published.ferplus_targets import COLUMNS, TARGETS, Target, labelled
from pipelines.datasets.subset import SubsetSamples
from pipelines.utils.progress import SILENT, Progress

ABOUT = About(
    "FER+ (Barsoum et al. 2016)",
    "https://github.com/microsoft/FERPlus (fer2013new.csv)",
    "MIT for the votes; the faces as FER2013",
    {"train": 28_558, "public": 3_579, "private": 3_573},
    "the real set",
)
FORMAT = 1


def load(root: Path, *, target: Target = "majority", classes: int = 8) -> Dataset:
    """Return the faces of FER2013 with the labels and votes of FER+.

    Parameters
    ----------
    root : Path
        Folder of imported sets.
    target : {"majority", "crossentropy", "probability", "all"}
        Which faces stay, and which votes count; see `pipelines.datasets.published.ferplus_targets`.
    classes : {8, 7}
        With or without contempt.

    Returns
    -------
    Dataset
        With `votes`; the label is the class with most of them.

    Raises
    ------
    ValueError, OSError
        One line: an unknown option; FER2013 or FER+ is not here, damaged, or does not belong to the other.
    """
    if target not in TARGETS:
        raise ValueError(f"ferplus: target={target!r}; use one of {', '.join(TARGETS)}")
    if classes not in (7, 8):
        raise ValueError(f"ferplus: classes={classes!r}; use 8, or 7 to leave contempt out")
    faces = fer2013.load(root)
    ids, votes = _stored(Path(root) / "ferplus", faces)
    return _dataset(faces, ids, votes, target, classes)


def _dataset(
    faces: Dataset, ids: Sequence[str], votes: NDArray[np.float64], target: Target, classes: int
) -> Dataset:
    place = {name: i for i, name in enumerate(faces.ids.tolist())}
    at = np.array([place[name] for name in ids])
    kept, counted = labelled(votes, target, classes)
    order = np.argsort(at[kept])  # as FER2013 has them
    at, counted = at[kept][order], counted[kept][order]
    names = EMOTIONS8 if classes == 8 else EMOTIONS
    labels = [names.index(COLUMNS[best]) for best in counted.argmax(axis=1)]  # of equals their first
    counted = counted[:, [COLUMNS.index(name) for name in names]]
    return Dataset(
        name="ferplus",
        classes=names,
        ids=faces.ids[at],
        labels=np.array(labels, np.int64),
        split=faces.split[at],
        samples=SubsetSamples(faces.samples, at),
        digests=faces.digests[at],
        test_splits={"test": ("private",), "private": ("private",), "public": ("public",)},
        faults=faces.faults,
        notes=(f"FER+, target {target}: {len(at):,} of {len(ids):,} faces have a label by their votes",),
        votes=counted.astype(np.float32),
        origin=_origin(faces, at),
    )


def _origin(faces: Dataset, at: NDArray[np.intp]) -> Origin:
    ids = faces.ids.tolist()
    return Origin(faces.fingerprint, order_digest(ids), at, order_digest(ids[i] for i in at))


def _stored(folder: Path, faces: Dataset) -> tuple[list[str], NDArray[np.float64]]:
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        data = (folder / "votes.csv").read_bytes()
        whole = manifest["format"] == FORMAT and manifest["sha256"] == hashlib.sha256(data).hexdigest()
    except FileNotFoundError:
        raise FileNotFoundError("ferplus is not here yet; run `mueca data add ferplus PATH`") from None
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise ValueError(f"{folder}: votes.csv is damaged; run `mueca data add ferplus PATH` again")
    if manifest["fer2013"] != faces.fingerprint:
        raise ValueError(
            f"{folder}: FER2013 was added again since; run `mueca data add ferplus PATH` again as well"
        )
    rows = list(csv.reader(data.decode("utf-8").splitlines()))[1:]
    return [row[0] for row in rows], np.array([row[1:] for row in rows], np.float64)


def add(
    path: Path, root: Path, progress: Progress = SILENT, *, strict: bool = False, force: bool = False
) -> AddReport:
    """Join the votes of FER+ to the faces of FER2013, which is here already.

    Parameters
    ----------
    path : Path
        fer2013new.csv, or a folder or archive that holds it. Where FER2013 was added as a folder of images,
        whose names do not say their rows, fer2013.csv must lie beside it: faces are then matched by pixels. A
        table of votes that names the images (``file``) needs neither.
    root : Path
        Folder of imported sets.
    progress : Progress
    strict : bool
        A vote that belongs to no face is an error.
    force : bool
        Let votes that differ from the published ones take the place of those that are there.

    Returns
    -------
    AddReport

    Raises
    ------
    ValueError, OSError
        One line that says what is missing.
    """
    root = Path(root)
    faces = fer2013.load(root)
    found = join(read_votes(path), faces, progress)
    if strict and found.faults:
        raise ValueError(f"{found.faults[0].path}: {found.faults[0].reason} ({len(found.faults)} in all)")
    sizes = _sizes(found, faces)
    made = _dataset(faces, found.ids, found.votes, "majority", 8)
    report = AddReport(
        "ferplus",
        path.name,
        root / "ferplus",
        count(made),
        differences({split: {"all": n} for split, n in sizes.items()}, ABOUT.counts),
        True,
        tuple(found.faults),
        (f"{sum(sizes.values()):,} faces have votes, joined {found.how}", *made.notes),
    )
    check_replacing(report, _counts_there(root), force)
    _write(root / "ferplus", found, faces)
    return report


def _counts_there(root: Path) -> dict[str, dict[str, int]] | None:
    """Return the counts of the votes that are there; None where they are damaged."""
    try:
        return count(load(root=root))
    except (OSError, ValueError, KeyError):
        return None


def _sizes(found: Votes, faces: Dataset) -> dict[str, int]:
    split_of = dict(zip(faces.ids.tolist(), faces.split.tolist(), strict=True))
    splits = [split_of[name] for name in found.ids]
    return {split: splits.count(split) for split in dict.fromkeys(splits)}


def _write(folder: Path, found: Votes, faces: Dataset) -> None:
    lines = [",".join(("id", *COLUMNS))]
    lines += [
        f"{name},{','.join(f'{v:g}' for v in row)}" for name, row in zip(found.ids, found.votes, strict=True)
    ]
    data = ("\n".join(lines) + "\n").encode()
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "sha256": hashlib.sha256(data).hexdigest(),
        "fer2013": faces.fingerprint,
        "joined": found.how,
        "faults": [[fault.path, fault.reason] for fault in found.faults],
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    with atomic_folder(folder) as temporary:
        (temporary / "votes.csv").write_bytes(data)
        (temporary / "manifest.json").write_text(text, "utf-8")
