"""The layers of Keras that networks here are built of, as `featurize.backbones.layers` records them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.backbones.layers import Layer, Model, Operators, Shape, UnknownLayerError


class Input(Layer):
    """What goes into a network, (n, ...) channels last."""

    def __init__(self, shape: Shape, name: str) -> None:
        super().__init__(name)
        self._of = (-1, *shape)

    def _shape(self, shapes: Sequence[Shape]) -> Shape:  # noqa: ARG002
        return self._of

    def write(self, ops: Operators, *values: Any) -> Any:
        """Bring the channels to the front."""
        return ops.transpose(values[0], _to_front(len(self._of)))


class _Convolution(Layer):
    """Conv2D and Conv3D."""

    def __init__(self, filters: int, kernel_size: int | Shape, strides: int | Shape = 1,
                 padding: str = "valid", activation: str | None = None, use_bias: bool = True, name: str = "",
                 kernel_initializer: Any = None) -> None:  # fmt: skip
        super().__init__(name)
        self._filters, self._size, self._strides = filters, kernel_size, strides
        self._padding, self._activation, self._bias = padding, activation, use_bias
        self._groups = 1

    def _variables(self, shape: Shape) -> dict[str, Shape]:
        kernel = (*_each(self._size, shape), shape[-1], self._filters)
        return {"kernel": kernel, **({"bias": (self._filters,)} if self._bias else {})}

    def _shape(self, shapes: Sequence[Shape]) -> Shape:
        return (-1, *_windows(shapes[0], self._size, self._strides, self._padding), self._filters)

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write a convolution, its bias and its activation."""
        shape = self.output.inputs[0].shape
        pads = _pads(shape, self._size, self._strides, self._padding)
        x = ops.convolution(values[0], self._kernel(), _each(self._strides, shape), pads, self._groups)
        return _activated(ops, _biased(ops, x, self, len(shape)), self._activation)

    def _kernel(self) -> NDArray[np.float32]:
        kernel = self["kernel"]
        return np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))


