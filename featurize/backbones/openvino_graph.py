"""A recorded network (`featurize.backbones.layers`) as a model of OpenVINO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.backbones.layers import Model, Shape

_KINDS = frozenset({"add", "multiply", "divide", "sqrt", "relu", "sigmoid", "tanh"})


def openvino_model(network: Model, openvino: Any) -> Any:
    """Return a network as an `openvino.Model`: (n, h, w, c) float32 to (n, d) float32, n left open.

    Parameters
    ----------
    network : Model
        With its weights.
    openvino : module
        As `featurize.engine.openvino` imports it.
    """
    opset = openvino.opset13
    shape = openvino.PartialShape([-1, *network.input_shape[1:]])
    pixels = opset.parameter(shape, np.float32, name=network.input.layer.name)
    made = network.write(OpenVinoOperators(opset), pixels)
    return openvino.Model([opset.result(made)], [pixels], network.name)


class OpenVinoOperators:
    """OpenVINO's operators."""

    def __init__(self, opset: Any) -> None:
        self._opset = opset

    def constant(self, value: NDArray[Any]) -> Any:
        """Return an array as a value."""
        return self._opset.constant(value)

    def apply(self, kind: str, *values: Any) -> Any:
        """Return a function of values."""
        if kind == "softmax":
            return self._opset.softmax(values[0], 1)
        if kind not in _KINDS:
            raise ValueError(f"no operator {kind}")
        return getattr(self._opset, kind)(*values)

    def clip(self, x: Any, largest: float) -> Any:
        """Return values between 0 and `largest`."""
        return self._opset.clamp(x, 0.0, largest)

    def convolution(self, x: Any, kernel: NDArray[np.float32], strides: Shape, pads: Sequence[Shape],
                    groups: int) -> Any:  # fmt: skip
        """Return a convolution, in groups where there are several."""
        ones = [1] * len(strides)
        before, after = [a for a, _ in pads], [b for _, b in pads]
        if groups == 1:
            return self._opset.convolution(x, kernel, list(strides), before, after, ones)
        parted = kernel.reshape(groups, len(kernel) // groups, *kernel.shape[1:])
        return self._opset.group_convolution(x, parted, list(strides), before, after, ones)

    def pool(self, kind: str, x: Any, size: Shape, strides: Shape, pads: Sequence[Shape]) -> Any:
        """Return the largest or the mean of windows."""
        before, after = [a for a, _ in pads], [b for _, b in pads]
        if kind == "mean":
            return self._opset.avg_pool(x, list(strides), before, after, list(size), True)
        ones = [1] * len(size)
        return self._opset.max_pool(x, list(strides), ones, before, after, list(size)).output(0)

    def mean(self, x: Any, axes: Shape, keep: bool) -> Any:
        """Return the mean over axes."""
        return self._opset.reduce_mean(x, np.array(axes), keep)

    def dense(self, x: Any, kernel: NDArray[np.float32]) -> Any:
        """Return the product with a kernel."""
        return self._opset.matmul(x, kernel, False, False)

    def pad(self, x: Any, pads: Sequence[Shape]) -> Any:
        """Return x with zeros around."""
        before, after = ([0, 0, *side] for side in zip(*pads, strict=True))
        return self._opset.pad(x, np.array(before), np.array(after), "constant", np.float32(0))

    def transpose(self, x: Any, order: Shape) -> Any:
        """Return x with its axes in another order."""
        return self._opset.transpose(x, np.array(order))

    def flat(self, x: Any, length: int) -> Any:
        """Return x as (n, length)."""
        return self._opset.reshape(x, np.array([0, length]), True)

    def concatenate(self, values: Sequence[Any]) -> Any:
        """Return values one after another along axis 1."""
        return self._opset.concat(list(values), 1)

    def take(self, x: Any, places: Sequence[int]) -> Any:
        """Return these places of axis 1."""
        return self._opset.gather(x, np.array(places), np.int64(1))
