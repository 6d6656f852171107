"""LBP-TOP and HOG-TOP against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.clips.hog_top import HOGTOP
from featurize.clips.lbp_top import LBPTOP, uniform_bins
from featurize.registry import extractor

RING = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))


def is_uniform(code: int) -> bool:
    bits = [(code >> k) & 1 for k in range(8)]
    return sum(bits[k] != bits[(k + 1) % 8] for k in range(8)) <= 2


UNIFORM = [c for c in range(256) if is_uniform(c)]


def plain_lbp_top(clip: np.ndarray, grid: int, r: int, rt: int) -> np.ndarray:
    """Zhao and Pietikäinen 2007 pixel by pixel."""
    frames, height, width = clip.shape
    h, w = height - 2 * r, width - 2 * r
    counts = np.zeros((grid * grid, 3, 59))
    for t in range(rt, frames - rt):
        for y in range(r, height - r):
            for x in range(r, width - r):
                block = (y - r) * grid // h * grid + (x - r) * grid // w
                for plane in range(3):
                    code = 0
                    for bit, (da, db) in enumerate(RING):
                        dt, dy, dx = [(0, da, db), (da, 0, db), (da, db, 0)][plane]
                        code |= int(clip[t + dt * rt, y + dy * r, x + dx * r] >= clip[t, y, x]) << bit
                    counts[block, plane, UNIFORM.index(code) if code in UNIFORM else 58] += 1
    return (counts / counts.sum(axis=2, keepdims=True)).ravel()


@pytest.mark.parametrize(
    ("grid", "radius", "radius_t", "levels"), [(5, 1, 1, 256), (1, 2, 1, 6), (2, 1, 2, 3), (3, 3, 2, 256)]
)
def test_lbp_top_equals_the_plain_loops(grid, radius, radius_t, levels):
    clip = np.random.default_rng(radius).integers(0, levels, (7, 22, 22), dtype=np.uint8)
    found = LBPTOP(frames=7, side=22, grid=grid, radius=radius, radius_t=radius_t).transform([clip])[0]
    assert found == pytest.approx(plain_lbp_top(clip, grid, radius, radius_t), abs=1e-6)


def test_the_uniform_patterns_are_58():
    bins = uniform_bins()
    assert sorted(set(bins)) == list(range(59))
    assert [c for c in range(256) if bins[c] < 58] == UNIFORM


def test_each_histogram_sums_to_one():
    clip = np.random.default_rng(0).integers(0, 256, (9, 40, 30), dtype=np.uint8)
    found = LBPTOP(frames=6, side=32, grid=3).transform([clip])[0]
    assert found.reshape(-1, 59).sum(axis=1) == pytest.approx(1, abs=1e-5)


def plain_hog_top(clip: np.ndarray, grid: int, bins: int, signed: bool) -> np.ndarray:
    c = clip.astype(float)
    frames, height, width = clip.shape
    h, w = height - 2, width - 2
    whole = 2 * np.pi if signed else np.pi
    found = np.zeros((grid * grid, 3, bins))
    for t in range(1, frames - 1):
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                gt = (c[t + 1, y, x] - c[t - 1, y, x]) / 2
                gy = (c[t, y + 1, x] - c[t, y - 1, x]) / 2
                gx = (c[t, y, x + 1] - c[t, y, x - 1]) / 2
                block = (y - 1) * grid // h * grid + (x - 1) * grid // w
                for plane, (along, across) in enumerate(((gx, gy), (gx, gt), (gy, gt))):
                    angle = np.arctan2(across, along) % (2 * np.pi)
                    found[block, plane, int(angle / whole * bins) % bins] += np.hypot(along, across)
    total = found.sum(axis=2, keepdims=True)
    return (found / np.where(total > 0, total, 1)).ravel()


@pytest.mark.parametrize(("grid", "bins", "signed"), [(4, 9, False), (1, 8, True), (3, 7, True)])
def test_hog_top_equals_the_plain_loops(grid, bins, signed):
    clip = np.random.default_rng(bins).integers(0, 256, (6, 18, 18), dtype=np.uint8)
    found = HOGTOP(frames=6, side=18, grid=grid, bins=bins, signed=signed).transform([clip])[0]
    # An angle on the border of two bins may fall to either side in float32.
    assert np.abs(found - plain_hog_top(clip, grid, bins, signed)).sum() < 0.05 * grid**2
    assert found.reshape(-1, bins).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_still_and_even_clip_has_no_gradients():
    assert not HOGTOP().transform([np.full((18, 64, 64), 90, np.uint8)]).any()


def test_a_still_clip_and_a_moving_one_differ_in_time_only_where_they_should():
    frame = np.random.default_rng(1).integers(0, 256, (32, 32), dtype=np.uint8)
    still = np.stack([frame] * 8)
    moving = np.stack([np.roll(frame, t, axis=1) for t in range(8)])
    X = HOGTOP(frames=8, side=32, grid=1, bins=8).transform([still, moving]).reshape(2, 3, 8)
    assert X[0, 1, 0] == pytest.approx(1)  # nothing along t: all gradients of XT lie along x
    assert X[1, 1, 0] < 0.5


@given(st.integers(2, 40), st.integers(10, 70), st.integers(10, 70))
@settings(max_examples=15, deadline=None)
def test_any_clip_gives_a_vector(frames, height, width):
    clip = np.random.default_rng(frames).integers(0, 256, (frames, height, width), dtype=np.uint8)
    for name in ("lbp-top", "hog-top"):
        built = extractor(name, frames=5, side=24, grid=2)
        assert built.transform([clip]).shape == (1, built.dim)


def test_the_same_clip_gives_the_same_vector_whatever_stands_beside_it():
    rng = np.random.default_rng(3)
    clips = [rng.integers(0, 256, (n, 40, 40), dtype=np.uint8) for n in (5, 18, 30)]
    for name in ("lbp-top", "hog-top", "flow", "pooled"):
        built = extractor(name)
        together = built.transform(clips)
        apart = np.concatenate([built.transform([c]) for c in clips])
        assert np.array_equal(together, apart)
        assert together.dtype == np.float32


def test_a_grid_too_fine_for_the_frames_is_refused():
    clip = np.zeros((5, 20, 20), np.uint8)
    with pytest.raises(ValueError, match="lbp-top: 5 frames of 20 pixels are too few"):
        LBPTOP(frames=5, side=20, radius=7, grid=8).transform([clip])


@pytest.mark.parametrize(
    "wrong", [{"frames": 1}, {"low": 0.3, "high": 0.1}, {"grid": 0}, {"sampling": "last"}]
)
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match="extractor lbp-top: "):
        LBPTOP(**wrong)


def test_magnification_is_part_of_what_the_extractor_is():
    rng = np.random.default_rng(0)
    base = rng.integers(60, 200, (64, 64)).astype(float)
    clip = np.stack([base + 3 * np.sin(t) * np.roll(base, 1, 0) / 200 for t in range(18)]).astype(np.uint8)
    plain, grown = LBPTOP(), LBPTOP(magnify=10.0)
    assert plain.spec.identity() != grown.spec.identity()
    assert not np.array_equal(plain.transform([clip]), grown.transform([clip]))
