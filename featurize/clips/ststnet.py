"""STSTNet: three shallow streams over a motion map."""

from __future__ import annotations

from typing import Any

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.frame import keras
from featurize.backbones.network import Network, Recipe, class_scores

#: Filters of the three streams.
STREAMS = (3, 5, 8)
_RECIPE = Recipe(learning_rate=5e-5, batch=256, epochs=800)


def build(classes: int) -> Any:
    """Return STSTNet (Liong, Gan, See, Khor and Huang, FG 2019) as its authors' program has it.

    Each stream: 3x3 convolution on the map padded by two, ReLU, normalisation, 3x3 max pooling every three
    pixels on the map padded by one, dropout .5. Then the streams side by side, 2x2 average pooling, and the
    400 values into the class scores; the paper draws no dense layer of 400 between. Its maps go in as 0..255,
    and so here. The program (github.com/christy1206/STSTNet, main.py) trains by Adam at 5e-5 with batches of
    256 for 800 epochs; normalisation with PyTorch's momentum (.9 here) and epsilon.

    Returns
    -------
    keras.Model
        (n, 28, 28, 3) maps of 0..255 to (n, classes); layer ``flatten`` (400).
    """
    layers = keras().layers
    inputs = keras().Input((28, 28, 3), name="pixels")
    padded = layers.ZeroPadding2D(2, name="pad")(inputs)
    streams = []
    for i, filters in enumerate(STREAMS, 1):
        x = layers.Conv2D(filters, 3, activation="relu", name=f"conv{i}")(padded)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"bn{i}")(x)
        # 30 pixels at stride 3 with one of padding: ten windows, the first from -1. Zeros pad where PyTorch
        # pads with minus infinity.
        x = layers.ZeroPadding2D(((1, 0), (1, 0)), name=f"pad{i}")(x)
        x = layers.MaxPooling2D(3, name=f"pool{i}")(x)
        streams.append(layers.Dropout(0.5, name=f"drop{i}")(x))
    x = layers.Concatenate(name="streams")(streams)
    x = layers.AveragePooling2D(2, name="mean")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras().Model(inputs, class_scores(x, classes, _RECIPE))


class STSTNet(NetworkExtractor):
    """Three streams, 1,683 weights that learn."""

    network = Network(
        name="ststnet", build=build, size=28, channels=3, kind="flow", classes=3, recipe=_RECIPE,
        layers={"flatten": 400}, source="Liong, Gan, See, Khor and Huang 2019",
    )  # fmt: skip
