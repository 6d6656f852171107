"""A small builder of ONNX graphs: every operator is a call that returns the name of its output."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Opset 17 and IR 8 are of 2022: every ONNX Runtime and OpenVINO still in use reads them.
OPSET = 17
IR_VERSION = 8

Name = str


class Graph:
    """Nodes and constants of a graph with one input, ``vectors`` (n, d) float32.

    Parameters
    ----------
    name : str
    dim : int
        Length d of an input vector.
    """

    def __init__(self, name: str, dim: int) -> None:
        self.name, self.dim = name, dim
        self.vectors: Name = "vectors"
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._count = 0

    def constant(self, value: NDArray[Any]) -> Name:
        """Keep an array in the file and return its name."""
        from onnx import numpy_helper

        name = self._new("const")
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind: str, *operands: Any, outputs: int = 1, **attributes: Any) -> Any:
        """Add an operator; arrays among its operands become constants.

        Returns
        -------
        str, or a tuple of str where `outputs` is more than one
        """
        from onnx import helper

        given = [o if isinstance(o, str) else self.constant(np.asarray(o)) for o in operands]
        made = [self._new(kind) for _ in range(outputs)]
        self._nodes.append(helper.make_node(kind, given, made, **attributes))
        return made[0] if outputs == 1 else tuple(made)

    def cast(self, value: Name, dtype: Any) -> Name:
        """Return `value` as a NumPy dtype."""
        from onnx import helper

        return str(self.op("Cast", value, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype))))

    def total(self, value: Name, axis: int, keep: bool = True) -> Name:
        """Return the sum over an axis."""
        return str(self.op("ReduceSum", value, np.array([axis]), keepdims=int(keep)))

    def argmax(self, value: Name, classes: int) -> Name:
        """Return the position of the first largest of the last axis, as NumPy does.

        Engines differ in which of equal values they take; distinct weights leave them nothing to choose.
        """
        top = self.op("ReduceMax", value, axes=[-1], keepdims=1)
        equal = self.cast(self.op("Equal", value, top), np.float32)
        order = np.arange(classes, 0, -1, dtype=np.float32)
        return str(self.op("ArgMax", self.op("Mul", equal, order), axis=-1, keepdims=0))

    def one_hot(self, index: Name, classes: int, dtype: Any = np.float64) -> Name:
        """Return (..., classes) with a one at `index` (...)."""
        column = self.op("Unsqueeze", index, np.array([-1]))
        return self.cast(self.op("Equal", column, np.arange(classes, dtype=np.int64)), dtype)

    def model(self, scores: Name, label: Name, classes: int, notes: dict[str, str]) -> Any:
        """Return the checked `onnx.ModelProto`: ``scores`` (n, classes) float32 and ``label`` (n,) int64."""
        import onnx
        from onnx import TensorProto, helper

        self._nodes.append(helper.make_node("Identity", [self.cast(scores, np.float32)], ["scores"]))
        self._nodes.append(helper.make_node("Identity", [label], ["label"]))
        graph = helper.make_graph(
            self._nodes,
            self.name,
            [helper.make_tensor_value_info(self.vectors, TensorProto.FLOAT, ["n", self.dim])],
            [
                helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", classes]),
                helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
            ],
            self._constants,
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, producer_name="mueca", opset_imports=opset, ir_version=IR_VERSION)
        helper.set_model_props(model, notes)
        onnx.checker.check_model(model)
        return model

    def _new(self, kind: str) -> Name:
        self._count += 1
        return f"{kind.lower()}_{self._count}"
