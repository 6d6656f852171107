"""What a network is: how it is built, which of its layers embed, and how its paper trained it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from featurize.backbones.frame import keras
from featurize.clips.sampling import Sampling, resize_clip, sample
from featurize.images import fit_to

Kind = Literal["image", "clip", "flow"]


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
    momentum : float
        Of SGD.
    schedule : {"constant", "cosine", "exponential"}
        Of the learning rate.
    decay_rate : float
    decay_steps : int
        The exponential schedule multiplies the rate by the first after so many steps, at once.
    augment : str
        See `pipelines.training.augment.changes`.
    nesterov : bool
        Of SGD.
    weight_decay : float
        Each step takes so much of the kernels away, times the learning rate (decoupled; Loshchilov and
        Hutter, 2019).
    label_smoothing : float
        Share of the target that goes to all classes alike.
    mixup : float
        Each sample is mixed with another of its batch by a share from Beta(mixup, mixup); 0: not.
    average : int
        The weights of so many last epochs are averaged, and kept where they validate as well as the best
        epoch.
    frozen_epochs : int
        First epochs in which only the class scores' layer learns: linear probing, then fine-tuning (Kumar et
        al., ICLR 2022).
    """

    loss: Literal["categorical_crossentropy", "squared_hinge"] = "categorical_crossentropy"
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 1e-3
    batch: int = 64
    epochs: int = 60
    momentum: float = 0.9
    schedule: Literal["constant", "cosine", "exponential"] = "constant"
    decay_rate: float = 0.96
    decay_steps: int = 100_000
    augment: str = "none"
    nesterov: bool = False
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    average: int = 1
    frozen_epochs: int = 0


@dataclass(frozen=True)
class Form:
    """What a network takes as one sample.

    Attributes
    ----------
    kind : {"image", "clip", "flow"}
    size : int
        Side in pixels.
    channels : {1, 3}
    frames : int
        Of a clip; 0 for images and motion maps.
    time : {"first", "last"}
        Where a clip's time stands in the network's input: (frames, size, size, 1) or (size, size, frames, 1).
    """

    kind: Kind = "image"
    size: int = 48
    channels: Literal[1, 3] = 1
    frames: int = 0
    time: Literal["first", "last"] = "first"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input of the network."""
        if self.kind != "clip":
            return self.size, self.size, self.channels
        if self.time == "first":
            return self.frames, self.size, self.size, 1
        return self.size, self.size, self.frames, 1

    def prepared(self, given: NDArray[np.uint8], sampling: Sampling = "tim") -> NDArray[np.uint8]:
        """Return a sample of any size as (size, size[, 3]), a clip of any length as (frames, size, size).

        Raises
        ------
        TypeError, ValueError
            If it is no image or clip (`featurize.checks`), or a clip is too short for `sampling`.
        """
        if self.kind != "clip":
            return fit_to(given, self.size, self.channels)
        return sample(resize_clip(given, self.size), self.frames, sampling)

    def arranged(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Return (n, *shape) for a batch of prepared samples."""
        if self.kind == "clip" and self.time == "last":
            batch = np.moveaxis(batch, 1, -1)
        return batch.reshape(-1, *self.shape)


@dataclass(frozen=True)
class Network:
    """A network that images, clips or motion maps go through.

    Attributes
    ----------
    name : str
        Registered name.
    build : callable
        ``build(classes) -> keras.Model`` from (n, *shape) pixels of 0..255 to (n, classes) scores; scaling is
        part of the model, so that every engine does the same.
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
    kind, frames, time
        See `Form`.
    classes : int
        How many its source told apart: what it is built for where no trained weights say.
    licence, source : str
    read : callable or None
        ``read(path) -> tensors by layer/variable`` of weights that others publish to start a training from.
    fresh : tuple of str
        Layers that such a file lacks.
    warm_up : callable or None
        ``warm_up(model, pixels)`` gives those layers their first values, from some hundred training samples.
    derived : mapping of str to callable
        Of `layers`, those computed from several: ``derived[name](model) -> tensor``.
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
    kind: Kind = "image"
    frames: int = 0
    time: Literal["first", "last"] = "first"
    classes: int = 7
    read: Callable[[Path], Mapping[str, NDArray[np.float32]]] | None = None
    fresh: tuple[str, ...] = ()
    warm_up: Callable[[Any, NDArray[np.float32]], None] | None = None
    derived: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    @property
    def form(self) -> Form:
        """What one sample is."""
        return Form(self.kind, self.size, self.channels, self.frames, self.time)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return self.form.shape

    def headless(self, model: Any, layer: str) -> Any:
        """Return the part of `model` up to the embedding `layer`, or to its scores, flattened to (n, d)."""
        k = keras()
        if layer in self.derived:
            out = self.derived[layer](model)
        else:
            out = model.output if layer == "scores" else model.get_layer(layer).output
        out = out if len(out.shape) == 2 else k.layers.Flatten()(out)
        vectors = k.layers.Activation("linear", dtype="float32", name="embedding")(out)
        return k.Model(model.input, vectors, name=f"{self.name}-{layer}")


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
