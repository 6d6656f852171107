"""Leaving one subject out, with everything chosen on other subjects.

The protocol, in words: each subject in turn is the test subject. The candidates are scored on the *other*
subjects alone, by inner folds that hold out whole subjects; the best is fitted on all other subjects and
scores the test subject once. The predictions of all folds are pooled, and UF1 and UAR computed once on the
pool (See et al., FG 2019: a mean over folds would be undefined where a subject lacks a class).

Two ways of doing it wrong exist to measure how much they flatter, and mark their results: "random-leaky"
splits clips and not subjects, as R2 did; `select_on_test` chooses each fold's candidate on the test subject
itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from classifiers.cells import Cells, Indices, Scores

Protocol = Literal["loso", "grouped-kfold", "random-leaky"]
PROTOCOLS = ("loso", "grouped-kfold", "random-leaky")


@dataclass(frozen=True)
class Pooled:
    """The pooled predictions of all folds.

    Attributes
    ----------
    predicted : (n,) int
    scores : (n, k) float
    fold : (n,) int
        The fold in which each sample was tested.
    chosen : tuple of dict
        The candidate of each fold.
    inner : (folds,) float
        What the chosen candidate scored on the inner folds (on the test subject, with `select_on_test`).
    marks : tuple of str
        "random-leaky", "select-on-test": what makes the figures too good. Empty for an honest run.
    words : str
        The protocol, as a report prints it.
    """

    predicted: NDArray[np.intp]
    scores: Scores
    fold: NDArray[np.intp]
    chosen: tuple[dict[str, Any], ...]
    inner: NDArray[np.float64]
    marks: tuple[str, ...]
    words: str


def cross_validate(
    cells: Cells,
    y: NDArray[np.intp],
    groups: NDArray[Any] | None,
    *,
    protocol: str = "loso",
    folds: int = 10,
    inner: int = 10,
    select_on_test: bool = False,
    seed: int = 0,
    n_jobs: int = -1,
) -> Pooled:
    """Test every sample once, with the candidate chosen on other subjects.

    Parameters
    ----------
    cells : Cells
        The candidates; of equals the first wins, so put the simplest first.
    y : (n,) int
        Classes 0 .. k - 1.
    groups : (n,) or None
        Subject of each sample; needed unless the protocol is "random-leaky".
    protocol : {"loso", "grouped-kfold", "random-leaky"}
        One subject a fold; `folds` folds of whole subjects; `folds` folds of clips, subjects on both sides.
    folds : int
        Outer folds, where they are not the subjects.
    inner : int
        Inner folds of whole subjects (of clips for "random-leaky"); fewer where there are fewer subjects.
    select_on_test : bool
        Choose each fold's candidate by its score on that fold's own test samples.
    seed : int
        Deals subjects into folds.
    n_jobs : int
        Threads over outer folds; -1 for all cores.

    Returns
    -------
    Pooled

    Raises
    ------
    ValueError
        If the protocol is unknown, there are no subjects or fewer than three of them, or only one class.
    """
    y = np.asarray(y)
    subjects = _subjects(y, groups, protocol)
    outer = _folds(subjects, y, protocol, folds, seed)
    if len(outer) < 3:
        raise ValueError(
            f"{protocol}: {len(outer)} folds; need three, one to test, one to choose, one to fit"
        )
    every = np.arange(len(y))

    def one(test: Indices) -> tuple[Scores, int, float]:
        train = np.setdiff1d(every, test)
        if select_on_test:
            found = cells.scores(train, test)
            quality = np.array([uf1_uar(y[test], s.argmax(axis=1)) for s in found])
            best = int(np.argmax(quality))
            return found[best], best, float(quality[best])
        best, score = choose(cells, y, train, subjects, inner, seed)
        return cells.scores(train, test, best)[0], best, score

    from joblib import Parallel, delayed
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # one thread a fold: the products are small, and more would only wait
        results = Parallel(n_jobs=n_jobs, backend="threading")(delayed(one)(test) for test in outer)
    return _pooled(cells, len(y), outer, results, marks_of(protocol, select_on_test), _words(
        protocol, len(outer), inner, len(cells.candidates), select_on_test))  # fmt: skip


def choose(
    cells: Cells, y: NDArray[np.intp], train: Indices, subjects: NDArray[np.intp], inner: int, seed: int
) -> tuple[int, float]:
    """Return the best candidate on inner folds of `train` by whole subjects, and its score there."""
    parts = deal(subjects[train], inner, seed)
    held = [train[part] for part in parts]
    scores = np.concatenate(cells.held_out(train, held), axis=1)
    truth = y[np.concatenate(held)]
    quality = [uf1_uar(truth, s.argmax(axis=1)) for s in scores]
    best = int(np.argmax(quality))
    return best, quality[best]


def deal(subjects: NDArray[Any], k: int, seed: int) -> list[Indices]:
    """Deal whole subjects into at most `k` folds of about one size, the largest subjects first.

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


