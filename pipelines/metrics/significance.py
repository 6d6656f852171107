"""Tests between classifiers on the same samples, their intervals, and what they mean in words.

All work on *hits*: for each test sample, whether the classifier was right. Everything that draws at random
takes a seed, so that a report says the same twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]


#: Draws of a bootstrap or a permutation test.
DRAWS = 10_000


#: Below this a difference is called one.
ALPHA = 0.05


#: With fewer subjects a test by subject cannot find anything: the smallest p of five is 1/16.
FEWEST_SUBJECTS = 8


#: Up to this many subjects every sign pattern of a paired test is visited (2**16 of them).
EXACT_SUBJECTS = 16


@dataclass(frozen=True)
class Paired:
    """Two classifiers on the same samples.

    Attributes
    ----------
    n : int
        Samples.
    only_a, only_b : int
        Samples that only the one was right on.
    difference, low, high : float
        Accuracy of a less that of b, and its 95 % interval.
    p : float
        Of the test.
    p_holm : float
        `p`, corrected for the number of tests made together; equal to `p` until `corrected`.
    test : str
        What was tested how: McNemar by sample, or sign flips by subject.
    """

    n: int
    only_a: int
    only_b: int
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    test: str

    @property
    def distinguishable(self) -> bool:
        """Whether the corrected test tells the two apart."""
        return self.p_holm < ALPHA


def compare_hits(a: Hits, b: Hits, groups: NDArray[np.str_] | None = None, seed: int = 0) -> Paired:
    """Test whether two classifiers are right equally often on the same samples.

    Parameters
    ----------
    a, b : (n,) bool
        Whether each was right.
    groups : (n,) str, optional
        Subject of each sample. Samples of one subject are not independent: with at least `FEWEST_SUBJECTS`
        the test is `sign_flip_test` and the bootstrap draws whole subjects, else it is `mcnemar`.
    seed : int

    Returns
    -------
    Paired

    Raises
    ------
    ValueError
        If there is no sample or the lengths differ.
    """
    if len(a) != len(b) or not len(a):
        raise ValueError(f"classifiers compared on {len(a)} and {len(b)} samples; they need the same ones")
    only_a, only_b = int(np.sum(a & ~b)), int(np.sum(~a & b))
    subjects = 0 if groups is None else len(np.unique(groups))
    test = "McNemar, exact, by sample"
    if groups is not None and subjects >= FEWEST_SUBJECTS:
        p, test = sign_flip_test(a, b, groups, seed), f"sign flips by subject ({subjects})"
    else:
        groups, p = None, mcnemar(only_a, only_b)
        test += (
            f" ({subjects} subjects are too few for a test by subject: it is optimistic)" if subjects else ""
        )
    low, high = difference_interval(a, b, groups, seed)
    return Paired(len(a), only_a, only_b, (only_a - only_b) / len(a), low, high, p, p, test)


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p-value of the exact McNemar test (McNemar, Psychometrika 12, 1947).

    Of the samples that exactly one classifier is right on, each is right on half if they are equally good:
    a binomial test. 1 if they never differ.
    """
    from scipy.stats import binomtest

    return float(binomtest(min(only_a, only_b), only_a + only_b).pvalue) if only_a + only_b else 1.0