class DepthwiseConv2D(_Convolution):
    """A convolution of each channel by itself."""

    def __init__(self, kernel_size: int | Shape, **settings: Any) -> None:
        super().__init__(0, kernel_size, **settings)

    def _variables(self, shape: Shape) -> dict[str, Shape]:
        self._filters = self._groups = shape[-1]
        return {"kernel": (*_each(self._size, shape), shape[-1], 1), "bias": (shape[-1],)}

    def _kernel(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(np.moveaxis(self["kernel"], (-2, -1), (0, 1)))


class Dense(Layer):
    """A linear layer on vectors."""

    def __init__(self, units: int, activation: str | None = None, name: str = "", dtype: str | None = None,
                 kernel_initializer: Any = None, kernel_regularizer: Any = None) -> None:  # fmt: skip
        super().__init__(name, dtype)
        self._units, self._activation = units, activation

    def _variables(self, shape: Shape) -> dict[str, Shape]:
        return {"kernel": (shape[-1], self._units), "bias": (self._units,)}

    def _shape(self, shapes: Sequence[Shape]) -> Shape:
        if len(shapes[0]) != 2:
            raise UnknownLayerError(f"{self.name}: dense on {len(shapes[0]) - 2} axes")
        return (-1, self._units)

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write a product, a sum and an activation."""
        return _activated(ops, _biased(ops, ops.dense(values[0], self["kernel"]), self, 2), self._activation)


class BatchNormalization(Layer):
    """Normalisation by the moving statistics: one factor and one summand a channel."""

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, name: str = "") -> None:  # noqa: ARG002
        super().__init__(name)
        self._epsilon = epsilon

    def _variables(self, shape: Shape) -> dict[str, Shape]:
        return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (shape[-1],))

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write a product and a sum."""
        factor = self["gamma"] / np.sqrt(self["moving_variance"] + np.float32(self._epsilon))
        summand = self["beta"] - self["moving_mean"] * factor
        return _scaled(ops, values[0], factor, summand, len(self.output.shape))


class Rescaling(Layer):
    """Factor and summand: of all values, or of each channel."""

    def __init__(self, scale: float | Sequence[float], offset: float | Sequence[float] = 0.0, name: str = "",
                 dtype: str | None = None) -> None:  # fmt: skip
        super().__init__(name, dtype)
        self._scale, self._offset = np.asarray(scale, np.float32), np.asarray(offset, np.float32)

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write a product and a sum."""
        return _scaled(ops, values[0], self._scale, self._offset, len(self.output.shape))


class _Pooling(Layer):
    """The largest, or the mean, of windows."""

    kind = "max"

    def __init__(self, pool_size: int | Shape, strides: int | Shape | None = None, padding: str = "valid",
                 name: str = "") -> None:  # fmt: skip
        super().__init__(name)
        self._size, self._padding = pool_size, padding
        self._strides = pool_size if strides is None else strides

    def _shape(self, shapes: Sequence[Shape]) -> Shape:
        return (-1, *_windows(shapes[0], self._size, self._strides, self._padding), shapes[0][-1])

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write a pooling."""
        shape = self.output.inputs[0].shape
        pads = _pads(shape, self._size, self._strides, self._padding)
        return ops.pool(self.kind, values[0], _each(self._size, shape), _each(self._strides, shape), pads)


class _MeanPooling(_Pooling):
    kind = "mean"


class _GlobalPooling(Layer):
    """The mean of each channel."""

    def __init__(self, keepdims: bool = False, name: str = "") -> None:
        super().__init__(name)
        self._keep = keepdims

    def _shape(self, shapes: Sequence[Shape]) -> Shape:
        middle = (1,) * (len(shapes[0]) - 2) if self._keep else ()
        return (-1, *middle, shapes[0][-1])

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write a mean."""
        return ops.mean(values[0], tuple(range(2, len(self.output.inputs[0].shape))), self._keep)


class _ZeroPadding(Layer):
    def __init__(self, padding: int | Sequence[Sequence[int]], name: str = "") -> None:
        super().__init__(name)
        self._given = padding

    def _shape(self, shapes: Sequence[Shape]) -> Shape:
        pads = self._pads(shapes[0])
        return (-1, *(n + a + b for n, (a, b) in zip(shapes[0][1:-1], pads, strict=True)), shapes[0][-1])

    def _pads(self, shape: Shape) -> list[Shape]:
        if isinstance(self._given, int):
            return [(self._given, self._given)] * (len(shape) - 2)
        return [(int(a), int(b)) for a, b in self._given]

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write a padding."""
        return ops.pad(values[0], self._pads(self.output.shape))


class Flatten(Layer):
    """All values of a sample in a row, in Keras's order: channels last."""

    def _shape(self, shapes: Sequence[Shape]) -> Shape:
        return (-1, math.prod(shapes[0][1:]))

    def write(self, ops: Operators, *values: Any) -> Any:
        """Bring the channels to the back, and join."""
        rank = len(self.output.inputs[0].shape)
        last = ops.transpose(values[0], (0, *range(2, rank), 1)) if rank > 2 else values[0]
        return ops.flat(last, self.output.shape[1])


class Activation(Layer):
    """A function of each value; softmax of each row."""

    def __init__(self, activation: str, name: str = "", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self._kind = activation

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write the function."""
        return _activated(ops, values[0], self._kind)


class ReLU(Layer):
    """Nothing below 0, nothing above `max_value`."""

    def __init__(self, max_value: float | None = None, name: str = "") -> None:
        super().__init__(name)
        self._largest = max_value

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write the bounds."""
        x = values[0]
        return ops.apply("relu", x) if self._largest is None else ops.clip(x, float(self._largest))


class UnitNormalization(Layer):
    """Each vector divided by its length."""

    #: Least squared length: a vector of zeros stays.
    _LEAST = np.float32(1e-12)

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write the length from the mean of squares, and a quotient."""
        count = np.float32(self.output.shape[1])
        mean = ops.mean(ops.apply("multiply", values[0], values[0]), (1,), True)
        squared = _scaled(ops, mean, count, self._LEAST, 2)
        return ops.apply("divide", values[0], ops.apply("sqrt", squared))


class _Root(Layer):
    """Square roots."""

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write the function."""
        return ops.apply("sqrt", values[0])


class Dropout(Layer):
    """Nothing, once a network is trained."""

    def __init__(self, rate: float, name: str = "") -> None:  # noqa: ARG002
        super().__init__(name)

    def write(self, ops: Operators, *values: Any) -> Any:  # noqa: ARG002
        """Write nothing."""
        return values[0]


class Add(Layer):
    """The sum of two."""

    kind = "add"

    def _shape(self, shapes: Sequence[Shape]) -> Shape:
        return tuple(max(sizes) for sizes in zip(*shapes, strict=True))

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write the sum or the product of all."""
        x = values[0]
        for y in values[1:]:
            x = ops.apply(self.kind, x, y)
        return x


class Multiply(Add):
    """The product of two."""

    kind = "multiply"


class Concatenate(Layer):
    """Channels one after another."""

    def _shape(self, shapes: Sequence[Shape]) -> Shape:
        return (*shapes[0][:-1], sum(s[-1] for s in shapes))

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write the joined channels."""
        return ops.concatenate(values)


class _Channels(Layer):
    """Channels in another order, or several times."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__()
        self._places = list(places)

    def _shape(self, shapes: Sequence[Shape]) -> Shape:
        return (*shapes[0][:-1], len(self._places))

    def write(self, ops: Operators, *values: Any) -> Any:
        """Write the channels taken."""
        return ops.take(values[0], self._places)


class _Namespace:
    """Names of Keras; one that is not known says so."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.__dict__.update(names)

    def __getattr__(self, name: str) -> Any:
        raise UnknownLayerError(f"Keras's {name}")


#: What `featurize.backbones.frame.keras` returns while a network is recorded.
KERAS = _Namespace({
    "Input": lambda shape, name="input": Input(shape, name)(()),
    "Model": Model,
    "regularizers": _Namespace({"L2": lambda _: None}),
    "ops": _Namespace({
        "sqrt": lambda x: _Root()(x),
        "flip": lambda x, axis: _last(axis) and _Channels(range(x.shape[-1])[::-1])(x),
        "repeat": lambda x, times, axis: _last(axis) and _Channels(
            [i for i in range(x.shape[-1]) for _ in range(times)])(x),
    }),
    "layers": _Namespace({
        **{f"Conv{d}D": type(f"Conv{d}D", (_Convolution,), {}) for d in (2, 3)},
        **{f"MaxPooling{d}D": type(f"MaxPooling{d}D", (_Pooling,), {}) for d in (2, 3)},
        **{f"AveragePooling{d}D": type(f"AveragePooling{d}D", (_MeanPooling,), {}) for d in (2, 3)},
        **{f"GlobalAveragePooling{d}D": type(f"Global{d}D", (_GlobalPooling,), {}) for d in (2, 3)},
        **{f"ZeroPadding{d}D": type(f"ZeroPadding{d}D", (_ZeroPadding,), {}) for d in (2, 3)},
        **{f"SpatialDropout{d}D": type(f"SpatialDropout{d}D", (Dropout,), {}) for d in (2, 3)},
        **{c.__name__: c for c in (DepthwiseConv2D, Dense, BatchNormalization, Rescaling, Flatten, Activation,
                                   ReLU, Dropout, Add, Multiply, Concatenate, UnitNormalization)},
    }),
})  # fmt: skip


def _last(axis: int) -> bool:
    if axis != -1:
        raise UnknownLayerError(f"axis {axis}")
    return True


def _to_front(rank: int) -> Shape:
    return (0, rank - 1, *range(1, rank - 1))


def _each(size: int | Shape, shape: Shape) -> Shape:
    """Return a size for each spatial axis."""
    return (size,) * (len(shape) - 2) if isinstance(size, int) else tuple(size)


def _axes(shape: Shape, size: int | Shape, strides: int | Shape) -> Iterator[tuple[int, int, int]]:
    return zip(shape[1:-1], _each(size, shape), _each(strides, shape), strict=True)


def _windows(shape: Shape, size: int | Shape, strides: int | Shape, padding: str) -> Shape:
    """Return how many windows fit along each axis."""
    if padding == "same":
        return tuple(-(-n // s) for n, _, s in _axes(shape, size, strides))
    return tuple((n - k) // s + 1 for n, k, s in _axes(shape, size, strides))


def _pads(shape: Shape, size: int | Shape, strides: int | Shape, padding: str) -> list[Shape]:
    """Return what Keras adds before and after each axis: an odd pixel goes behind."""
    if padding != "same":
        return [(0, 0)] * (len(shape) - 2)
    rest = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in _axes(shape, size, strides)]
    return [(r // 2, r - r // 2) for r in rest]


def _activated(ops: Operators, x: Any, kind: str | None) -> Any:
    if kind in (None, "linear"):
        return x
    if kind not in ("relu", "sigmoid", "tanh", "softmax"):
        raise UnknownLayerError(f"activation {kind}")
    return ops.apply(kind, x)


def _biased(ops: Operators, x: Any, layer: Layer, rank: int) -> Any:
    if not any(v.name == "bias" for v in layer.weights):
        return x
    return ops.apply("add", x, ops.constant(_in_front(layer["bias"], rank)))


def _scaled(ops: Operators, x: Any, factor: Any, summand: Any, rank: int) -> Any:
    x = ops.apply("multiply", x, ops.constant(_in_front(factor, rank)))
    return ops.apply("add", x, ops.constant(_in_front(summand, rank)))


def _in_front(value: Any, rank: int) -> NDArray[np.float32]:
    """Return a value of each channel, or of all, so that it goes with (n, c, ...)."""
    return np.asarray(value, np.float32).reshape(1, -1, *(1,) * (rank - 2))
