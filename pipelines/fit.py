"""One cell of a comparison: an embedding, a head, a protocol; rows and predictions out."""

from __future__ import annotations

import logging
import pickle  # only written, to measure; never read
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classifiers import head as build_head
from classifiers.registry import head_spec
from featurize.images import Preprocess
from featurize.registry import parse
from featurize.store import Store, key_of
from pipelines.cures import for_validation
from pipelines.datasets.audit import clean_test
from pipelines.datasets.base import Dataset
from pipelines.extract import Embedding, embed, embedding_keys
from pipelines.kept_warnings import as_text, kept_warnings
from pipelines.metrics import evaluate
from pipelines.networks import check_classes, check_untested, seen_validation, status_of
from pipelines.progress import SILENT, Progress
from pipelines.recipe import Features, Head
from pipelines.results import SEEN_VALIDATION, Predictions, Row, as_json
from pipelines.splits import Indices, Split
from pipelines.versions import git_sha, library_versions

if TYPE_CHECKING:
    from pipelines.cluster import Cluster

log = logging.getLogger(__name__)

#: What makes a cell a row with an error, and not the end of the run.
FAILURES = (ValueError, ArithmeticError, MemoryError, RuntimeError)
#: Raised whenever the same cell would give other rows, so that old ones are not taken for new.
CELL_VERSION = 1


