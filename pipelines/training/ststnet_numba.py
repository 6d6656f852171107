"""STSTNet trained by loops of our own, for leaving out every subject in turn.

Keras takes 120 ms a step of 256 maps on two cores: what the filters say, 30 x 30 x 16 numbers a map, goes
through memory a dozen times. Here it never leaves the core's cache: it is computed once on the way to the
pooled values, and again on the way back. It is the network of `featurize.clips.ststnet`, number for number
(the tests compare scores, gradients and steps), its three streams one convolution of 16 filters, which they
are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers._jit import jit
from featurize.clips.ststnet import STREAMS

Array = NDArray[np.float32]
Indices = NDArray[np.intp]

FILTERS = sum(STREAMS)
_SIDE, _TAPS, _WINDOWS, _FLAT = 30, 27, 10, 25 * FILTERS
_SPOTS = _SIDE * _SIDE
#: Adam as Keras has it; normalisation as `featurize.clips.ststnet` has it.
_BETA1, _BETA2, _TINY = 0.9, 0.999, 1e-7
_MOMENTUM, _EPSILON = 0.9, 1e-5


def planes(maps: NDArray[np.uint8]) -> Array:
    """Return maps as the loops read them, padded by two and channels first: (n, 3, 32, 32) float32.

    Parameters
    ----------
    maps : (n, 28, 28, 3) uint8
    """
    padded = np.pad(maps, ((0, 0), (2, 2), (2, 2), (0, 0)))
    return np.ascontiguousarray(padded.transpose(0, 3, 1, 2), np.float32)


@dataclass
class Weights:
    """The weights of one network, as the loops take them.

    Attributes
    ----------
    kernel : (16, 27); bias, gamma, beta, mean, variance : (16,)
    dense : (classes, 400)
        Columns by (channel, row, column).
    offset : (classes,)
    """

    kernel: Array
    bias: Array
    gamma: Array
    beta: Array
    dense: Array
    offset: Array
    mean: Array
    variance: Array

    @classmethod
    def drawn(cls, classes: int, rng: np.random.Generator) -> Weights:
        """Return fresh weights: Glorot's uniform ones, as Keras draws them for each stream."""
        bounds = np.repeat([np.sqrt(6 / (_TAPS + 9 * f)) for f in STREAMS], STREAMS)
        edge = np.sqrt(6 / (_FLAT + classes))
        kernel = rng.uniform(-1, 1, (FILTERS, _TAPS)) * bounds[:, None]
        dense = rng.uniform(-edge, edge, (classes, _FLAT))
        one, zero = np.ones(FILTERS, np.float32), np.zeros(FILTERS, np.float32)
        return cls(kernel.astype(np.float32), zero.copy(), one.copy(), zero.copy(), dense.astype(np.float32),
                   np.zeros(classes, np.float32), zero.copy(), one.copy())  # fmt: skip

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> Weights:
        """Return the weights of a Keras model by the names of `featurize.backbones.weightfile`."""
        streams = [{key: tensors[f"{layer}{i}/{key}"] for layer, keys in _KERAS.items() for key in keys}
                   for i in range(1, len(STREAMS) + 1)]  # fmt: skip
        kernel = np.concatenate([s["kernel"].reshape(_TAPS, -1).T for s in streams])
        each = [np.concatenate([s[key] for s in streams]) for key in ("bias", "gamma", "beta")]
        running = [np.concatenate([s[f"moving_{key}"] for s in streams]) for key in ("mean", "variance")]
        dense = tensors["scores/kernel"].reshape(25, FILTERS, -1).transpose(2, 1, 0).reshape(-1, _FLAT)
        made = [kernel, *each, dense, tensors["scores/bias"], *running]
        return cls(*(np.ascontiguousarray(a, np.float32) for a in made))

    @property
    def learned(self) -> list[Array]:
        """What the optimiser changes."""
        return [self.kernel, self.bias, self.gamma, self.beta, self.dense, self.offset]


_KERAS = {"conv": ("kernel", "bias"), "bn": ("gamma", "beta", "moving_mean", "moving_variance")}


