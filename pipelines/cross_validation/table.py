"""What a protocol over subjects found, as rows of a table, rows of ``rows.csv`` and kept predictions."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featurize.suggest import error_words
from pipelines.cross_validation.nested import CrossValidationResult
from pipelines.datasets.base import Dataset
from pipelines.metrics.significance import subject_interval
from pipelines.results.predictions import Predictions, load_predictions
from pipelines.results.rows import Row, append_rows, as_json
from pipelines.utils.csv_files import write_csv
from pipelines.utils.provenance import git_sha, library_versions

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PooledRow:
    """One system under one protocol.

    Attributes
    ----------
    system : str
        What was tested, such as "lbp-top + svm".
    way : str
        The protocol's name.
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

    system: str
    way: str
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


class Failures:
    """Systems that failed under a protocol: each is a row with its error, unless nothing else was found.

    Parameters
    ----------
    dataset : Dataset
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._rows: list[Row] = []
        self._first: Exception | None = None

    def add(self, error: Exception, system: str, way: str, known: Mapping[str, Any]) -> PooledRow:
        """Remember a failure; return it as the table shows it.

        Parameters
        ----------
        error : Exception
        system, way : str
        known : mapping
            The fields of a `Row` that are known all the same: `run`, `extractor`, `spec`, `head`, `seed`.
        """
        words, none = error_words(error), (np.nan, np.nan)
        self._first = self._first or error
        self._rows.append(
            Row(dataset=self.dataset.name, fingerprint=self.dataset.fingerprint, protocol=way, split="test",
                status="error", error=words, **known)
        )  # fmt: skip
        return PooledRow(system, way, "all", len(self.dataset), np.nan, np.nan, np.nan, none, none, np.nan,
                         ("error",), way, words)  # fmt: skip

    def write(self, out: Path, of: int) -> None:
        """Append the rows to ``rows.csv``.

        Raises
        ------
        Exception
            The first failure, if all `of` so many failed: then nothing is written.
        """
        if self._first is not None and len(self._rows) == of:
            raise self._first
        for row in self._rows:
            log.warning("%s + %s, %s: failed: %s", row.extractor, row.head, row.protocol, row.error)
        if self._rows:
            append_rows(out / "rows.csv", self._rows)


def pooled_rows(
    dataset: Dataset, found: CrossValidationResult, system: str, way: str, seconds: float
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
        rows.append(
            PooledRow(
                system=system,
                way=way,
                part=part,
                n=len(index),
                uf1=score["f1_macro"],
                uar=score["balanced_accuracy"],
                accuracy=score["accuracy"],
                uf1_interval=interval["uf1"],
                uar_interval=interval["uar"],
                seconds=seconds,
                marks=found.marks,
                words=found.words,
                left_out=len(dataset.faults),
            )
        )
    return rows


def _parts(dataset: Dataset) -> dict[str, np.ndarray[Any, np.dtype[np.intp]]]:
    names = [str(part) for part in np.unique(dataset.split)]
    sets = {part: dataset.where(part) for part in names} if len(names) > 1 else {}
    return {"all": np.arange(len(dataset))} | sets


def keep(
    dataset: Dataset,
    found: CrossValidationResult,
    out: Path,
    known: Mapping[str, Any],
    *,
    probabilistic: bool = False,
) -> Row:
    """Write predictions to ``predictions/`` and rows to ``rows.csv``; return the row of the whole.

    Parameters
    ----------
    dataset : Dataset
    found : CrossValidationResult
    out : Path
    known : mapping
        The fields of a `Row` that are not scores: `run`, `extractor`, `spec`, `head`, `seed`, `fit_s`.
    probabilistic : bool
        Whether each row of scores is a probability distribution.
    """
    from pipelines.metrics.scores import evaluate

    # A class that a fold's training samples lack scores minus infinity: no number for a file.
    scores = np.nan_to_num(found.scores, neginf=-1e30).astype(np.float32)
    clean = np.ones(len(dataset), dtype=bool)
    groups = np.empty(0, dtype=np.str_) if dataset.groups is None else dataset.groups
    Predictions(dataset.ids, dataset.labels, found.predicted.astype(np.int64), scores,
                np.array(dataset.classes), clean, probabilistic, groups
                ).save(out / "predictions" / f"{known['run']}.npz")  # fmt: skip
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
    rows = []
    for part, index in _parts(dataset).items():
        score: dict[str, Any] = evaluate(
            dataset.labels[index], scores[index], probabilistic, found.predicted[index]
        )
        if dataset.groups is not None:  # clips of one subject are alike: by clip it would be too narrow
            subjects = dataset.groups[index]
            interval = subject_interval(dataset.labels[index], found.predicted[index], subjects)
            score["ci_low"], score["ci_high"] = interval["accuracy"]
        rows.append(Row(**same, **score, split="test" if part == "all" else part, n_test=len(index)))
    append_rows(out / "rows.csv", rows)
    return rows[0]


def again(dataset: Dataset, row: Row, system: str, way: str, out: Path, marks: tuple[str, ...]
          ) -> list[PooledRow]:  # fmt: skip
    """Return the table's rows from predictions that were kept."""
    kept = load_predictions(out / "predictions" / f"{row.run}.npz")
    words = row.protocol.removeprefix(": ".join([*marks, ""]))
    marks = (*marks, "random-weights") if row.status == "timing" else marks
    found = CrossValidationResult(
        kept.predicted, kept.scores.astype(np.float64), kept.predicted * 0, (), np.empty(0), marks, words
    )
    return pooled_rows(dataset, found, system, way, row.fit_s)


COLUMNS = ("system", "protocol", "set", "n", "uf1", "uf1_low", "uf1_high", "uar", "uar_low", "uar_high",
           "accuracy", "seconds", "marks", "error")  # fmt: skip


def records(rows: Iterable[PooledRow]) -> list[dict[str, Any]]:
    """Return the table, one record a row; intervals are 95 %, bootstrap by subject."""
    return [
        {
            "system": r.system, "protocol": r.way, "set": r.part, "n": r.n,
            "uf1": r.uf1, "uf1_low": r.uf1_interval[0], "uf1_high": r.uf1_interval[1],
            "uar": r.uar, "uar_low": r.uar_interval[0], "uar_high": r.uar_interval[1],
            "accuracy": r.accuracy, "seconds": r.seconds, "marks": " ".join(r.marks), "error": r.error,
        }
        for r in rows
    ]  # fmt: skip


def write_table(rows: Iterable[PooledRow], path: Path) -> None:
    """Write the table as CSV, replacing an older one."""
    write_csv(path, records(rows), COLUMNS)
