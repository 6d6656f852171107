"""The motion that is left when the head's own is taken out."""

from __future__ import annotations

import numpy as np
import pytest

from featurize.clips.maps import MapField, altered
from featurize.clips.residual import MapResidual, affine_motion, compressed
from featurize.registry import extractor

DOWN, RIGHT = np.mgrid[-1:1:28j, -1:1:28j].astype(np.float32)
#: A head that turns in its plane and comes nearer.
TURN = np.stack([8 * RIGHT - 5 * DOWN + 3, 5 * RIGHT + 8 * DOWN - 2], axis=-1)[None]


@pytest.fixture(scope="module")
def maps():
    return np.random.default_rng(0).integers(0, 256, (5, 28, 28, 3), dtype=np.uint8)


def test_without_both_steps_it_is_the_field(maps):
    found = MapResidual(affine=0, power=1).transform(maps)
    assert found == pytest.approx(MapField().transform(maps), abs=1e-5)


def test_an_affine_motion_is_found_beside_a_moving_brow():
    motion = TURN.copy()
    motion[:, 4:8, 5:12] += 40
    assert affine_motion(motion) == pytest.approx(TURN, abs=0.3)
    plain = np.linalg.lstsq(
        np.stack([np.ones(784), RIGHT.ravel(), DOWN.ravel()], axis=1), motion[0].reshape(784, 2), rcond=None
    )[0][0]
    assert np.abs(plain - [3, -2]).max() > 1  # least squares without weights would not


def test_a_turning_head_leaves_the_brow_alone():
    maps = np.full((1, 28, 28, 3), 128, np.uint8)
    maps[..., :2] = np.clip(TURN + 128, 0, 255).astype(np.uint8)
    maps[:, 4:8, 5:12, 1] -= 60
    left = MapResidual(affine=1).transform(maps).reshape(28, 28, 2)
    whole = MapResidual(affine=0).transform(maps).reshape(28, 28, 2)
    still = np.s_[14:, :]
    assert np.abs(left[still]).mean() < 0.5 * np.abs(whole[still]).mean()
    assert left[5, 8, 1] < -2


def test_lengths_are_compressed_and_directions_kept():
    motion = np.zeros((2, 2, 2, 2), np.float32)
    motion[0, 0, 0], motion[0, 1, 1] = (3, 4), (0, 20)
    bent = compressed(motion, 0.5)
    assert np.hypot(*bent[0, 1, 1]) / np.hypot(*bent[0, 0, 0]) == pytest.approx(2)
    assert bent[0, 0, 0] / np.hypot(*bent[0, 0, 0]) == pytest.approx([0.6, 0.8])
    assert (bent[0] ** 2).mean() == pytest.approx(1)
    assert not bent[1].any()


def test_a_mirror_negates_horizontal_motion(maps):
    plain, other = (
        MapResidual().transform(m).reshape(-1, 28, 28, 2) for m in (maps, altered(maps, mirror=True))
    )
    assert other[..., 0] == pytest.approx(-plain[:, :, ::-1, 0], abs=1e-3)
    assert other[..., 1] == pytest.approx(plain[:, :, ::-1, 1], abs=1e-3)


@pytest.mark.parametrize("wrong", [{"affine": 1.5}, {"power": 0}, {"power": 1.2}, {"share": 1}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match="flow-residual"):
        extractor("flow-residual", **wrong)
