"""A network's layers without Keras: the part of its functional API that networks here are built of, recorded.

A network's ``build`` writes ``keras().layers.Conv2D(...)(x)``. Inside `featurize.backbones.frame.recorded`
these are the classes of `featurize.backbones.layer_kinds`: they keep shapes, settings and weights and compute
nothing. `Model.write` then writes the network with another library's `Operators`, so that a prediction needs
neither Keras nor TensorFlow. The tests hold each network to what Keras computes.

Values are written channels first, (n, c, ...), as OpenVINO and ONNX compute them; shapes here are Keras's,
channels last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]


class UnknownLayerError(Exception):
    """A network uses something of Keras that is not recorded here."""


class Operators(Protocol):
    """What a network is written with: each call takes and gives values of the library, channels first."""

    def constant(self, value: NDArray[Any]) -> Any:
        """Return an array as a value."""

    def apply(self, kind: str, *values: Any) -> Any:
        """Return add, multiply, divide, sqrt, relu, sigmoid, tanh or softmax (over axis 1) of values."""

    def clip(self, x: Any, largest: float) -> Any:
        """Return values between 0 and `largest`."""

    def convolution(self, x: Any, kernel: NDArray[np.float32], strides: Shape, pads: Sequence[Shape],
                    groups: int) -> Any:  # fmt: skip
        """Return a convolution with a kernel (out, in / groups, ...)."""

    def pool(self, kind: str, x: Any, size: Shape, strides: Shape, pads: Sequence[Shape]) -> Any:
        """Return the "max" or "mean" of windows; what is padded does not count."""

    def mean(self, x: Any, axes: Shape, keep: bool) -> Any:
        """Return the mean over axes."""

    def dense(self, x: Any, kernel: NDArray[np.float32]) -> Any:
        """Return x (n, in) times a kernel (in, out)."""

    def pad(self, x: Any, pads: Sequence[Shape]) -> Any:
        """Return x with zeros before and after each of its spatial axes."""

    def transpose(self, x: Any, order: Shape) -> Any:
        """Return x with its axes in another order."""

    def flat(self, x: Any, length: int) -> Any:
        """Return x as (n, length)."""

    def concatenate(self, values: Sequence[Any]) -> Any:
        """Return values one after another along axis 1."""

    def take(self, x: Any, places: Sequence[int]) -> Any:
        """Return these places of axis 1."""


class Variable:
    """A weight of a layer."""

    def __init__(self, name: str, shape: Shape) -> None:
        self.name, self.shape = name, shape
        self.value = np.zeros(shape, np.float32)

    def assign(self, value: NDArray[Any]) -> None:
        """Give the weight its value."""
        self.value = np.asarray(value, np.float32)


class Tensor:
    """What a layer gives: its shape, channels last and with the batch as -1, and where it comes from."""

    def __init__(self, shape: Shape, layer: Layer, inputs: Sequence[Tensor]) -> None:
        self.shape, self.layer, self.inputs = shape, layer, tuple(inputs)


class Layer:
    """A layer; a subclass names its weights, its shape, and writes itself."""

    def __init__(self, name: str = "", dtype: str | None = None) -> None:  # noqa: ARG002  Keras's own
        self.name = name or type(self).__name__.lower()
        self.weights: list[Variable] = []
        self.output: Tensor

    def __call__(self, x: Tensor | Sequence[Tensor]) -> Tensor:
        """Record that the layer is used on one tensor, or on several."""
        if hasattr(self, "output"):
            raise UnknownLayerError(f"{self.name} is used twice")
        inputs = [x] if isinstance(x, Tensor) else list(x)
        self.weights = [Variable(n, s) for n, s in self._variables(inputs[0].shape if inputs else ()).items()]
        self.output = Tensor(self._shape([t.shape for t in inputs]), self, inputs)
        return self.output

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return next(v.value for v in self.weights if v.name == name)

    def _variables(self, shape: Shape) -> dict[str, Shape]:  # noqa: ARG002
        return {}

    def _shape(self, shapes: Sequence[Shape]) -> Shape:
        return shapes[0]

    def write(self, ops: Operators, *values: Any) -> Any:
        """Return the layer's output, written with `ops`."""
        raise NotImplementedError


class Model:
    """The layers between an input and an output."""

    def __init__(self, inputs: Tensor, outputs: Tensor, name: str = "model") -> None:
        self.input, self.output, self.name = inputs, outputs, name
        self.layers = _ordered(outputs)

    @property
    def input_shape(self) -> Shape:
        """Shape of the input, with the batch as -1."""
        return self.input.shape

    def get_layer(self, name: str) -> Layer:
        """Return the layer of that name; raises `ValueError`."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"{self.name} has no layer {name}")

    def write(self, ops: Operators, pixels: Any) -> Any:
        """Return the output of a value `pixels`, channels last, written with `ops`."""
        values: dict[Tensor, Any] = {self.input: self.input.layer.write(ops, pixels)}
        for tensor in (layer.output for layer in self.layers):
            if tensor not in values:
                values[tensor] = tensor.layer.write(ops, *(values[t] for t in tensor.inputs))
        return values[self.output]


def _ordered(output: Tensor) -> list[Layer]:
    """Return the layers in Keras's order: by depth, then as a search from the output meets them.

    Random weights are drawn in that order.
    """
    met: list[Layer] = []
    finished: list[Layer] = []

    def visit(layer: Layer) -> None:
        if layer not in met:
            met.append(layer)
            for tensor in layer.output.inputs:
                visit(tensor.layer)
            finished.append(layer)

    visit(output.layer)
    depth = dict.fromkeys(finished, 0)
    for layer in reversed(finished):
        for tensor in layer.output.inputs:
            depth[tensor.layer] = max(depth[tensor.layer], depth[layer] + 1)
    return sorted(finished, key=lambda layer: (-depth[layer], met.index(layer)))
