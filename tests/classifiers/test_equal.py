"""Heads of ours against scikit-learn's, on the same data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC as Reference

from classifiers import head
from classifiers._bags import bags
from classifiers._svc import pack, unpack
from tests.classifiers.conftest import DATA, Data, blobs


@pytest.mark.parametrize(
    "params",
    [
        {"C": 1.0},
        {"C": 100.0, "gamma": "auto"},
        {"C": 0.1, "gamma": 0.05, "class_weight": "balanced"},
        {"C": 1.0, "kernel": "linear"},
        {"C": 1.0, "kernel": "poly", "degree": 2, "coef0": 1.0},
    ],
    ids=str,
)
def test_svm(data: Data, params: dict[str, Any]) -> None:
    X, y = data
    if params.get("kernel", "rbf") != "rbf":
        X = StandardScaler().fit_transform(X)
    ours, theirs = head("svm", tol=1e-4, **params).fit(X, y), Reference(tol=1e-4, **params).fit(X, y)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=2e-2)
    assert (ours.predict(X) == theirs.predict(X)).mean() >= 0.99


def test_svm_attributes_have_scikit_learns_layout() -> None:
    X, y = DATA["seven"]
    ours, theirs = head("svm", C=1, tol=1e-5).fit(X, y), Reference(C=1, tol=1e-5).fit(X, y)
    shared = np.isin(ours.support_, theirs.support_)
    assert shared.mean() > 0.995 and len(ours.support_) == pytest.approx(len(theirs.support_), rel=0.01)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-3)
    column = {row: k for k, row in enumerate(theirs.support_)}
    order = [column[row] for row in ours.support_[shared]]
    np.testing.assert_allclose(ours.dual_coef_[:, shared], theirs.dual_coef_[:, order], atol=5e-3)


def test_packing_coefficients_loses_nothing() -> None:
    codes = np.array([0, 0, 1, 2, 3, 3])
    coef = np.zeros((6, 6), np.float32)
    for p, (i, j) in enumerate([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]):
        coef[np.isin(codes, [i, j]), p] = np.arange(np.isin(codes, [i, j]).sum()) + 10 * p + 1
    np.testing.assert_array_equal(unpack(pack(coef, codes, 4), codes, 4), coef)


def test_svm_counts_weights_as_copies() -> None:
    X, y = DATA["tall"]
    count = np.random.default_rng(0).integers(0, 3, len(y))
    weighted = head("svm", gamma=0.2, tol=1e-5).fit(X, y, sample_weight=count)
    copied = head("svm", gamma=0.2, tol=1e-5).fit(X.repeat(count, axis=0), y.repeat(count))
    np.testing.assert_allclose(weighted.decision_function(X), copied.decision_function(X), atol=5e-3)


def test_svm_of_duplicates_with_opposite_labels() -> None:
    X = np.ones((20, 3), np.float32)
    y = np.arange(20) % 2
    fitted = head("svm", C=10).fit(X, y)
    assert np.isfinite(fitted.decision_function(X)).all()


def test_calibration_is_scikit_learns(data: Data) -> None:
    X, y = data
    if np.bincount(y).min() < 5:
        pytest.skip("scikit-learn's calibration needs five of each class")
    ours = head("svm", probability=True, tol=1e-4).fit(X, y)
    theirs = CalibratedClassifierCV(
        Reference(gamma=ours.gamma_, tol=1e-4), cv=StratifiedKFold(5), ensemble=False
    ).fit(X, y)
    # Scores jump with each vote: a vector at a border may change one, and its probability with it.
    apart = np.abs(ours.predict_proba(X) - theirs.predict_proba(X))
    assert apart.mean() < 0.01 and np.quantile(apart, 0.95) < 0.03


@pytest.mark.parametrize("bootstrap", [True, False])
def test_bagged_svm_is_its_machines_voting(bootstrap: bool) -> None:
    X, y = DATA["seven"]
    ours = head("bagged-svm", n_estimators=9, max_samples=0.5, C=2, bootstrap=bootstrap).fit(X, y)
    ballots = np.zeros((len(X), 7))
    for count in bags(len(y), 9, 0.5, bootstrap, 0):
        machine = Reference(C=2, gamma=ours.gamma_).fit(X.repeat(count, axis=0), y.repeat(count))
        ballots[np.arange(len(X)), machine.predict(X)] += 1
    clear = np.sort(ballots, axis=1)[:, -1] > np.sort(ballots, axis=1)[:, -2]
    assert (ours.predict(X) == ballots.argmax(axis=1))[clear].mean() >= 0.99


@pytest.mark.parametrize("metric", ["minkowski", "euclidean", "manhattan"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("k", [1, 4, 30])
def test_knn(data: Data, metric: str, weights: str, k: int) -> None:
    X, y = data
    rng = np.random.default_rng(0)
    Q = np.concatenate([X[::3], X[::4] + rng.normal(size=X[::4].shape).astype(np.float32)])
    params = {"n_neighbors": k, "metric": metric, "weights": weights}
    ours = head("knn", **params).fit(X, y)
    theirs = KNeighborsClassifier(algorithm="brute", **params).fit(X.astype(float), y)
    found, expected = ours.predict_proba(Q), theirs.predict_proba(Q.astype(float))
    # Ties at the k-th place may be cut differently: scikit-learn promises no order among equals.
    if len(np.unique(X, axis=0)) == len(X):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    else:
        assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.9


def test_equal_neighbours_come_by_row() -> None:
    X = np.repeat(np.eye(3, dtype=np.float32), 50, axis=0)
    from classifiers._neighbours import neighbours

    distances, index = neighbours(X, X[[0, 60, 149]], 7, "euclidean")
    np.testing.assert_array_equal(index, [range(7), range(50, 57), range(100, 107)])
    assert (distances == 0).all()


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_fewer_neighbours_are_the_first_of_more(metric: str) -> None:
    from classifiers._neighbours import neighbours

    X, _ = blobs(1500, 30, 3)
    X[700:800] = X[:100]
    many, few = (neighbours(X, X[:200], k, metric) for k in (100, 7))
    np.testing.assert_array_equal(many[1][:, :7], few[1])
    np.testing.assert_array_equal(many[0][:, :7], few[0])


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_votes_of_every_size_in_one_pass(weights: str) -> None:
    from classifiers._neighbours import shares

    rng = np.random.default_rng(0)
    distances = np.sort(rng.integers(0, 4, (300, 12)) * 0.5, axis=1)
    distances[0] = 5e-324  # 1 / distance is infinite: as near as 0
    codes = rng.integers(0, 3, (300, 12))
    found = shares(distances, codes, [1, 5, 12], 3, weights)
    for k, proba in zip([1, 5, 12], found, strict=True):
        near, each = distances[:, :k], np.ones((300, k))
        if weights == "distance":
            each = np.where(near[:, :1] < 1e-300, near < 1e-300, 1 / np.maximum(near, 1e-300))
        expected = [[each[q, codes[q, :k] == c].sum() for c in range(3)] for q in range(300)]
        np.testing.assert_allclose(proba, np.array(expected) / each.sum(axis=1, keepdims=True), atol=1e-12)
        np.testing.assert_array_equal(proba, shares(distances, codes, [k], 3, weights)[0])


@pytest.mark.parametrize("C", [0.01, 1.0])
def test_softmax(data: Data, C: float) -> None:
    X, y = data
    ours = head("softmax", C=C, tol=1e-6).fit(X.astype(float), y)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=C, tol=1e-6, max_iter=1000))
    theirs.fit(X.astype(float), y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X.astype(float)), atol=1e-3)


FORESTS: list[dict[str, Any]] = [
    {},
    {"bootstrap": False, "min_samples_leaf": 3, "min_samples_split": 5},
    {"criterion": "entropy", "max_depth": 6, "max_features": 0.3},
    {"class_weight": "balanced", "max_features": None},
]


@pytest.mark.parametrize("params", FORESTS, ids=str)
@pytest.mark.parametrize("n", [200, 900])  # fewer values than bins, and more
def test_forest_is_as_good_over_seeds(params: dict[str, Any], n: int) -> None:
    X, y = blobs(n, 8, 4, spread=1.5)
    folds = StratifiedKFold(3)
    ours, theirs = (
        [cross_val_score(make(seed), X, y, cv=folds).mean() for seed in range(3)]
        for make in (
            lambda s: head("forest", n_estimators=30, random_state=s, **params),
            lambda s: RandomForestClassifier(n_estimators=30, random_state=s, **params),
        )
    )
    spread = np.std(ours + theirs) / 2  # about the standard error of a mean of three
    assert abs(np.mean(ours) - np.mean(theirs)) < max(4 * spread, 0.02)


def test_forest_trees_are_as_large() -> None:
    X, y = blobs(1500, 12, 4, spread=1.8)
    ours = head("forest", n_estimators=40, min_samples_leaf=3).fit(X, y)
    theirs = RandomForestClassifier(n_estimators=40, min_samples_leaf=3, random_state=0).fit(X, y)
    nodes = sum(tree.tree_.node_count for tree in theirs.estimators_)
    assert len(ours.feature_) == pytest.approx(nodes, rel=0.05)


@pytest.mark.parametrize("entropy", [False, True])
@pytest.mark.parametrize("whole", [True, False])
def test_both_ways_to_cut_a_node_agree(entropy: bool, whole: bool) -> None:
    from classifiers._trees import by_bins, by_links

    rng = np.random.default_rng(1)
    first, after, words = np.full(256, -1), np.zeros(1000, np.int64), np.zeros(4, np.uint64)
    hist, seen, left, right = np.zeros((256, 3)), np.zeros(256, np.int64), np.zeros(3), np.zeros(3)
    for n in (2, 3, 9, 60, 1000):
        for levels in (1, 2, 30, 256):
            codes, ys = rng.integers(0, levels, n).astype(np.uint8), rng.integers(0, 3, n)
            ws = rng.integers(1, 4, n) * (1.0 if whole else 0.37)
            node = np.bincount(ys, ws, 3)
            x = np.arange(3 * n + 1)
            table = x * np.log(np.maximum(x, 1)) if whole else np.empty(0)
            shape = (codes, ys, ws, node, node.sum(), min(n // 2, 3), entropy, table)
            score, where = by_links(*shape, first, after, words, left, right)
            other, there = by_bins(*shape, hist, seen, left, right)
            assert (where < 0 and where == there) or score == pytest.approx(other, abs=1e-8)
            assert (first == -1).all()


def test_a_whole_tree_separates_what_can_be_separated() -> None:
    X, y = blobs(300, 5, 3, spread=3.0)
    fitted = head("forest", n_estimators=1, bootstrap=False).fit(X, y)
    np.testing.assert_array_equal(fitted.predict(X), y)


def test_forest_respects_its_limits() -> None:
    X, y = blobs(500, 6, 3)
    stump = head("forest", n_estimators=5, max_depth=1).fit(X, y)
    assert len(stump.feature_) == 15 and len(stump.value_) == 10
    leafy = head("forest", n_estimators=1, bootstrap=False, min_samples_leaf=40).fit(X, y)
    assert len(leafy.value_) <= 500 // 40


def test_fewer_trees_are_the_first_of_more() -> None:
    X, y = DATA["seven"]
    many, few = (head("forest", n_estimators=n).fit(X, y) for n in (12, 5))
    np.testing.assert_array_equal(many.feature_[: len(few.feature_)], few.feature_)
    np.testing.assert_array_equal(many.value_[: len(few.value_)], few.value_)
