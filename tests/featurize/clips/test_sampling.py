"""Sampling in time against the paper's own construction; apex; refusal of what is no clip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.clips.sampling import apex_index, interpolation_matrix, resize_clip, sample


def tim_by_regression(clip: np.ndarray, frames: int) -> np.ndarray:
    """Zhou 2011 as written there: eigenvectors of the path graph, regression through the SVD, curves."""
    n = len(clip)
    X = clip.reshape(n, -1).astype(float).T
    mean = X.mean(axis=1, keepdims=True)
    U, s, Vt = np.linalg.svd(X - mean, full_matrices=False)
    keep = s > 1e-9 * s[0]
    Q = s[keep, None] * Vt[keep]
    laplacian = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    laplacian[0, 0] = laplacian[-1, -1] = 1
    _, V = np.linalg.eigh(laplacian)
    V = V[:, 1:]
    w = np.linalg.solve(Q @ Q.T, Q @ V)  # w_k with Q^T w_k = y_k
    k = np.arange(1, n)

    def curve(t):
        return np.sin(np.pi * k * t + np.pi * (n - k) / (2 * n))

    scale = V[0] / curve(1 / n)  # eigenvectors of length 1, either sign
    found = []
    for t in np.linspace(1 / n, 1, frames):
        code = np.linalg.lstsq(w.T, scale * curve(t), rcond=None)[0]
        found.append(U[:, keep] @ code + mean[:, 0])
    return np.array(found).reshape(frames, *clip.shape[1:])


@pytest.mark.parametrize(("n", "frames"), [(5, 12), (14, 18), (30, 18), (2, 7), (9, 9)])
def test_temporal_interpolation_is_that_of_the_paper(n, frames):
    clip = np.random.default_rng(n).integers(60, 190, (n, 9, 8), dtype=np.uint8)
    wanted = np.clip(np.rint(tim_by_regression(clip, frames)), 0, 255)
    assert np.abs(sample(clip, frames, "tim") - wanted).max() <= 1


@given(st.integers(2, 60), st.integers(2, 60))
@settings(max_examples=40, deadline=None)
def test_weights_sum_to_one_and_pass_through_the_ends(n, frames):
    weights = interpolation_matrix(n, frames)
    assert weights.shape == (frames, n)
    assert weights.sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert weights[0] == pytest.approx(np.eye(n)[0], abs=1e-4)
    assert weights[-1] == pytest.approx(np.eye(n)[-1], abs=1e-4)


def test_a_steady_motion_stays_steady():
    ramp = np.repeat(np.arange(20, 220, 20, dtype=np.uint8), 4).reshape(10, 2, 2)
    middle = sample(ramp, 19, "tim")[:, 0, 0].astype(int)
    assert (np.diff(middle) >= 0).all()
    assert abs(middle[9] - 110) <= 2


@given(st.integers(2, 50), st.integers(2, 50), st.sampled_from(["tim", "uniform"]))
@settings(max_examples=40, deadline=None)
def test_any_length_to_any_length(n, frames, how):
    clip = np.random.default_rng(n * 64 + frames).integers(0, 256, (n, 4, 5), dtype=np.uint8)
    found = sample(clip, frames, how)
    assert found.shape == (frames, 4, 5)
    assert found.dtype == np.uint8
    if how == "uniform":
        assert np.array_equal(found[0], clip[0])
        assert np.array_equal(found[-1], clip[-1])


def test_first_takes_the_first_and_refuses_a_clip_too_short():
    clip = np.arange(20 * 4, dtype=np.uint8).reshape(20, 2, 2)
    assert np.array_equal(sample(clip, 18, "first"), clip[:18])
    with pytest.raises(ValueError, match="17 frames has no first 18"):
        sample(clip[:17], 18, "first")


@pytest.mark.parametrize(
    "clip", [np.zeros((1, 4, 4), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((3, 4, 4))]
)
def test_what_is_no_clip_is_refused(clip):
    with pytest.raises((TypeError, ValueError), match="clip"):
        sample(clip, 5)


def test_apex_is_where_it_moved_most():
    clip = np.full((12, 40, 40), 90, np.uint8)
    for t in range(12):
        clip[t, 10:14, 10 : 12 + 2 * min(t, 14 - t)] = 200
    assert apex_index(clip) == 7
    assert apex_index(np.full((3, 8, 8), 7, np.uint8)) == 1


def test_resizing_keeps_each_frame_apart():
    clip = np.stack([np.full((20, 30), v, np.uint8) for v in (10, 200)])
    assert np.array_equal(resize_clip(clip, 8)[:, 0, 0], [10, 200])
    assert resize_clip(clip, 64).shape == (2, 64, 64)
