"""Who is fitted on, who chooses, who tests."""

from __future__ import annotations

import logging
import math
import warnings
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pipelines.datasets.base import Dataset

log = logging.getLogger(__name__)

Indices = NDArray[np.intp]

#: Share of the training samples that tests where a set brings no test split.
TEST_SHARE = 0.2
#: Share of the training samples that chooses where nothing else is asked for.
VALIDATION_SHARE = 0.1
#: Name of a set's own test split where a share of train tests in its place.
LEFT_OUT = "left-out"


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
    dataset: Dataset,
    validation: float | str = VALIDATION_SHARE,
    test: float | str = "test",
    seed: int = 0,
    refit: bool = True,
) -> Split:
    """Divide a data set into train, validation and test.

    Parameters
    ----------
    dataset : Dataset
    validation : float or str
        A share of the training samples, held out by class (and by subject where subjects are known), from
        `seed`; or the name of a split of the set, such as FER2013's "public". A set that brings a
        "validation" split of its own keeps it, whatever the share, unless it tests.
    test : float or str
        The split that tests, or a named union of splits; of a set that `divided` held a share out of, that
        share.
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
    name = test if isinstance(test, str) else "test"
    tested = _named(dataset, name)
    train, chosen, how = _fit_and_choose(dataset, validation, seed, tested)
    if np.intersect1d(tested, np.concatenate([train, chosen])).size:
        raise ValueError(f"split {name!r} both chooses and tests; name two different ones")
    _check_classes(dataset, train)
    _warn_untested(dataset, tested)
    then = "then fitted again on train + validation" if refit else "without fitting again on validation"
    words = (
        f"fitted on {len(train)} samples, hyperparameters chosen on {len(chosen)} ({how}), {then}, "
        f"tested once on the {len(tested)} of {name!r}"
        + (f" ({dataset.held_out})" if dataset.held_out else "")
    )
    return Split(train, chosen, tested, words)


def described(parts: Split, folds: int | None, halving: int | None) -> str:
    """Return the words of a split's protocol, with what `folds` and `halving` change in them."""
    words = parts.words
    if folds:
        words = words.replace(
            "hyperparameters chosen on",
            f"hyperparameters chosen by the mean of {folds} folds of them, the choice scored on",
        )
    if halving:
        words += f"; by successive halving, the best 1 in {halving} going on to {halving} times the samples"
    return words


def shared_by(dataset: Dataset, parts: Split) -> int:
    """Return how many subjects are in two of train, validation and test: the figures are then too good."""
    if dataset.groups is None:
        return 0
    sides = [set(dataset.groups[at].tolist()) for at in (parts.train, parts.validation, parts.test)]
    return len((sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2]))


def on_test(parts: Split, refit: bool) -> Split:
    """Return the split with the test samples in the place of validation: wrong, to measure the optimism."""
    train = np.sort(np.concatenate([parts.train, parts.validation])) if refit else parts.train
    words = (
        f"fitted on {len(train)} samples, of the candidates the best on the {len(parts.test)} that test "
        "(flattering)"
    )
    return Split(train, parts.test, parts.test, words)


def divided(dataset: Dataset, test: float | str = "test", seed: int = 0) -> Dataset:
    """Return the set with a split "test": its own, or a share held out of its training samples.

    The share is held out by class, and whole subjects where subjects are known. The same seed gives the same
    division, whatever the order of the samples. A set without a split "train", such as one of motion maps, is
    divided as a whole. Sets of clips are better divided by leaving subjects out
    (`pipelines.cross_validation.nested`).

    Parameters
    ----------
    dataset : Dataset
    test : float or str
        Share of the training samples to test on: the set's own test split, if it has one, then does not test.
        "test": the set's own test split, or `TEST_SHARE` where it brings none. Another name: a split of the
        set's own.
    seed : int

    Returns
    -------
    Dataset
        Whose `held_out` says in words how the test was made; the set as it is where nothing is held out.

    Raises
    ------
    ValueError
        If the share is outside 0 to 1 or leaves nothing on one side, a class has one sample only, or all
        subjects are one.
    """
    pool = _pool(dataset)
    brings = bool(dataset.where("test").size) and (dataset.kind == "image" or "train" in dataset.split)
    if not pool.size or (isinstance(test, str) and (test != "test" or brings)):
        return dataset
    share = TEST_SHARE if isinstance(test, str) else test
    _check_share("test", share)
    _, held = hold_out(dataset, _free(dataset, pool), share, seed, "test")
    left = np.setdiff1d(dataset.where("test"), pool)
    names = dataset.split.astype(object)
    names[dataset.split == "test"] = LEFT_OUT
    names[pool], names[held] = "train", "test"
    words = f"{_percent(share)} of the training samples held out first by {_by(dataset)}, seed {seed}; " + (
        f"the set's own test split of {len(left)} does not test" if left.size else
        "the set brings no test split")  # fmt: skip
    split = names.astype(np.str_)
    return replace(dataset, split=split, test_splits={"test": ("test",)}, held_out=words)


