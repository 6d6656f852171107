"""Motion magnification: a small motion grows, a still clip and other frequencies do not."""

from __future__ import annotations

import numpy as np
import pytest

from featurize.clips.magnify import magnify


def moving_edge(amplitude: float, frequency: float, frames: int = 40) -> np.ndarray:
    """A soft upright edge that swings by `amplitude` pixels, `frequency` cycles a frame."""
    x = np.arange(64)
    shift = amplitude * np.sin(2 * np.pi * frequency * np.arange(frames))
    rows = 128 + 100 * np.tanh((x - 32 - shift[:, None]) / 6)
    return np.rint(np.repeat(rows[:, None], 64, axis=1)).astype(np.uint8)


def swing(clip: np.ndarray) -> float:
    """How far the edge (where the middle row crosses 128) moves, peak to peak."""
    at = [np.interp(128, frame[32].astype(float), np.arange(64)) for frame in clip]
    return float(np.ptp(at))


def test_a_small_motion_grows_by_about_one_plus_alpha():
    clip = moving_edge(0.5, 0.1)
    grown = swing(magnify(clip, alpha=4, low=0.05, high=0.2, wavelength=8))
    # Less than 1 + alpha: the broadest part of the edge lies in the rest, which is not amplified.
    assert 2.5 <= grown / swing(clip) <= 5.5


def test_more_alpha_more_motion():
    clip = moving_edge(0.3, 0.1)
    swings = [swing(magnify(clip, alpha=a, low=0.05, high=0.2)) for a in (0, 2, 4, 8)]
    assert swings[0] == swing(clip)
    assert (np.diff(swings) > 0.1).all()


def test_a_motion_outside_the_band_stays_as_it_is():
    clip = moving_edge(0.5, 0.1)
    assert swing(magnify(clip, alpha=8, low=0.2, high=0.4)) == pytest.approx(swing(clip), abs=0.05)


def test_a_still_clip_stays_still():
    frame = np.random.default_rng(0).integers(0, 256, (48, 36), dtype=np.uint8)
    clip = np.stack([frame] * 9)
    assert np.array_equal(magnify(clip, alpha=50), clip)


def test_light_of_the_whole_picture_is_not_motion():
    t = np.arange(40)
    clip = np.repeat((128 + 5 * np.sin(2 * np.pi * 0.1 * t)).astype(np.uint8), 64 * 64).reshape(40, 64, 64)
    assert np.abs(magnify(clip, alpha=20, low=0.05).astype(int) - clip).max() <= 1


@pytest.mark.parametrize(
    "wrong", [{"alpha": -1}, {"low": 0.3, "high": 0.2}, {"high": 0.6}, {"wavelength": 0}]
)
def test_parameters_outside_their_range(wrong):
    with pytest.raises(ValueError, match="magnify: need"):
        magnify(np.zeros((4, 16, 16), np.uint8), **wrong)
