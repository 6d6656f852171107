"""The network of an extractor as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from featurize.backbones.extractor import NetworkExtractor, UnitLengthExtractor
from featurize.backbones.frame import dtype_policy, quiet, recorded
from featurize.backbones.layers import UnknownLayerError
from featurize.base import Extractor
from featurize.registry import parse
from pipelines.exporting.graph import OPSET
from pipelines.exporting.heads import NotExportable
from pipelines.exporting.onnx_network import onnx_network


def lone_network(expression: str) -> NetworkExtractor | None:
    """Return the network that gives a model's vectors, computing in float32; None if there is more to them.

    Float32: what a file holds is exact, and the engine that reads it chooses its own precision.
    """
    parts = parse(expression)
    if len(parts) != 1 or not isinstance(parts[0], NetworkExtractor):
        return None
    given = parts[0].params.model_dump()
    return type(parts[0])(**given | {"engine": "auto", "precision": "f32"})


def write_network(extractor: NetworkExtractor, path: Path, notes: dict[str, str]) -> None:
    """Write ``pixels`` (n, h, w, c) float32 of 0..255 to ``vectors`` (n, d) float32.

    Raises
    ------
    NotExportable
        If it has layers that Keras alone knows, and Keras is not installed or cannot write it.
    """
    import onnx

    graph = _without_keras(extractor) or _by_keras(extractor, path)
    _finish(graph, extractor, notes)
    onnx.save(graph, str(path))


def _without_keras(extractor: NetworkExtractor) -> Any:
    """Return the network as ONNX, None if it has layers that Keras alone knows."""
    try:
        with recorded():
            network = extractor.model()
        return onnx_network(network)
    except (UnknownLayerError, TypeError):
        return None


def _by_keras(extractor: NetworkExtractor, path: Path) -> Any:
    import onnx

    try:
        with quiet(), dtype_policy("float32"):
            model = extractor.model()
            model(np.zeros((1, *extractor.sized.shape), np.float32))  # the exporter wants it called once
            model.export(str(path), format="onnx", verbose=False, opset_version=OPSET)
    except (ImportError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        why = " ".join(str(error).split())[:200]
        raise NotExportable(
            f"{extractor.name}: Keras cannot write it as ONNX on this backend ({why})"
        ) from None
    return onnx.load(str(path))


def _finish(model: Any, extractor: Extractor, notes: dict[str, str]) -> None:
    """Give input, output and batch their names, and add what the extractor does after its network."""
    import onnx
    from onnx import helper, numpy_helper

    graph = model.graph
    last = graph.output[0].name
    if isinstance(extractor, UnitLengthExtractor) and extractor.normalised:
        for name, value in (("axis", np.array([1])), ("least", np.float32(extractor.EPSILON))):
            graph.initializer.append(numpy_helper.from_array(np.asarray(value), f"l2_{name}"))
        graph.node.extend([
            helper.make_node("Mul", [last, last], ["l2_squares"]),
            helper.make_node("ReduceSum", ["l2_squares", "l2_axis"], ["l2_sum"], keepdims=1),
            helper.make_node("Max", ["l2_sum", "l2_least"], ["l2_bounded"]),
            helper.make_node("Sqrt", ["l2_bounded"], ["l2_length"]),
            helper.make_node("Div", [last, "l2_length"], ["l2_vectors"]),
        ])  # fmt: skip
        last = "l2_vectors"
    graph.node.append(helper.make_node("Identity", [last], ["vectors"]))
    del graph.output[:]
    graph.output.append(
        helper.make_tensor_value_info("vectors", onnx.TensorProto.FLOAT, ["n", extractor.dim])
    )
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    helper.set_model_props(model, notes)
    onnx.checker.check_model(model)