def _pool(dataset: Dataset) -> Indices:
    """Return what a test may be held out of."""
    train = dataset.where("train")
    whole = not train.size and (dataset.kind != "image" or bool(dataset.joined_from))
    return np.arange(len(dataset)) if whole else train


def _free(dataset: Dataset, pool: Indices) -> Indices:
    """Return those of `pool` whose subjects are in no other split that may choose."""
    if dataset.groups is None:
        return pool
    others = np.setdiff1d(np.arange(len(dataset)), np.concatenate([pool, dataset.where("test")]))
    free = pool[~np.isin(dataset.groups[pool], dataset.groups[others])]
    if not free.size:
        raise ValueError(
            f"{dataset.name}: every subject of train is in another split too; none can test alone"
        )
    return free


def _fit_and_choose(
    dataset: Dataset, validation: float | str, seed: int, tested: Indices
) -> tuple[Indices, Indices, str]:
    train = _named(dataset, "train")
    if isinstance(validation, str):
        return train, _named(dataset, validation), f"the split {validation!r}"
    _check_share("validation", validation)
    own = dataset.where("validation")
    if own.size and not np.isin(own, tested).any():
        unused = f"; no {_percent(validation)} of train" if validation != VALIDATION_SHARE else ""
        return train, own, f"the set's own validation split{unused}"
    kept, held = hold_out(dataset, train, validation, seed, "validation")
    return kept, held, f"{validation:.0%} of train held out by {_by(dataset)}, seed {seed}"


def hold_out(
    dataset: Dataset, among: Indices, share: float, seed: int, what: str = "validation"
) -> tuple[Indices, Indices]:
    """Hold out a share of each class, one sample at least; of whole subjects where subjects are known.

    Parameters
    ----------
    dataset : Dataset
    among : (n,) int
        The samples to divide.
    share : float
        Between 0 and 1.
    seed : int
    what : {"validation", "test"}
        What the share is for, as messages say it.

    Returns
    -------
    kept, held : (k,), (n - k,) int
        Sorted.

    Raises
    ------
    ValueError
        If one side would be empty, a class has one sample only, or all are of one subject.
    """
    if dataset.groups is not None:
        held = _by_subject(dataset, among, share, seed, what)
    else:
        _check_sizes(dataset, among, share, what)
        held = _by_class(dataset, among, share, seed, what)
    return np.setdiff1d(among, held), np.sort(held)


def _by_subject(dataset: Dataset, among: Indices, share: float, seed: int, what: str) -> Indices:
    """Return about a share of the samples, whole subjects, each class as evenly as that allows."""
    from sklearn.model_selection import StratifiedGroupKFold

    assert dataset.groups is not None  # noqa: S101 - who calls has looked
    labels, groups = dataset.labels[among], dataset.groups[among]
    subjects, largest = len(np.unique(groups)), int(np.bincount(labels).max())
    if (most := min(subjects, largest)) < 2:
        beside = " beside those held out to test" * bool(dataset.held_out)
        only = "one subject only" if subjects < 2 else "one training sample of each class only"
        more = "subjects" if subjects < 2 else "samples"
        raise ValueError(
            f"{dataset.name}: {only}{beside}: none can be held out for {what}; add {more}, or bring a {what} "
            "split"
        )
    parts, folds = _fraction(share, most)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # of a class smaller than the folds, which is no fault here
        found = [held for _, held in islice(splitter.split(among, labels, groups), parts)]
    return among[np.concatenate(found)]


