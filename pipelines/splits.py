"""Who is fitted on, who chooses, who tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.datasets.base import Dataset

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """Indices into a data set, disjoint.

    Attributes
    ----------
    train, validation, test : (n,) int
        `validation` chooses hyperparameters; `test` is read once, after that.
    words : str
        The protocol, as a report prints it.
    """

    train: Indices
    validation: Indices
    test: Indices
    words: str


def split(
    dataset: Dataset, validation: float | str = 0.1, test: str = "test", seed: int = 0, refit: bool = True
) -> Split:
    """Divide a data set into train, validation and test.

    Parameters
    ----------
    dataset : Dataset
    validation : float or str
        A share of the training samples, held out by class (and by subject where subjects are known), from
        `seed`; or the name of a split of the set, such as FER2013's "public". A set that brings a
        "validation" split of its own keeps it.
    test : str
        The split that tests, or a named union of splits.
    seed : int
        Of the holdout.
    refit : bool
        Whether the chosen head will be fitted again on train + validation; only the words need it.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If a split is unknown or empty, shares samples with another, or a class is missing from training.
    """
    train, chosen, how = _fit_and_choose(dataset, validation, seed)
    tested = _named(dataset, test)
    if np.intersect1d(tested, np.concatenate([train, chosen])).size:
        raise ValueError(f"split {test!r} both chooses and tests; name two different ones")
    _check_classes(dataset, train)
    then = "then fitted again on train + validation" if refit else "without fitting again on validation"
    words = (
        f"fitted on {len(train)} samples, hyperparameters chosen on {len(chosen)} ({how}), {then}, "
        f"tested once on the {len(tested)} of {test!r}"
    )
    return Split(train, chosen, tested, words)


def worded(parts: Split, folds: int | None, halving: int | None) -> Split:
    """Return the split with what `folds` and `halving` change in the words of its protocol."""
    words = parts.words
    if folds:
        words = words.replace(
            "hyperparameters chosen on",
            f"hyperparameters chosen by the mean of {folds} folds of them, the choice scored on",
        )
    if halving:
        words += f"; by successive halving, the best 1 in {halving} going on to {halving} times the samples"
    return replace(parts, words=words)


def divided(dataset: Dataset, test: float | str = "test", seed: int = 0) -> Dataset:
    """Return the set with the splits "train" and "test", whole subjects in each, where it brings none.

    Sets of clips are divided by leaving subjects out (`pipelines.loso`); training one network, or fitting one
    head, needs one division.

    Parameters
    ----------
    dataset : Dataset
    test : float or str
        Share of the samples to test on; with "test" a set that has both splits is returned as it is, and any
        other gives a fifth. Another name is that of a split of the set's own.
    seed : int

    Raises
    ------
    ValueError
        If the set must be divided and names no subjects or fewer than two, or the share is none.
    """
    both = bool(dataset.where("train").size and dataset.where("test").size)
    if isinstance(test, str) and (test != "test" or both or dataset.kind == "image"):
        return dataset
    share = 0.2 if isinstance(test, str) else test
    if not 0 < share < 1:
        raise ValueError(f"test={test}: give a share between 0 and 1, or the name of a split")
    if dataset.groups is None or len(np.unique(dataset.groups)) < 2:
        raise ValueError(f"{dataset.name} has no split for testing and names no two subjects to divide by")
    from sklearn.model_selection import StratifiedGroupKFold

    folds = min(max(2, round(1 / share)), len(np.unique(dataset.groups)))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    _, held = next(splitter.split(dataset.labels, dataset.labels, dataset.groups))
    names = np.full(len(dataset), "train", dtype="<U5")
    names[held] = "test"
    return replace(dataset, split=names, test_splits={"test": ("test",)})


def _fit_and_choose(dataset: Dataset, validation: float | str, seed: int) -> tuple[Indices, Indices, str]:
    train = _named(dataset, "train")
    if isinstance(validation, str):
        return train, _named(dataset, validation), f"the split {validation!r}"
    if "validation" in dataset.split:
        return train, _named(dataset, "validation"), "the set's own validation split"
    if not 0 < validation < 1:
        raise ValueError(f"validation={validation}: give a share between 0 and 1, or the name of a split")
    kept, held = _held_out(dataset, train, validation, seed)
    by = "class" if dataset.groups is None else "class and subject"
    return kept, held, f"{validation:.0%} of train held out by {by}, seed {seed}"


def _held_out(dataset: Dataset, train: Indices, share: float, seed: int) -> tuple[Indices, Indices]:
    """Hold out a share of each class; of whole subjects where subjects are known."""
    from sklearn.model_selection import StratifiedGroupKFold, train_test_split

    labels = dataset.labels[train]
    if dataset.groups is not None:
        groups = dataset.groups[train]
        folds = min(max(2, round(1 / share)), len(np.unique(groups)))
        if folds < 2:
            raise ValueError("one subject only: none can be held out for validation")
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        kept, held = next(splitter.split(train, labels, groups))
        return train[kept], train[held]
    smallest = int(np.bincount(labels).min(initial=len(labels), where=np.bincount(labels) > 0))
    if smallest < 2:
        raise ValueError("a class has one training sample only: none can be held out for validation")
    kept, held = train_test_split(train, test_size=share, stratify=labels, random_state=seed)
    return np.sort(kept), np.sort(held)


def _named(dataset: Dataset, name: str) -> Indices:
    known: Sequence[str] = sorted({*dataset.test_splits, *np.unique(dataset.split).tolist()})
    found = dataset.where(name)
    if not found.size:
        raise ValueError(f"{dataset.name} has no samples in a split {name!r}; it has: {', '.join(known)}")
    return found


def _check_classes(dataset: Dataset, train: Indices) -> None:
    present = np.unique(dataset.labels[train])
    if len(present) < 2:
        raise ValueError(f"{dataset.name}: one class only in training; a classifier needs two")
    missing = [c for i, c in enumerate(dataset.classes) if i not in present]
    if missing:
        raise ValueError(f"{dataset.name}: no training sample of class {', '.join(missing)}")
