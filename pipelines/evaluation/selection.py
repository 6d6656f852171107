"""Choices by folds of the training samples, or by successive halving: `classifiers.search` on a data set."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers import head as build_head
from classifiers import list_heads
from classifiers._rows import for_fit, stacked
from classifiers.registry import head_spec
from pipelines.cross_validation.folds import selecting
from pipelines.datasets.splits import Indices
from pipelines.datasets.votes import learned
from pipelines.evaluation.estimate import cost_before, say_cost
from pipelines.evaluation.experiment import Experiment, FeatureMatrix
from pipelines.metrics.scores import evaluate
from pipelines.recipe import Head
from pipelines.results.predictions import Predictions
from pipelines.results.rows import as_json

Splits = list[tuple[Indices, Indices]]


@dataclass(frozen=True)
class TrainingSet:
    """Vectors that a head is fitted on.

    Attributes
    ----------
    X : (n, d) float32
    y : (n,) int64
    weights : (n,) float64 or None
    rows : (n,) int
        The sample of the data set that each is of.
    """

    X: NDArray[np.float32]
    y: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    rows: Indices


def training_set(head: Head, matrix: FeatureMatrix, indices: Indices) -> TrainingSet:
    """Return training samples as a head is to be fitted on them, their mirrored copies after them.

    Raises
    ------
    ValueError
        If votes are asked for, and the set has none or the head takes no weights.
    """
    dataset, seed = matrix.experiment.dataset, matrix.experiment.seed
    if head.targets == "votes":
        check_takes_weights(head.head)
    found = learned(dataset, indices, head.targets, head.balanced_sampling, seed)
    X, y = matrix.training(found.rows)
    if matrix.pretrained:  # of a head that learns nothing: it is shown other samples
        return TrainingSet(X, y, None, found.rows)
    copies = len(X) // len(found.rows)
    weights = None if found.weights is None else np.tile(found.weights, copies)
    labels = np.tile(found.labels, copies) if head.drawn else y
    return TrainingSet(X, labels, weights, np.tile(found.rows, copies))


def check_takes_weights(head: str) -> None:
    """Refuse a head that cannot weigh samples.

    Raises
    ------
    ValueError
    """
    from sklearn.utils.validation import has_fit_parameter

    if not has_fit_parameter(build_head(head), "sample_weight"):
        able = [n for n in list_heads() if has_fit_parameter(build_head(n), "sample_weight")]
        raise ValueError(f"head {head} takes no sample weights, which votes are; take {', '.join(able)}")


def searched(
    head: Head, candidates: Sequence[Mapping[str, Any]], matrix: FeatureMatrix
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
    from classifiers.registry import PROJECTION, step_names
    from classifiers.search import GridSearchCV

    experiment = matrix.experiment
    folds = experiment.folds
    X, y, splits, weights = by_folds(head, matrix, folds) if folds else by_holdout(head, matrix)
    components = [params[PROJECTION] for params in candidates if PROJECTION in params]
    given = {n for params in candidates for n in params} | {"sample_weight"}
    names = step_names(head.head, given) if components else {}
    grid = [{names.get(name, name): [value] for name, value in params.items()} for params in candidates]
    built = build_head(head.head, **({PROJECTION: components[0]} if components else {}))
    weighted = {} if weights is None else {names.get("sample_weight", "sample_weight"): weights}
    search = GridSearchCV(
        built, grid, cv=splits, scoring=experiment.scoring, refit=False, memory=experiment.memory,
        halving=experiment.halving, error_score="raise",
    ).fit(for_fit(built, X), y, **weighted)  # fmt: skip
    found = search.cv_results_
    own = {step: name for name, step in names.items()}
    by_name = [{own.get(step, step): value for step, value in p.items()} for p in found["params"]]
    columns = (by_name, found["mean_test_score"], found["mean_fit_time"])
    tried = {
        as_json(params): {**params, "validation": float(score), "fit_s": float(seconds)}
        for params, score, seconds in zip(*columns, strict=True)
    }
    return by_name[search.best_index_], list(tried.values())


#: Vectors, labels, splits of their positions, and weights where some count more.
Divided = tuple[NDArray[np.float32], NDArray[np.int64], Splits, NDArray[np.float64] | None]


def by_holdout(head: Head, matrix: FeatureMatrix) -> Divided:
    """Return vectors and labels of train (with its mirrored copies) and validation, and that one split."""
    parts = matrix.experiment.split
    train = training_set(head, matrix, parts.train)
    held, labels = matrix.plain(parts.validation)
    X, y, weights = _behind(train, held, labels)
    return X, y, [(np.arange(len(train.X)), np.arange(len(train.X), len(X)))], weights


def _behind(
    train: TrainingSet, held: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64] | None]:
    """Return training samples with held-out ones behind them; these weigh 1, and are not fitted on."""
    weights = None if train.weights is None else np.concatenate([train.weights, np.ones(len(held))])
    return stacked([train.X, held]), np.concatenate([train.y, labels]), weights


def by_folds(head: Head, matrix: FeatureMatrix, folds: int) -> Divided:
    """Return vectors, labels and folds of train; mirrored copies train and never test."""
    train, experiment = matrix.experiment.split.train, matrix.experiment
    found = training_set(head, matrix, train)
    divided = selecting(experiment.dataset, train, folds, experiment.seed)
    if not head.drawn:
        times = len(found.X) // len(train)
        splits = [(np.concatenate([a + c * len(train) for c in range(times)]), b) for a, b in divided]
        return found.X, found.y, splits, None
    # What is drawn stands several times and may have other labels: it trains, and its own samples test.
    held, labels = matrix.plain(train)
    X, y, weights = _behind(found, held, labels)
    splits = [(np.flatnonzero(np.isin(found.rows, train[a])), len(found.X) + b) for a, b in divided]
    return X, y, splits, weights


@dataclass(frozen=True)
class SelectionResult:
    """What validation chose.

    Attributes
    ----------
    params : dict
    estimator : fitted on train alone; None where it will be fitted again and a grid was searched
    scores : dict
        Of the validation samples.
    tried : list of dict
        Each candidate with its validation score and seconds.
    fit_s : float
        Seconds of fitting the chosen one.
    validation : Predictions
        What the chosen one, fitted on train alone, says of the validation samples.
    """

    params: dict[str, Any]
    estimator: Any
    scores: dict[str, float]
    tried: list[dict[str, Any]]
    fit_s: float
    validation: Predictions


def choose(head: Head, matrix: FeatureMatrix) -> SelectionResult:
    """Fit every candidate on train, with shared work; return the best on validation, of equals the first."""
    from classifiers.search import try_candidates

    experiment = matrix.experiment
    say_cost(cost_before(head, experiment, matrix.embedding.X.shape[1], matrix.copies))
    train = training_set(head, matrix, experiment.split.train)
    X_val, y_val = matrix.plain(experiment.split.validation)
    candidates = [_seeded(head.head, params, experiment.seed) for params in head.candidates()]
    if len(candidates) == 1:
        return _only(head, candidates[0], train, matrix)
    if experiment.folds or experiment.halving:
        return _searched(head, candidates, matrix)
    with experiment.progress.task(f"{head.head}: choosing", len(candidates)) as advance:
        found = try_candidates(
            head.head, candidates, train.X, train.y, X_val, experiment.memory, advance, train.weights
        )
    scores = [evaluate(y_val, t.scores, t.probabilistic, t.predicted) for t in found]
    tried = [
        {**t.params, "validation": s[experiment.scoring], "fit_s": t.seconds}
        for t, s in zip(found, scores, strict=True)
    ]
    best = max(range(len(found)), key=lambda c: scores[c][experiment.scoring])
    estimator, seconds = None, found[best].seconds
    if not experiment.refit:  # no estimator was built for a candidate
        estimator, seconds = _timed_fit(head.head, candidates[best], train, experiment.memory)
    kept = found[best]
    said = predictions_of(
        experiment, experiment.split.validation, kept.predicted, kept.scores, kept.probabilistic
    )
    return SelectionResult(candidates[best], estimator, scores[best], tried, seconds, said)


def _searched(head: Head, candidates: list[dict[str, Any]], matrix: FeatureMatrix) -> SelectionResult:
    """Choose by folds or halving; validation then scores the choice, fitted on the whole of train."""
    experiment = matrix.experiment
    with experiment.progress.task(f"{head.head}: choosing among {len(candidates)}") as advance:
        params, tried = searched(head, candidates, matrix)
        advance(1)
    train = training_set(head, matrix, experiment.split.train)
    return replace(_only(head, params, train, matrix), tried=tried)


def _only(head: Head, params: dict[str, Any], train: TrainingSet, matrix: FeatureMatrix) -> SelectionResult:
    """Return the one candidate there is, fitted."""
    experiment = matrix.experiment
    with experiment.progress.task(f"{head.head}: choosing", 1) as advance:
        estimator, seconds = _timed_fit(head.head, params, train, experiment.memory)
        said, _ = _predict(estimator, matrix, experiment.split.validation)
        advance(1)
    scores = evaluate(said.true, said.scores, said.probabilistic, said.predicted)
    tried = [{**params, "validation": scores[experiment.scoring], "fit_s": seconds}]
    return SelectionResult(params, estimator, scores, tried, seconds, said)


def _seeded(head: str, params: Mapping[str, Any], seed: int) -> dict[str, Any]:
    draws = "random_state" in head_spec(head).params.model_fields
    return {"random_state": seed, **params} if draws else dict(params)


def _timed_fit(
    head: str, params: Mapping[str, Any], train: TrainingSet, memory: float | str | None
) -> tuple[Any, float]:
    from classifiers.memory import bounded

    started = time.perf_counter()
    weighted = {} if train.weights is None else {"sample_weight": train.weights}
    estimator = bounded(build_head(head, **params), memory)
    estimator.fit(for_fit(estimator, train.X), train.y, **weighted)
    return estimator, time.perf_counter() - started


def is_probabilistic(estimator: Any) -> bool:
    """Return whether a head gives probabilities, not scores."""
    return hasattr(estimator, "predict_proba")


def _predict(estimator: Any, matrix: FeatureMatrix, indices: Indices) -> tuple[Predictions, float]:
    """Return what the head says of some samples, and the milliseconds a sample that predicting took."""
    from classifiers import answers

    X, _ = matrix.plain(indices)
    predicted, given, seconds = answers(estimator, X)
    said = predictions_of(matrix.experiment, indices, predicted, given, is_probabilistic(estimator))
    return said, seconds / len(X) * 1000


def predictions_of(
    experiment: Experiment, indices: Indices, predicted: Any, scores: Any, probabilistic: bool
) -> Predictions:
    """Return predictions for some samples with what is known of these."""
    dataset = experiment.dataset
    return Predictions(
        ids=dataset.ids[indices],
        true=dataset.labels[indices],
        predicted=np.asarray(predicted, dtype=np.int64),
        scores=np.asarray(scores, dtype=np.float32),
        classes=np.array(dataset.classes),
        clean=experiment.clean[indices],
        probabilistic=probabilistic,
        groups=np.empty(0, dtype=np.str_) if dataset.groups is None else dataset.groups[indices],
    )
