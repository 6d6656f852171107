"""ROC and precision-recall curves, point by point."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from pipelines.metrics.curves import one_against_rest, precision_recall, roc

#: Few different scores, so that many are equal.
judged = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=60).filter(
    lambda pairs: len({positive for positive, _ in pairs}) == 2
)


@given(judged)
def test_curves_have_a_point_for_each_threshold(pairs):
    positive, score = (np.array(side) for side in zip(*pairs, strict=True))
    score = score.astype(np.float32) / 3
    passed = [score >= threshold for threshold in np.unique(score)[::-1]]
    true = np.array([np.sum(positive & p) for p in passed])
    false = np.array([np.sum(~positive & p) for p in passed])
    x, y, area = roc(positive, score)
    np.testing.assert_allclose(x, [0, *false / np.sum(~positive)])
    np.testing.assert_allclose(y, [0, *true / np.sum(positive)])
    above = score[positive][:, None] - score[~positive]
    assert area == pytest.approx(np.mean((above > 0) + (above == 0) / 2))  # Mann and Whitney's U
    recall, precision, average = precision_recall(positive, score)
    np.testing.assert_allclose(recall, [0, *true / np.sum(positive)])
    np.testing.assert_allclose(precision, [1, *true / (true + false)])
    assert average == pytest.approx(metrics.average_precision_score(positive, score))


def test_without_both_kinds_there_is_no_area():
    score = np.array([0.2, 0.5])
    assert math.isnan(roc(np.array([True, True]), score)[2])
    assert math.isnan(roc(np.array([False, False]), score)[2])
    assert math.isnan(precision_recall(np.array([False, False]), score)[2])


def test_one_against_rest():
    assert one_against_rest(np.array([1, 0]), 3).tolist() == [[False, True, False], [True, False, False]]
