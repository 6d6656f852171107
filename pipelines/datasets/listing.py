"""From a list of image files with labels to a data set: what every reader of lists ends in."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from featurize.file_kinds import examine
from featurize.walk import Fault
from pipelines.datasets.base import LEAKY, Dataset
from pipelines.datasets.folder import FileSamples
from pipelines.datasets.label_words import test_splits
from pipelines.datasets.scan import Box, Scanned, box_text, scan
from pipelines.utils.progress import SILENT, Progress

log = logging.getLogger(__name__)

#: Faults that are named in the log one by one.
_NAMED = 20


@dataclass(frozen=True)
class Entry:
    """An image, or a box in one, with what is known of it.

    Attributes
    ----------
    file : str
        Path below the root, with forward slashes.
    label : str
        Its class.
    split, subject : str
        `subject` is empty where it is not known.
    box : Box or None
        The face in the image.
    votes : tuple of float or None
        One number a class.
    where : str
        The row it comes from, for messages.
    """

    file: str
    label: str
    split: str = "train"
    subject: str = ""
    box: Box | None = None
    votes: tuple[float, ...] | None = None
    where: str = ""

    @property
    def id(self) -> str:
        """Its name in the set."""
        return self.file if self.box is None else f"{self.file}@{box_text(self.box)}"


@dataclass
class Listed:
    """What a reader found.

    Attributes
    ----------
    name : str
        Of the set.
    root : Path
    entries : list of Entry
    faults : list of Fault
    ignored : Counter
        What was not looked at, see `featurize.walk.Listing`.
    classes : tuple of str
        In the order of the set; those of the entries, in order of name, where it is empty.
    notes : list of str
    """

    name: str
    root: Path
    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    classes: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reading:
    """How a list is read.

    Attributes
    ----------
    strict : bool
        A fault is an error.
    allow_leaks : bool
        One person may be in two splits; the set is then marked.
    cache : Path or None
        Folder that remembers what was read of the images.
    progress : Progress
    memory_of : Path or None
        What that memory is kept for; the root by default.
    """

    strict: bool = False
    allow_leaks: bool = False
    cache: Path | None = None
    progress: Progress = SILENT
    memory_of: Path | None = None


def dataset_of(found: Listed, how: Reading) -> Dataset:
    """Read every image once and make the data set; one that cannot be read is a fault.

    Parameters
    ----------
    found : Listed
    how : Reading

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        One line: nothing is left, or one class only; one person is in two splits; with `strict`, a fault.
    """
    single = _each_once(found)
    boxes = [entry.box for entry in single] if any(entry.box for entry in single) else None
    names = [entry.file for entry in single]
    seen = scan(found.root, names, how.cache, how.progress, boxes, how.memory_of)
    bad = [Fault(_place(found, entry), _reason(found.root / entry.file, one.reason))
           for entry, one in zip(single, seen, strict=True) if one.reason]  # fmt: skip
    found.faults += bad
    kept = [(entry, one) for entry, one in zip(single, seen, strict=True) if not one.reason]
    _refuse(found, how.strict, len(kept))
    made = _dataset(found, [e for e, _ in kept], [s for _, s in kept], boxes is not None)
    return without_leaks(made, how.allow_leaks)


def _each_once(found: Listed) -> list[Entry]:
    """Return the entries without repetitions; of one image under two labels none is right for sure."""
    by_id: dict[str, list[Entry]] = {}
    for entry in found.entries:
        by_id.setdefault(entry.id, []).append(entry)
    kept: list[Entry] = []
    for first, *more in by_id.values():
        differ = [e for e in more if replace(e, where=first.where) != first]
        if differ:
            found.faults.append(Fault(_place(found, first), _two(first, differ[0])))
        else:
            kept.append(first)
            found.faults += [
                Fault(_place(found, e), f"listed more than once; the first is {first.where}") for e in more
            ]
    return kept


def _two(one: Entry, other: Entry) -> str:
    what = "label" if one.label != other.label else "split" if one.split != other.split else "subject"
    a, b = getattr(one, what), getattr(other, what)
    if a == b:
        return f"listed twice, and the rows differ ({one.where}, {other.where}); keep one"
    return f"listed with two {what}s, {a!r} ({one.where}) and {b!r} ({other.where}); keep one row"


def _reason(path: Path, reason: str) -> str:
    """Return why an image cannot be read: of one that is not there, that it is not, or is a dead link."""
    if path.exists():
        return reason
    return examine(path).reason() if path.is_symlink() else "no such file"


def _place(found: Listed, entry: Entry) -> str:
    where = f" ({entry.where})" if entry.where else ""
    return f"{found.root / entry.file}{where}"


def _refuse(found: Listed, strict: bool, kept: int) -> None:
    """Raise if `strict` and there is a fault, or if nothing is left."""
    faults = found.faults
    if faults and (strict or not kept):
        first, more = faults[0], f" ({len(faults):,} cannot be used)" if len(faults) > 1 else ""
        raise ValueError(f"{first.path}: {first.reason}{more}")
    if not kept:
        raise ValueError(f"{found.name}: no images with labels in {found.root}")
    if len(faults) > _NAMED:
        log.info("%s: %d images are left out", found.name, len(faults))


def _dataset(found: Listed, entries: Sequence[Entry], seen: Sequence[Scanned], boxed: bool) -> Dataset:
    present = {entry.label for entry in entries}
    classes = found.classes or tuple(sorted(present))
    votes = None
    if entries and entries[0].votes is not None:
        votes = np.array([entry.votes for entry in entries], np.float32)
    else:  # a class that a published set has, and this copy has not, is no class here
        classes = tuple(name for name in classes if name in present)
    if len(classes) < 2:
        raise ValueError(f"{found.name}: one class only ({classes[0]}); a classifier needs two or more")
    number = {name: i for i, name in enumerate(classes)}
    blank = np.array([one.blank for one in seen], bool)
    subjects = [entry.subject for entry in entries]
    splits = [entry.split for entry in entries]
    return Dataset(
        name=found.name,
        classes=classes,
        ids=np.array([_printable(entry.id) for entry in entries]),
        labels=np.array([number[entry.label] for entry in entries], np.int64),
        split=np.array(splits),
        samples=FileSamples(
            found.root, (e.file for e in entries), blank, [e.box for e in entries] if boxed else None
        ),
        digests=np.array([one.digest for one in seen]),
        groups=np.array(subjects) if all(subjects) else None,
        test_splits=test_splits(splits),
        faults=tuple(found.faults),
        notes=(*found.notes, *_ties(found, entries, votes)),
        ignored=dict(found.ignored),
        votes=votes,
    )


def _ties(found: Listed, entries: Sequence[Entry], votes: np.ndarray | None) -> tuple[str, ...]:
    """Say how many labels are the first of several classes with equal votes."""
    if votes is None:
        return ()
    most = votes.max(axis=1)
    first = np.array([found.classes.index(entry.label) for entry in entries])
    tied = ((votes == most[:, None]).sum(axis=1) > 1) & (votes[np.arange(len(votes)), first] == most)
    n = int(tied.sum())
    if not n:
        return ()
    words = f"{n:,} of {len(entries):,} labels are one of several classes with equally many votes"
    log.warning("%s: %s", found.name, words)
    return (words,)


def _printable(name: str) -> str:
    """Return a name without the surrogates of a file name that is not UTF-8: no CSV could hold them."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def without_leaks(dataset: Dataset, allowed: bool) -> Dataset:
    """Refuse, or mark, a set of which one person is in two splits."""
    shared = shared_subjects(dataset)
    if not shared:
        return dataset
    who, where = next(iter(shared.items()))
    words = f"subject {who} is in {' and '.join(where)} ({len(shared):,} subjects are in two splits or more)"
    if not allowed:
        raise ValueError(
            f"{dataset.name}: {words}; what is learned of a person would be tested on that person: divide by "
            "subject, or give --allow-leaks, and every figure is marked"
        )
    log.warning("%s: %s; every figure is marked %s", dataset.name, words, LEAKY)
    return replace(dataset, marks=(*dataset.marks, LEAKY), notes=(*dataset.notes, words))


def shared_subjects(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """Return subject -> the parts of the set (train, validation, test) it is in, where these are several."""
    if dataset.groups is None:
        return {}
    tests = {part for parts in dataset.test_splits.values() for part in parts}
    part_of = {s: "test" if s in tests else s for s in np.unique(dataset.split).tolist()}
    found: dict[str, dict[str, None]] = {}
    for who, split in zip(dataset.groups.tolist(), dataset.split.tolist(), strict=True):
        found.setdefault(who, {})[part_of[split]] = None
    return {who: tuple(parts) for who, parts in found.items() if len(parts) > 1}


def without_label(found: Listed, left_out: Iterable[str]) -> None:
    """Count samples whose label a map leaves out."""
    for label, n in Counter(left_out).items():
        found.ignored[f"images labelled {label} (left out by the map)"] += n
