"""Label smoothing, mixup, weight decay and the average of weights: what they do to batches and weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.backbones import weightfile
from featurize.backbones.network import Form
from pipelines.training.batches import Epochs, TrainingSamples
from pipelines.training.recipe import recipe
from pipelines.training.train import train
from pipelines.training.weight_averaging import Average


def pictures(n=24, classes=6):
    samples = np.stack([np.full((8, 8), 10 * i, np.uint8) for i in range(n)])
    return TrainingSamples(
        samples, np.arange(n), np.eye(classes, dtype=np.float32)[np.arange(n) % classes], Form(size=8)
    )


@given(share=st.floats(0, 0.99))
def test_smoothed_targets_still_sum_to_one(share):
    for _, targets in Epochs(pictures(), 8, label_smoothing=share).epoch(1):
        np.testing.assert_allclose(targets.sum(1), 1, atol=1e-6)
        np.testing.assert_allclose(targets.max(1), 1 - share * 5 / 6, atol=1e-6)


@given(alpha=st.floats(0.05, 5), seed=st.integers(0, 1000))
def test_mixup_mixes_samples_and_targets_by_one_share(alpha, seed):
    found = pictures(6)
    for block, targets in Epochs(found, 6, mixup=alpha, seed=seed).epoch(1):
        assert block.dtype == targets.dtype == np.float32
        np.testing.assert_allclose(targets.sum(1), 1, atol=1e-5)
        # Sample i is 10 i everywhere and its target is one-hot at i: a mix is the same mix of both.
        np.testing.assert_allclose(block[:, 0, 0, 0], targets @ (10 * np.arange(6)), atol=1e-3)


def test_without_them_batches_are_as_they_were():
    plain = [t.tobytes() for _, t in Epochs(pictures(), 8).epoch(1)]
    assert plain == [t.tobytes() for _, t in Epochs(pictures(), 8, label_smoothing=0.0, mixup=0.0).epoch(1)]


def test_an_epoch_that_is_done_again_is_averaged_once(tmp_path):
    average = Average(tmp_path / "average.npz")
    assert average.mean() == {}
    for epoch, value in ((4, 1.0), (5, 3.0), (5, 3.0)):
        average.add(epoch, {"a/kernel": np.full(2, value, np.float32)})
    np.testing.assert_array_equal(average.mean()["a/kernel"], [2, 2])


def plan(**fields):
    given = {"backbone": "ucm-a", "epochs": 3, "batch_size": 16, "precision": "f32", "patience": None}
    return recipe(**(given | fields))


def test_the_average_of_the_last_epochs_is_what_is_kept(faces, tmp_path):
    """With nothing to choose by, the average is kept; epoch by epoch, it is that of the weights."""
    averaged = train(faces, plan(fit_on="train+validation", swa_epochs=2), tmp_path / "two")
    singles = [train(faces, plan(fit_on="train+validation", epochs=n), tmp_path / str(n)) for n in (2, 3)]
    two = weightfile.load(averaged.path).tensors
    second, third = (weightfile.load(s.path).tensors for s in singles)
    for name, tensor in two.items():
        np.testing.assert_allclose(tensor, (second[name] + third[name]) / 2, atol=1e-5, err_msg=name)
    assert "the average of the last 2 epochs" in averaged.card["protocol"]


def test_weights_decay_and_biases_do_not(faces, tmp_path):
    fields = {"epochs": 1, "learning_rate": 1e-9, "optimizer": "sgd", "fit_on": "train+validation"}
    plain = train(faces, plan(**fields), tmp_path / "plain")
    strong = train(faces, plan(**fields, weight_decay=0.5), tmp_path / "strong")
    assert strong.card["recipe"]["weight_decay"] == 0.5
    a, b = (weightfile.load(t.path).tensors for t in (plain, strong))
    np.testing.assert_allclose(b["fc1/bias"], a["fc1/bias"], atol=1e-7)
    np.testing.assert_allclose(
        b["fc1/kernel"], a["fc1/kernel"], rtol=1e-4
    )  # the rate times the decay is nothing
    fast = train(faces, plan(**fields | {"learning_rate": 0.01}, weight_decay=0.9), tmp_path / "fast")
    slow = train(faces, plan(**fields | {"learning_rate": 0.01}), tmp_path / "slow")
    a, b = (np.abs(weightfile.load(t.path).tensors["fc1/kernel"]).mean() for t in (slow, fast))
    assert b < a * 0.98


@pytest.mark.parametrize(
    "wrong", [{"mixup": -1}, {"label_smoothing": 1.0}, {"swa_epochs": 0}, {"weight_decay": 1}]
)
def test_wrong_values_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        plan(**wrong)
