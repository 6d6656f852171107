"""Who is tested together: the folds of every protocol, outer and inner."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.candidates import Indices
from pipelines.datasets.base import Dataset
from pipelines.datasets.split_names import PARTS
from pipelines.datasets.unlabelled import SUBJECTS_TODAY

#: The protocols of folds; the last leaks.
PROTOCOLS = ("loso", "grouped-kfold", "kfold", "lodo", "random-leaky")
#: Outer folds: one tests, one chooses, one fits.
_FEWEST = 3


def units(
    y: NDArray[np.intp], groups: NDArray[Any] | None, protocol: str, name: str = "the data"
) -> NDArray[np.intp]:
    """Return one number for what inner folds hold out whole: a subject, or a sample where none are known.

    Raises
    ------
    ValueError
        If the protocol is unknown, it needs subjects and there are none, it has no use for those there are,
        or all samples are of one class.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; use one of {', '.join(PROTOCOLS)}")
    if len(np.unique(y)) < 2:
        raise ValueError(f"{name}: all samples are of one class; a classifier needs two")
    if protocol == "kfold" and groups is not None:
        raise ValueError(
            f"{name}: kfold would have subjects on both sides; take grouped-kfold, or random-leaky to "
            "measure that"
        )
    if protocol in ("kfold", "random-leaky") or (protocol == "lodo" and groups is None):
        return np.arange(len(y))
    if groups is None:
        raise ValueError(
            f"{name}: {protocol} needs to know the subjects, and this set does not name them; "
            f"{SUBJECTS_TODAY}"
        )
    return np.unique(groups, return_inverse=True)[1]


def outer_folds(
    subjects: NDArray[np.intp],
    y: NDArray[np.intp],
    protocol: str,
    folds: int,
    seed: int,
    sources: NDArray[Any] | None = None,
    name: str = "the data",
) -> list[Indices]:
    """Return the samples that are tested together, fold by fold.

    Parameters
    ----------
    subjects : (n,) int
        As `units` gives them.
    y : (n,) int
    protocol : str
        One of `PROTOCOLS`.
    folds, seed : int
    sources : (n,) or None
        The set each sample comes from: of "lodo".
    name : str
        What messages call the data.

    Raises
    ------
    ValueError
        If there are too few folds to test, to select and to fit.
    """
    if protocol == "lodo":
        return _sets(sources, name)
    if protocol == "loso":
        found = [np.flatnonzero(subjects == s) for s in range(subjects.max() + 1)]
    elif protocol == "grouped-kfold":
        found = grouped(subjects, folds, seed)
    else:
        folds = min(folds, int(np.bincount(y)[np.unique(y)].min()))
        found = [] if folds < _FEWEST else [test for _, test in by_class(y, folds, seed)]
    if len(found) < _FEWEST:
        raise ValueError(
            f"{name}: {protocol} needs three folds, one to test, one to choose, one to fit: "
            f"{_needed(protocol)}"
        )
    return found


def _needed(protocol: str) -> str:
    if protocol in ("loso", "grouped-kfold"):
        return "three subjects or more; add subjects" + "; give --folds 3 or more" * (protocol != "loso")
    return (
        "three samples or more of each class; add samples, remove the smallest class, or give --folds 3 or "
        "more"
    )


def _sets(sources: NDArray[Any] | None, name: str) -> list[Indices]:
    found = [] if sources is None else list(by_set(sources).values())
    if not found:
        raise ValueError(
            f"{name}: lodo leaves out one of several sets; this data is of one, or does not name them: give "
            "--data several times, or a list of sets in a recipe"
        )
    return found


def by_set(sources: NDArray[Any]) -> dict[str, Indices]:
    """Return the samples of each of the sets that data is made of; nothing where it is of one.

    Parameters
    ----------
    sources : (n,)
        As `pipelines.datasets.base.Dataset.split` has them: names such as "train" are no sets.
    """
    names = sorted({str(source) for source in sources})
    if len(names) < 2 or PARTS & set(names):
        return {}
    return {name: np.flatnonzero(sources == name) for name in names}


def by_class(y: NDArray[np.intp], folds: int, seed: int) -> list[tuple[Indices, Indices]]:
    """Return (others, fold) pairs that hold the classes in their shares."""
    from classifiers.search import kfold

    return list(kfold(folds, seed).split(y, y))


def selecting(dataset: Dataset, train: Indices, folds: int, seed: int) -> list[tuple[Indices, Indices]]:
    """Divide training samples into folds that select: by class, and by subject where subjects are known.

    Returns
    -------
    list of (others, fold)
        Positions in `train`.

    Raises
    ------
    ValueError
        If they cannot be divided into so many folds.
    """
    labels = dataset.labels[train]
    subjects = None if dataset.groups is None else dataset.groups[train]
    counts = np.unique(labels, return_counts=True)[1]
    limits = {"samples of the smallest class": int(counts.min())}
    if subjects is not None:
        limits = {"subjects": len(np.unique(subjects)), "samples of the largest class": int(counts.max())}
    who = min(limits, key=lambda name: limits[name])
    if folds > (most := limits[who]):
        cure = f"take {most} or fewer" if most > 1 else "add samples, or leave folds out: validation selects"
        raise ValueError(f"{dataset.name}: folds={folds}, and training {who}: {most}; {cure}")
    if subjects is None:
        return by_class(labels, folds, seed)
    from classifiers.search import by_subject, folds_of

    return folds_of(by_subject(folds, seed), labels, subjects)


def grouped(subjects: NDArray[Any], k: int, seed: int) -> list[Indices]:
    """Assign whole subjects to at most `k` folds of about one size, the largest subjects first.

    Parameters
    ----------
    subjects : (n,)
    k : int
    seed : int
        Decides between subjects of one size.

    Returns
    -------
    list of (m,) int
        Positions, sorted, in each fold; no fold is empty.
    """
    names, counts = np.unique(subjects, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-counts[order], kind="stable")]
    load = np.zeros(max(1, min(k, len(names))), np.int64)
    fold_of = np.empty(len(names), np.intp)
    for name in order:
        fold_of[name] = np.argmin(load)
        load[fold_of[name]] += counts[name]
    assigned = fold_of[np.searchsorted(names, subjects)]
    return [np.flatnonzero(assigned == f) for f in range(len(load))]
