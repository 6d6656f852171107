"""The compiled loops of Fisher vectors: descriptors on a grid, and the sums over their nearest Gaussians."""

from __future__ import annotations

import numpy as np

from featurize.compiled import jit

#: A Gaussian whose share in a point is less than about 1e-6 of the largest takes no part in it.
_FAR = np.float32(14.0)


@jit
def orient(magnitude, angle, maps):
    """Share each pixel's gradient between the two nearest of 8 directions; `maps` (h, w, 8) are zeros."""
    bins = maps.shape[2]
    to_bins = np.float32(bins / (2 * np.pi))
    for y in range(magnitude.shape[0]):
        for x in range(magnitude.shape[1]):
            place = angle[y, x] * to_bins
            lower = int(np.floor(place))
            part = np.float32(place - lower)
            maps[y, x, lower % bins] = magnitude[y, x] * (np.float32(1) - part)
            maps[y, x, (lower + 1) % bins] = magnitude[y, x] * part


@jit
def describe(maps, cells, floor, clip, out):
    """Write normalised, clipped, rooted descriptors, row by row of the grid.

    Parameters
    ----------
    maps : (h, w, 8) float32
        Pooled orientation maps.
    cells : (g, 4) int
        Row, and column, of each cell of a descriptor at each place of the grid.
    floor, clip : float32
        Least norm, and what a number may reach; see `featurize.handcrafted.gradients.rooted`.
    out : (g * g, 128) float32
    """
    across, bins = cells.shape[1], maps.shape[2]
    for gy in range(cells.shape[0]):
        for gx in range(cells.shape[0]):
            row = out[gy * cells.shape[0] + gx]
            squares = np.float32(0)
            for cy in range(across):
                for cx in range(across):
                    cell = maps[cells[gy, cy], cells[gx, cx]]
                    start = (cy * across + cx) * bins
                    for b in range(bins):
                        row[start + b] = cell[b]
                        squares += cell[b] * cell[b]
            norm, total = max(np.sqrt(squares), floor), np.float32(0)
            for i in range(row.size):
                row[i] = min(row[i] / norm, clip)
                total += row[i]
            total = max(total, np.float32(0.5))
            for i in range(row.size):
                row[i] = np.sqrt(row[i] / total)


@jit
def sums(points, logs, given, first, second):
    """Add every point's shares in the Gaussians to their sums; these are zeros at the start.

    Parameters
    ----------
    points : (m, d) float32
    logs : (m, k) float32
        Logarithms of each Gaussian's weighted density, up to a constant of the point; changed in place.
    given : (k,) float32
        Sum of shares.
    first, second : (k, d) float32
        Sums of shares times the point, and its squares.
    """
    near = np.empty(logs.shape[1], np.int64)
    for m in range(points.shape[0]):
        point, log = points[m], logs[m]
        largest = log[0]
        for w in range(log.size):
            largest = max(largest, log[w])
        count, total = 0, np.float32(0)
        for w in range(log.size):
            if log[w] > largest - _FAR:
                log[w] = np.exp(log[w] - largest)
                total += log[w]
                near[count] = w
                count += 1
        for n in range(count):
            w = near[n]
            share = log[w] / total
            given[w] += share
            of_first, of_second = first[w], second[w]
            for i in range(point.size):
                part = share * point[i]
                of_first[i] += part
                of_second[i] += part * point[i]
