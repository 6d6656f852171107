"""Several heads as one: voting, pooling, stacking; learned from scores of samples that no head was fitted on.

A *member* is a fitted head; it comes as its scores, (n, k), a column a class. Scores of different heads are
brought to one scale first: a softmax at a temperature of the member's own (Guo, Pleiss, Sun, Weinberger: "On
calibration of modern neural networks", ICML 2017), so that votes of support vector machines and the shares of
neighbours stand beside probabilities.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers._calibration import FOLDS

Scores = NDArray[np.float64]

#: A probability below this counts as this: a neighbour's vote of 0 is not proof.
FLOOR = 1e-4
#: Rounds of expectation and maximisation; the likelihood of a mixture has one maximum.
ROUNDS = 500
#: Values of C that `Stack` chooses among.
COSTS = (1e-4, 1e-3, 1e-2, 1e-1)


class Combination(ABC):
    """Members' scores to one distribution over the classes.

    Attributes
    ----------
    temperatures_ : (m,) float64
        A member's scores are divided by its own.
    """

    def fit(self, members: Sequence[Any], y: Any) -> Combination:
        """Learn from the scores of held-out samples.

        Parameters
        ----------
        members : sequence of (n, k) ndarray
            Scores, or probabilities, which are taken as their logarithms (see `as_scores`).
        y : (n,) int
            Classes 0 .. k - 1.

        Raises
        ------
        ValueError
            If there is no member, shapes differ, or a score is not finite.
        """
        members, y = _checked(members), np.asarray(y)
        if len(y) != len(members[0]):
            raise ValueError(f"{len(y)} labels for the scores of {len(members[0])} samples")
        self.temperatures_ = np.array([temperature(s, y) for s in members])
        self._learn(self._distributions(members), y)
        return self

    def predict_proba(self, members: Sequence[Any]) -> Scores:
        """Return (n, k); rows sum to 1.

        Raises
        ------
        ValueError
            If there are more or fewer members than `fit` had, or as there.
        """
        members = _checked(members)
        if len(members) != len(self.temperatures_):
            raise ValueError(f"fitted on {len(self.temperatures_)} members, asked of {len(members)}")
        return self._said(self._distributions(members))

    def predict(self, members: Sequence[Any]) -> NDArray[np.intp]:
        """Return the (n,) likeliest classes."""
        return self.predict_proba(members).argmax(axis=1)

    def _distributions(self, members: Sequence[Scores]) -> Scores:
        """Return (m, n, k) probabilities."""
        return np.stack([_softmax(s / t) for s, t in zip(members, self.temperatures_, strict=True)])

    @abstractmethod
    def description(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what was learned, for a table; `names` are the members'."""

    @abstractmethod
    def _learn(self, P: Scores, y: NDArray[Any]) -> None: ...

    @abstractmethod
    def _said(self, P: Scores) -> Scores: ...


class Weighted(Combination):
    """A combination that gives each member one weight.

    Attributes
    ----------
    weights_ : (m,) float64
    """

    weights_: NDArray[np.float64]

    def description(self, names: Sequence[str]) -> dict[str, Any]:
        """Return each member's weight."""
        return {name: round(float(w), 4) for name, w in zip(names, self.weights_, strict=True)}


class Vote(Weighted):
    """Soft voting: a mixture of the members, its weights those of most likelihood.

    Attributes
    ----------
    weights_ : (m,) float64
        At least 0, sum 1; most members that others make superfluous get next to nothing.
    """

    def _learn(self, P: Scores, y: NDArray[Any]) -> None:
        given = np.maximum(P[:, np.arange(len(y)), y], FLOOR)  # each member's probability of the true class
        weights = np.full(len(P), 1 / len(P))
        for _ in range(ROUNDS):
            shares = weights[:, None] * given
            weights = (shares / shares.sum(axis=0)).mean(axis=1)
        self.weights_ = weights

    def _said(self, P: Scores) -> Scores:
        return np.tensordot(self.weights_, P, axes=1)


