"""What augmentation does to an image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.training.augment import CHANGES, SETS, Limits, augment, changes


def gradient(h=48, w=48):
    return np.add.outer(np.arange(h), 3 * np.arange(w)).clip(0, 255).astype(np.uint8)


@given(
    names=st.lists(st.sampled_from(CHANGES), unique=True),
    seed=st.integers(0, 2**32),
    h=st.integers(2, 60),
    w=st.integers(2, 60),
    channels=st.sampled_from([(), (3,)]),
)
def test_shape_type_and_input_stay(names, seed, h, w, channels):
    image = np.random.default_rng(seed).integers(0, 256, (h, w, *channels)).astype(np.uint8)
    before = image.copy()
    changed = augment(image, names, np.random.default_rng(seed))
    assert changed.shape == image.shape
    assert changed.dtype == np.uint8
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(augment(image, names, np.random.default_rng(seed)), changed)


def test_nothing_asked_nothing_done():
    np.testing.assert_array_equal(augment(gradient(), (), np.random.default_rng(0)), gradient())


def test_flip_gives_the_picture_or_its_mirror_image():
    found = {augment(gradient(), ("flip",), np.random.default_rng(s)).tobytes() for s in range(20)}
    assert found == {gradient().tobytes(), np.ascontiguousarray(gradient()[:, ::-1]).tobytes()}


def test_shift_moves_by_whole_parts_and_continues_the_edge():
    limits = Limits(shift=0.25)
    dot = np.zeros((48, 48), np.uint8)
    dot[20:28, 20:28] = 255
    centres = []
    for seed in range(60):
        y, x = np.nonzero(augment(dot, ("shift",), np.random.default_rng(seed), limits) > 127)
        centres.append((y.mean(), x.mean()))
    moved = np.array(centres) - 23.5
    assert np.abs(moved).max() <= 0.25 * 48 + 0.5
    assert np.abs(moved).max() > 0.15 * 48
    assert np.abs(moved.mean(axis=0)).max() < 4
    white = np.full((48, 48), 255, np.uint8)
    assert augment(white, ("shift", "rotation", "zoom"), np.random.default_rng(0)).min() == 255


def test_rotation_keeps_to_its_limit():
    line = np.zeros((49, 49), np.uint8)
    line[24] = 255
    for seed in range(20):
        y, x = np.nonzero(
            augment(line, ("rotation",), np.random.default_rng(seed), Limits(rotation=10)) > 100
        )
        slope = np.degrees(np.arctan(np.polyfit(x, y, 1)[0]))
        assert abs(slope) <= 11


def test_erasing_covers_no_more_than_its_share():
    limits = Limits(erasing=(1.0, 0.02, 0.15))
    image = np.zeros((48, 48), np.uint8)
    shares = [(augment(image, ("erasing",), np.random.default_rng(s), limits) > 0).mean() for s in range(50)]
    assert min(shares) > 0.01
    assert max(shares) <= 0.17
    assert (
        augment(image, ("erasing",), np.random.default_rng(0), Limits(erasing=(0.0, 0.1, 0.2))) == 0
    ).all()


def test_crop_only_enlarges():
    framed = np.full((48, 48), 200, np.uint8)
    framed[0] = framed[-1] = 0
    framed[:, 0] = framed[:, -1] = 0
    for seed in range(20):
        assert augment(framed, ("crop",), np.random.default_rng(seed)).mean() >= framed.mean() - 1


@pytest.mark.parametrize(("text", "names"), [*SETS.items(), ("flip, blur", ("flip", "blur"))])
def test_names(text, names):
    assert changes(text) == names


def test_unknown_names():
    with pytest.raises(ValueError, match="unknown augmentation 'twist'; known: none, strong"):
        changes("flip,twist")
