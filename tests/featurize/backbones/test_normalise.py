"""The fused batch normalisation is Keras's: same outputs, gradients and moving statistics."""

import numpy as np
import pytest

from featurize.backbones.frame import backend_name, dtype_policy, keras
from featurize.backbones.normalise import batch_normalization

pytestmark = pytest.mark.skipif(backend_name() != "tensorflow", reason="other backends take Keras's own")


def trained(kind, policy, shape=(6, 6, 3), **settings):
    """Ten steps on batches that are neither centred nor scaled; weights, losses and a prediction."""
    k, rng = keras(), np.random.default_rng(0)
    with dtype_policy(policy):
        layer = kind(name="bn", momentum=0.8, **settings)
    inputs = k.Input(shape)
    model = k.Model(inputs, layer(inputs))
    model.compile(k.optimizers.SGD(0.05), "mse", jit_compile=False)
    X = (rng.normal(size=(10, 32, *shape)) * 3 + 5).astype("float32")
    y = rng.normal(size=X.shape).astype("float32")
    losses = [float(model.train_on_batch(a, b)) for a, b in zip(X, y, strict=True)]
    return [np.asarray(w) for w in layer.get_weights()], losses, model.predict(X[0], verbose=0)


@pytest.mark.parametrize(("policy", "near"), [("float32", 1e-5), ("mixed_bfloat16", 1e-2)])
def test_trains_and_predicts_as_keras_does(policy, near):
    ours, theirs = (
        trained(kind, policy) for kind in (batch_normalization, keras().layers.BatchNormalization)
    )
    n = 32 * 36
    theirs[0][3] = (theirs[0][3] - 0.8**10) * n / (n - 1) + 0.8**10  # unlike Keras, of samples
    for mine, other in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(mine, other, rtol=near, atol=near)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=near)
    np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-3 + 20 * near, atol=1e-3 + 20 * near)


@pytest.mark.parametrize("settings", [{"scale": False}, {"center": False}, {"trainable": False}])
def test_what_the_kernel_cannot_do_is_keras_own(settings):
    ours, theirs = (
        trained(kind, "float32", **settings)
        for kind in (batch_normalization, keras().layers.BatchNormalization)
    )
    for mine, other in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_array_equal(mine, other)


def test_vectors_are_normalised_too():
    ours, theirs = (
        trained(kind, "float32", (5,)) for kind in (batch_normalization, keras().layers.BatchNormalization)
    )
    np.testing.assert_array_equal(ours[0][2], theirs[0][2])