@dataclass(frozen=True)
class Bench:
    """What every cell of a comparison shares.

    Attributes
    ----------
    dataset : Dataset
    split : Split
    refit : bool
        Fit again on train + validation before the test.
    scoring : str
        The score that validation is chosen by.
    seed : int
        Given to heads that draw at random.
    store : Store
    n_jobs : int or None
    progress : Progress
    memory : str, float or None
        What kernels may take, as in `classifiers.search.SharedGridSearch`.
    cluster : Cluster, optional
        Where embeddings are computed.
    folds, halving : int or None
        How candidates are chosen, where not by the whole of train and validation; see `pipelines.choosing`.
    said : set of str
        Warnings that need not be said again.
    """

    dataset: Dataset
    split: Split
    refit: bool = True
    scoring: str = "accuracy"
    seed: int = 0
    store: Store = field(default_factory=Store)
    n_jobs: int | None = None
    progress: Progress = SILENT
    memory: float | str | None = None
    cluster: Cluster | None = None
    folds: int | None = None
    halving: int | None = None
    said: set[str] = field(default_factory=set, compare=False, repr=False)

    def warn(self, warning: str) -> None:
        """Log a warning, unless it was said before."""
        if warning not in self.said:
            self.said.add(warning)
            log.warning("%s", warning)

    @property
    def left_out(self) -> list[str]:
        """A warning if samples of the data set could not be read."""
        n = len(self.dataset.faults)
        return [f"{n:,} samples of {self.dataset.name} could not be read and were left out"] if n else []

    @cached_property
    def clean(self) -> NDArray[np.bool_]:
        """Which samples of the whole set belong to test-clean, if they test at all."""
        return clean_test(self.dataset)

    def identity(self) -> dict[str, Any]:
        """Return what decides the rows of a cell, but for the cell itself."""
        parts = (self.split.train, self.split.validation, self.split.test)
        chosen = {"folds": self.folds, "halving": self.halving}
        return {k: v for k, v in chosen.items() if v is not None} | {
            "version": CELL_VERSION,
            "dataset": self.dataset.fingerprint,
            "split": [key_of({"ids": self.dataset.ids[p].tolist()}) for p in parts],
            "refit": self.refit,
            "scoring": self.scoring,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Choice:
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


@dataclass(frozen=True)
class Outcome:
    """A finished cell."""

    run: str
    rows: list[Row]
    predictions: Predictions
    estimator: Any
    choice: Choice
    embedding: Embedding


class Matrix:
    """The vectors of a data set and, where asked for, of its mirrored training samples; read when needed.

    Parameters
    ----------
    features : Features
    bench : Bench
    judged : bool
        Embed only what validates and tests, for a head that learns nothing: it is shown the validation
        samples where others are shown those to learn from.
    """

    def __init__(self, features: Features, bench: Bench, judged: bool = False) -> None:
        self.features, self.bench, self.judged = features, bench, judged
        parts = bench.split
        both = np.concatenate([parts.train, parts.validation])
        self._copied = np.sort(both) if features.mirror and not judged else None
        self._rows = np.sort(np.concatenate([parts.validation, parts.test])) if judged else None

    def check(self) -> None:
        """Raise a `ValueError` if a network learned from what it is tested on, or has other classes.

        Say what else is known of the networks: see `leaks`.
        """
        extractors, bench = parse(self.features.extractor), self.bench
        check_classes(extractors, bench.dataset)
        check_untested(extractors, bench.dataset, bench.split.test)
        for warning in self.leaks:
            bench.warn(warning)

    @cached_property
    def leaks(self) -> list[str]:
        """Warnings of networks that have learned from samples that validate; none as a rule."""
        extractors, bench = parse(self.features.extractor), self.bench
        return seen_validation(extractors, bench.dataset, bench.split.validation, for_validation)

    @property
    def known(self) -> dict[str, str]:
        """The fields `status` and `marks` of rows on these vectors."""
        marks = SEEN_VALIDATION if self.leaks else ""
        return {"status": status_of(parse(self.features.extractor)), "marks": marks}

    @property
    def warnings(self) -> list[str]:
        """What is to be known of every row on these vectors; they are embedded by now."""
        return [*self.leaks, *self.embedding.warnings, *self.bench.left_out]

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The cache keys of all that is embedded, without embedding it."""
        bench, features = self.bench, self.features
        keys = embedding_keys(bench.dataset, features.extractor, features.preprocess, self._rows)
        if self._copied is None:
            return keys
        return keys + embedding_keys(bench.dataset, features.extractor, self._mirroring, self._copied)

    @cached_property
    def embedding(self) -> Embedding:
        """The vectors of every sample that is asked for, as it comes."""
        return self._embed(self.features.preprocess, self._rows)

    @cached_property
    def _copies(self) -> Embedding:
        return self._embed(self._mirroring, self._copied)

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """All that is embedded: the samples, and the mirrored copies where asked for."""
        return (self.embedding,) if self._copied is None else (self.embedding, self._copies)

    @property
    def _mirroring(self) -> Preprocess:
        return self.features.preprocess.model_copy(update={"mirror": True})

    def _embed(self, preprocess: Preprocess, indices: Indices | None) -> Embedding:
        bench = self.bench
        return embed(
            bench.dataset,
            self.features.extractor,
            preprocess=preprocess,
            indices=indices,
            store=bench.store,
            n_jobs=bench.n_jobs,
            progress=bench.progress,
            cluster=bench.cluster,
        )

    def plain(self, indices: Indices) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return vectors and labels of some samples."""
        rows = indices if self._rows is None else np.searchsorted(self._rows, indices)
        return np.asarray(self.embedding.X[rows]), self.bench.dataset.labels[indices]

    def training(self, indices: Indices) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return vectors and labels of training samples, their mirrored copies after them."""
        X, y = self.plain(self.bench.split.validation if self.judged else indices)
        if self._copied is None:
            return X, y
        rows = np.searchsorted(self._copied, indices)
        return np.concatenate([X, self._copies.X[rows]]), np.concatenate([y, y])


def cell_id(head: Head, matrix: Matrix) -> str:
    """Return the name of a cell: the first 16 hex digits of the SHA-256 of all that decides its rows."""
    cell = {"features": matrix.features.model_dump(), "head": head.identity(), "keys": list(matrix.keys)}
    return key_of(matrix.bench.identity() | cell)[:16]


def run_cell(head: Head, matrix: Matrix) -> Outcome:
    """Choose on validation, fit again, test once.

    Parameters
    ----------
    head : Head
        With the grid to choose from.
    matrix : Matrix
        The vectors to fit it on.

    Returns
    -------
    Outcome

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


def _run(head: Head, matrix: Matrix) -> Outcome:
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
    return Outcome(rows[0].run, rows, predictions, estimator, choice, matrix.embedding)


def choose(head: Head, matrix: Matrix) -> Choice:
    """Fit every candidate on train, with shared work; return the best on validation, of equals the first."""
    from classifiers.search import try_candidates

    bench = matrix.bench
    X, y = matrix.training(bench.split.train)
    X_val, y_val = matrix.plain(bench.split.validation)
    candidates = [_seeded(head.head, params, bench.seed) for params in head.candidates()]
    if len(candidates) == 1:
        return _only(head, candidates[0], (X, y), matrix)
    if bench.folds or bench.halving:
        return _searched(head, candidates, matrix)
    with bench.progress.task(f"{head.head}: choosing", len(candidates)) as advance:
        found = try_candidates(head.head, candidates, X, y, X_val, bench.memory, advance)
    scores = [evaluate(y_val, t.scores, t.probabilistic, t.predicted) for t in found]
    tried = [
        {**t.params, "validation": s[bench.scoring], "fit_s": t.seconds}
        for t, s in zip(found, scores, strict=True)
    ]
    best = max(range(len(found)), key=lambda c: scores[c][bench.scoring])
    estimator, seconds = None, found[best].seconds
    if not bench.refit:  # no estimator was built for a candidate
        estimator, seconds = _timed_fit(head.head, candidates[best], X, y, bench.memory)
    kept = found[best]
    said = _said(matrix, bench.split.validation, kept.predicted, kept.scores, kept.probabilistic)
    return Choice(candidates[best], estimator, scores[best], tried, seconds, said)


def _searched(head: Head, candidates: list[dict[str, Any]], matrix: Matrix) -> Choice:
    """Choose by folds or halving; validation then scores the choice, fitted on the whole of train."""
    from pipelines.choosing import searched

    bench = matrix.bench
    with bench.progress.task(f"{head.head}: choosing among {len(candidates)}") as advance:
        params, tried = searched(head.head, candidates, matrix)
        advance(1)
    return replace(_only(head, params, matrix.training(bench.split.train), matrix), tried=tried)


def _only(head: Head, params: dict[str, Any], train: Any, matrix: Matrix) -> Choice:
    """Return the one candidate there is, fitted."""
    bench = matrix.bench
    with bench.progress.task(f"{head.head}: choosing", 1) as advance:
        estimator, seconds = _timed_fit(head.head, params, train[0], train[1], bench.memory)
        said, _ = _predict(estimator, matrix, bench.split.validation)
        advance(1)
    scores = evaluate(said.true, said.scores, said.probabilistic, said.predicted)
    tried = [{**params, "validation": scores[bench.scoring], "fit_s": seconds}]
    return Choice(params, estimator, scores, tried, seconds, said)


def _seeded(head: str, params: Mapping[str, Any], seed: int) -> dict[str, Any]:
    draws = "random_state" in head_spec(head).params.model_fields
    return {"random_state": seed, **params} if draws else dict(params)


def _timed_fit(
    head: str,
    params: Mapping[str, Any],
    X: NDArray[np.float32],
    y: NDArray[np.int64],
    memory: float | str | None,
) -> tuple[Any, float]:
    from classifiers.memory import bounded

    started = time.perf_counter()
    estimator = bounded(build_head(head, **params), memory).fit(X, y)
    return estimator, time.perf_counter() - started


def is_probabilistic(estimator: Any) -> bool:
    """Return whether a head gives probabilities, not scores."""
    return hasattr(estimator, "predict_proba")


def _predict(estimator: Any, matrix: Matrix, indices: Indices) -> tuple[Predictions, float]:
    """Return what the head says of some samples, and the milliseconds a sample that predicting took."""
    from classifiers import answers

    X, _ = matrix.plain(indices)
    predicted, given, seconds = answers(estimator, X)
    said = _said(matrix, indices, predicted, given, is_probabilistic(estimator))
    return said, seconds / len(X) * 1000


def _said(matrix: Matrix, indices: Indices, predicted: Any, scores: Any, probabilistic: bool) -> Predictions:
    """Return answers for some samples with what is known of these."""
    dataset = matrix.bench.dataset
    return Predictions(
        ids=dataset.ids[indices],
        true=dataset.labels[indices],
        predicted=np.asarray(predicted, dtype=np.int64),
        scores=np.asarray(scores, dtype=np.float32),
        classes=np.array(dataset.classes),
        clean=matrix.bench.clean[indices],
        probabilistic=probabilistic,
        groups=np.empty(0, dtype=np.str_) if dataset.groups is None else dataset.groups[indices],
    )


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


def bench_row(bench: Bench) -> dict[str, Any]:
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


def test_parts(bench: Bench, predictions: Predictions) -> dict[str, NDArray[np.bool_]]:
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