def uf1_uar(y: NDArray[np.intp], predicted: NDArray[np.intp]) -> float:
    """Return the mean of UF1 and UAR over the classes present in `y`: what candidates are chosen by."""
    k = int(max(y.max(), predicted.max())) + 1
    confusion = np.bincount(y * k + predicted, minlength=k * k).reshape(k, k)
    true, said, hit = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    there = true > 0
    f1 = 2 * hit[there] / (true[there] + said[there])
    return float((f1.mean() + (hit[there] / true[there]).mean()) / 2)


def _subjects(y: NDArray[np.intp], groups: NDArray[Any] | None, protocol: str) -> NDArray[np.intp]:
    """Return one number a subject; for "random-leaky" one a clip, which is what is wrong with it."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; use one of {', '.join(PROTOCOLS)}")
    if len(np.unique(y)) < 2:
        raise ValueError("all clips are of one class")
    if protocol == "random-leaky":
        return np.arange(len(y))
    if groups is None:
        raise ValueError(f"{protocol} needs to know the subjects, and this set does not name them")
    return np.unique(groups, return_inverse=True)[1]


def _folds(
    subjects: NDArray[np.intp], y: NDArray[np.intp], protocol: str, folds: int, seed: int
) -> list[Indices]:
    if protocol == "loso":
        return [np.flatnonzero(subjects == s) for s in range(subjects.max() + 1)]
    if protocol == "grouped-kfold":
        return deal(subjects, folds, seed)
    from sklearn.model_selection import StratifiedKFold

    fewest = int(np.bincount(y)[np.unique(y)].min())
    splitter = StratifiedKFold(max(2, min(folds, fewest)), shuffle=True, random_state=seed)
    return [test for _, test in splitter.split(y, y)]


def marks_of(protocol: str, select_on_test: bool = False) -> tuple[str, ...]:
    """Return what makes the figures of a protocol too good; nothing for an honest one."""
    return ("random-leaky",) * (protocol == "random-leaky") + ("select-on-test",) * select_on_test


def _words(protocol: str, n: int, inner: int, cells: int, select_on_test: bool) -> str:
    outer = {
        "loso": f"each of {n} subjects left out in turn",
        "grouped-kfold": f"{n} folds of whole subjects",
        "random-leaky": f"{n} random folds of clips, subjects on both sides (leaky)",
    }[protocol]
    if select_on_test:
        return f"{outer}; of {cells} candidates the best on each test fold itself (flattering); pooled"
    of = "clips" if protocol == "random-leaky" else "other subjects"
    return f"{outer}; one of {cells} candidates chosen by {inner} inner folds of {of}; predictions pooled"


def _pooled(
    cells: Cells,
    n: int,
    outer: Sequence[Indices],
    results: Sequence[tuple[Scores, int, float]],
    marks: tuple[str, ...],
    words: str,
) -> Pooled:
    scores = np.zeros((n, results[0][0].shape[1]))
    fold = np.zeros(n, np.intp)
    for f, (test, (found, _, _)) in enumerate(zip(outer, results, strict=True)):
        scores[test], fold[test] = found, f
    return Pooled(
        predicted=scores.argmax(axis=1),
        scores=scores,
        fold=fold,
        chosen=tuple(cells.candidates[best] for _, best, _ in results),
        inner=np.array([quality for _, _, quality in results]),
        marks=marks,
        words=words,
    )


class HeadCells:
    """Any registered head with any candidates, fitted afresh for each fold.

    Parameters
    ----------
    head : str
        One of `classifiers.list_heads()`.
    candidates : sequence of dict
        Parameters by their scikit-learn names.
    X : (n, d) float32
    y : (n,) int
    copies : (n, d) float32, optional
        Altered copies (mirrored ones, say): training samples' copies are trained on too, and a test sample's
        scores are the mean of its own and its copy's.
    """

    def __init__(
        self,
        head: str,
        candidates: Sequence[dict[str, Any]],
        X: NDArray[np.float32],
        y: NDArray[np.intp],
        copies: NDArray[np.float32] | None = None,
    ) -> None:
        from classifiers.registry import checked_params

        self.head, self.candidates = head, list(candidates) or [{}]
        for one in self.candidates:
            checked_params(head, one)
        self._parts = [X] if copies is None else [X, copies]
        self._y, self._n_classes = np.asarray(y), int(np.max(y)) + 1

    def scores(self, train: Indices, test: Indices, cell: int | None = None) -> Scores:
        """See `classifiers.cells.Cells.scores`."""
        which = self.candidates if cell is None else [self.candidates[cell]]
        return np.stack([self._scored(params, train, test) for params in which])

    def held_out(self, train: Indices, folds: Sequence[Indices]) -> list[Scores]:
        """See `classifiers.cells.Cells.held_out`."""
        return [self.scores(np.setdiff1d(train, fold), fold) for fold in folds]

    def _scored(self, params: dict[str, Any], train: Indices, test: Indices) -> Scores:
        """Return (n_test, n_classes); a class that `train` lacks scores below all others."""
        from classifiers import head, scores

        y = np.tile(self._y[train], len(self._parts))
        found = np.full((len(test), self._n_classes), -np.inf)
        if len(np.unique(y)) < 2:
            found[:, y[0]] = 0.0
            return found
        estimator = head(self.head, **params).fit(np.concatenate([X[train] for X in self._parts]), y)
        given = np.mean([scores(estimator, X[test]) for X in self._parts], axis=0)
        found[:, estimator.classes_] = given
        return found


def subject_interval(
    y: NDArray[np.intp],
    predicted: NDArray[np.intp],
    groups: NDArray[Any],
    *,
    level: float = 0.95,
    rounds: int = 2000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Return bootstrap percentile intervals of UF1 and UAR, resampling whole subjects.

    Clips of one subject are alike; resampling clips would make the intervals too narrow.

    Parameters
    ----------
    y, predicted : (n,) int
    groups : (n,)
    level : float
        Coverage.
    rounds : int
    seed : int

    Returns
    -------
    dict
        "uf1" and "uar", each (low, high).
    """
    k = int(max(y.max(), predicted.max())) + 1
    names, subject = np.unique(groups, return_inverse=True)
    # One confusion matrix a subject; a bootstrap round is a weighted sum of them.
    cells = np.zeros((len(names), k * k))
    np.add.at(cells, (subject, y * k + predicted), 1)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=rounds)
    confusion = (times @ cells).reshape(rounds, k, k)
    true, said = confusion.sum(axis=2), confusion.sum(axis=1)
    hit = np.diagonal(confusion, axis1=1, axis2=2)
    with np.errstate(invalid="ignore"):
        f1, recall = 2 * hit / (true + said), hit / true
    tails = [(1 - level) / 2, (1 + level) / 2]
    drawn = {"uf1": np.where(true > 0, f1, np.nan), "uar": np.where(true > 0, recall, np.nan)}
    found = {name: np.quantile(np.nanmean(values, axis=1), tails) for name, values in drawn.items()}
    return {name: (float(low), float(high)) for name, (low, high) in found.items()}
