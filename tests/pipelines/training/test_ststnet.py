"""STSTNet's own loops do what Keras does, number for number, and learn."""

from __future__ import annotations

import numpy as np
import pytest

from featurize.backbones.frame import keras
from featurize.backbones.weightfile import tensors_of
from featurize.clips.ststnet import STREAMS, build
from pipelines.training import ststnet_numba
from pipelines.training.ststnet_numba import Weights, planes


@pytest.fixture(scope="module")
def model():
    """A Keras model with weights, and running statistics, that are not those it begins with."""
    keras().utils.set_random_seed(0)
    made, rng = build(3), np.random.default_rng(0)
    for name, variable in _variables(made).items():
        if not name.endswith("kernel"):
            drawn = (
                rng.uniform(0.2, 2, variable.shape)
                if "variance" in name
                else rng.normal(0, 1, variable.shape)
            )
            variable.assign(drawn * (40 if "moving" in name else 1))
    for i in range(1, len(STREAMS) + 1):
        made.get_layer(f"drop{i}").rate = 0.0
    return made


def _variables(model):
    return {f"{layer.name}/{v.name}": v for layer in model.layers for v in layer.variables}


@pytest.fixture(scope="module")
def maps():
    return np.random.default_rng(1).integers(0, 256, (12, 28, 28, 3), dtype=np.uint8)


def _tensors(model):
    return {n: np.asarray(keras().ops.convert_to_numpy(v)) for n, v in tensors_of(model).items()}


def test_scores_are_those_of_the_keras_model(model, maps):
    found = ststnet_numba.scores(planes(maps), np.array([5, 0, 7]), Weights.of_tensors(_tensors(model)))
    wanted = np.asarray(model.predict(maps[[5, 0, 7]].astype(np.float32), verbose=0))
    assert np.abs(found - wanted).max() < 1e-4


def test_gradients_and_running_statistics_are_those_of_keras(model, maps):
    y, before = np.arange(12) % 3, _tensors(model)
    w = Weights.of_tensors(before)
    keep = np.ones((12, 16, 100), np.float32)
    given = ststnet_numba.gradients(planes(maps), y, np.arange(12), keep, *w.learned, w.mean, w.variance)
    model.compile(keras().optimizers.SGD(1.0), "categorical_crossentropy")
    model.train_on_batch(maps.astype(np.float32), np.eye(3, dtype=np.float32)[y])
    after = _tensors(model)
    wanted = Weights.of_tensors({n: before[n] - after[n] for n in before})
    for mine, theirs in zip(given, wanted.learned, strict=True):
        assert np.abs(mine - theirs).max() < 2e-3 * max(np.abs(theirs).max(), 1e-3)
    ran = Weights.of_tensors(after)
    assert np.allclose(w.mean, ran.mean, rtol=1e-4)
    assert np.allclose(w.variance, ran.variance, rtol=1e-3)


def test_the_optimiser_is_that_of_keras():
    rng = np.random.default_rng(2)
    mine = rng.normal(size=7).astype(np.float32)
    variable, optimizer = keras().Variable(mine), keras().optimizers.Adam(0.01)
    first, second = np.zeros(7, np.float32), np.zeros(7, np.float32)
    for step in range(1, 6):
        gradient = rng.normal(size=7).astype(np.float32)
        ststnet_numba.adam(mine, gradient, first, second, 0.01, step)
        optimizer.apply([keras().ops.convert_to_tensor(gradient)], [variable])
    assert np.allclose(mine, keras().ops.convert_to_numpy(variable), atol=1e-6)


def test_half_of_what_is_pooled_is_dropped_and_never_twice_the_same():
    keep = np.empty((5, 16, 100), np.float32)
    bits = ststnet_numba.dropped(keep, np.uint64(7))
    first = keep.copy()
    ststnet_numba.dropped(keep, bits)
    assert set(np.unique(first)) == {0, 2}
    assert 0.9 < first.mean() < 1.1
    assert 0.4 < (first == keep).mean() < 0.6


def test_it_learns_the_same_from_the_same_seed_and_scores_at_each_look():
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    maps = rng.normal(128, 12, (90, 28, 28, 3))
    maps[:, 8:20, 8:20, 1] += np.array([-70, 0, 70])[y][:, None, None]
    seen = planes(np.clip(maps, 0, 255).astype(np.uint8))
    how = {"classes": 3, "learning_rate": 3e-3, "batch": 16}
    found = ststnet_numba.train(seen, y, np.arange(60), np.arange(60, 90), (1, 30), seed=1, **how)
    assert found.shape == (2, 30, 3)
    assert np.allclose(found.sum(axis=2), 1)
    assert (found[1].argmax(axis=1) == y[60:]).mean() > 0.9
    again = ststnet_numba.train(seen, y, np.arange(60), np.arange(60, 90), (1, 30), seed=1, **how)
    other = ststnet_numba.train(seen, y, np.arange(60), np.arange(60, 90), (1, 30), seed=2, **how)
    assert np.array_equal(found, again)
    assert not np.array_equal(found, other)
