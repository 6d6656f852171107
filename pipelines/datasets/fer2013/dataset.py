"""FER2013: imported once from any form in which it is handed round, then memory-mapped.

Goodfellow et al., "Challenges in representation learning: a report on three machine learning contests", 2013
(arXiv:1307.0414): 35,887 grey faces of 48 x 48 pixels, seven emotions.
"""

from __future__ import annotations

import csv
import datetime
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from featurize.atomic import atomic_folder, save_array
from featurize.hashes import file_sha256
from featurize.walk import Fault
from pipelines.datasets.base import EMOTIONS, ArraySamples, Dataset
from pipelines.datasets.fer2013.source import Face, Source
from pipelines.datasets.published.about import About, Report, check_replacing, differs, not_written
from pipelines.utils.progress import SILENT, Progress

ABOUT = About(
    "FER2013 (Goodfellow et al. 2013)",
    "Kaggle: datasets msambare/fer2013, or its competition's fer2013.csv",
    "as Kaggle states; the images are of the web",
    {"train": 28_709, "public": 3_589, "private": 3_589},
    "the real set",
)
FORMAT = 1
#: Order of the splits in the stored set; "test" is for file names that do not tell public from private, and
#: "validation" for a folder of that name.
SPLITS = ("train", "public", "private", "test", "validation")
#: Faces of each class (in the order of `EMOTIONS`) in each split, as published.
PUBLISHED = {
    "train": (3995, 436, 4097, 7215, 4965, 4830, 3171),
    "public": (467, 56, 496, 895, 607, 653, 415),
    "private": (491, 55, 528, 879, 626, 594, 416),
}
PUBLISHED_TEST = (958, 111, 1024, 1774, 1233, 1247, 831)


@dataclass(frozen=True)
class ImportReport(Report):
    """What an import did.

    Attributes
    ----------
    path : Path
        The folder written.
    source : str
        Name of the file or folder imported.
    counts : mapping
        split -> class -> number of faces.
    differences : tuple of str
        Where the counts differ from the published ones, in words; empty if nowhere.
    faults : tuple of Fault
        Images left out.
    notes : tuple of str
        What else is worth knowing.
    ignored : mapping
        What was not looked at, and how many of it; see `featurize.walk.Listing`.
    """

    path: Path
    source: str
    counts: dict[str, dict[str, int]]
    differences: tuple[str, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    ignored: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """Return the report in words, one fact a line."""
        opening = f"fer2013: {self.total:,} faces imported from {self.source}"
        return self.lines(opening, "every class of every split has the published number of faces")


def add(
    path: Path, root: Path, progress: Progress = SILENT, *, strict: bool = False, force: bool = False
) -> ImportReport:
    """Import FER2013 into ``root/fer2013``, replacing an earlier import only when all has gone well.

    Parameters
    ----------
    path : Path
        The Kaggle folder (train/ and test/ with class folders), a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz of
        it, a CSV (``emotion,pixels,Usage`` or ``emotion, Usage, pixels``, with any of the delimiters and
        encodings of `pipelines.utils.read_table`), or a folder or archive that holds the CSV.
    root : Path
        Folder of data sets, see `pipelines.datasets.registry.data_root`.
    progress : Progress
    strict : bool
        Refuse a source with an unreadable image, instead of leaving that image out.
    force : bool
        Let a set whose counts differ from the published ones take the place of one that is there.

    Returns
    -------
    ImportReport
        Counts that differ from the published ones are reported, and refused only where a set is there.

    Raises
    ------
    ValueError
        One line: the source is not FER2013, is damaged, holds a CSV row that cannot be read, or would take
        the place of a better one.
    OSError
        If `path` does not exist or `root` cannot be written.
    """
    source = Source(Path(path), progress)
    faces = source.read()
    if strict and source.faults:
        first = source.faults[0]
        raise ValueError(f"{path}: {len(source.faults)} unreadable; the first: {first.path}: {first.reason}")
    if not faces:
        raise ValueError(source.nothing_found())
    # By digest within a split, so that the same faces come in the same order, hence with the same
    # fingerprint, from every form of the set; and so that any first n are a fair draw of the classes.
    faces.sort(key=lambda f: (SPLITS.index(f.split), f.digest, f.label, f.id))
    return _store(faces, source, Path(root), force)


def count(splits: list[str], labels: list[str]) -> dict[str, dict[str, int]]:
    """Return split -> class -> number, for the splits that occur."""
    pairs = Counter(zip(splits, labels, strict=True))
    present = [s for s in SPLITS if s in set(splits)]
    return {split: {name: pairs[split, name] for name in EMOTIONS} for split in present}


def differences(counts: dict[str, dict[str, int]]) -> tuple[str, ...]:
    """Say in words where `counts` differ from the published ones.

    Returns
    -------
    tuple of str
        One line a difference; empty if there is none.
    """
    expected = dict(PUBLISHED)
    if "test" in counts:
        expected = {"train": PUBLISHED["train"], "test": PUBLISHED_TEST}
        counts = {"train": counts.get("train", {}), "test": _together(counts, ("test", "public", "private"))}
    found = []
    for split, numbers in expected.items():
        if not any(counts.get(split, {}).values()):
            found.append(f"split {split}: no faces, published {sum(numbers):,}")
            continue
        for emotion, published in zip(EMOTIONS, numbers, strict=True):
            found += differs(f"{split}/{emotion}", counts[split].get(emotion, 0), published, " faces")
    return tuple(found)


def _together(counts: dict[str, dict[str, int]], splits: tuple[str, ...]) -> dict[str, int]:
    return {e: sum(counts.get(s, {}).get(e, 0) for s in splits) for e in EMOTIONS}


def _store(faces: list[Face], source: Source, root: Path, force: bool) -> ImportReport:
    from filelock import FileLock

    counts = count([f.split for f in faces], [f.label for f in faces])
    report = ImportReport(
        root / "fer2013",
        source.path.name,
        counts,
        differences(counts),
        tuple(source.faults),
        tuple(source.notes),
        dict(source.ignored),
    )
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".fer2013.lock"):
            check_replacing(report, _counts_there(report.path, faces), force)
            with atomic_folder(report.path) as temporary:
                _write(faces, report, temporary)
            for left_by_a_killed_import in root.glob(".fer2013[-.]*/"):
                shutil.rmtree(left_by_a_killed_import, ignore_errors=True)
    except OSError as error:
        raise not_written(root, error) from None
    return report


