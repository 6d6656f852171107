"""One cell of a comparison: an embedding, a head, a protocol; rows and predictions out."""

from __future__ import annotations

import pickle  # only written, to measure; never read
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featurize.store import key_of
from pipelines.embedding.embed import Embedding
from pipelines.metrics.scores import evaluate
from pipelines.recipe import Head
from pipelines.results.predictions import Predictions
from pipelines.results.rows import Row, as_json
from pipelines.utils.kept_warnings import as_text, kept_warnings
from pipelines.utils.provenance import git_sha, library_versions

if TYPE_CHECKING:
    pass
from pipelines.evaluation.experiment import Experiment, Matrix
from pipelines.evaluation.selection import Choice, _predict, _timed_fit, choose

#: What makes a cell a row with an error, and not the end of the run.
FAILURES = (ValueError, ArithmeticError, MemoryError, RuntimeError)


@dataclass(frozen=True)
class EvaluationResult:
    """A finished cell."""

    run: str
    rows: list[Row]
    predictions: Predictions
    estimator: Any
    choice: Choice
    embedding: Embedding


def cell_id(head: Head, matrix: Matrix) -> str:
    """Return the name of a cell: the first 16 hex digits of the SHA-256 of all that decides its rows."""
    cell = {"features": matrix.features.model_dump(), "head": head.identity(), "keys": list(matrix.keys)}
    return key_of(matrix.bench.identity() | cell)[:16]


def run_cell(head: Head, matrix: Matrix) -> EvaluationResult:
    """Choose on validation, fit again, test once.

    Parameters
    ----------
    head : Head
        With the grid to choose from.
    matrix : Matrix
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
            matrix.bench.warn(warning)
    warnings = as_text([*matrix.warnings, *said])
    return replace(found, rows=[replace(row, warnings=warnings) for row in found.rows])


def _run(head: Head, matrix: Matrix) -> EvaluationResult:
    bench = matrix.bench
    matrix.check()
    choice = choose(head, matrix)
    estimator, fit_s, trained_on = choice.estimator, choice.fit_s, bench.split.train
    if bench.refit:
        trained_on = np.concatenate([bench.split.train, bench.split.validation])
        with bench.progress.task(f"{head.head}: fitting on train + validation") as advance:
            estimator, fit_s = _timed_fit(
                head.head, choice.params, *matrix.training(trained_on), bench.memory
            )
            advance(1)
    predictions, ms = _predict(estimator, matrix, bench.split.test)
    tested = {"n_train": len(trained_on), "fit_s": fit_s, "predict_ms_per_sample": ms}
    rows = _rows(head, matrix, choice, predictions, tested | {"model_bytes": memory_bytes(estimator)})
    return EvaluationResult(rows[0].run, rows, predictions, estimator, choice, matrix.embedding)


def _rows(
    head: Head, matrix: Matrix, choice: Choice, predictions: Predictions, tested: Mapping[str, Any]
) -> list[Row]:
    """Return the row of validation (fitted on train alone) and those of the test and its parts."""
    split, embedding = matrix.bench.split, matrix.embedding
    known: dict[str, Any] = base_row(head, matrix) | {
        "spec": embedding.spec,
        "params": as_json(choice.params),
        "extract_s": embedding.seconds,
        **matrix.known,
    }
    chosen = {"split": "validation", "n_train": len(split.train), "n_test": len(split.validation)}
    rows = [Row(**(known | chosen | {"fit_s": choice.fit_s} | choice.scores))]
    for name, mask in test_parts(matrix.bench, predictions).items():
        rows.append(Row(**(known | dict(tested) | {"split": name} | masked_scores(predictions, mask))))
    return rows


def base_row(head: Head, matrix: Matrix) -> dict[str, Any]:
    """Return the fields of a row that are known before anything is fitted."""
    features = matrix.features
    return bench_row(matrix.bench) | {
        "run": cell_id(head, matrix),
        "extractor": features.title,
        "spec": features.extractor,
        "head": head.head,
        "params": as_json(head.params),
        "embedding_key": "+".join(matrix.keys),
    }


def bench_row(bench: Experiment) -> dict[str, Any]:
    """Return the fields of a row that all of a comparison share."""
    return {
        "dataset": bench.dataset.name,
        "fingerprint": bench.dataset.fingerprint,
        "protocol": bench.split.words,
        "split": "test",
        "seed": bench.seed,
        "git_sha": git_sha(),
        "versions": as_json(library_versions()),
    }


def test_parts(bench: Experiment, predictions: Predictions) -> dict[str, NDArray[np.bool_]]:
    """Return masks over the tested samples: all, test-clean, and the named splits they are made of."""
    everything = np.ones(len(predictions.ids), dtype=bool)
    parts = {"test": everything, "test-clean": predictions.clean}
    names = bench.dataset.split[bench.split.test]
    if len(np.unique(names)) > 1:
        parts |= {str(name): names == name for name in np.unique(names)}
    return {name: mask for name, mask in parts.items() if mask.any()}


def masked_scores(predictions: Predictions, mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the fields of a row that say how good the answers for some of the tested samples are."""
    p = predictions
    found = evaluate(p.true[mask], p.scores[mask], p.probabilistic, p.predicted[mask])
    return {"n_test": int(mask.sum()), **found}


class _Counter:
    """A file that keeps nothing but the count of its bytes."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, data: bytes) -> int:
        size = memoryview(data).nbytes
        self.count += size
        return size


def memory_bytes(estimator: Any) -> int:
    """Return the size of a fitted head in bytes: of its arrays and what holds them, as pickled to nowhere."""
    counter = _Counter()
    pickle.Pickler(counter, protocol=5).dump(estimator)
    return counter.count
