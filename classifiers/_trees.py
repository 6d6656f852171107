"""Decision trees on binned features, compiled by numba.

Each feature is cut into at most 256 bins once for the whole forest, so that looking for a split is counting
bytes. Every node draws its features from a seed made of the tree's seed and the node's path: a tree with a
smaller `max_depth` or a larger `min_samples_split` is then exactly the larger tree cut off, and a search
grows it once.
"""

from __future__ import annotations

import numpy as np

from classifiers._jit import jit

_SORTED = 40  # nodes up to this many samples are sorted, larger ones counted by bin


@jit
def _mix(z):
    """Splitmix64's finaliser: neighbouring seeds give unrelated numbers."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@jit
def _phi(x, table):
    """Return x log x, by table if all weights are whole numbers."""
    if table.size:
        return table[int(x)]
    return x * np.log(x) if x > 0 else 0.0


@jit
def _score(left, right, total_left, total_right, entropy, table):
    """Return what a split gains, up to a constant of the node: larger is purer."""
    value = 0.0
    if entropy:
        for c in range(left.size):
            value += _phi(left[c], table) + _phi(right[c], table)
        return value - _phi(total_left, table) - _phi(total_right, table)
    squares_left, squares_right = 0.0, 0.0
    for c in range(left.size):
        squares_left += left[c] * left[c]
        squares_right += right[c] * right[c]
    return squares_left / total_left + squares_right / total_right


@jit
def _by_bins(codes, ys, ws, node, total, min_leaf, entropy, table, hist, seen, left, right):
    """Best cut of one feature by a histogram: (score, bin, or -1 if there is none; -2 if constant)."""
    n, k = codes.size, node.size
    lowest, highest = 255, 0
    for s in range(n):
        b = codes[s]
        hist[b, ys[s]] += ws[s]
        seen[b] += 1
        lowest = b if b < lowest else lowest
        highest = b if b > highest else highest
    best, where = -1e300, -2 if lowest == highest else -1
    left[:] = 0.0
    right[:] = node
    total_left, count = 0.0, 0
    for b in range(lowest, highest):
        if seen[b] == 0:
            continue
        count += seen[b]
        for c in range(k):
            left[c] += hist[b, c]
            right[c] -= hist[b, c]
            total_left += hist[b, c]
        if count < min_leaf or n - count < min_leaf:
            continue
        value = _score(left, right, total_left, total - total_left, entropy, table)
        if value > best:
            best, where = value, b
    for b in range(lowest, highest + 1):
        seen[b] = 0
        for c in range(k):
            hist[b, c] = 0.0
    return best, where


@jit
def _by_sorting(codes, ys, ws, node, total, min_leaf, entropy, table, keys, left, right):
    """Best cut of one feature of a small node by insertion sort; returns as `_by_bins` does."""
    n = codes.size
    for s in range(n):
        key = np.int32(codes[s]) * np.int32(256) + np.int32(s)
        at = s
        while at > 0 and keys[at - 1] > key:
            keys[at] = keys[at - 1]
            at -= 1
        keys[at] = key
    if keys[0] >> 8 == keys[n - 1] >> 8:
        return -1e300, -2
    best, where = -1e300, -1
    left[:] = 0.0
    right[:] = node
    total_left = 0.0
    for r in range(n - 1):
        s = keys[r] & 255
        left[ys[s]] += ws[s]
        right[ys[s]] -= ws[s]
        total_left += ws[s]
        if keys[r] >> 8 == keys[r + 1] >> 8 or r + 1 < min_leaf or n - r - 1 < min_leaf:
            continue
        value = _score(left, right, total_left, total - total_left, entropy, table)
        if value > best:
            best, where = value, keys[r] >> 8
    return best, where


@jit
def grow(bins, y, weight, seed, n_classes, mtry, max_depth, min_split, min_leaf, entropy, table):
    """Grow one tree.

    Parameters
    ----------
    bins : (d, n) uint8
        Bin of each sample, feature by feature.
    y : (n,) uint8 or int64
        Class codes.
    weight : (n,) float64
        Samples of weight 0 are not in the bag.
    seed : uint64
    mtry, max_depth, min_split, min_leaf : int
        As `max_features` and so on of scikit-learn, numbers all.
    entropy : bool
        Criterion: entropy, or Gini impurity.
    table : (m,) float64
        x log x for x = 0 .. m-1 if all weights are whole; empty otherwise.

    Returns
    -------
    feature : (nodes,) int32
        -1 at a leaf.
    cut : (nodes,) uint8
        A sample goes left if its bin is at most this.
    child : (nodes,) int32
        Left child; the right one follows it.
    depth, count : (nodes,) int32
        Depth, and distinct samples.
    value : (nodes, n_classes) float32
        Shares of the classes.
    """
    d = bins.shape[0]
    sample = np.flatnonzero(weight > 0)
    most = 2 * sample.size + 1
    feature, child = np.full(most, -1, np.int32), np.zeros(most, np.int32)
    cut, depth, count = np.zeros(most, np.uint8), np.zeros(most, np.int32), np.zeros(most, np.int32)
    value = np.zeros((most, n_classes), np.float32)
    begin, path = np.zeros(most, np.int64), np.zeros(most, np.uint64)
    hist, seen = np.zeros((256, n_classes)), np.zeros(256, np.int64)
    keys, order = np.zeros(_SORTED, np.int32), np.zeros(d, np.int64)
    node, left, right = np.zeros(n_classes), np.zeros(n_classes), np.zeros(n_classes)
    ys, ws = np.zeros(sample.size, np.int64), np.zeros(sample.size)
    codes, spare = np.zeros(sample.size, np.uint8), np.zeros(sample.size, np.int64)
    count[0], path[0], nodes, at = sample.size, _mix(seed), 1, 0
    while at < nodes:  # breadth first; the numbering of a cut-off tree is that of the whole one
        lo, n = begin[at], count[at]
        node[:] = 0.0
        for s in range(n):
            i = sample[lo + s]
            ys[s], ws[s] = y[i], weight[i]
            node[ys[s]] += ws[s]
        total = node.sum()
        for c in range(n_classes):
            value[at, c] = node[c] / total
        if depth[at] >= max_depth or n < min_split or n < 2 * min_leaf or n < 2 or node.max() >= total:
            at += 1
            continue
        best, best_feature, best_bin = -1e300, -1, -1
        for f in range(d):
            order[f] = f
        state, visited, varying = path[at], 0, 0
        while visited < d and (visited < mtry or varying == 0):
            state = state + np.uint64(0x9E3779B97F4A7C15)
            pick = visited + int(_mix(state) % np.uint64(d - visited))
            f = order[pick]
            order[pick] = order[visited]
            visited += 1
            row = bins[f]
            for s in range(n):
                codes[s] = row[sample[lo + s]]
            if n <= _SORTED:
                score, where = _by_sorting(
                    codes[:n], ys, ws, node, total, min_leaf, entropy, table, keys, left, right
                )
            else:
                score, where = _by_bins(
                    codes[:n], ys, ws, node, total, min_leaf, entropy, table, hist, seen, left, right
                )
            varying += where != -2
            if where >= 0 and score > best:
                best, best_feature, best_bin = score, f, where
        if best_feature >= 0:
            row, kept, moved = bins[best_feature], 0, 0
            for s in range(n):  # a stable partition
                i = sample[lo + s]
                if row[i] <= best_bin:
                    sample[lo + kept] = i
                    kept += 1
                else:
                    spare[moved] = i
                    moved += 1
            sample[lo + kept : lo + n] = spare[:moved]
            feature[at], cut[at], child[at] = best_feature, best_bin, nodes
            for side in range(2):
                new = nodes + side
                begin[new], count[new] = (lo, kept) if side == 0 else (lo + kept, moved)
                depth[new] = depth[at] + 1
                path[new] = _mix(path[at] + np.uint64(1 + side))
            nodes += 2
        at += 1
    return feature[:nodes], cut[:nodes], child[:nodes], depth[:nodes], count[:nodes], value[:nodes]


@jit
def add_shares(X, feature, threshold, child, leaf, value, roots, out):
    """Add to `out` (n, n_classes) the leaf shares of every tree for each row of `X` (n, d) float32."""
    for t in range(roots.size):
        for r in range(X.shape[0]):
            at = roots[t]
            while feature[at] >= 0:
                at = child[at] + (X[r, feature[at]] > threshold[at])
            row = value[leaf[at]]
            for c in range(out.shape[1]):
                out[r, c] += row[c]


@jit
def add_cut_off(bins, rows, feature, cut, child, depth, count, value, max_depth, min_split, out):
    """Add to `out` the shares of one tree cut off at `max_depth` and `min_split`, for binned samples."""
    for r in range(rows.size):
        at = 0
        while feature[at] >= 0 and depth[at] < max_depth and count[at] >= min_split:
            at = child[at] + (bins[feature[at], rows[r]] > cut[at])
        for c in range(out.shape[1]):
            out[r, c] += value[at, c]
