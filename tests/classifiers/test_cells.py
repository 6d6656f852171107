"""Cells on precomputed kernels against plain fits: the same scores, nothing learned from what is held out."""

from __future__ import annotations

import numpy as np
import pytest

from classifiers.candidates import RidgeCandidates, SVMCandidates


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    X = rng.normal(0, 1, (90, 6)) + 0.9 * np.eye(3)[y].repeat(2, axis=1)
    return X, y


def rbf(A, B, gamma):
    return np.exp(-gamma * ((A[:, None] - B[None]) ** 2).sum(axis=2))


def test_svm_cells_are_those_of_scikit_learn(problem):
    from sklearn.svm import SVC

    X, y = problem
    cells = SVMCandidates(
        {"0.1": rbf(X, X, 0.1), "0.5": rbf(X, X, 0.5)}, y, C=(10, 0.5), class_weight=(None, "balanced")
    )
    train, test = np.arange(0, 90, 3), np.arange(1, 90, 3)
    found = cells.scores(train, test)
    assert found.shape == (8, 30, 3)
    for number, cell in enumerate(cells.candidates):
        plain = SVC(C=cell["C"], gamma=float(cell["kernel"]), class_weight=cell["class_weight"])
        plain.fit(X[train], y[train])
        assert found[number] == pytest.approx(plain.decision_function(X[test]), abs=0.02)
        # Alone it does not start from the solution of a smaller C: equal within the solver's tolerance.
        assert cells.scores(train, test, number)[0] == pytest.approx(found[number], abs=0.005)


def test_svm_held_out_is_a_fit_without_the_fold(problem):
    X, y = problem
    cells = SVMCandidates({"k": rbf(X, X, 0.2)}, y, C=(1,))
    train = np.arange(60)
    folds = [np.arange(0, 20), np.arange(20, 60)]
    held = cells.held_out(train, folds)
    assert np.array_equal(held[0], cells.scores(np.arange(20, 60), folds[0]))
    assert np.array_equal(held[1], cells.scores(np.arange(0, 20), folds[1]))


def test_svm_with_copies_trains_on_all_and_averages_at_the_test(problem):
    from sklearn.svm import SVC

    X, y = problem
    both = np.concatenate([X, X[:, ::-1]])
    cells = SVMCandidates({"k": rbf(both, both, 0.2)}, y, C=(2,))
    train, test = np.arange(50), np.arange(50, 90)
    plain = SVC(C=2, gamma=0.2).fit(np.concatenate([X[train], X[train, ::-1]]), np.tile(y[train], 2))
    wanted = (plain.decision_function(X[test]) + plain.decision_function(X[test, ::-1])) / 2
    assert cells.scores(train, test)[0] == pytest.approx(wanted, abs=0.02)


def plain_ridge(K, Y, weights, ridge, train, test):
    A = K[np.ix_(train, train)] + 10.0 + np.diag(ridge / weights[train])
    return (K[np.ix_(test, train)] + 10.0) @ np.linalg.solve(A, Y[train])


@pytest.fixture(scope="module")
def ridge(problem):
    X, y = problem
    K = rbf(X, X, 0.2)
    weights = {"flat": (1, 1, 1), "more": (1, 2, 3)}
    return K, y, RidgeCandidates({"k": 5 * K}, y, (0.1, 1.0), weights)


def wanted_by_plain_fits(K, y, cells, train, test):
    Y = np.where(y[:, None] == np.arange(3), 1.0, -1.0)
    table = {"flat": np.ones(3), "more": np.array([1.0, 2.0, 3.0])}
    return [plain_ridge(K, Y, table[c["weights"]][y], c["ridge"], train, test) for c in cells.candidates]


def test_ridge_scores_are_those_of_a_fit_on_the_training_samples_alone(ridge):
    K, y, cells = ridge
    train, test = np.arange(0, 70), np.arange(75, 90)  # 70..74 are in neither
    found = cells.scores(train, test)
    assert found.shape == (4, 15, 3)
    assert found == pytest.approx(np.array(wanted_by_plain_fits(K, y, cells, train, test)), abs=1e-8)
    assert np.array_equal(cells.scores(train, test, 2)[0], found[2])


def test_ridge_held_out_is_a_fit_without_the_fold(ridge):
    K, y, cells = ridge
    train = np.arange(12, 80)
    folds = [np.arange(12, 30), np.arange(30, 80, 2)]
    for fold, found in zip(folds, cells.held_out(train, folds), strict=True):
        wanted = wanted_by_plain_fits(K, y, cells, np.setdiff1d(train, fold), fold)
        assert found == pytest.approx(np.array(wanted), abs=1e-8)
    everything = np.arange(90)
    for fold, found in zip(folds, cells.held_out(everything, folds), strict=True):
        wanted = wanted_by_plain_fits(K, y, cells, np.setdiff1d(everything, fold), fold)
        assert found == pytest.approx(np.array(wanted), abs=1e-8)


def test_labels_that_are_held_out_change_nothing(problem):
    X, y = problem
    K = rbf(X, X, 0.2)
    other = y.copy()
    other[60:] = (other[60:] + 1) % 3
    train, test = np.arange(60), np.arange(60, 90)
    inner = [np.arange(0, 30), np.arange(30, 60)]
    for make in (
        lambda t: SVMCandidates({"k": K}, t),
        lambda t: RidgeCandidates({"k": K}, t, (0.5,), {"w": (1, 2, 2)}),
    ):
        assert make(y).scores(train, test) == pytest.approx(make(other).scores(train, test), abs=1e-9)
        for a, b in zip(make(y).held_out(train, inner), make(other).held_out(train, inner), strict=True):
            assert a == pytest.approx(b, abs=1e-9)


def test_a_class_that_training_lacks_does_not_win(problem):
    X, y = problem
    K = rbf(X, X, 0.2)
    train = np.flatnonzero(y != 2)
    test = np.flatnonzero(y == 2)
    for cells in (SVMCandidates({"k": K}, y), RidgeCandidates({"k": K}, y, (0.5,), {"w": (1, 1, 1)})):
        assert set(cells.scores(train, test)[0].argmax(axis=1)) <= {0, 1}


@pytest.mark.parametrize("shape", [(90, 89), (91, 91), (0, 0)])
def test_a_kernel_that_does_not_fit_is_refused(problem, shape):
    with pytest.raises(ValueError, match="does not fit 90 samples"):
        SVMCandidates({"k": np.ones(shape)}, problem[1])


def test_what_is_no_kernel_is_refused(problem):
    y = problem[1]
    K = np.eye(90)
    K[3, 4] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        RidgeCandidates({"k": K}, y, (1.0,), {"w": (1, 1, 1)})
    for ridge, weights in (((0.0,), (1, 1, 1)), ((1.0,), (1, 1)), ((1.0,), (1, 0, 1))):
        with pytest.raises(ValueError, match="ridges above 0 and 3 weights above 0"):
            RidgeCandidates({"k": np.eye(90)}, y, ridge, {"w": weights})
