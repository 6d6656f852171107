"""Every candidate's answer to one held-out set, for those who compute scores of their own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers._rows import for_fit, is_finite, stacked
from classifiers.memory import bounded, gigabytes
from classifiers.registry import head
from classifiers.scoring import scores
from classifiers.search._pipelines import sweep
from classifiers.search._strategies import answers, strategy_of
from classifiers.search._work import Answer, Given, NotSharedError, Work

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CandidateResult:
    """A candidate, fitted on the training vectors.

    Attributes
    ----------
    params : dict
        As given.
    predicted : (m,) labels
    scores : (m, n_classes) float64
        As `classifiers.scores` gives them.
    probabilistic : bool
        Whether they are probabilities.
    seconds : float
        Of fitting and answering; shared work is divided evenly.
    """

    params: dict[str, Any]
    predicted: NDArray[Any]
    scores: NDArray[np.float64]
    probabilistic: bool
    seconds: float


def try_candidates(
    name: str,
    candidates: Sequence[Mapping[str, Any]],
    X: NDArray[Any],
    y: NDArray[Any],
    held_out: NDArray[Any],
    memory: float | str | None = None,
    advance: Callable[[int], None] = lambda _done: None,
    sample_weight: NDArray[np.float64] | None = None,
) -> list[CandidateResult]:
    """Fit every candidate on X, y with shared work, and return what each says of the held-out vectors.

    Where no strategy applies each is fitted by itself, and the log says why at INFO.

    Parameters
    ----------
    name : str
        A registered head.
    candidates : sequence of mapping
        Parameters of each.
    X, y : (n, d) vectors, (n,) labels
    held_out : (m, d) vectors
    memory : str, float or None
        What kernels may take, as in `GridSearchCV`.
    advance : callable, optional
        Told how many more candidates are done.
    sample_weight : (n,) float, optional
        Each candidate is then fitted by itself.

    Raises
    ------
    ValueError
        If a parameter is wrong, or a head cannot be fitted on these vectors.
    """
    built = [bounded(head(name, **params), memory) for params in candidates]
    try:
        if sample_weight is not None:
            raise NotSharedError("samples have weights")
        return _shared(built, candidates, X, y, held_out, gigabytes(memory), advance)
    except NotSharedError as reason:
        log.info("candidates are fitted one by one, because %s", reason)
        tried = []
        for model, params in zip(built, candidates, strict=True):
            tried.append(_alone(model, params, X, y, held_out, sample_weight))
            advance(1)
        return tried


def _shared(
    built: Sequence[Any],
    candidates: Sequence[Mapping[str, Any]],
    X: NDArray[Any],
    y: NDArray[Any],
    held_out: NDArray[Any],
    memory: float,
    advance: Callable[[int], None],
) -> list[CandidateResult]:
    started, n = time.perf_counter(), len(X)
    if len(built) < 2 or len(np.unique(y)) < 2:
        raise NotSharedError("there is one candidate, or one class")
    everything = stacked([X, held_out])
    piped, everything = hasattr(built[0], "steps"), for_fit(built[0], everything)
    if everything.dtype not in (np.float32, np.float64) or not is_finite(everything):
        raise NotSharedError("the vectors are not finite numbers")
    split = (np.arange(n), np.arange(n, len(everything)))
    labels = np.concatenate([y, np.repeat(y[:1], len(held_out))])  # those of the held-out are not looked at
    if piped:
        each = sweep(built, Given(everything, labels, [split], memory=memory))
    else:
        params = [model.get_params() for model in built]
        each = answers(*strategy_of(built[0]), Work(built[0], params, everything, labels, [split], memory))
    found: dict[int, Answer] = {}
    for c, _, answer in each:
        if isinstance(answer.error, NotSharedError):
            raise answer.error
        if answer.error is not None:
            raise answer.error
        found[c] = answer
        advance(1)
    seconds = (time.perf_counter() - started) / len(built)
    return [_tried(dict(p), found[c], seconds) for c, p in enumerate(candidates)]


def _tried(params: dict[str, Any], answer: Answer, seconds: float) -> CandidateResult:
    given = answer.decision if answer.proba is None else answer.proba
    assert given is not None  # noqa: S101 - every head gives one of them
    if given.ndim == 1:
        given = np.column_stack([-given, given])
    if given.shape[1] != len(answer.classes):
        raise NotSharedError("its scores are not one a class")
    return CandidateResult(params, answer.classes[answer.winner], given, answer.proba is not None, seconds)


def _alone(
    model: Any,
    params: Mapping[str, Any],
    X: NDArray[Any],
    y: NDArray[Any],
    held_out: NDArray[Any],
    weights: NDArray[np.float64] | None,
) -> CandidateResult:
    started = time.perf_counter()
    weighted = {} if weights is None else {"sample_weight": weights}
    model.fit(for_fit(model, X), y, **weighted)
    given, predicted = scores(model, held_out), model.predict(held_out)
    proba = hasattr(model, "predict_proba")
    return CandidateResult(dict(params), predicted, given, proba, time.perf_counter() - started)
