"""Batch normalisation that trains in one fused step where TensorFlow runs on a CPU."""

from __future__ import annotations

from functools import cache
from typing import Any

from featurize.backbones.frame import backend_name, keras


def batch_normalization(**settings: Any) -> Any:
    """Return Keras's batch normalisation, faster in training.

    Under TensorFlow Keras computes mean, variance and the scaled pixels one after another, each a pass over
    memory; the fused kernel is one (benchmarks/training.py). Weights, names and predictions are those of
    Keras's layer.

    Parameters
    ----------
    **settings
        Of `keras.layers.BatchNormalization`.

    Notes
    -----
    The moving variance takes n / (n - 1) of a batch's, as everywhere outside Keras.
    """
    kind = _fused() if backend_name() == "tensorflow" else keras().layers.BatchNormalization
    return kind(**settings)


@cache
def _fused() -> Any:
    """Make the class late: Keras is not imported with this module."""
    import tensorflow as tf

    class BatchNormalization(keras().layers.BatchNormalization):  # type: ignore[misc]
        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            fusable = len(inputs.shape) == 4 and self.axis in (-1, 3) and self.scale and self.center
            if not (training and self.trainable and fusable):
                return super().call(inputs, training=training, mask=mask)
            y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                inputs, tf.cast(self.gamma, tf.float32), tf.cast(self.beta, tf.float32),
                epsilon=self.epsilon, is_training=True,
            )[:3]  # fmt: skip
            for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + now * (1 - self.momentum))
            return y

    return BatchNormalization
