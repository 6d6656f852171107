"""What a protocol of folds found, as rows of ``rows.csv``, predictions, and rows of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.cross_validation.folds import by_set
from pipelines.cross_validation.nested import CrossValidationResult
from pipelines.datasets.base import Dataset
from pipelines.metrics.significance import subject_interval
from pipelines.results.folder import ResultsFolder
from pipelines.results.predictions import Predictions
from pipelines.results.rows import Row, as_json
from pipelines.utils.csv_files import write_csv
from pipelines.utils.provenance import git_sha, library_versions


@dataclass(frozen=True)
class PooledRow:
    """One system under one protocol.

    Attributes
    ----------
    run : str
        Its name in ``rows.csv``.
    system : str
        What was tested, such as "lbp-top + svm".
    protocol : str
        Its title, see `pipelines.cross_validation.protocol.Protocol`.
    part : str
        "all", or one of the sets that the composite is made of.
    n : int
        Clips.
    uf1, uar, accuracy : float
    uf1_interval, uar_interval : (low, high)
        95 % bootstrap over subjects; NaN where no subjects are known.
    seconds : float
        Of all folds.
    marks : tuple of str
        See `pipelines.cross_validation.nested.CrossValidationResult`.
    words : str
        The protocol.
    error : str
        Why there are no figures; empty where there are.
    left_out : int
        Samples of the set that could not be used.
    """

    run: str
    system: str
    protocol: str
    part: str
    n: int
    uf1: float
    uar: float
    accuracy: float
    uf1_interval: tuple[float, float]
    uar_interval: tuple[float, float]
    seconds: float
    marks: tuple[str, ...]
    words: str
    error: str = ""
    left_out: int = 0


def pooled_rows(
    dataset: Dataset, found: CrossValidationResult, run: str, system: str, protocol: str, seconds: float
) -> list[PooledRow]:
    """Return the scores of the whole, then of each set that it is made of."""
    from pipelines.metrics.scores import evaluate

    rows = []
    for part, index in _parts(dataset).items():
        y, said = dataset.labels[index], found.predicted[index]
        score = evaluate(y, found.scores[index], predicted=said)
        interval = {"uf1": (np.nan, np.nan), "uar": (np.nan, np.nan)}
        if dataset.groups is not None:
            interval = subject_interval(y, said, dataset.groups[index])
        scores = score["f1_macro"], score["balanced_accuracy"], score["accuracy"]
        about = (*scores, interval["uf1"], interval["uar"], seconds, found.marks, found.words)
        left_out = len(dataset.faults)
        rows.append(PooledRow(run, system, protocol, part, len(index), *about, left_out=left_out))
    return rows


def _parts(dataset: Dataset) -> dict[str, NDArray[np.intp]]:
    return {"all": np.arange(len(dataset))} | by_set(dataset.split)


def fold_rows(
    dataset: Dataset,
    found: CrossValidationResult,
    known: Mapping[str, Any],
    *,
    probabilistic: bool = False,
) -> tuple[list[Row], Predictions]:
    """Return the rows of a run by folds, the whole first, and its predictions.

    Parameters
    ----------
    dataset : Dataset
    found : CrossValidationResult
    known : mapping
        The fields of a `Row` that are not scores: `run`, `extractor`, `spec`, `head`, `seed`, `fit_s`.
    probabilistic : bool
        Whether each row of scores is a probability distribution.
    """
    # A class that a fold's training samples lack scores minus infinity: no number for a file.
    scores = np.nan_to_num(found.scores, neginf=-1e30).astype(np.float32)
    clean = np.ones(len(dataset), dtype=bool)
    groups = np.empty(0, dtype=np.str_) if dataset.groups is None else dataset.groups
    predicted, classes = found.predicted.astype(np.int64), np.array(dataset.classes)
    predictions = Predictions(
        dataset.ids, dataset.labels, predicted, scores, classes, clean, probabilistic, groups
    )
    chosen = Counter(as_json(one) for one in found.chosen)
    same: dict[str, Any] = {
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "protocol": ": ".join([*found.marks, found.words]),
        "params": as_json({"chosen in folds": dict(chosen.most_common())}),
        "n_train": len(dataset) - round(len(dataset) / len(found.chosen)),
        "git_sha": git_sha(),
        "versions": as_json(library_versions()),
        **known,
    }
    rows = [
        Row(**same, **_scores(dataset, predictions, index), split="test" if part == "all" else part,
            n_test=len(index))
        for part, index in _parts(dataset).items()
    ]  # fmt: skip
    return rows, predictions


def _scores(dataset: Dataset, p: Predictions, index: NDArray[np.intp]) -> dict[str, Any]:
    """Return the scores of some samples; the interval is by subject where subjects are known."""
    from pipelines.metrics.scores import evaluate

    score: dict[str, Any] = evaluate(
        dataset.labels[index], p.scores[index], p.probabilistic, p.predicted[index]
    )
    if dataset.groups is not None:  # clips of one subject are alike: by clip it would be too narrow
        interval = subject_interval(dataset.labels[index], p.predicted[index], dataset.groups[index])
        score["ci_low"], score["ci_high"] = interval["accuracy"]
    return score


def load(
    dataset: Dataset, row: Row, system: str, protocol: str, marks: tuple[str, ...], folder: ResultsFolder
) -> list[PooledRow]:
    """Return the table's rows of a run from the predictions that were kept.

    Parameters
    ----------
    dataset : Dataset
    row : Row
        Of the whole; one that failed has one row with its error.
    system, protocol : str
        As the table names them.
    marks : tuple of str
        What makes figures of the protocol too good.
    folder : ResultsFolder
    """
    if not row.done:
        nan, none, n = np.nan, (np.nan, np.nan), len(dataset)
        failed = ("error",), protocol, row.error
        return [PooledRow(row.run, system, protocol, "all", n, nan, nan, nan, none, none, nan, *failed)]
    kept = folder.predictions(row.run)
    words = row.protocol.removeprefix(": ".join([*marks, ""]))
    marks = (*marks, "random-weights") if row.status == "timing" else marks
    found = CrossValidationResult(
        kept.predicted, kept.scores.astype(np.float64), kept.predicted * 0, (), np.empty(0), marks, words
    )
    return pooled_rows(dataset, found, row.run, system, protocol, row.fit_s)


COLUMNS = ("system", "protocol", "set", "n", "uf1", "uf1_low", "uf1_high", "uar", "uar_low", "uar_high",
           "accuracy", "seconds", "marks", "error")  # fmt: skip


def records(rows: Iterable[PooledRow]) -> list[dict[str, Any]]:
    """Return the table, one record a row; intervals are 95 %, bootstrap by subject."""
    return [
        {
            "system": r.system, "protocol": r.protocol, "set": r.part, "n": r.n,
            "uf1": r.uf1, "uf1_low": r.uf1_interval[0], "uf1_high": r.uf1_interval[1],
            "uar": r.uar, "uar_low": r.uar_interval[0], "uar_high": r.uar_interval[1],
            "accuracy": r.accuracy, "seconds": r.seconds, "marks": " ".join(r.marks), "error": r.error,
        }
        for r in rows
    ]  # fmt: skip


def write_table(rows: Iterable[PooledRow], path: Path) -> None:
    """Write the table as CSV, replacing an older one."""
    write_csv(path, records(rows), COLUMNS)