def train(
    seen: Array,
    y: NDArray[np.int64],
    members: Indices,
    asked: Indices,
    looks: Sequence[int],
    *,
    classes: int,
    learning_rate: float,
    batch: int,
    seed: int,
) -> NDArray[np.float64]:
    """Train one network from scratch and return what it says at several epochs.

    Parameters
    ----------
    seen : (m, 3, 32, 32) float32
        `planes` of every map there is.
    y : (m,) int
    members, asked : (n,) int
        Maps to learn from, and to score.
    looks : sequence of int
        Epochs after which to score, ascending; the last ends the training.
    classes, learning_rate, batch, seed
        Every map is seen once an epoch, the last batch shorter, as the authors' program does.

    Returns
    -------
    (looks, n_asked, classes) float64
        Softmax probabilities.
    """
    rng = np.random.default_rng(seed)
    weights = Weights.drawn(classes, rng)
    moments = [np.zeros_like(w) for w in weights.learned for _ in range(2)]
    found, steps, before = [], 0, 0
    for look in looks:
        order = np.stack([rng.permutation(members) for _ in range(look - before)])
        steps = _epochs(seen, y, order, batch, learning_rate, steps, rng.integers(2**63, dtype=np.uint64),
                        *weights.learned, weights.mean, weights.variance, *moments)  # fmt: skip
        found.append(scores(seen, asked, weights))
        before = look
    return np.stack(found)


def scores(seen: Array, asked: Indices, weights: Weights) -> NDArray[np.float64]:
    """Return (n, classes) softmax probabilities of some maps."""
    w = weights
    flat = _flattened(seen, asked, w.kernel, w.bias, w.gamma, w.beta, w.mean, w.variance)
    logits = flat.astype(np.float64) @ w.dense.T + w.offset
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exp / exp.sum(axis=1, keepdims=True))


@jit
def _convolved(kernel, bias, plane, patch, z):  # type: ignore[no-untyped-def]
    """Convolution and ReLU of one map into z (16, 900); what each filter sees goes into patch (27, 900)."""
    for k in range(_TAPS):
        dy, dx, source, row = k // 9, k // 3 % 3, plane[k % 3], patch[k]
        for r in range(_SIDE):
            for s in range(_SIDE):
                row[r * _SIDE + s] = source[r + dy, s + dx]
    np.dot(kernel, patch, z)
    for c in range(FILTERS):
        row, b = z[c], bias[c]
        for p in range(_SPOTS):
            row[p] = max(row[p] + b, np.float32(0))


@jit
def _added(z, total, square):  # type: ignore[no-untyped-def]
    """Add each channel's sum and sum of squares."""
    for c in range(FILTERS):
        row, first, second = z[c], np.float32(0), np.float32(0)
        for p in range(_SPOTS):
            first += row[p]
            second += row[p] * row[p]
        total[c] += first
        square[c] += second


@jit
def _largest(z, scale, line, top):  # type: ignore[no-untyped-def]
    """Put the largest value of each window of 3 x 3, from -1 on, into top (16, 100).

    Of a channel that normalisation will turn over (its scale is negative) the negative of the smallest.
    """
    for c in range(FILTERS):
        row, sign = z[c], np.float32(1) if scale[c] >= 0 else np.float32(-1)
        for i in range(_WINDOWS):
            for s in range(_SIDE):
                middle = row[3 * i * _SIDE + s] * sign
                below = row[(3 * i + 1) * _SIDE + s] * sign
                above = row[max(3 * i - 1, 0) * _SIDE + s] * sign
                line[s] = max(middle, max(below, above))
            for j in range(_WINDOWS):
                top[c, i * _WINDOWS + j] = max(line[max(3 * j - 1, 0)], max(line[3 * j], line[3 * j + 1]))


