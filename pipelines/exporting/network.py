"""The network of an extractor as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from featurize.backbones.extractor import NetworkExtractor, UnitLengthExtractor
from featurize.backbones.frame import dtype_policy, quiet, recorded
from featurize.backbones.layers import UnknownLayerError
from featurize.backbones.views import SCALES, resampling
from featurize.registry import parse
from pipelines.exporting.graph import OPSET
from pipelines.exporting.heads import NotExportable
from pipelines.exporting.onnx_network import onnx_network


def lone_network(expression: str) -> NetworkExtractor | None:
    """Return the network that gives a model's vectors, computing in float32; None if there is more to them.

    Float32: what a file holds is exact, and the engine that reads it chooses its own precision. Corners that
    are cut out and enlarged again are OpenCV's work, and not in a graph.
    """
    parts = parse(expression)
    if len(parts) != 1 or not isinstance(parts[0], NetworkExtractor):
        return None
    if parts[0].params.views == "ten":
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


def _finish(model: Any, extractor: NetworkExtractor, notes: dict[str, str]) -> None:
    """Give input, output and batch their names, and add what the extractor does after its network."""
    import onnx
    from onnx import helper

    graph = model.graph
    last = graph.output[0].name
    if extractor.params.views != "one":
        last = _mean_of_views(graph, last, extractor)
    if isinstance(extractor, UnitLengthExtractor) and extractor.normalised:
        last = _of_unit_length(graph, last, extractor.EPSILON)
    if extractor.blank is not None:
        last = _zero_where_blank(graph, last, extractor.blank)
    graph.node.append(helper.make_node("Identity", [last], ["vectors"]))
    del graph.output[:]
    graph.output.append(
        helper.make_tensor_value_info("vectors", onnx.TensorProto.FLOAT, ["n", extractor.dim])
    )
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    helper.set_model_props(model, notes)
    onnx.checker.check_model(model)


def _added(
    graph: Any, constants: dict[str, Any], nodes: list[tuple[str, list[str], str, dict[str, Any]]]
) -> str:
    """Add constants and nodes (operator, inputs, output, attributes); return the last one's output."""
    from onnx import helper, numpy_helper

    graph.initializer.extend(numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items())
    graph.node.extend(helper.make_node(kind, ins, [out], **extra) for kind, ins, out, extra in nodes)
    return nodes[-1][2]


def _mean_of_views(graph: Any, vectors: str, extractor: NetworkExtractor) -> str:
    """Let the network see each face in all views; return the means of their vectors."""
    pixels, network = graph.input[0].name, list(graph.node)
    for node in network:
        node.input[:] = ["views_all" if name == pixels else name for name in node.input]
    del graph.node[:]
    sizes = [pixels]
    if extractor.params.views == "six":
        height, width = extractor.sized.shape[:2]
        sizes += [_scaled(graph, pixels, resampling(height, width, s), k) for k, s in enumerate(SCALES[1:])]
    seen = [view for size in sizes for view in (size, _mirrored(graph, size))]
    _added(graph, {}, [("Concat", seen, "views_all", {"axis": 0})])
    graph.node.extend(network)
    shape = {"views_shape": np.array([len(seen), -1, extractor.dim])}
    return _added(graph, shape, [
        ("Reshape", [vectors, "views_shape"], "views_each", {}),
        ("ReduceMean", ["views_each"], "views_vectors", {"axes": [0], "keepdims": 0}),
    ])  # fmt: skip


def _scaled(graph: Any, pixels: str, weights: tuple[Any, Any], number: int) -> str:
    """Resample pixels (n, h, w, c) by a matrix for the rows and one for the columns; round half up."""
    name = f"views_scaled{number}_"
    rows, columns = weights
    constants = {name + "rows": rows, name + "columns": columns.T, name + "half": np.float32(0.5)}
    return _added(graph, constants, [
        ("Transpose", [pixels], name + "planes", {"perm": [0, 3, 1, 2]}),
        ("MatMul", [name + "rows", name + "planes"], name + "down", {}),
        ("MatMul", [name + "down", name + "columns"], name + "across", {}),
        ("Add", [name + "across", name + "half"], name + "above", {}),
        ("Floor", [name + "above"], name + "whole", {}),
        ("Transpose", [name + "whole"], name + "pixels", {"perm": [0, 2, 3, 1]}),
    ])  # fmt: skip


def _mirrored(graph: Any, pixels: str) -> str:
    """Turn pixels (n, h, w, c) left to right."""
    last = int(np.iinfo(np.int64).min)  # slice to the very first column, backwards
    ends = {"start": -1, "end": last, "axis": 2, "step": -1}
    constants = {f"{pixels}_{end}": np.array([value]) for end, value in ends.items()}
    return _added(graph, constants, [("Slice", [pixels, *constants], f"{pixels}_mirrored", {})])


def _of_unit_length(graph: Any, vectors: str, least: float) -> str:
    constants = {"l2_axis": np.array([1]), "l2_least": np.float32(least)}
    return _added(graph, constants, [
        ("Mul", [vectors, vectors], "l2_squares", {}),
        ("ReduceSum", ["l2_squares", "l2_axis"], "l2_sum", {"keepdims": 1}),
        ("Max", ["l2_sum", "l2_least"], "l2_bounded", {}),
        ("Sqrt", ["l2_bounded"], "l2_length", {}),
        ("Div", [vectors, "l2_length"], "l2_vectors", {}),
    ])  # fmt: skip


def _zero_where_blank(graph: Any, vectors: str, most: float) -> str:
    """Give a zero vector where no channel of the pixels spans more than `most`."""
    pixels, axes = graph.input[0].name, {"axes": [1, 2], "keepdims": 0}
    constants = {"blank_most": np.float32(most), "blank_none": np.float32(0)}
    return _added(graph, constants, [
        ("ReduceMax", [pixels], "blank_lightest", axes),
        ("ReduceMin", [pixels], "blank_darkest", axes),
        ("Sub", ["blank_lightest", "blank_darkest"], "blank_spans", {}),
        ("ReduceMax", ["blank_spans"], "blank_span", {"axes": [1], "keepdims": 1}),
        ("Greater", ["blank_span", "blank_most"], "blank_not", {}),
        ("Where", ["blank_not", vectors, "blank_none"], "blank_vectors", {}),
    ])  # fmt: skip
