"""The network of R4 ("Huamanga"): five blocks of convolution, normalisation, pooling and dropout."""

from __future__ import annotations

from typing import Any

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.frame import keras
from featurize.backbones.network import Network, Recipe, class_scores, scaled_input
from featurize.backbones.normalise import batch_normalization

#: (filters, kernel) of each block.
BLOCKS = ((32, 3), (64, 5), (128, 3), (256, 3), (512, 3))
_RECIPE = Recipe(batch=128, epochs=60)


def build(classes: int) -> Any:
    """Return R4's model.

    Five halvings take 48 pixels to one, so its flattened output, 512 values, is also its pooled one. The
    source names no optimiser and no batch size: Adam at Keras's default and 128 are used.

    Returns
    -------
    keras.Model
        (n, 48, 48, 1) pixels of 0..255 to (n, classes); layers ``flatten`` (512) and ``pool4`` (2304).
    """
    layers = keras().layers
    inputs, x = scaled_input(48, 1)
    for i, (filters, kernel) in enumerate(BLOCKS, 1):
        x = layers.Conv2D(filters, kernel, padding="same", name=f"conv{i}")(x)
        x = batch_normalization(name=f"bn{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{i}")(x)
        x = layers.Dropout(0.2, name=f"drop{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras().Model(inputs, class_scores(x, classes, _RECIPE))


class Huamanga(NetworkExtractor):
    """Five blocks, 1.6 million parameters."""

    network = Network(
        name="huamanga", build=build, size=48, channels=1, recipe=_RECIPE,
        layers={"flatten": 512, "pool4": 2304}, source="R4",
    )  # fmt: skip
