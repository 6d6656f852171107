"""Scores against hand counts and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss, roc_auc_score

from pipelines.metrics.scores import accuracy_interval, auc_ovr, detailed, evaluate


def drawn(seed, n=200, k=5):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    scores = rng.dirichlet(np.ones(k), n)
    scores[np.arange(n), y] += 0.2
    return y, scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_scikit_learn(seed):
    y, p = drawn(seed)
    found = evaluate(y, p, probabilistic=True)
    predicted = p.argmax(axis=1)
    assert found["accuracy"] == accuracy_score(y, predicted)
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, predicted))
    assert found["f1_macro"] == pytest.approx(f1_score(y, predicted, average="macro"))
    assert found["f1_weighted"] == pytest.approx(f1_score(y, predicted, average="weighted"))
    assert found["auc_ovr"] == pytest.approx(roc_auc_score(y, p, multi_class="ovr"))
    assert found["log_loss"] == pytest.approx(log_loss(y, p))
    assert found["ci_low"] < found["accuracy"] < found["ci_high"]


def test_by_hand():
    y = np.array([0, 0, 1, 1])
    found = evaluate(y, np.array([[1, 0], [0, 1], [0, 1], [0, 1.0]]))
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.75
    assert found["f1_macro"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert np.isnan(found["log_loss"])


def test_votes_of_the_head_count_rather_than_the_largest_score():
    y = np.array([0, 1])
    found = evaluate(y, np.array([[0.0, 1.0], [0.0, 1.0]]), predicted=np.array([0, 1]))
    assert found["accuracy"] == 1.0


def test_class_absent_from_the_test():
    y = np.array([0, 0, 1])
    found = evaluate(y, np.eye(3)[[0, 2, 1]])
    assert found["balanced_accuracy"] == 0.75  # of the two classes that are there
    assert np.isfinite(found["auc_ovr"])


def test_one_class_in_the_test_has_no_area():
    assert np.isnan(auc_ovr(np.zeros(3, int), np.eye(3)))


def test_nothing_to_score():
    with pytest.raises(ValueError, match="no samples"):
        evaluate(np.array([], int), np.empty((0, 3)))


@given(st.integers(1, 20000), st.floats(0, 1))
def test_interval_holds_the_accuracy(n, share):
    accuracy = round(share * n) / n
    low, high = accuracy_interval(accuracy, n)
    assert 0 <= low <= accuracy <= high <= 1


def test_interval_near_the_edge_is_the_bootstrap_percentile_and_no_other():
    """Where a normal approximation passes 1 and Wilson's interval is another."""
    rng = np.random.default_rng(0)
    hits = np.r_[np.ones(49), np.zeros(1)]
    means = rng.choice(hits, (100_000, 50)).mean(axis=1)
    assert accuracy_interval(0.98, 50) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=1e-9)


def test_interval_is_that_of_resampling():
    rng = np.random.default_rng(0)
    hits = np.arange(500) < 310
    means = rng.choice(hits, (20000, 500)).mean(axis=1)
    np.testing.assert_allclose(accuracy_interval(0.62, 500), np.quantile(means, [0.025, 0.975]), atol=0.004)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_detailed_against_its_formulas(pairs):
    y, predicted = (np.array(side) for side in zip(*pairs, strict=True))
    found = detailed(y, np.eye(3)[predicted])
    present = np.unique(y)
    tp, fp, fn, tn = (
        np.array([np.sum(((y == k) == a) & ((predicted == k) == b)) for k in present])
        for a, b in ((True, True), (False, True), (True, False), (False, False))
    )
    share = lambda a, b: np.mean(np.divide(a, b, out=np.zeros(len(a)), where=b > 0))  # noqa: E731
    assert found["precision_macro"] == pytest.approx(share(tp, tp + fp))
    assert found["recall_macro"] == pytest.approx(share(tp, tp + fn))
    assert found["jaccard_macro"] == pytest.approx(share(tp, tp + fp + fn))
    assert found["f1_micro"] == pytest.approx(np.mean(y == predicted))
    assert found["hamming_loss"] == pytest.approx(np.mean(y != predicted))
    assert found["zero_one_loss"] == pytest.approx(np.mean(y != predicted))
    if len(present) > 1:
        assert found["specificity_macro"] == pytest.approx(share(tn, tn + fp))
        assert -1 <= found["matthews"] <= 1
    else:
        assert np.isnan(found["specificity_macro"])


def test_areas_by_hand():
    y, scores = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.65, 0.35], [0.2, 0.8]])
    found = detailed(y, scores)
    assert found["roc_auc_0"] == found["roc_auc_1"] == pytest.approx(3 / 4)
    assert found["pr_auc_1"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["roc_auc_micro"] == pytest.approx(roc_auc_score(np.eye(2)[y].ravel(), scores.ravel()))


def test_an_area_without_its_class_is_not_defined():
    found = detailed(np.array([0, 1]), np.eye(3)[[0, 1]])
    assert np.isnan(found["roc_auc_2"])
    assert found["roc_auc_0"] == 1
