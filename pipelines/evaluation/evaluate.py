"""One run of a comparison: an embedding, a head, a protocol; rows and predictions out."""

from __future__ import annotations

import contextlib
import pickle  # only written, to measure; never read
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.registry import parse
from featurize.store import key_of
from pipelines.datasets.base import Dataset
from pipelines.datasets.splits import Indices
from pipelines.embedding.embed import Embedding
from pipelines.embedding.leakage import check_scores
from pipelines.evaluation.experiment import Experiment, FeatureMatrix
from pipelines.evaluation.selection import SelectionResult, _predict, _timed_fit, choose, training_set
from pipelines.metrics.calibration import error_against
from pipelines.metrics.scores import evaluate
from pipelines.recipe import Head
from pipelines.results.frames import ResultRows
from pipelines.results.predictions import Predictions
from pipelines.results.rows import Row, as_json
from pipelines.utils.kept_warnings import as_text, kept_warnings
from pipelines.utils.provenance import git_sha, library_versions


@dataclass(frozen=True, repr=False)
class EvaluationResult(ResultRows):
    """A finished run."""

    run: str
    rows: list[Row]
    predictions: Predictions
    estimator: Any
    choice: SelectionResult
    embedding: Embedding


def run_id(head: Head, matrix: FeatureMatrix) -> str:
    """Return the name of a run: the first 16 hex digits of the SHA-256 of all that decides its rows."""
    decided = {"features": matrix.features.model_dump(), "head": head.identity(), "keys": list(matrix.keys)}
    return key_of(matrix.experiment.identity() | decided)[:16]


def evaluate_run(head: Head, matrix: FeatureMatrix) -> EvaluationResult:
    """Choose on validation, fit again, test once.

    Parameters
    ----------
    head : Head
        With the grid to choose from.
    matrix : FeatureMatrix
        The vectors to fit it on.

    Returns
    -------
    EvaluationResult

    Raises
    ------
    ValueError
        If the head cannot be fitted on these vectors; one line that says why.
    """
    with kept_warnings() as said:
        found = _run(head, matrix)
        for warning in matrix.embedding.warnings:
            matrix.experiment.warn(warning)
    warnings = as_text([*matrix.warnings, *said])
    return replace(found, rows=[replace(row, warnings=warnings) for row in found.rows])


def _run(head: Head, matrix: FeatureMatrix) -> EvaluationResult:
    experiment = matrix.experiment
    matrix.check()
    check_scores(head.head, parse(matrix.features.extractor), experiment.dataset)
    choice = choose(head, matrix)
    estimator, fit_s, trained_on = choice.estimator, choice.fit_s, experiment.split.train
    if experiment.refit:
        trained_on = np.concatenate([experiment.split.train, experiment.split.validation])
        with experiment.progress.task(f"{head.head}: fitting on train + validation") as advance:
            estimator, fit_s = _timed_fit(
                head.head, choice.params, training_set(head, matrix, trained_on), experiment.memory
            )
            advance(1)
    predictions, ms = _predict(estimator, matrix, experiment.split.test)
    matrix.check_unchanged()
    tested = {"n_train": len(trained_on), "fit_s": fit_s, "predict_ms_per_sample": ms}
    rows = _rows(head, matrix, choice, predictions, tested | {"model_bytes": memory_bytes(estimator)})
    return EvaluationResult(rows[0].run, rows, predictions, estimator, choice, matrix.embedding)


def _rows(
    head: Head,
    matrix: FeatureMatrix,
    choice: SelectionResult,
    predictions: Predictions,
    tested: Mapping[str, Any],
) -> list[Row]:
    """Return the row of validation (fitted on train alone) and those of the test and its parts."""
    split, embedding = matrix.experiment.split, matrix.embedding
    known: dict[str, Any] = base_row(head, matrix) | {
        "spec": embedding.spec,
        "params": as_json(choice.params | head.drawn),
        "extract_s": embedding.seconds,
        **matrix.known,
    }
    chosen = {"n_train": len(split.train), "n_test": len(split.validation), "fit_s": choice.fit_s}
    error = votes_error(matrix.experiment.dataset, choice.validation, split.validation)
    return split_rows(matrix.experiment, known, chosen | choice.scores | error, tested, predictions)


