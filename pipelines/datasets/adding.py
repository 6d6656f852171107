"""Putting a published set where its name finds it: a folder stays where it is, an archive is unpacked."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from featurize.atomic import atomic_folder, write_text
from featurize.file_kinds import ending_of
from featurize.walk import DOCUMENTS, Fault, is_hidden
from pipelines.datasets import archive
from pipelines.datasets.base import Dataset
from pipelines.datasets.listing import Listed
from pipelines.datasets.places import place_file
from pipelines.datasets.published.about import (
    About,
    AddReport,
    check_replacing,
    count,
    differences,
    not_written,
)
from pipelines.utils.progress import SILENT, Progress


class Loader(Protocol):
    """The file of a published set: `listed` where it can be counted without reading images."""

    ABOUT: About
    load: Callable[..., Dataset]


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
        inside, report = _report(name, loader, path, place_file(root, name), path, strict)
        _check_replacing(report, loader, there, path, force)
        root.mkdir(parents=True, exist_ok=True)
        write_text(place_file(root, name), json.dumps({"path": str(inside.resolve())}))
        return report
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file or folder; give the folder or the archive of {name}")
    if archive.kind(path) is None:
        raise ValueError(f"{path}: neither a folder nor an archive (.zip, .tar, .tar.gz, .tar.xz) of {name}")
    with _unpacked(name, path, root, progress) as folder:
        try:
            inside, report = _report(name, loader, folder, root / name, path, strict)
        except (ValueError, FileNotFoundError) as error:  # the folder that it names is gone by then
            raise type(error)(str(error).replace(str(folder), str(path))) from None
        _check_replacing(report, loader, there, path, force)
    if inside == folder:
        place_file(root, name).unlink(missing_ok=True)
    else:
        at = (root / name).resolve() / inside.relative_to(folder)
        write_text(place_file(root, name), json.dumps({"path": str(at)}))
    return _at(report, folder, root / name)


def _at(report: AddReport, before: Path, after: Path) -> AddReport:
    """Return a report that names a folder as it is called now."""
    faults = [replace(f, path=f.path.replace(str(before), str(after))) for f in report.faults]
    notes = [note.replace(str(before), str(after)) for note in report.notes]
    return replace(report, faults=tuple(faults), notes=tuple(notes))


def levels(folder: Path) -> list[Path]:
    """Return a folder, and those that are alone inside it but for documents, from the outside in."""
    found = [folder]
    while True:
        inside = [p for p in sorted(found[-1].iterdir()) if not is_hidden(p.name, p.is_dir())]
        folders = [p for p in inside if p.is_dir()]
        others = [p for p in inside if not p.is_dir() and ending_of(p.name) not in DOCUMENTS]
        if len(folders) != 1 or others:
            return found
        found.append(folders[0])


Counted = tuple[dict[str, dict[str, int]], tuple[Fault, ...], tuple[str, ...], dict[str, int]]


def _inside(name: str, loader: Loader, folder: Path, source: Path) -> tuple[Path, Counted]:
    """Return the folder, of those around one another, that holds the set, and what is in it.

    Raises
    ------
    ValueError, OSError
        What the outermost lacks, if none holds it.
    """
    first: ValueError | OSError | None = None
    for level in levels(folder):
        try:
            found = _counted(loader, level)
            if found[0]:
                return level, found
            why = f"{found[1][0].path}: {found[1][0].reason}" if found[1] else f"no samples in {source}"
            raise ValueError(f"{name}: {why}")
        except (ValueError, FileNotFoundError) as error:
            first = first or error
    assert first is not None  # noqa: S101 - there is one level at least
    raise first


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


def _report(
    name: str, loader: Loader, folder: Path, written: Path, source: Path, strict: bool
) -> tuple[Path, AddReport]:
    inside, (counts, faults, notes, ignored) = _inside(name, loader, folder, source)
    if strict and faults:
        raise ValueError(f"{faults[0].path}: {faults[0].reason} ({len(faults)} in all)")
    about = loader.ABOUT
    return inside, AddReport(
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


def _counted(loader: Any, folder: Path) -> Counted:
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
