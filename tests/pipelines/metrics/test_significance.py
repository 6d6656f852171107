"""Tests between classifiers: against other libraries' figures, hand counts and brute force."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import permutation_test

from pipelines.metrics import calibration, significance
from pipelines.metrics.calibration import reliability
from pipelines.metrics.significance import (
    Paired,
    compare_hits,
    corrected,
    holm,
    mcnemar,
    sign_flip_test,
    verdict,
)


def test_mcnemar_of_a_textbook():
    # 2 * P(X <= 1 | n = 8, 1/2) = 2 * 9 / 256.
    assert mcnemar(1, 7) == pytest.approx(18 / 256)
    assert mcnemar(0, 0) == 1
    assert mcnemar(5, 5) == 1
    assert mcnemar(0, 10) == pytest.approx(2 / 1024)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_a_symmetric_sum_of_binomials(b, c):
    n, k = b + c, min(b, c)
    tail = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
    assert mcnemar(b, c) == pytest.approx(min(1, 2 * tail), rel=1e-9)
    assert mcnemar(b, c) == mcnemar(c, b)


def test_holm_of_the_paper():
    # Holm (1979): multiply by the number of hypotheses left, never below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_order_and_lies_between_none_and_bonferroni(ps):
    found = holm(ps)
    assert all(p <= q <= min(1, p * len(ps)) + 1e-12 for p, q in zip(ps, found, strict=True))
    for (p, q), (r, s) in itertools.combinations(zip(ps, found, strict=True), 2):
        assert not (p < r and q > s)


def test_interval_of_a_difference_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        a, b = rng.random(400) < 0.7, rng.random(400) < 0.6
        low, high = significance.difference_interval(a, b, seed=trial)
        covered += low <= 0.1 <= high
    assert 180 <= covered <= 199  # 95 % of 200 is 190; five standard deviations are 15


def test_interval_equals_resampling_the_samples():
    rng = np.random.default_rng(1)
    a, b = rng.random(150) < 0.8, rng.random(150) < 0.6
    drawn = rng.integers(0, 150, (20_000, 150))
    plain = np.quantile((a[drawn].mean(axis=1) - b[drawn].mean(axis=1)), [0.025, 0.975])
    assert significance.difference_interval(a, b) == pytest.approx(plain, abs=0.008)


def test_subjects_widen_the_interval():
    """Twenty copies of ten samples are ten samples."""
    rng = np.random.default_rng(2)
    a, b = rng.random(10) < 0.8, rng.random(10) < 0.5
    many_a, many_b, subjects = np.repeat(a, 20), np.repeat(b, 20), np.repeat([f"s{i}" for i in range(10)], 20)
    few = compare_hits(a, b, np.arange(10).astype(str))
    many = compare_hits(many_a, many_b, subjects)
    assert (many.low, many.high, many.p) == pytest.approx((few.low, few.high, few.p))
    assert many.test == "sign flips by subject (10)"
    assert compare_hits(many_a, many_b).p < many.p


def test_five_subjects_are_tested_by_sample_and_it_is_said():
    a, subjects = np.arange(50) % 10 > 0, np.arange(50).astype(str)
    few = compare_hits(a, ~a, np.char.mod("%d", np.arange(50) % 5))
    assert "5 subjects are too few" in few.test
    assert few.p == compare_hits(a, ~a).p < 1e-6
    assert "by subject (50)" in compare_hits(a, ~a, subjects).test


def test_sign_flips_are_all_visited():
    # Differences 3, 2, 1, -1: of 16 swaps, those with a sum of at least 5 either way.
    a = np.array([1, 1, 1, 1, 1, 1, 0], dtype=bool)
    subjects = np.array(list("aaabbcd"))
    sums = [3, 2, 1, -1]
    swaps = [
        sum(s * d for s, d in zip(signs, sums, strict=True)) for signs in itertools.product((-1, 1), repeat=4)
    ]
    assert sign_flip_test(a, ~a, subjects) == np.mean([abs(s) >= 5 for s in swaps])
    assert sign_flip_test(a, a, subjects) == 1


@pytest.mark.parametrize("seed", range(4))
def test_sign_flips_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(9), 5).astype(str)
    a, b = rng.random((2, 45)) < 0.6
    sums = (a.astype(int) - b).reshape(9, 5).sum(axis=1)
    found = permutation_test((sums,), lambda x, axis: x.sum(axis=axis), permutation_type="samples")
    assert sign_flip_test(a, b, subjects) == pytest.approx(found.pvalue)


def test_sign_flips_of_many_subjects_are_drawn_and_never_zero():
    a = np.ones(40, dtype=bool)
    p = sign_flip_test(a, ~a, np.arange(40).astype(str))
    assert p == 1 / (1 + significance.DRAWS)
    fair = np.arange(40) % 2 == 0
    assert sign_flip_test(fair, ~fair, np.arange(40).astype(str)) == 1


def test_words():
    far = Paired(100, 30, 5, 0.25, 0.15, 0.35, 1e-6, 1e-6, "McNemar, exact")
    assert verdict("A", "B", far) == "A is better than B by 25.0 points [15.0, 35.0] (p < 0.001)"
    back = Paired(100, 5, 30, -0.25, -0.35, -0.15, 0.01, 0.01, "McNemar, exact")
    assert verdict("A", "B", back) == "B is better than A by 25.0 points [15.0, 35.0] (p = 0.010)"
    near = Paired(100, 11, 10, 0.01, -0.08, 0.1, 1.0, 1.0, "McNemar, exact")
    assert verdict("A", "B", near) == "A and B are not distinguishable (1.0 points [-8.0, 10.0], p = 1.00)"


def test_correction_can_take_a_difference_back():
    tests = [Paired(100, 15, 5, 0.1, 0.0, 0.2, 0.04, 0.04, "McNemar, exact")] * 3
    assert tests[0].distinguishable
    assert not any(t.distinguishable for t in corrected(tests))


def test_other_samples_are_refused():
    with pytest.raises(ValueError, match="3 and 2 samples"):
        compare_hits(np.ones(3, bool), np.ones(2, bool))
    with pytest.raises(ValueError, match="0 and 0"):
        compare_hits(np.ones(0, bool), np.ones(0, bool))


def test_calibration_error_by_hand():
    # Ten samples at .95 of which 8 are right, ten at .55 of which 5 are: (.15 + .05) / 2.
    confidence = np.repeat([0.95, 0.55], 10)
    hits = np.array([True] * 8 + [False] * 2 + [True] * 5 + [False] * 5)
    found = reliability(confidence, hits)
    assert found.error == pytest.approx(0.10)
    assert found.count.sum() == 20
    assert found.accuracy[14] == pytest.approx(0.8)


@given(
    hnp.arrays(float, st.integers(1, 60), elements=st.floats(0, 1)),
    st.integers(0, 2**31),
    st.integers(1, 20),
)
def test_calibration_error_against_a_loop(confidence, seed, bins):
    hits = np.random.default_rng(seed).random(len(confidence)) < 0.5
    error = 0.0
    for k in range(bins):
        low, high = np.linspace(0, 1, bins + 1)[k : k + 2]
        inside = (confidence > low) & (confidence <= high) | ((k == 0) & (confidence == 0))
        if inside.any():
            error += inside.mean() * abs(confidence[inside].mean() - hits[inside].mean())
    found = reliability(confidence, hits, bins)
    assert found.error == pytest.approx(error, abs=1e-12)
    assert found.count.sum() == len(confidence)


def test_a_perfect_head_has_no_calibration_error():
    scores = np.eye(3)[[0, 1, 2, 0]]
    true = np.array([0, 1, 2, 0])
    assert calibration.calibration_error(scores, true, true) == 0
    assert math.isnan(calibration.calibration_error(scores * 7, true, true))
    with pytest.raises(ValueError, match="between 0 and 1"):
        reliability(np.array([1.2]), np.array([True]))
