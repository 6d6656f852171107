"""Nested cross-validation: every sample is tested once, with everything chosen on other subjects.

The protocol, in words: each subject in turn is the test subject. The candidates are scored on the *other*
subjects alone, by inner folds that hold out whole subjects; the best is fitted on all other subjects and
scores the test subject once. The predictions of all folds are pooled, and UF1 and UAR computed once on the
pool (See et al., FG 2019: a mean over folds would be undefined where a subject lacks a class).

Candidates that are expensive to fit (a network, a forest) share their inner folds: see `choose_together`.

Two ways of doing it wrong exist to measure the optimism, and mark their results: "random-leaky"
splits clips and not subjects, as R2 did; `select_on_test` chooses each fold's candidate on the test subject
itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from classifiers.candidates import CandidateSet, Indices, Scores
from pipelines.cross_validation.folds import grouped, outer_folds, units
from pipelines.metrics.scores import uf1_uar
from pipelines.utils.progress import SILENT, Advance, Progress

T = TypeVar("T")


R = TypeVar("R")


@dataclass(frozen=True)
class CrossValidationResult:
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
        What the chosen candidate scored on the inner folds (on the test subject, with `select_on_test`); NaN
        where there was one candidate, and nothing to choose.
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
    system: CandidateSet,
    y: NDArray[np.intp],
    groups: NDArray[Any] | None,
    *,
    protocol: str = "loso",
    sources: NDArray[Any] | None = None,
    folds: int = 10,
    inner: int = 10,
    shared: bool = False,
    select_on_test: bool = False,
    seed: int = 0,
    n_jobs: int = -1,
    progress: Progress = SILENT,
    name: str = "the data",
) -> CrossValidationResult:
    """Test every sample once, with the candidate chosen on other subjects.

    Parameters
    ----------
    system : CandidateSet
        The candidates; of equals the first wins, so put the simplest first.
    y : (n,) int
        Classes 0 .. k - 1.
    groups : (n,) or None
        Subject of each sample; needed by "loso" and "grouped-kfold".
    protocol : {"kfold", "grouped-kfold", "loso", "lodo", "random-leaky"}
        `folds` folds by class, of samples without subjects; `folds` folds of whole subjects; one subject a
        fold; one of `sources` a fold; `folds` folds by class, subjects on both sides.
    sources : (n,) or None
        The set that each sample comes from; needed by "lodo".
    folds : int
        Outer folds, where they are not the subjects.
    inner : int
        Inner folds of whole subjects, of samples where none are known or for "random-leaky"; fewer where
        there are fewer subjects.
    shared : bool
        Choose by `choose_together`, in `inner` groups, instead of by `inner` folds for each outer fold;
        "lodo", of few folds, does not.
    select_on_test : bool
        Choose each fold's candidate by its score on that fold's own test samples.
    seed : int
        Of the assignment to folds.
    n_jobs : int
        Threads over outer folds; -1 for all cores.
    progress : Progress
    name : str
        What messages call the data.

    Returns
    -------
    CrossValidationResult

    Raises
    ------
    ValueError
        If the protocol is unknown or does not fit, an inner or outer number of folds is below two, there are
        fewer than three folds, or only one class.
    """
    y = np.asarray(y)
    if min(inner, folds) < 2:
        raise ValueError(f"{min(inner, folds)} folds; give at least two")
    subjects = units(y, groups, protocol, name)
    outer = outer_folds(subjects, y, protocol, folds, seed, sources, name)
    shared = shared and protocol != "lodo"
    every = np.arange(len(y))
    together: list[Selected] = []
    if shared and not select_on_test and len(system.candidates) > 1:
        together = choose_together(system, y, outer, inner, seed, n_jobs=n_jobs, progress=progress)

    def one(fold: int) -> tuple[Scores, int, float]:
        test = outer[fold]
        train = np.setdiff1d(every, test)
        if select_on_test:
            return _best_on_test(system, y, train, test)
        best, score = together[fold] if together else choose(system, y, train, subjects, inner, seed)
        return system.scores(train, test, best)[0], best, score

    results = _in_threads(one, range(len(outer)), n_jobs, progress, "leaving out")
    whole = groups is not None and protocol not in ("kfold", "random-leaky")
    words = _words(protocol, len(outer), inner, shared, len(system.candidates), select_on_test, whole)
    return _pooled(system, len(y), outer, results, marks_of(protocol, select_on_test), words)


def _best_on_test(
    system: CandidateSet, y: NDArray[np.intp], train: NDArray[np.intp], test: NDArray[np.intp]
) -> tuple[Scores, int, float]:
    """Return what the candidate says that scores best on the test samples themselves, it, and its score."""
    found = system.scores(train, test)
    quality = np.array([uf1_uar(y[test], s.argmax(axis=1)) for s in found])
    best = int(np.argmax(quality))
    return found[best], best, float(quality[best])


def _in_threads(
    one: Callable[[T], R], items: Sequence[T], n_jobs: int, progress: Progress, label: str
) -> list[R]:
    from joblib import Parallel, delayed
    from threadpoolctl import threadpool_limits

    def counted(item: T, advance: Advance) -> R:
        found = one(item)
        advance(1)
        return found

    # One thread a fold: the products are small, and more would only wait.
    with threadpool_limits(1), progress.task(label, len(items)) as advance:
        work = Parallel(n_jobs=n_jobs, backend="threading")
        return list(work(delayed(counted)(item, advance) for item in items))


#: The chosen candidate, and what it scored where it was chosen.
Selected = tuple[int, float]


def choose(
    system: CandidateSet,
    y: NDArray[np.intp],
    train: Indices,
    subjects: NDArray[np.intp],
    inner: int,
    seed: int,
) -> Selected:
    """Return the best candidate on inner folds of `train` by whole subjects, and its score there."""
    if len(system.candidates) == 1:
        return 0, math.nan
    parts = grouped(subjects[train], inner, seed)
    held = [train[part] for part in parts]
    scores = np.concatenate(system.held_out(train, held), axis=1)
    return _best(scores, y[np.concatenate(held)])


def choose_together(
    system: CandidateSet,
    y: NDArray[np.intp],
    outer: Sequence[Indices],
    inner: int,
    seed: int,
    *,
    n_jobs: int = -1,
    progress: Progress = SILENT,
) -> list[Selected]:
    """Choose a candidate for each outer fold by fits that outer folds share.

    The outer folds are assigned to `inner` groups. For every pair of groups the candidates are fitted on all
    others and score both. A fold of group g gets the candidate that is best on the samples outside g, by the
    fits that saw neither those samples' own group nor g: nothing that chooses for a fold has seen it. That is
    ``inner (inner - 1) / 2`` fits instead of `inner` for each outer fold; each sees fewer samples.

    Parameters
    ----------
    system, y, seed, n_jobs, progress
        As in `cross_validate`.
    outer : sequence of (m,) int
        The outer folds: every sample in one of them.
    inner : int
        Groups; fewer where there are fewer folds, three at least.

    Returns
    -------
    list of (candidate, score)
        One for each outer fold.
    """
    fold_of = np.empty(len(y), np.intp)
    for f, test in enumerate(outer):
        fold_of[test] = f
    groups = grouped(fold_of, max(inner, 3), seed)

    def pair(at: tuple[int, int]) -> Scores:
        both = np.concatenate([groups[at[0]], groups[at[1]]])
        return system.scores(np.setdiff1d(np.arange(len(y)), both), both)

    pairs = list(combinations(range(len(groups)), 2))
    found = _in_threads(pair, pairs, n_jobs, progress, "choosing")
    without = np.zeros((len(groups), *found[0].shape[:1], len(y), found[0].shape[2]))
    for (a, b), scores in zip(pairs, found, strict=True):
        cut = len(groups[a])
        without[a][:, groups[b]], without[b][:, groups[a]] = scores[:, cut:], scores[:, :cut]
    others = [np.setdiff1d(np.arange(len(y)), group) for group in groups]
    chosen = [_best(without[g][:, rest], y[rest]) for g, rest in enumerate(others)]
    group_of = {int(f): g for g, group in enumerate(groups) for f in np.unique(fold_of[group])}
    return [chosen[group_of[f]] for f in range(len(outer))]


def _best(scores: Scores, truth: NDArray[np.intp]) -> Selected:
    """Return the candidate of the highest score, of equals the first."""
    quality = [uf1_uar(truth, s.argmax(axis=1)) for s in scores]
    best = int(np.argmax(quality))
    return best, quality[best]


def marks_of(protocol: str, select_on_test: bool = False) -> tuple[str, ...]:
    """Return what makes the figures of a protocol too good; nothing for an honest one."""
    return ("random-leaky",) * (protocol == "random-leaky") + ("select-on-test",) * select_on_test


def _words(
    protocol: str, n: int, inner: int, shared: bool, count: int, select_on_test: bool, grouped: bool
) -> str:
    outer = {
        "loso": f"each of {n} subjects left out in turn",
        "lodo": f"each of {n} sets left out in turn",
        "kfold": f"{n} folds by class",
        "grouped-kfold": f"{n} folds of whole subjects",
        "random-leaky": f"{n} random folds of samples, subjects on both sides (leaky)",
    }[protocol]
    if count == 1:
        return f"{outer}; nothing to choose; predictions pooled"
    if select_on_test:
        return f"{outer}; of {count} candidates the best on each test fold itself (flattering); pooled"
    of = "other subjects" if grouped else "other samples"
    how = f"{inner} inner folds of {of}"
    if shared:
        how = f"fits that left out two of {inner} groups of {of}, the test's own and the one they scored"
    return f"{outer}; one of {count} candidates chosen by {how}; predictions pooled"


def _pooled(
    system: CandidateSet,
    n: int,
    outer: Sequence[Indices],
    results: Sequence[tuple[Scores, int, float]],
    marks: tuple[str, ...],
    words: str,
) -> CrossValidationResult:
    scores = np.zeros((n, results[0][0].shape[1]))
    fold = np.zeros(n, np.intp)
    for f, (test, (found, _, _)) in enumerate(zip(outer, results, strict=True)):
        scores[test], fold[test] = found, f
    return CrossValidationResult(
        predicted=scores.argmax(axis=1),
        scores=scores,
        fold=fold,
        chosen=tuple(system.candidates[best] for _, best, _ in results),
        inner=np.array([quality for _, _, quality in results]),
        marks=marks,
        words=words,
    )
