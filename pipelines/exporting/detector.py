"""The default detector's network as ONNX, translated from what OpenVINO reads of the file that ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.detectors import blazeface, pyramid
from featurize.detectors.base import POINTS
from featurize.engine import installed_openvino
from featurize.tflite import FOLDER, SIDE
from pipelines.exporting.graph import IR_VERSION, OPSET
from pipelines.exporting.heads import NotExportable
from pipelines.prediction.predictor import FACES_ACROSS, LOOK_BELOW, MIN_FACE

NAME = "face_detection_full_range"
#: Pixels of 0..255 become (pixel - MEAN) / SCALE.
MEAN = SCALE = 127.5
_OUTPUTS = ("regressors", "logits")


def constants() -> dict[str, Any]:
    """Return what a program needs beside the network to find faces and cut them out as training saw them."""
    find = blazeface.BlazeFace
    return {
        "name": find.name, "size": SIDE, "stride": blazeface.STRIDE, "candidate": blazeface.DOUBTFUL,
        "threshold": find.threshold, "same": blazeface.SAME, "points": list(POINTS),
        "pyramid": {
            "smallest": pyramid.SMALLEST, "overlap": pyramid.OVERLAP, "largest": pyramid.LARGEST,
            "fills": pyramid.FILLS, "nearly": pyramid.NEARLY,
        },
        "crop": {"side": find.framing.side, "down": find.framing.down},
        "min_face": MIN_FACE, "look_below": LOOK_BELOW * MIN_FACE, "across": FACES_ACROSS,
        "words": "candidates below the threshold are faces only where mueca's face mesh sees one, not here",
    }  # fmt: skip


def write_detector(path: Path, notes: dict[str, str]) -> None:
    """Write ``pixels`` (1, 192, 192, 3) float32 of 0..255 to ``regressors`` (1, 2304, 16) and ``logits``.

    Raises
    ------
    NotExportable
        If the network has an operator that is not translated.
    """
    import onnx
    from onnx import TensorProto, helper

    _, core = installed_openvino()
    model = core.read_model(FOLDER / f"{NAME}.tflite")
    found = _Translation()
    for op in model.get_ordered_ops():
        found.add(op)
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, list(result.get_output_shape(0)))
        for name, result in zip(_OUTPUTS, model.get_results(), strict=True)
    ]
    found.finish([result.input_value(0) for result in model.get_results()])
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, SIDE, SIDE, 3])
    graph = helper.make_graph(found.nodes, NAME, [pixels], outputs, found.constants)
    opset = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(graph, producer_name="mueca", opset_imports=opset, ir_version=IR_VERSION)
    helper.set_model_props(made, notes)
    onnx.checker.check_model(made)
    onnx.save(made, str(path))


class _Translation:
    """Nodes of ONNX for operators of OpenVINO, met in order; what is constant is computed here."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._values: dict[tuple[str, int], str | NDArray[Any]] = {}

    def add(self, op: Any) -> None:
        """Take an operator."""
        kind, key = op.get_type_name(), (op.get_name(), 0)
        given = [self._of(op.input_value(i)) for i in range(op.get_input_size())]
        if kind == "Result":
            return
        if kind == "Constant":
            self._values[key] = np.array(op.data)
        elif kind == "Parameter":
            centred = self._node("Sub", "pixels", np.float32(MEAN))
            self._values[key] = self._node("Div", centred, np.float32(SCALE))
        elif all(isinstance(one, np.ndarray) for one in given) and kind in _FOLDED:
            self._values[key] = _FOLDED[kind](*given)
        elif kind in _TRANSLATED:
            self._values[key] = _TRANSLATED[kind](self._node, op.get_attributes(), *given)
        else:
            raise NotExportable(f"the detector has an operator {kind}, which has no ONNX here")

    def finish(self, outputs: list[Any]) -> None:
        """Give the outputs their names."""
        from onnx import helper

        for name, value in zip(_OUTPUTS, outputs, strict=True):
            self.nodes.append(helper.make_node("Identity", [str(self._of(value))], [name]))

    def _of(self, value: Any) -> str | NDArray[Any]:
        return self._values[value.get_node().get_name(), value.get_index()]

    def _node(self, kind: str, *values: Any, **attributes: Any) -> str:
        from onnx import helper

        names = [v if isinstance(v, str) else self._constant(v) for v in values]
        made = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [made], **attributes))
        return made

    def _constant(self, value: Any) -> str:
        from onnx import numpy_helper

        name = f"const_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name


Node = Callable[..., str]


def _pads(attributes: dict[str, Any]) -> list[int]:
    return [*map(int, attributes["pads_begin"]), *map(int, attributes["pads_end"])]


def _convolution(node: Node, attributes: dict[str, Any], x: str, kernel: NDArray[Any]) -> str:
    return node("Conv", x, kernel, strides=attributes["strides"], pads=_pads(attributes))


def _grouped(node: Node, attributes: dict[str, Any], x: str, kernel: NDArray[Any]) -> str:
    flat = kernel.reshape(-1, *kernel.shape[2:])
    strides = attributes["strides"]
    return node("Conv", x, flat, strides=strides, pads=_pads(attributes), group=len(kernel))


def _largest(node: Node, attributes: dict[str, Any], x: str) -> str:
    size, strides = attributes["kernel"], attributes["strides"]
    return node("MaxPool", x, kernel_shape=size, strides=strides, pads=_pads(attributes))


def _padded(node: Node, _: dict[str, Any], x: str, before: Any, after: Any, value: Any) -> str:
    around = np.concatenate([before, after]).astype(np.int64)
    return node("Pad", x, around, np.asarray(value, np.float32), mode="constant")


def _enlarged(node: Node, _: dict[str, Any], x: str, size: Any, axes: Any) -> str:
    """Enlarge (1, h, w, c), twice as large along both axes; ONNX's engines do that channels first."""
    if list(axes) != [1, 2]:
        raise NotExportable(f"the detector enlarges axes {list(axes)}, which has no ONNX here")
    front = node("Transpose", x, perm=[0, 3, 1, 2])
    side = node("Resize", front, "", np.array([1, 1, 2, 2], np.float32), mode="linear")
    return node("Transpose", side, perm=[0, 2, 3, 1])


_FOLDED: dict[str, Callable[..., NDArray[Any]]] = {
    "Convert": lambda value: value.astype(np.float32),
    "Reshape": lambda value, shape: value.reshape(
        [value.shape[i] if n == 0 else int(n) for i, n in enumerate(shape)]
    ),
    "Transpose": lambda value, order: value.transpose(tuple(map(int, order))),
    "Unsqueeze": lambda value, axes: np.expand_dims(value, tuple(map(int, np.ravel(axes)))),
}
_TRANSLATED: dict[str, Callable[..., str]] = {
    "Convolution": _convolution,
    "GroupConvolution": _grouped,
    "MaxPool": _largest,
    "Pad": _padded,
    "Interpolate": _enlarged,
    "Add": lambda node, _, x, y: node("Add", x, y),
    "Relu": lambda node, _, x: node("Relu", x),
    "Convert": lambda node, _, x: node("Identity", x),
    "Transpose": lambda node, _, x, order: node("Transpose", x, perm=[int(i) for i in order]),
    "Reshape": lambda node, _, x, shape: node("Reshape", x, np.asarray(shape, np.int64)),
    "Concat": lambda node, attributes, *values: node("Concat", *values, axis=attributes["axis"]),
}
