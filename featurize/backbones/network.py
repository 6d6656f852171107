"""What a network is: how it is built, which of its layers embed, and how its paper trained it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from featurize.backbones.frame import keras


@dataclass(frozen=True)
class Recipe:
    """How the network's source trained it; what the source leaves open is chosen in the network's docstring.

    Attributes
    ----------
    loss : {"categorical_crossentropy", "squared_hinge"}
        The first goes with softmax scores, the second with linear ones and targets of -1 and +1.
    optimizer : {"adam", "sgd"}
    learning_rate : float
    batch : int
    epochs : int
        Upper limit; early stopping may end sooner.
    """

    loss: Literal["categorical_crossentropy", "squared_hinge"] = "categorical_crossentropy"
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 1e-3
    batch: int = 64
    epochs: int = 60


@dataclass(frozen=True)
class Network:
    """A network that pictures go through.

    Attributes
    ----------
    name : str
        Registered name.
    build : callable
        ``build(classes) -> keras.Model`` from (n, size, size, channels) pixels of 0..255 to (n, classes)
        scores; scaling is part of the model, so that every engine does the same.
    size : int
        Side of the input in pixels.
    channels : {1, 3}
        Grey or RGB.
    layers : mapping of str to int
        Embedding layers by name, with the length of their output; the first is the default.
    recipe : Recipe
    version : int
        Raised when the architecture changes, so that cached vectors are not reused.
    trainable : bool
        False for a network that ends at its embedding.
    licence, source : str
    """

    name: str
    build: Callable[[int], Any]
    size: int
    channels: Literal[1, 3]
    layers: Mapping[str, int]
    recipe: Recipe = field(default_factory=Recipe)
    version: int = 1
    trainable: bool = True
    licence: str = "MIT"
    source: str = ""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one input."""
        return self.size, self.size, self.channels

    def headless(self, model: Any, layer: str) -> Any:
        """Return the part of `model` up to the embedding `layer`, or to its scores, flattened to (n, d)."""
        k = keras()
        out = model.output if layer == "scores" else model.get_layer(layer).output
        out = out if len(out.shape) == 2 else k.layers.Flatten()(out)
        return k.Model(model.input, k.layers.Activation("linear", dtype="float32", name="embedding")(out))


def scaled_input(size: int, channels: int) -> tuple[Any, Any]:
    """Return the input tensor and the same scaled from 0..255 to 0..1, in float32."""
    layers = keras().layers
    inputs = keras().Input((size, size, channels), name="pixels")
    return inputs, layers.Rescaling(1 / 255, dtype="float32", name="scale")(inputs)


def class_scores(x: Any, classes: int, recipe: Recipe, l2: float = 0.0) -> Any:
    """Return the last layer, in float32: softmax for cross-entropy, linear for the squared hinge."""
    k = keras()
    return k.layers.Dense(
        classes, dtype="float32", name="scores",
        activation="softmax" if recipe.loss == "categorical_crossentropy" else None,
        kernel_regularizer=k.regularizers.L2(l2) if l2 else None,
    )(x)  # fmt: skip