@jit
def _flat(top, scale, shift, keep, flat):  # type: ignore[no-untyped-def]
    """Normalise what was pooled of one map; put the means of what is kept into flat (400,).

    Windows at the upper and left edge see a zero beyond it.
    """
    flat[:] = 0
    for c in range(FILTERS):
        size = abs(scale[c])
        for w in range(100):
            value = top[c, w] * size + shift[c]
            if w < 10 or w % 10 == 0:
                value = max(value, np.float32(0))
            flat[c * 25 + (w // 20) * 5 + (w % 10) // 2] += value * keep[c, w] * np.float32(0.25)


@jit
def _flattened(seen, asked, kernel, bias, gamma, beta, mean, variance):  # type: ignore[no-untyped-def]
    """Return the 400 values of some maps, at the test: running statistics, nothing dropped."""
    patch, z = np.empty((_TAPS, _SPOTS), np.float32), np.empty((FILTERS, _SPOTS), np.float32)
    line, top = np.empty(_SIDE, np.float32), np.empty((FILTERS, 100), np.float32)
    keep, flat = np.ones((FILTERS, 100), np.float32), np.empty((asked.size, _FLAT), np.float32)
    scale = gamma / np.sqrt(variance + np.float32(_EPSILON))
    for n in range(asked.size):
        _convolved(kernel, bias, seen[asked[n]], patch, z)
        _largest(z, scale, line, top)
        _flat(top, scale, beta - mean * scale, keep, flat[n])
    return flat


@jit
def _epochs(  # type: ignore[no-untyped-def]
    seen, y, order, batch, rate, steps, seed, kernel, bias, gamma, beta, dense, offset, mean, variance,
    m0, v0, m1, v1, m2, v2, m3, v3, m4, v4, m5, v5,
):  # fmt: skip
    """Run the epochs of `order` (epochs, n); every array after `seed` is changed in place."""
    size = min(batch, order.shape[1])
    keep = np.empty((size, FILTERS, 100), np.float32)
    bits = np.uint64(seed)
    for epoch in range(order.shape[0]):
        for start in range(0, order.shape[1], size):
            members = order[epoch, start : start + size]
            bits = dropped(keep[: members.size], bits)
            g = gradients(seen, y, members, keep, kernel, bias, gamma, beta, dense, offset, mean, variance)
            steps += 1
            adam(kernel.reshape(-1), g[0].reshape(-1), m0.reshape(-1), v0.reshape(-1), rate, steps)
            adam(bias, g[1], m1, v1, rate, steps)
            adam(gamma, g[2], m2, v2, rate, steps)
            adam(beta, g[3], m3, v3, rate, steps)
            adam(dense.reshape(-1), g[4].reshape(-1), m4.reshape(-1), v4.reshape(-1), rate, steps)
            adam(offset, g[5], m5, v5, rate, steps)
    return steps


@jit
def dropped(keep, bits):  # type: ignore[no-untyped-def]
    """Fill with 0 and 2, one random bit each (splitmix64; Steele, Lea and Flood, OOPSLA 2014)."""
    flat = keep.reshape(-1)
    for start in range(0, flat.size, 64):
        bits += np.uint64(0x9E3779B97F4A7C15)
        word = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        word ^= word >> np.uint64(31)
        for k in range(min(64, flat.size - start)):
            flat[start + k] = np.float32((word >> np.uint64(k)) & np.uint64(1)) * np.float32(2)
    return bits


@jit
def gradients(  # type: ignore[no-untyped-def]
    seen, y, members, keep, kernel, bias, gamma, beta, dense, offset, mean, variance
):
    """Return gradients of a batch's mean cross-entropy; running statistics take a step, `keep` is used up."""
    n, count = members.size, members.size * _SPOTS
    patch, z = np.empty((_TAPS, _SPOTS), np.float32), np.empty((FILTERS, _SPOTS), np.float32)
    line, top = np.empty(_SIDE, np.float32), np.empty((n, FILTERS, 100), np.float32)
    total, square = np.zeros(FILTERS), np.zeros(FILTERS)
    for b in range(n):
        _convolved(kernel, bias, seen[members[b]], patch, z)
        _added(z, total, square)
        _largest(z, gamma, line, top[b])
    centre = total / count
    spread = np.maximum(square / count - centre * centre, 0.0)
    mean += ((centre - mean) * (1 - _MOMENTUM)).astype(np.float32)
    variance += ((spread - variance) * (1 - _MOMENTUM)).astype(np.float32)
    mu, inverse = centre.astype(np.float32), (1 / np.sqrt(spread + _EPSILON)).astype(np.float32)
    scale = gamma * inverse
    shift, flat = beta - mu * scale, np.empty((n, _FLAT), np.float32)
    for b in range(n):
        _flat(top[b], scale, shift, keep[b], flat[b])
    missed = _missed(np.dot(flat, dense.T), offset, y, members)
    d_dense, d_offset = np.dot(missed.T, flat), missed.sum(axis=0)
    d_gamma, d_beta = _shares(top, keep, np.dot(missed, dense), scale, shift, mu, inverse)
    slope = -scale * d_gamma * inverse / np.float32(count)
    level = -scale * d_beta / np.float32(count) - slope * mu
    d_kernel, d_bias = np.zeros((FILTERS, _TAPS), np.float32), np.zeros(FILTERS, np.float32)
    part = np.empty((FILTERS, _TAPS), np.float32)
    for b in range(n):
        _convolved(kernel, bias, seen[members[b]], patch, z)
        _before_relu(z, top[b], keep[b], scale, slope, level, d_bias)
        np.dot(z, patch.T, part)
        d_kernel += part
    return d_kernel, d_bias, d_gamma, d_beta, d_dense, d_offset


@jit
def _missed(logits, offset, y, members):  # type: ignore[no-untyped-def]
    """Softmax less the truth, over the batch size: the gradient of the mean cross-entropy, in place."""
    for b in range(members.size):
        row = logits[b]
        largest, norm = np.float32(-np.inf), np.float32(0)
        for k in range(row.size):
            row[k] += offset[k]
            largest = max(largest, row[k])
        for k in range(row.size):
            row[k] = np.exp(row[k] - largest)
            norm += row[k]
        for k in range(row.size):
            truth = np.float32(1) if y[members[b]] == k else np.float32(0)
            row[k] = (row[k] / norm - truth) / np.float32(members.size)
    return logits


@jit
def _shares(top, keep, d_flat, scale, shift, mu, inverse):  # type: ignore[no-untyped-def]
    """Turn `keep` into the gradient of each window's largest value; return those of gamma and beta."""
    d_gamma, d_beta = np.zeros(FILTERS, np.float32), np.zeros(FILTERS, np.float32)
    for b in range(top.shape[0]):
        for c in range(FILTERS):
            sign, size = np.float32(1) if scale[c] >= 0 else np.float32(-1), abs(scale[c])
            for w in range(100):
                share = d_flat[b, c * 25 + (w // 20) * 5 + (w % 10) // 2] * keep[b, c, w] * np.float32(0.25)
                if (w < 10 or w % 10 == 0) and top[b, c, w] * size + shift[c] <= 0:
                    share = np.float32(0)  # the zero beyond the edge was the largest
                keep[b, c, w] = share
                d_beta[c] += share
                d_gamma[c] += share * (top[b, c, w] * sign - mu[c]) * inverse[c]
    return d_gamma, d_beta


@jit
def _before_relu(z, top, share, scale, slope, level, d_bias):  # type: ignore[no-untyped-def]
    """Turn what ReLU gave of one map into the gradient before it, through normalisation and pooling."""
    for c in range(FILTERS):
        row, summed = z[c], np.float32(0)
        places, values, count = np.empty(100, np.int64), np.empty(100, np.float32), 0
        for w in range(100):
            value = abs(top[c, w])  # what ReLU gives is never below zero
            if share[c, w] != 0 and value > 0:
                places[count], values[count] = _place(row, w, value), scale[c] * share[c, w]
                count += 1
        for p in range(_SPOTS):
            row[p] = level[c] + slope[c] * row[p] if row[p] > 0 else np.float32(0)
            summed += row[p]
        for k in range(count):
            row[places[k]] += values[k]
            summed += values[k]
        d_bias[c] += summed


@jit
def _place(row, window, value):  # type: ignore[no-untyped-def]
    """Where in its window the value lies."""
    i, j = window // _WINDOWS, window % _WINDOWS
    for r in range(max(3 * i - 1, 0), 3 * i + 2):
        for s in range(max(3 * j - 1, 0), 3 * j + 2):
            if row[r * _SIDE + s] == value:
                return r * _SIDE + s
    return 0


@jit
def adam(weights, gradient, first, second, rate, step):  # type: ignore[no-untyped-def]
    """One step (Kingma and Ba, ICLR 2015), with the epsilon where Keras puts it."""
    scale = rate * np.sqrt(1 - _BETA2**step) / (1 - _BETA1**step)
    for i in range(weights.size):
        first[i] += (gradient[i] - first[i]) * (1 - _BETA1)
        second[i] += (gradient[i] * gradient[i] - second[i]) * (1 - _BETA2)
        weights[i] -= scale * first[i] / (np.sqrt(second[i]) + _TINY)
