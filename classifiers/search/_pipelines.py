"""Pipelines: transformers are fitted once a fold, the estimators behind them share what they can."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from classifiers._rows import Rows
from classifiers.search._strategies import (
    by_kind,
    rows_of,
    say_shared,
    split_params,
    strategy_of,
    sweep_alike,
)
from classifiers.search._work import Answer, Found, Given, NotSharedError, dense, signature, watched

_NO_CODES = np.empty(0, np.intp)


@dataclass(frozen=True)
class Branch:
    """Candidates behind the same transformers, and with a last step of one class.

    Attributes
    ----------
    members : list of int
        Their numbers.
    front : list of (name, transformer)
    name : str
        Of the last step.
    finals : list of estimator
    shared : bool
        Whether a strategy answers for `finals`; otherwise each is fitted by itself.
    """

    members: list[int]
    front: list[tuple[str, Any]]
    name: str
    finals: list[Any]
    shared: bool


def sweep(built: Sequence[Any], given: Given) -> Found:
    """Yield (candidate, split, answer) for every candidate.

    Raises
    ------
    NotSharedError
        If a candidate cannot be answered for; mostly before anything is fitted.
    """
    of_kind = by_kind(built)
    for members in of_kind:
        if type(built[members[0]]) is not Pipeline:
            strategy_of(built[members[0]])
    for members in of_kind:
        some = [built[c] for c in members]
        piped = type(some[0]) is Pipeline
        found = sweep_pipelines(some, given) if piped else sweep_alike(some, given)
        for at, s, answer in found:
            yield members[at], s, answer


def sweep_pipelines(built: Sequence[Any], given: Given) -> Found:
    """Yield (candidate, split, answer) for Pipelines.

    Raises
    ------
    NotSharedError
        If no two of them have transformers or fits in common, or a last step does not classify; before
        anything is fitted.
    """
    branches = list(_branches(built))
    _check_params(built[0], given)
    alone = [branch for branch in branches if not branch.shared]
    jobs = effective_n_jobs(given.n_jobs)
    # Transformers are fitted one after the other: with fewer candidates than jobs that would take longer.
    if alone and sum(len(b.members) for b in alone) < max(2, jobs) * len(alone):
        raise NotSharedError("fewer candidates share their transformers than there are jobs")
    if not all(b.front or b.shared for b in branches):
        raise NotSharedError(f"the fits of {type(alone[0].finals[0]).__name__} have nothing in common")
    say_shared("Pipeline", len(built), len(given.splits))
    return watched(_sweep(branches, given), len(built) * len(given.splits))


def _check_params(pipeline: Any, given: Given) -> None:
    steps = {name for name, _ in pipeline.steps}
    unknown = [key for key in given.fit_params if "__" not in key or key.partition("__")[0] not in steps]
    if unknown:
        raise NotSharedError(f"fit was given {unknown[0]}")


def _branches(built: Sequence[Any]) -> Iterator[Branch]:
    fronts: dict[Hashable, list[int]] = {}
    for c, pipeline in enumerate(built):
        if getattr(pipeline, "transform_input", None) is not None or not hasattr(pipeline, "steps"):
            raise NotSharedError("a Pipeline transforms more than its vectors")
        if not hasattr(pipeline.steps[-1][1], "predict"):
            raise NotSharedError("the last step of a Pipeline does not classify")
        fronts.setdefault(signature(_front(pipeline)), []).append(c)
    for members in fronts.values():
        for kind in by_kind([built[c].steps[-1][1] for c in members]):
            some = [members[at] for at in kind]
            finals = [built[c].steps[-1][1] for c in some]
            yield Branch(
                some, _front(built[some[0]]), built[some[0]].steps[-1][0], finals, _shares(finals[0])
            )


def _front(pipeline: Any) -> list[tuple[str, Any]]:
    return [(n, step) for n, step in pipeline.steps[:-1] if step is not None and step != "passthrough"]


def _shares(final: Any) -> bool:
    try:
        strategy_of(final)
    except NotSharedError:
        return False
    return True


def _sweep(branches: list[Branch], given: Given) -> Found:
    by_itself = [branch for branch in branches if not branch.shared]
    for s in range(len(given.splits)):
        fold = Fold(given, s)
        for branch in (b for b in branches if b.shared):
            train, test = fold.transformed(branch.front)
            local = _on_vectors(branch, given, s, dense(train), dense(test))
            for at, _, answer in sweep_alike(branch.finals, local, echo=False):
                yield branch.members[at], s, answer
    if by_itself:
        yield from _one_by_one(by_itself, given)


def _on_vectors(branch: Branch, given: Given, s: int, train: NDArray[Any], test: NDArray[Any]) -> Given:
    """Return a search of one fold, on transformed vectors."""
    at, n = np.concatenate(given.splits[s]), len(train)
    extra = split_params(rows_of(given.fit_params, len(given.y), at), branch.name)
    rows = np.arange(len(at))
    return replace(
        given, X=np.concatenate([train, test]), y=given.y[at], splits=[(rows[:n], rows[n:])], fit_params=extra
    )


class Fold:
    """One fold, and what transformers have made of it so far."""

    def __init__(self, given: Given, s: int) -> None:
        self.given, (self.train, self.test) = given, given.splits[s]
        self._made: dict[Hashable, tuple[Any, Any]] = {}

    def transformed(self, front: list[tuple[str, Any]]) -> tuple[Any, Any]:
        """Return the training and the test samples behind some transformers, each fitted once."""
        if not front:
            X = self.given.X
            if isinstance(X, Rows):
                return X.take(self.train), X.take(self.test)
            return tuple(_safe_indexing(X, rows) for rows in (self.train, self.test))
        key = signature(front)
        if key not in self._made:
            train, test = self.transformed(front[:-1])
            name, step = front[-1]
            params = split_params(rows_of(self.given.fit_params, len(self.given.y), self.train), name)
            fitted, labels = clone(step), self.given.y[self.train]
            if hasattr(fitted, "fit_transform"):
                made = fitted.fit_transform(train, labels, **params)
            else:
                made = fitted.fit(train, labels, **params).transform(train)
            self._made[key] = made, fitted.transform(test)
        return self._made[key]


def _one_by_one(branches: list[Branch], given: Given) -> Found:
    """Fit each estimator by itself, on as many processes as the search has; transformers in this one."""
    cells = [
        (c, s)
        for s in range(len(given.splits))
        for branch in branches
        for c in branch.members
    ]  # fmt: skip
    found = Parallel(n_jobs=given.n_jobs, return_as="generator")(_calls(branches, given))
    for (c, s), answer in zip(cells, found, strict=True):
        yield c, s, answer


def _calls(branches: list[Branch], given: Given) -> Iterator[Any]:
    asked = tuple(name for name in ("decision_function", "predict_proba") if given.asks_for(name))
    for s in range(len(given.splits)):
        fold = Fold(given, s)
        for branch in branches:
            params = split_params(rows_of(given.fit_params, len(given.y), fold.train), branch.name)
            try:
                train, test = fold.transformed(branch.front)
            except Exception as error:  # noqa: BLE001 - what becomes of it is `error_score`'s to say
                yield from (delayed(_failed)(error) for _ in branch.members)
                continue
            for final in branch.finals:
                yield delayed(_answer)(clone(final), train, given.y[fold.train], test, params, asked)


def _failed(error: Exception) -> Answer:
    return Answer(_NO_CODES, _NO_CODES, error=error)


def _answer(
    final: Any, train: Any, y: NDArray[Any], test: Any, params: dict[str, Any], asked: tuple[str, ...]
) -> Answer:
    """Fit one estimator and ask it for what the scoring needs."""
    try:
        final.fit(train, y, **params)
        classes, predicted = np.unique(y), np.asarray(final.predict(test))
        given = {name: getattr(final, name)(test) for name in asked if hasattr(final, name)}
    except Exception as error:  # noqa: BLE001 - what becomes of it is `error_score`'s to say
        return _failed(error)
    codes = np.minimum(np.searchsorted(classes, predicted), len(classes) - 1)
    if not np.array_equal(classes[codes], predicted):
        return _failed(NotSharedError("it predicts what no training sample is labelled"))
    return Answer(classes, codes, given.get("decision_function"), given.get("predict_proba"))
