"""The network of R5 ("Guevara"): one large CNN for 48x48 grey faces."""

from __future__ import annotations

from typing import Any

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.frame import keras
from featurize.backbones.network import Network, Recipe, class_scores, scaled_input
from featurize.backbones.normalise import batch_normalization

#: The source does not give its dropout rates. The model is, layer for layer, a tutorial's whose rates are
#: these.
DROPOUT = (0.25, 0.25, 0.5)
_RECIPE = Recipe(batch=64, epochs=60, learning_rate=1e-4)


def build(classes: int) -> Any:
    """Return R5's model: 32,116,743 parameters for seven classes, 640 of them not trainable.

    Dropout rates and Adam's learning rate are not published: .25, .25, .5 and 1e-4, the values such models
    commonly carry.

    Returns
    -------
    keras.Model
        (n, 48, 48, 1) pixels of 0..255 to (n, classes); layers ``fc1`` (1024) and ``flatten`` (30,976).
    """
    layers = keras().layers
    inputs, x = scaled_input(48, 1)
    x = _stage(x, 1, (32, "same"), (64, "same"))
    x = _stage(x, 2, (128, "same"), (256, "valid"))
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(1024, activation="relu", name="fc1")(x)
    x = layers.Dropout(DROPOUT[2], name="drop3")(x)
    return keras().Model(inputs, class_scores(x, classes, _RECIPE))


def _stage(x: Any, number: int, *convolutions: tuple[int, str]) -> Any:
    """Two convolutions, batch normalisation, halving, dropout."""
    layers = keras().layers
    for i, (filters, padding) in enumerate(convolutions, 1):
        x = layers.Conv2D(filters, 3, padding=padding, activation="relu", name=f"conv{number}_{i}")(x)
    x = batch_normalization(name=f"bn{number}")(x)
    x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    return layers.Dropout(DROPOUT[number - 1], name=f"drop{number}")(x)


class Guevara(NetworkExtractor):
    """One large CNN; its 30,976-value flatten layer is 99 % of its parameters' input."""

    network = Network(
        name="guevara", build=build, size=48, channels=1, recipe=_RECIPE,
        layers={"fc1": 1024, "flatten": 30976}, source="R5",
    )  # fmt: skip
