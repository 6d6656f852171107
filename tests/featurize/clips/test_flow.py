"""Flow, strain and pooling on motions that are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from featurize.clips.flow import Flow, optical_flow, optical_strain
from featurize.clips.pooled import Pooled


def texture(seed: int = 0, side: int = 128) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (side, side)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def moved(picture: np.ndarray, matrix: list[list[float]]) -> np.ndarray:
    return cv2.warpAffine(
        picture, np.array(matrix, float), picture.shape[::-1], borderMode=cv2.BORDER_REFLECT
    )


@pytest.mark.parametrize("method", ["dis", "farneback"])
def test_a_shift_is_found_and_has_no_strain(method):
    first = texture()
    flow = optical_flow(first, moved(first, [[1, 0, 2.0], [0, 1, -1.0]]), method)
    inner = flow[20:-20, 20:-20]
    assert np.median(inner, axis=(0, 1)) == pytest.approx([2, -1], abs=0.1)
    assert np.median(optical_strain(flow)[20:-20, 20:-20]) < 0.02


def test_strain_of_a_known_stretch():
    y, x = np.mgrid[:30, :30].astype(np.float32)
    flow = np.dstack([0.1 * x + 0.02 * y, 0.05 * y])
    wanted = np.sqrt(0.1**2 + 0.05**2 + 2 * (0.02 / 2) ** 2)
    assert optical_strain(flow) == pytest.approx(np.full((30, 30), wanted), abs=1e-4)


def test_a_rotation_has_no_strain():
    y, x = np.mgrid[:20, :20].astype(np.float32)
    assert optical_strain(np.dstack([-0.05 * y, 0.05 * x])).max() < 1e-5


def clip_with_apex_at(apex: int, frames: int = 11) -> np.ndarray:
    first = texture()
    size = [3 * (1 - abs(t - apex) / max(apex, frames - 1 - apex)) if t else 0 for t in range(frames)]
    return np.stack([moved(first, [[1, 0, s], [0, 1, 0]]) for s in size])


def test_flow_goes_to_the_apex_by_motion():
    clip = clip_with_apex_at(6)
    u = Flow(apex="motion", form="maps", grid=8).transform([clip]).reshape(8, 8, 3)[2:-2, 2:-2, 0]
    assert np.median(u) == pytest.approx(3, abs=0.2)
    last = Flow(apex="last", form="maps", grid=8).transform([clip]).reshape(8, 8, 3)[2:-2, 2:-2, 0]
    assert np.median(last) < np.median(u) - 0.5


def test_blocks_hold_the_means_of_the_maps():
    clip = clip_with_apex_at(5)
    maps = Flow(form="maps", grid=4).transform([clip]).reshape(4, 4, 3)
    blocks = Flow(form="blocks", grid=4).transform([clip]).reshape(4, 4, 4)
    assert blocks[..., :3] == pytest.approx(maps, abs=1e-5)
    assert (blocks[..., 3] >= np.hypot(maps[..., 0], maps[..., 1]) - 1e-5).all()


def test_scaled_flow_of_a_still_clip_is_zero_not_nan():
    still = np.stack([texture()] * 3)
    X = Flow(scale="std").transform([still])
    assert np.isfinite(X).all()
    assert np.abs(X).max() < 1e-3


def test_pooling_of_a_frame_extractor():
    clip = np.stack([texture(k, 48) for k in range(5)])
    one = Pooled(of="pixels", frames=5, side=48, pool="mean").frame_extractor.transform(clip)
    for pool, wanted in (("mean", one.mean(0)), ("max", one.max(0)), ("std", one.std(0))):
        found = Pooled(of="pixels", frames=5, side=48, pool=pool).transform([clip])[0]
        assert found == pytest.approx(wanted, abs=1e-5)


def test_apex_minus_onset_of_a_still_clip_is_zero():
    still = np.stack([texture(0, 48)] * 5)
    assert not Pooled(of="hog", frames=5, side=48, pool="apex-onset").transform([still]).any()


def test_pooling_takes_one_extractor_of_pictures():
    for wrong in ("hog+lbp", "lbp-top"):
        with pytest.raises(ValueError, match="must be one extractor of images"):
            _ = Pooled(of=wrong).dim
    with pytest.raises(ValueError, match="did you mean 'hog'"):
        _ = Pooled(of="hogg").dim
