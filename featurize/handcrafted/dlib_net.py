"""dlib's face recognition network in NumPy, its weights read from dlib's own file.

dlib's CPU code takes 75 ms a face; matrix products over whole batches take a fraction of that.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float32]

#: Side of the chip the network takes.
CHIP = 150
_MEAN = np.array([122.782, 117.001, 104.298], np.float32)  # dlib's input_rgb_image
#: Residual blocks of two convolutions in each level (32, 64, 128, 256, 256 filters); from the second level on
#: the first block halves the image.
_LEVELS = (3, 4, 3, 3, 1)


class Conv(NamedTuple):
    """A convolution with its affine layer folded in: matrix (side * side * in, out), bias (out,)."""

    matrix: Array
    bias: Array
    side: int
    stride: int


class FaceNet:
    """The network of dlib's ``dnn_face_recognition_ex.cpp``, called on (n, 150, 150, 3) uint8 RGB chips.

    Parameters
    ----------
    path : Path
        ``dlib_face_recognition_resnet_model_v1.dat``.

    Raises
    ------
    ValueError
        If the file does not hold this network.
    """

    def __init__(self, path: Path) -> None:
        strides = _strides()
        tensors = _read_tensors(path.read_bytes())
        if [kind for kind, _ in tensors] != ["con", "affine"] * len(strides) + ["fc"]:
            raise ValueError(
                f"{path} is not dlib's face recognition network; install face_recognition_models"
            )
        values = [value for _, value in tensors]
        self.convs: list[Conv] = []
        channels = 3
        for stride, weights, affine in zip(strides, values[0::2], values[1::2], strict=False):
            self.convs.append(_folded(weights, affine, channels, stride))
            channels = len(self.convs[-1].bias)
        self.projection = values[-1].reshape(channels, -1)

    def __call__(self, chips: NDArray[np.uint8]) -> Array:
        """Return (n, 128) float32."""
        convs = iter(self.convs)
        x = (chips.astype(np.float32) - _MEAN) / np.float32(256)
        x = _max_pool(np.maximum(_convolve(x, next(convs)), 0))
        for first, second in zip(convs, convs, strict=True):
            y = _convolve(np.maximum(_convolve(x, first), 0), second)
            x = np.maximum(_add(y, _mean_pool(x) if first.stride == 2 else x), 0)
        return x.mean(axis=(1, 2)) @ self.projection


@lru_cache(maxsize=1)
def face_net() -> FaceNet:
    """Return the network with dlib's weights; read once a process."""
    from featurize.faces import model_file

    return FaceNet(model_file("face-net"))


def _strides() -> list[int]:
    """Stride of each convolution from the image on; a block that halves does so in its first."""
    strides = [2]
    for level, blocks in enumerate(_LEVELS):
        strides += [2 if level else 1, 1] + [1, 1] * (blocks - 1)
    return strides


def _folded(weights: Array, affine: Array, channels: int, stride: int) -> Conv:
    """Fold y = gamma * (W x + b) + beta into one convolution; dlib keeps filters, then biases, in one row."""
    gamma, beta = np.split(affine, 2)
    filters, bias = weights[: -len(gamma)], weights[-len(gamma) :]
    side = round((len(filters) / len(gamma) / channels) ** 0.5)
    kernel = filters.reshape(len(gamma), channels, side, side).transpose(2, 3, 1, 0) * gamma
    return Conv(np.ascontiguousarray(kernel.reshape(-1, len(gamma))), gamma * bias + beta, side, stride)


def _convolve(x: Array, conv: Conv) -> Array:
    """Convolve (n, h, w, c); padded by half the kernel at stride 1, not at all otherwise, as dlib does."""
    if conv.stride == 1:
        half = conv.side // 2
        x = np.pad(x, ((0, 0), (half, half), (half, half), (0, 0)))
    windows = sliding_window_view(x, (conv.side, conv.side), axis=(1, 2))
    windows = windows[:, :: conv.stride, :: conv.stride].transpose(0, 1, 2, 4, 5, 3)
    n, height, width = windows.shape[:3]
    y = windows.reshape(n * height * width, -1) @ conv.matrix + conv.bias
    return y.reshape(n, height, width, -1)


def _max_pool(x: Array) -> Array:
    """3x3, stride 2, no padding."""
    side = (x.shape[1] - 3) // 2 + 1
    taps = [x[:, i : i + 2 * side - 1 : 2, j : j + 2 * side - 1 : 2] for i in range(3) for j in range(3)]
    return np.maximum.reduce(taps)


def _mean_pool(x: Array) -> Array:
    """2x2, stride 2, no padding."""
    side = x.shape[1] // 2
    x = x[:, : 2 * side, : 2 * side]
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / np.float32(4)


def _add(a: Array, b: Array) -> Array:
    """Add two stacks of maps, the smaller filled up with zeros right, below and behind (dlib's add_prev)."""
    shape = (len(a), *(max(p, q) for p, q in zip(a.shape[1:], b.shape[1:], strict=True)))
    out = np.zeros(shape, np.float32)
    out[:, : a.shape[1], : a.shape[2], : a.shape[3]] = a
    out[:, : b.shape[1], : b.shape[2], : b.shape[3]] += b
    return out


def _read_tensors(data: bytes) -> list[tuple[str, Array]]:
    """Return (kind, values) of the layers with weights, in the file's order: from the image to the vector.

    Stops where the file is cut off.

    A layer is its name as dlib writes it (its length, then ``con_4``, ``affine_`` or ``fc_2``) followed, for
    these three, by a tensor: version, four sizes, little-endian float32. ``fc_2`` has two integers between.
    """
    found: list[tuple[str, Array]] = []
    position = 0
    for match in re.finditer(rb"\x01(?:\x05(con)_4|\x07(affine)_|\x04(fc)_2)", data):
        if match.start() >= position:  # a name inside a tensor is chance
            kind = next(g for g in match.groups() if g).decode()
            try:
                values, position = _read_tensor(data, match.end(), skip=2 if kind == "fc" else 0)
            except (ValueError, IndexError):
                break
            found.append((kind, values))
    return found


def _read_tensor(data: bytes, position: int, skip: int) -> tuple[Array, int]:
    sizes = []
    for _ in range(skip + 5):
        value, position = _read_integer(data, position)
        sizes.append(value)
    count = math.prod(sizes[skip + 1 :])
    return np.frombuffer(data, "<f4", count, position).astype(np.float32), position + 4 * count


def _read_integer(data: bytes, position: int) -> tuple[int, int]:
    """Read an integer: a byte with the number of bytes (top bit: negative), then these, least first."""
    length = data[position] & 15
    return int.from_bytes(data[position + 1 : position + 1 + length], "little"), position + 1 + length
