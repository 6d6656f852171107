"""What a network computes for one sample, counted layer by layer from its Keras model.

Three numbers a layer, because published tables count differently:

- *multiply-adds*: of convolutions, dense layers and recurrent ones;
- *FLOPs*: two for each multiply-add, and one for each addition of a bias. This is how TensorFlow's profiler
  counts those layers, and what reference system R2 reports ("GFLOPs"); papers that write FLOPs and mean
  multiply-adds (He et al., CVPR 2016) give half of it;
- *other*: normalisation (two an element), pooling (one for each element of a window), activations and sums
  (one an element), which such tables leave out.

Counted by formula from the shapes; nothing is run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

#: Shape of one sample, without the batch.
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """Operations for one sample.

    Attributes
    ----------
    multiply_adds : int
    bias : int
        Additions of a bias.
    other : int
        Normalisation, pooling, activations, sums.
    """

    multiply_adds: int = 0
    bias: int = 0
    other: int = 0

    @property
    def flops(self) -> int:
        """Two for each multiply-add, one for each bias."""
        return 2 * self.multiply_adds + self.bias

    def __add__(self, more: Cost) -> Cost:
        return Cost(self.multiply_adds + more.multiply_adds, self.bias + more.bias, self.other + more.other)

    def __mul__(self, times: int) -> Cost:
        return Cost(times * self.multiply_adds, times * self.bias, times * self.other)


@dataclass(frozen=True)
class LayerCost:
    """One layer: its name and kind, the shape it gives, its parameters, and what it costs."""

    name: str
    kind: str
    output: Shape
    parameters: int
    cost: Cost


def layer_costs(model: Any) -> list[LayerCost]:
    """Return what each layer of a Keras model costs, in order; a layer used twice stands there twice.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential, of fixed input size.

    Raises
    ------
    ValueError
        If a layer has no rule here (so that nothing is silently counted as nothing), or no fixed size.
    """
    seen: set[int] = set()
    found = []
    for layer, inputs, output in _uses(model):
        first = id(layer) not in seen  # parameters of a shared layer count once
        seen.add(id(layer))
        parameters = int(layer.count_params()) if first and hasattr(layer, "count_params") else 0
        cost = _cost(layer, inputs, output)
        found.append(LayerCost(layer.name, type(layer).__name__, output, parameters, cost))
    return found


def total_cost(model: Any) -> Cost:
    """Return what a whole model costs for one sample; raises as `layer_costs`."""
    return sum((_cost(*use) for use in _uses(model)), Cost())


def _uses(model: Any) -> Iterator[tuple[Any, list[Shape], Shape]]:
    """Yield (layer, shapes in, shape out) for each time the model calls a layer."""
    graph = getattr(model, "_functional", None) or model  # a Sequential keeps its graph inside
    by_depth = getattr(graph, "_nodes_by_depth", None)
    if by_depth is None:
        raise ValueError(f"{model.name}: only a functional or sequential model that is built can be counted")
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            if not node.is_input:
                inputs = [_shape(node.operation, t) for t in node.input_tensors]
                yield node.operation, inputs, _shape(node.operation, node.outputs[0])


def _shape(layer: Any, tensor: Any) -> Shape:
    shape = tuple(tensor.shape[1:])
    if None in shape:
        raise ValueError(f"layer {layer.name} has no fixed size: {tuple(tensor.shape)}")
    return tuple(int(n) for n in shape)


def _cost(layer: Any, inputs: Sequence[Shape], output: Shape) -> Cost:
    """Return what one use of a layer costs."""
    kind = type(layer).__name__
    if kind == "TimeDistributed":
        steps = inputs[0][0]
        return _cost(layer.layer, [inputs[0][1:]], output[1:]) * steps
    if kind in ("Functional", "Sequential", "Model"):
        return total_cost(layer)
    if kind in _FREE:
        return Cost()
    if kind not in _RULES:
        raise ValueError(f"layer {layer.name}: no rule for the FLOPs of a {kind}; add one to {__name__}")
    return _RULES[kind](layer, inputs, output)


def _convolution(layer: Any, inputs: Sequence[Shape], output: Shape) -> Cost:
    n = math.prod(output)
    window = math.prod(layer.kernel_size) * (inputs[0][-1] // layer.groups)
    return Cost(n * window, n * bool(layer.use_bias), _activation(layer, n))


def _depthwise(layer: Any, _inputs: Sequence[Shape], output: Shape) -> Cost:
    n = math.prod(output)
    return Cost(n * math.prod(layer.kernel_size), n * bool(layer.use_bias), _activation(layer, n))


def _dense(layer: Any, inputs: Sequence[Shape], output: Shape) -> Cost:
    n = math.prod(output)
    return Cost(n * inputs[0][-1], n * bool(layer.use_bias), _activation(layer, n))


def _lstm(layer: Any, inputs: Sequence[Shape], _output: Shape) -> Cost:
    """Four gates a step, each of input and state; then four activations, tanh, three products and a sum."""
    steps, width = inputs[0]
    units = int(layer.units)
    step = Cost(4 * units * (width + units), 4 * units * bool(layer.use_bias), 9 * units)
    return step * steps


def _activation(layer: Any, n: int) -> int:
    name = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return 0 if name == "linear" else n


def _pooling(layer: Any, _inputs: Sequence[Shape], output: Shape) -> Cost:
    return Cost(other=math.prod(output) * math.prod(layer.pool_size))


def _whole_pooling(_layer: Any, inputs: Sequence[Shape], _output: Shape) -> Cost:
    return Cost(other=math.prod(inputs[0]))


def _scaling(_layer: Any, _inputs: Sequence[Shape], output: Shape) -> Cost:
    return Cost(other=2 * math.prod(output))


def _elementwise(layer: Any, _inputs: Sequence[Shape], output: Shape) -> Cost:
    n = math.prod(output)
    return Cost(other=_activation(layer, n) if type(layer).__name__ == "Activation" else n)


def _merging(_layer: Any, inputs: Sequence[Shape], output: Shape) -> Cost:
    return Cost(other=math.prod(output) * max(1, len(inputs) - 1))


_DIMENSIONS = ("1D", "2D", "3D")
_RULES: dict[str, Any] = {
    **{f"Conv{d}": _convolution for d in _DIMENSIONS},
    **{f"DepthwiseConv{d}": _depthwise for d in _DIMENSIONS},
    **{f"{way}Pooling{d}": _pooling for d in _DIMENSIONS for way in ("Max", "Average")},
    **{f"Global{way}Pooling{d}": _whole_pooling for d in _DIMENSIONS for way in ("Max", "Average")},
    **dict.fromkeys(("Dense",), _dense),
    **dict.fromkeys(("LSTM",), _lstm),
    **dict.fromkeys(("BatchNormalization", "Rescaling", "Normalization"), _scaling),
    **dict.fromkeys(("Activation", "ReLU", "LeakyReLU", "Softmax", "Mean", "Abs", "Sqrt"), _elementwise),
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Divide", "Average", "Maximum"), _merging),
}
#: They move values, or do nothing once a network is trained.
_FREE = frozenset(
    [
        "Flatten", "Reshape", "Permute", "RepeatVector", "Concatenate", "Dropout", "Identity",
        "Flip", "Transpose", "Squeeze", "ExpandDims", "GetItem", "Cast", "Moveaxis", "Stack", "Repeat",
        "Masking", "GaussianNoise",
        *(f"{kind}{d}" for kind in ("ZeroPadding", "Cropping", "SpatialDropout") for d in _DIMENSIONS),
    ]
)  # fmt: skip
