"""Batches: every sample, the right target, the same from the same seed, errors passed on."""

from __future__ import annotations

import numpy as np
import pytest

from featurize.backbones.frame import backend_name
from featurize.backbones.network import Form
from pipelines.training.batches import Epochs, TrainingSamples, in_order, prefetched


def pictures(n=20):
    """Image i is i everywhere but for a brighter left half; its target is one-hot at i."""
    samples = np.stack([np.full((8, 8), i, np.uint8) for i in range(n)])
    samples[:, :, :4] += 100
    return TrainingSamples(samples, np.arange(n), np.eye(n, dtype=np.float32), Form(size=8))


@pytest.mark.parametrize("keep", [True, False])
def test_an_epoch_has_every_sample_once_with_its_target(keep):
    found = pictures()
    if keep:
        found.keep()
    batches = list(Epochs(found, 5).epoch(1))
    assert len(batches) == 4
    assert sorted(int(x[0, 7, 0]) for xs, _ in batches for x in xs) == list(range(20))
    for xs, ts in batches:
        assert xs.dtype == ts.dtype == np.float32
        assert xs.shape == (5, 8, 8, 1)
        np.testing.assert_array_equal(xs[:, 0, 7, 0], ts.argmax(1))


def test_mirror_adds_every_sample_the_other_way_round():
    batches = list(Epochs(pictures(), 8, mirror=True).epoch(1))
    assert len(batches) == 5
    seen = [
        (int(min(x[0, 0, 0], x[0, 7, 0])), bool(x[0, 0, 0] > x[0, 7, 0])) for xs, _ in batches for x in xs
    ]
    assert sorted(seen) == sorted((i, side) for i in range(20) for side in (True, False))
    for xs, ts in batches:
        np.testing.assert_array_equal(np.minimum(xs[:, 0, 0, 0], xs[:, 0, 7, 0]), ts.argmax(1))


def test_the_remainder_is_left_out_at_random():
    epochs = Epochs(pictures(), 8)
    seen = [{int(t.argmax()) for _, ts in epochs.epoch(e) for t in ts} for e in (1, 2, 3, 4)]
    assert all(len(s) == 16 for s in seen)
    assert len({frozenset(s) for s in seen}) > 1


def test_seed_and_epoch_decide_everything():
    def drawn(seed, epoch):
        return [
            x.tobytes() for x, _ in Epochs(pictures(), 5, changes=("flip", "erasing"), seed=seed).epoch(epoch)
        ]

    assert drawn(0, 3) == drawn(0, 3)
    assert drawn(0, 3) != drawn(0, 4)
    assert drawn(0, 3) != drawn(1, 3)


def test_a_batch_larger_than_the_set():
    assert [x.shape[0] for x, _ in Epochs(pictures(6), 64).epoch(1)] == [6]


def test_in_order_gives_all_with_a_shorter_end():
    blocks = list(in_order(pictures(), 8))
    assert [len(x) for x, _ in blocks] == [8, 8, 4]
    np.testing.assert_array_equal(np.concatenate([t.argmax(1) for _, t in blocks]), np.arange(20))


def test_keras_is_fed_every_batch_and_has_no_tuner_to_wait_for():
    given = prefetched(Epochs(pictures(), 6).epoch(1), pictures())
    if backend_name() == "tensorflow":
        assert given.options().autotune.enabled is False
    for (xs, ts), (mine, targets) in zip(given, Epochs(pictures(), 6).epoch(1), strict=True):
        np.testing.assert_array_equal(xs, mine)
        np.testing.assert_array_equal(ts, targets)