def _fraction(share: float, most: int) -> tuple[int, int]:
    """Return how many of how many folds, at most `most`, are about a share."""
    near = Fraction(share).limit_denominator(10)
    if share <= 0.25:
        near = Fraction(1, round(1 / share))
    elif share >= 0.75:
        near = 1 - Fraction(1, round(1 / (1 - share)))
    if near.denominator <= most:
        return near.numerator, near.denominator
    return min(max(1, round(share * most)), most - 1), most


def _by_class(dataset: Dataset, among: Indices, share: float, seed: int, what: str) -> Indices:
    """Return a share of each class."""
    from sklearn.model_selection import train_test_split

    labels = dataset.labels[among]
    count = math.ceil(share * len(among))
    if what == "validation" and min(count, len(among) - count) >= len(
        np.unique(labels)
    ):  # as it was divided from the first version
        return np.asarray(train_test_split(among, test_size=share, stratify=labels, random_state=seed)[1])
    rng, held = np.random.default_rng(seed), []
    named = among[np.argsort(dataset.ids[among], kind="stable")]  # the same in whatever order they come
    for label in np.unique(labels):
        members = named[dataset.labels[named] == label]
        count = min(max(1, round(share * len(members))), len(members) - 1)
        held.append(rng.permutation(members)[:count])
    return np.concatenate(held)


def _check_share(what: str, share: float) -> None:
    if not 0 < share < 1:
        raise ValueError(f"{what}={share}: give a share between 0 and 1, or the name of a split")


def _check_sizes(dataset: Dataset, among: Indices, share: float, what: str) -> None:
    """Refuse a class of one sample, and a share that leaves one side empty."""
    counts = np.bincount(dataset.labels[among], minlength=len(dataset.classes))
    if single := [repr(c) for c, n in zip(dataset.classes, counts, strict=True) if n == 1]:
        only = "one training sample only" + " beside one held out to test" * bool(dataset.held_out)
        raise ValueError(
            f"{dataset.name}: class {', '.join(single)} has {only}: none can be held out for {what}; add "
            f"images, remove the class, or bring a {what} split"
        )
    if what == "test" and round(share * len(among)) in (0, len(among)):
        size, side = ("larger", "none to take") if share < 0.5 else ("smaller", "none left to train on")
        raise ValueError(f"{what}={share} of {len(among)} training samples: {side}; give a {size} share")


def _by(dataset: Dataset) -> str:
    return "class" if dataset.groups is None else "class and subject"


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _named(dataset: Dataset, name: str) -> Indices:
    found = dataset.where(name)
    if not found.size:
        known = {
            *np.unique(dataset.split).tolist(),
            *(u for u in dataset.test_splits if dataset.where(u).size),
        }
        raise ValueError(
            f"{dataset.name} has no samples in a split {name!r}; it has: {', '.join(sorted(known))}"
        )
    return found


def _check_classes(dataset: Dataset, train: Indices) -> None:
    present = np.unique(dataset.labels[train])
    if len(present) < 2:
        raise ValueError(f"{dataset.name}: one class only in training; a classifier needs two")
    missing = [c for i, c in enumerate(dataset.classes) if i not in present]
    if missing:
        raise ValueError(f"{dataset.name}: no training sample of class {', '.join(missing)}")


def _warn_untested(dataset: Dataset, tested: Indices) -> None:
    """Warn of classes that no held-out subject shows: a class of few subjects may have none."""
    present = np.unique(dataset.labels[tested])
    missing = [c for i, c in enumerate(dataset.classes) if i not in present]
    if missing and dataset.held_out:
        log.warning(
            "%s: no subject held out to test shows class %s; take another seed or a larger share",
            dataset.name, ", ".join(missing),
        )  # fmt: skip