class Pool(Weighted):
    """Logarithmic opinion pool: the members' log probabilities weighted and added, and a bias for each class.

    A member that rules a class out is heard, where a mixture lets the others outvote it; with one weight a
    member it has less to learn than a stack.

    Attributes
    ----------
    weights_ : (m,) float64
        At least 0; more than 1 in sum where the members are less sure together than they could be.
    bias_ : (k,) float64
        Held near 0 by half its squared length.

    References
    ----------
    Genest and Zidek: "Combining probability distributions", Statistical Science 1, 1986; Heskes: "Selecting
    weighting factors in logarithmic opinion pools", NIPS 10, 1998.
    """

    def _learn(self, P: Scores, y: NDArray[Any]) -> None:
        from scipy.optimize import minimize

        logs, m, k = _logs(P), len(P), P.shape[2]
        truth = np.eye(k)[y]

        def loss(given: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights, bias = given[:m], given[m:]
            said = _log_softmax(np.tensordot(weights, logs, axes=1) + bias)
            apart = np.exp(said) - truth
            slope = np.concatenate([np.einsum("mnk,nk->m", logs, apart), apart.sum(axis=0) + bias])
            return float(-(said * truth).sum() + bias @ bias / 2), slope

        start, bounds = np.repeat([1 / m, 0], [m, k]), [(0, None)] * m + [(None, None)] * k
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        self.weights_, self.bias_ = found[:m], found[m:]

    def _said(self, P: Scores) -> Scores:
        return np.exp(_log_softmax(np.tensordot(self.weights_, _logs(P), axes=1) + self.bias_))


class Stack(Combination):
    """Stacking: a softmax regression on the members' log probabilities (Wolpert, Neural Networks 5, 1992).

    Attributes
    ----------
    C_ : float
        Of `COSTS`, the one with the least log loss over five folds of the samples.
    model_ : classifiers._softmax.Softmax
    """

    def _learn(self, P: Scores, y: NDArray[Any]) -> None:
        X, self._width = _columns(P), P.shape[2]

        def loss(C: float) -> float:
            def said(fit: NDArray[np.intp], held: NDArray[np.intp]) -> Scores:
                return self._asked(X[held], self._regression(X[fit], y[fit], C))

            return _loss(out_of_fold(said, y, self._width), y)

        self.C_ = min(COSTS, key=loss)
        self.model_ = self._regression(X, y, self.C_)

    def description(self, names: Sequence[str]) -> dict[str, Any]:
        """Return C, and how many members there are: their coefficients are no weights."""
        return {"C": self.C_, "members": len(names)}

    def _said(self, P: Scores) -> Scores:
        return self._asked(_columns(P), self.model_)

    def _asked(self, X: Scores, model: Any) -> Scores:
        """Return (n, k); a class that the model has not seen gets nothing."""
        found = np.zeros((len(X), self._width))
        found[:, model.classes_] = model.predict_proba(X)
        return found

    def _regression(self, X: Scores, y: NDArray[Any], C: float) -> Any:
        from classifiers._softmax import Softmax

        return Softmax(C=C).fit(X, y)


#: What a recipe calls each.
COMBINATIONS: dict[str, type[Combination]] = {"vote": Vote, "pool": Pool, "stack": Stack}


def as_scores(given: Any, probabilistic: bool) -> Scores:
    """Return a member's scores: of probabilities the logarithms, at least that of `FLOOR`."""
    values = np.asarray(given, np.float64)
    return _logs(values) if probabilistic else values


def out_of_fold(
    said: Callable[[NDArray[np.intp], NDArray[np.intp]], Scores], y: NDArray[Any], k: int
) -> Scores:
    """Return (n, k): of each sample what is said of it by a fit on the other folds.

    Parameters
    ----------
    said : callable
        Takes the samples to fit on and those to answer for.
    y : (n,) int
        Folds are stratified by it, as far as a class has samples enough.
    k : int
        Classes.

    Raises
    ------
    ValueError
        If no class has two samples.
    """
    from classifiers.search import folds_of, kfold

    counts = np.bincount(y)[np.unique(y)]
    if counts.max() < 2:
        raise ValueError(
            "a combination is learned on two samples of a class or more, and each class has one: give a "
            "larger validation share, or add samples"
        )
    folds = max(2, min(FOLDS, int(counts.min())))
    found = np.zeros((len(y), k))
    for train, held in folds_of(kfold(folds), y):  # a class of one sample is no fault here
        found[held] = said(train, held)
    return found


def temperature(scores: Scores, y: NDArray[Any]) -> float:
    """Return what to divide scores by, so that their softmax gives the true classes most likelihood."""
    from scipy.optimize import minimize_scalar

    unit = float(scores.std()) or 1.0
    found = minimize_scalar(
        lambda u: _loss(_softmax(scores / (unit * np.exp(u))), y), bounds=(-5, 5), method="bounded"
    )
    return float(unit * np.exp(found.x))


def _checked(members: Sequence[Any]) -> list[Scores]:
    found = [np.asarray(s, np.float64) for s in members]
    if not found:
        raise ValueError("a combination needs a member")
    if any(s.shape != found[0].shape or s.ndim != 2 for s in found):
        raise ValueError(f"members differ in shape: {', '.join(str(s.shape) for s in found)}")
    for m, s in enumerate(found):
        if not np.isfinite(s).all():
            raise ValueError(f"the scores of member {m} hold NaN or infinity")
    return found


def _columns(P: Scores) -> Scores:
    """Return (n, m k) log probabilities."""
    return _logs(P).transpose(1, 0, 2).reshape(P.shape[1], -1)


def _logs(P: Scores) -> Scores:
    return np.log(np.maximum(P, FLOOR))


def _log_softmax(z: Scores) -> Scores:
    from scipy.special import log_softmax

    return np.asarray(log_softmax(z, axis=1))


def _softmax(z: Scores) -> Scores:
    from scipy.special import softmax

    return np.asarray(softmax(z, axis=1))


def _loss(P: Scores, y: NDArray[Any]) -> float:
    return float(-np.log(np.maximum(P[np.arange(len(y)), y], FLOOR)).mean())