def _counts_there(folder: Path, faces: list[Face]) -> dict[str, dict[str, int]] | None:
    """Return the counts of the set that is there, None where it is damaged, or the same faces."""
    try:
        _manifest(folder)
        rows = _rows(folder)
        same = sorted(row["digest"] for row in rows) == sorted(face.digest for face in faces)
        return None if same else count([row["split"] for row in rows], [row["label"] for row in rows])
    except (OSError, ValueError, KeyError):
        return None


def _write(faces: list[Face], report: ImportReport, folder: Path) -> None:
    save_array(folder / "images.npy", np.stack([f.image for f in faces]))
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label", "split", "digest"])
        writer.writerows((f.id, f.label, f.split, f.digest) for f in faces)
    manifest = {
        "format": FORMAT,
        "source": report.source,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "counts": report.counts,
        "differences": report.differences,
        "faults": [[f.path, f.reason] for f in report.faults],
        "notes": report.notes,
        "sha256": {name: file_sha256(folder / name) for name in ("images.npy", "index.csv")},
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def load(root: Path) -> Dataset:
    """Return the imported set; its images are memory-mapped.

    The validation split is not made here, see `pipelines.datasets.splits`.

    Raises
    ------
    FileNotFoundError
        If it has not been imported.
    ValueError
        If the stored files are damaged.
    """
    folder = Path(root) / "fer2013"
    manifest = _manifest(folder)
    rows = _rows(folder)
    names = list(EMOTIONS)
    splits = np.array([r["split"] for r in rows])
    return Dataset(
        name="fer2013",
        classes=EMOTIONS,
        ids=np.array([r["id"] for r in rows]),
        labels=np.array([names.index(r["label"]) for r in rows], dtype=np.int64),
        split=splits,
        samples=ArraySamples(folder / "images.npy"),
        digests=np.array([r["digest"] for r in rows]),
        test_splits=_test_splits(set(splits.tolist())),
        faults=tuple(Fault(path, reason) for path, reason in manifest["faults"]),
    )


def _manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest, after checking both files against it (about 0.1 s)."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        sums, version = manifest["sha256"], manifest["format"]
        damaged = [
            name for name, sum_ in sums.items() if version == FORMAT and file_sha256(folder / name) != sum_
        ]
    except FileNotFoundError:
        if folder.exists():
            raise ValueError(
                f"{folder}: a file is missing; run `mueca data add fer2013 PATH` again"
            ) from None
        raise FileNotFoundError("fer2013 is not here yet; run `mueca data add fer2013 PATH`") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        damaged, version = ["manifest.json"], FORMAT
    if version != FORMAT:
        raise ValueError(f"{folder}: written by another version; run `mueca data add fer2013 PATH` again")
    if damaged:
        raise ValueError(f"{folder}: {damaged[0]} is damaged; run `mueca data add fer2013 PATH` again")
    return manifest


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _test_splits(present: set[str]) -> dict[str, tuple[str, ...]]:
    parts: tuple[str, ...] = tuple(s for s in ("test", "public", "private") if s in present)
    return {"test": parts} | {s: (s,) for s in parts if s != "test"}
