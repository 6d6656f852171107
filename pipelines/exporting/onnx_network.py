"""A recorded network (`featurize.backbones.layers`) as an ONNX graph, written without Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.backbones.layers import Model, Shape
from pipelines.exporting.graph import IR_VERSION, OPSET

_KINDS = {
    "add": "Add", "multiply": "Mul", "divide": "Div", "sqrt": "Sqrt", "relu": "Relu", "sigmoid": "Sigmoid",
    "tanh": "Tanh",
}  # fmt: skip


def onnx_network(network: Model) -> Any:
    """Return a network as an `onnx.ModelProto`: ``pixels`` (n, h, w, c) float32 to ``embedding`` (n, d).

    Parameters
    ----------
    network : Model
        With its weights; its output is flat.
    """
    from onnx import TensorProto, helper

    ops = OnnxOperators()
    last = network.write(ops, "pixels")
    ops.nodes.append(helper.make_node("Identity", [last], ["embedding"]))
    shape: list[Any] = ["n", *network.input_shape[1:]]
    graph = helper.make_graph(
        ops.nodes,
        network.name,
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", network.output.shape[1]])],
        ops.constants,
    )
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, producer_name="mueca", opset_imports=opset, ir_version=IR_VERSION)


class OnnxOperators:
    """ONNX's operators; a value is the name of a node's output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: NDArray[Any]) -> str:
        """Return an array as a value."""
        from onnx import numpy_helper

        name = f"const_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _node(self, kind: str, *values: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(values), [name], **attributes))
        return name

    def apply(self, kind: str, *values: str) -> str:
        """Return a function of values."""
        if kind == "softmax":
            return self._node("Softmax", *values, axis=1)
        return self._node(_KINDS[kind], *values)

    def clip(self, x: str, largest: float) -> str:
        """Return values between 0 and `largest`."""
        return self._node(
            "Clip", x, self.constant(np.array(0, np.float32)), self.constant(np.array(largest, np.float32))
        )

    def convolution(self, x: str, kernel: NDArray[np.float32], strides: Shape, pads: Sequence[Shape],
                    groups: int) -> str:  # fmt: skip
        """Return a convolution."""
        return self._node(
            "Conv", x, self.constant(kernel), strides=strides, pads=_sides(pads), group=groups,
            kernel_shape=kernel.shape[2:],
        )  # fmt: skip

    def pool(self, kind: str, x: str, size: Shape, strides: Shape, pads: Sequence[Shape]) -> str:
        """Return the largest or the mean of windows."""
        name = "MaxPool" if kind == "max" else "AveragePool"
        return self._node(name, x, kernel_shape=size, strides=strides, pads=_sides(pads))

    def mean(self, x: str, axes: Shape, keep: bool) -> str:
        """Return the mean over axes."""
        return self._node("ReduceMean", x, axes=axes, keepdims=int(keep))

    def dense(self, x: str, kernel: NDArray[np.float32]) -> str:
        """Return the product with a kernel."""
        return self._node("MatMul", x, self.constant(kernel))

    def pad(self, x: str, pads: Sequence[Shape]) -> str:
        """Return x with zeros around."""
        around = np.array(_sides([(0, 0), (0, 0), *pads]), np.int64)
        return self._node("Pad", x, self.constant(around), mode="constant")

    def transpose(self, x: str, order: Shape) -> str:
        """Return x with its axes in another order."""
        return self._node("Transpose", x, perm=order)

    def flat(self, x: str, length: int) -> str:
        """Return x as (n, length)."""
        return self._node("Reshape", x, self.constant(np.array([0, length], np.int64)))

    def concatenate(self, values: Sequence[str]) -> str:
        """Return values one after another along axis 1."""
        return self._node("Concat", *values, axis=1)

    def take(self, x: str, places: Sequence[int]) -> str:
        """Return these places of axis 1."""
        return self._node("Gather", x, self.constant(np.array(places, np.int64)), axis=1)


def _sides(pads: Sequence[Shape]) -> list[int]:
    """Return what is added before each axis, then after each."""
    return [a for a, _ in pads] + [b for _, b in pads]
