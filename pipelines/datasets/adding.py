"""Putting a published set where its name finds it: a folder stays where it is, an archive is unpacked."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from featurize.atomic import atomic_folder, write_text
from pipelines.datasets import archive
from pipelines.datasets.base import Dataset
from pipelines.datasets.listing import Listed
from pipelines.datasets.published.about import (
    About,
    AddReport,
    check_replacing,
    count,
    differences,
    not_written,
)
from pipelines.datasets.walk import Fault
from pipelines.utils.progress import SILENT, Progress


class Loader(Protocol):
    """The file of a published set: `listed` where it can be counted without reading images."""

    ABOUT: About
    load: Callable[..., Dataset]


def place_file(root: Path, name: str) -> Path:
    """Return the file that says where a set lies."""
    return root / f"{name}.json"


def place_of(root: Path, name: str) -> Path | None:
    """Return the folder that a set was added from, None if it was not added so."""
    try:
        return Path(json.loads(place_file(root, name).read_text("utf-8"))["path"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def add(
    name: str, loader: Any, path: Path, root: Path, progress: Progress = SILENT, *, strict: bool = False,
    there: Path | None = None, force: bool = False,
) -> AddReport:  # fmt: skip
    """Find a published set, check its counts, and remember where it lies.

    Parameters
    ----------
    name : str
    loader : module
        See `Loader`.
    path : Path
        Its folder, which is read where it lies from then on; or an archive, which is unpacked into `root`.
    root : Path
        Folder of imported sets.
    progress : Progress
    strict : bool
        A fault is an error.
    there : Path, optional
        Where the set lies by now, if it is there.
    force : bool
        Let a set that is not as published, or smaller, take the place of one that is there.

    Returns
    -------
    AddReport

    Raises
    ------
    ValueError, OSError
        One line that says what is missing. Nothing is written then.
    """
    if path.is_dir():
        report = _report(name, loader, path, place_file(root, name), path, strict)
        _check_replacing(report, loader, there, path, force)
        root.mkdir(parents=True, exist_ok=True)
        write_text(place_file(root, name), json.dumps({"path": str(path.resolve())}))
        return report
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file or folder; give the folder or the archive of {name}")
    if archive.kind(path) is None:
        raise ValueError(f"{path}: neither a folder nor an archive (.zip, .tar, .tar.gz, .tar.xz) of {name}")
    with _unpacked(name, path, root, progress) as folder:
        report = _report(name, loader, folder, root / name, path, strict)
        _check_replacing(report, loader, there, path, force)
    place_file(root, name).unlink(missing_ok=True)
    return report


def _check_replacing(report: AddReport, loader: Any, there: Path | None, path: Path, force: bool) -> None:
    """Refuse what is less than the set that is there, which is counted only where that can matter."""
    if force or there is None or not there.exists() or (path.exists() and there.samefile(path)):
        return
    if report.published and not report.differences:
        return
    try:
        before = _counted(loader, there)[0]
    except (OSError, ValueError, KeyError):
        return  # nothing that could be read is lost
    check_replacing(report, before, force)


def _report(name: str, loader: Loader, folder: Path, written: Path, source: Path, strict: bool) -> AddReport:
    counts, faults, notes, ignored = _counted(loader, folder)
    if not counts:
        first = f"{faults[0].path}: {faults[0].reason}" if faults else f"no samples in {source}"
        raise ValueError(f"{name}: {first}")
    if strict and faults:
        raise ValueError(f"{faults[0].path}: {faults[0].reason} ({len(faults)} in all)")
    about = loader.ABOUT
    return AddReport(
        name,
        str(source),
        written,
        counts,
        differences(counts, about.counts),
        bool(about.counts),
        faults,
        notes,
        ignored,
    )


def _counted(
    loader: Any, folder: Path
) -> tuple[dict[str, dict[str, int]], tuple[Fault, ...], tuple[str, ...], dict[str, int]]:
    """Return counts, faults, notes and what was not looked at; images are read only where they must be."""
    if not hasattr(loader, "listed"):
        made: Dataset = loader.load(path=folder)
        return count(made), made.faults, made.notes, made.ignored
    found: Listed = loader.listed(folder)
    pairs = Counter((entry.split, entry.label) for entry in found.entries)
    classes = found.classes or tuple(sorted({label for _, label in pairs}))
    counts = {s: {c: pairs[s, c] for c in classes if pairs[s, c]} for s in dict.fromkeys(s for s, _ in pairs)}
    missing = [e for e in found.entries if not (found.root / e.file).is_file()]
    faults = [*found.faults, *(Fault(str(found.root / e.file), "no such file") for e in missing)]
    return counts, tuple(faults), tuple(found.notes), {k: n for k, n in found.ignored.items() if n}


@contextmanager
def _unpacked(name: str, path: Path, root: Path, progress: Progress) -> Iterator[Path]:
    """Give the folder of a set with the content of an archive; it stays only if the block ends well."""
    try:
        with atomic_folder(root / name) as folder:
            with archive.opened(path) as members, progress.task(f"unpacking {name}"):
                for member in members:
                    target = folder / member.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with member.open() as source, target.open("wb") as file:
                        shutil.copyfileobj(source, file, 2**20)
            yield folder
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise not_written(root, error) from None
