"""Choices by folds of the training samples, or by successive halving: `classifiers.search` on a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.results import as_json

if TYPE_CHECKING:
    from pipelines.fit import Bench, Matrix
    from pipelines.splits import Indices

Splits = list[tuple["Indices", "Indices"]]


def searched(
    head: str, candidates: Sequence[Mapping[str, Any]], matrix: Matrix
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the parameters chosen, and every candidate tried with its mean score and seconds.

    With `folds` the training samples are divided by class, and by subject where subjects are known; the
    validation samples take no part. With `halving` alone, candidates are fitted on shares of the training
    samples and scored on validation. A candidate that halving drops keeps its score of the last share that it
    was fitted on.

    Raises
    ------
    ValueError
        If the samples cannot be divided into so many folds, or a head cannot be fitted on these vectors.
    """
    from classifiers import head as build
    from classifiers.search import SharedGridSearch

    bench = matrix.bench
    X, y, splits = by_folds(matrix, bench.folds) if bench.folds else by_holdout(matrix)
    grid = [{name: [value] for name, value in params.items()} for params in candidates]
    search = SharedGridSearch(
        build(head), grid, cv=splits, scoring=bench.scoring, refit=False, memory=bench.memory,
        halving=bench.halving, error_score="raise",
    ).fit(X, y)  # fmt: skip
    found = search.cv_results_
    columns = (found["params"], found["mean_test_score"], found["mean_fit_time"])
    tried = {
        as_json(params): {**params, "validation": float(score), "fit_s": float(seconds)}
        for params, score, seconds in zip(*columns, strict=True)
    }
    return dict(search.best_params_), list(tried.values())


def by_holdout(matrix: Matrix) -> tuple[NDArray[np.float32], NDArray[np.int64], Splits]:
    """Return vectors and labels of train (with its mirrored copies) and validation, and that one split."""
    parts = matrix.bench.split
    X, y = matrix.training(parts.train)
    held, labels = matrix.plain(parts.validation)
    both = np.concatenate([X, held])
    return both, np.concatenate([y, labels]), [(np.arange(len(X)), np.arange(len(X), len(both)))]


def by_folds(matrix: Matrix, folds: int) -> tuple[NDArray[np.float32], NDArray[np.int64], Splits]:
    """Return vectors, labels and folds of train; mirrored copies train and never test."""
    train = matrix.bench.split.train
    X, y = matrix.training(train)
    splits = []
    for a, b in _divided(matrix.bench, train, folds):
        copies = [a + c * len(train) for c in range(len(X) // len(train))]
        splits.append((np.concatenate(copies), b))
    return X, y, splits


def _divided(bench: Bench, train: Indices, folds: int) -> Splits:
    from classifiers.search import by_subject, kfold

    labels, groups = bench.dataset.labels[train], bench.dataset.groups
    subjects = None if groups is None else groups[train]
    most = (
        int(np.unique(labels, return_counts=True)[1].min()) if subjects is None else len(np.unique(subjects))
    )
    if folds > most:
        who = "samples of the smallest class" if subjects is None else "subjects"
        raise ValueError(f"folds={folds}: there are {most} training {who}; take fewer folds")
    cv = kfold(folds, bench.seed) if subjects is None else by_subject(folds, bench.seed)
    return list(cv.split(np.zeros(len(train)), labels, subjects))