def split_rows(
    experiment: Experiment,
    known: Mapping[str, Any],
    validation: Mapping[str, Any],
    tested: Mapping[str, Any],
    predictions: Predictions,
) -> list[Row]:
    """Return the row of validation, then those of the test and its parts.

    Parameters
    ----------
    experiment : Experiment
    known, validation, tested : mapping
        Fields of all rows, of that of validation, of those of the test.
    predictions : Predictions
        Of the samples that test.
    """
    rows = [Row(**{**known, **validation, "split": "validation"})]
    for name, mask in test_parts(experiment, predictions).items():
        found = masked_scores(predictions, mask)
        found |= votes_error(experiment.dataset, predictions, experiment.split.test, mask)
        rows.append(Row(**{**known, **tested, "split": name, **found}))
    return rows


def base_row(head: Head, matrix: FeatureMatrix) -> dict[str, Any]:
    """Return the fields of a row that are known before anything is fitted."""
    features = matrix.features
    return experiment_row(matrix.experiment) | {
        "run": run_id(head, matrix),
        "extractor": features.title,
        "spec": features.extractor,
        "head": head.head,
        "params": as_json(head.params),
        "embedding_key": "+".join(matrix.keys),
    }


def experiment_row(experiment: Experiment) -> dict[str, Any]:
    """Return the fields of a row that all of a comparison share."""
    return {
        "dataset": experiment.dataset.name,
        "fingerprint": experiment.dataset.fingerprint,
        "protocol": experiment.protocol,
        "split": "test",
        "seed": experiment.seed,
        "git_sha": git_sha(),
        "versions": as_json(library_versions()),
    }


def test_parts(experiment: Experiment, predictions: Predictions) -> dict[str, NDArray[np.bool_]]:
    """Return masks over the tested samples: all, test-clean, test-distinct, and the splits in them."""
    everything = np.ones(len(predictions.ids), dtype=bool)
    parts = {"test": everything, "test-clean": predictions.clean}
    if experiment.distinct is not None:
        parts["test-distinct"] = experiment.distinct[experiment.split.test]
    names = experiment.dataset.split[experiment.split.test]
    if len(np.unique(names)) > 1:
        parts |= {str(name): names == name for name in np.unique(names)}
    return {name: mask for name, mask in parts.items() if mask.any()}


def masked_scores(predictions: Predictions, mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the fields of a row that say how good the answers for some of the tested samples are."""
    p = predictions
    found = evaluate(p.true[mask], p.scores[mask], p.probabilistic, p.predicted[mask])
    return {"n_test": int(mask.sum()), **found}


def votes_error(
    dataset: Dataset, predictions: Predictions, indices: Indices, mask: NDArray[np.bool_] | None = None
) -> dict[str, float]:
    """Return the field of a row with the expected calibration error against the votes, where there are any.

    Parameters
    ----------
    dataset : Dataset
    predictions : Predictions
        Of the samples `indices`, in this order; probabilities.
    indices : (n,) int
    mask : (n,) bool, optional
        Which of them count; all by default.
    """
    if dataset.votes is None or not predictions.probabilistic:
        return {}
    which = np.ones(len(indices), bool) if mask is None else mask
    shares = dataset.distribution[indices][which]
    return {"ece_votes": error_against(predictions.scores[which], shares)}


class _Counter:
    """A file that keeps nothing but the count of its bytes."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, data: bytes) -> int:
        size = memoryview(data).nbytes
        self.count += size
        return size


class _ToNowhere(pickle.Pickler):
    """Writes functions as their names: one without a name of its own cannot be pickled."""

    def reducer_override(self, obj: Any) -> Any:
        return (str, (obj.__qualname__,)) if isinstance(obj, FunctionType) else NotImplemented


def memory_bytes(estimator: Any) -> int:
    """Return the size of a fitted head in bytes: of its arrays and what holds them, as pickled to nowhere.

    A function counts as its name; what holds a lock or an open file is counted up to there.
    """
    counter = _Counter()
    with contextlib.suppress(pickle.PicklingError, AttributeError, TypeError):
        _ToNowhere(counter, protocol=5).dump(estimator)
    return counter.count