def difference_interval(
    a: Hits, b: Hits, groups: NDArray[np.str_] | None = None, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return the paired bootstrap percentile interval of the difference of two accuracies.

    Resampling samples with replacement draws how many are won by a alone, by b alone and by neither from a
    multinomial distribution, so that no sample needs to be touched. With `groups`, whole subjects are drawn.

    Returns
    -------
    low, high : float
    """
    rng = np.random.default_rng(seed)
    won = a.astype(np.int64) - b.astype(np.int64)
    if groups is None or not len(groups):
        counts = np.array([np.sum(won == 1), np.sum(won == -1), np.sum(won == 0)])
        drawn = rng.multinomial(len(a), counts / len(a), size=DRAWS)
        differences = (drawn[:, 0] - drawn[:, 1]) / len(a)
    else:
        sums, sizes = _by_subject(won, groups)
        weights = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=DRAWS)
        differences = (weights @ sums) / (weights @ sizes)
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def sign_flip_test(a: Hits, b: Hits, groups: NDArray[np.str_], seed: int = 0) -> float:
    """Return the two-sided p-value of a paired permutation test by subject.

    If the two are equally good, which of them is called a may be swapped for any subject as a whole. The
    statistic is the sum over subjects of hits of a less hits of b. Up to `EXACT_SUBJECTS` subjects with a
    difference every swap is visited, beyond that `DRAWS` random ones, the observed one among them (Phipson
    and Smyth, Statistical Applications in Genetics and Molecular Biology 9, 2010). The values are those of
    `scipy.stats.permutation_test`, which visits every swap in a Python loop, many times more slowly.
    """
    sums, _ = _by_subject(a.astype(np.int64) - b.astype(np.int64), groups)
    sums = sums[sums != 0]
    if not len(sums):
        return 1.0
    if len(sums) <= EXACT_SUBJECTS:
        bits = (np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums))) & 1
        return float(np.mean(np.abs((2 * bits - 1) @ sums) >= abs(sums.sum())))
    signs = np.random.default_rng(seed).choice(np.array([-1, 1]), size=(DRAWS, len(sums)))
    return float((1 + np.sum(np.abs(signs @ sums) >= abs(sums.sum()))) / (1 + DRAWS))


def _by_subject(
    values: NDArray[np.int64], groups: NDArray[np.str_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sum of `values` and the count of samples of each subject."""
    _, which = np.unique(groups, return_inverse=True)
    return np.bincount(which, weights=values).astype(np.int64), np.bincount(which)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(1, np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p)))))
    corrected = np.empty(len(p))
    corrected[order] = stepped
    return [float(v) for v in corrected]


def corrected(tests: Sequence[Paired]) -> list[Paired]:
    """Return the tests, each with its `p_holm` for all of them made together."""
    return [replace(t, p_holm=p) for t, p in zip(tests, holm([t.p for t in tests]), strict=True)]


def verdict(a: str, b: str, test: Paired) -> str:
    """Say in one sentence what a test found.

    Returns
    -------
    str
        Such as "hog + svm is better than lbp + knn by 3.1 points [1.9, 4.2] (p < 0.001)" or
        "hog + svm and hog + forest are not distinguishable (0.4 points [-0.8, 1.5], p = 0.52)".
    """
    first, second, sign = (a, b, 1) if test.difference >= 0 else (b, a, -1)
    low, high = sorted((100 * sign * test.low, 100 * sign * test.high))
    size = f"{100 * abs(test.difference):.1f} points [{low:.1f}, {high:.1f}]"
    if not test.distinguishable:
        return f"{first} and {second} are not distinguishable ({size}, {p_words(test.p_holm)})"
    return f"{first} is better than {second} by {size} ({p_words(test.p_holm)})"


def p_words(p: float) -> str:
    """Return a p-value as a paper prints it."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def subject_interval(
    y: NDArray[np.intp],
    predicted: NDArray[np.intp],
    groups: NDArray[Any],
    *,
    level: float = 0.95,
    rounds: int = 2000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Return bootstrap percentile intervals of UF1, UAR and accuracy, resampling whole subjects.

    Clips of one subject are alike; resampling clips would make the intervals too narrow.

    Parameters
    ----------
    y, predicted : (n,) int
    groups : (n,)
    level : float
        Coverage.
    rounds : int
    seed : int

    Returns
    -------
    dict
        "uf1", "uar" and "accuracy", each (low, high).
    """
    k = int(max(y.max(), predicted.max())) + 1
    names, subject = np.unique(groups, return_inverse=True)
    # One confusion matrix a subject; a bootstrap round is a weighted sum of them.
    cells = np.zeros((len(names), k * k))
    np.add.at(cells, (subject, y * k + predicted), 1)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=rounds)
    confusion = (times @ cells).reshape(rounds, k, k)
    true, said = confusion.sum(axis=2), confusion.sum(axis=1)
    hit = np.diagonal(confusion, axis1=1, axis2=2)
    with np.errstate(invalid="ignore"):
        f1, recall = 2 * hit / (true + said), hit / true
    tails = [(1 - level) / 2, (1 + level) / 2]
    by_class = {"uf1": np.where(true > 0, f1, np.nan), "uar": np.where(true > 0, recall, np.nan)}
    drawn = {name: np.nanmean(values, axis=1) for name, values in by_class.items()}
    drawn["accuracy"] = hit.sum(axis=1) / true.sum(axis=1)
    found = {name: np.quantile(values, tails) for name, values in drawn.items()}
    return {name: (float(low), float(high)) for name, (low, high) in found.items()}
