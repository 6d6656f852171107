"""Decision trees on binned features, compiled by numba.

Each feature is cut into at most 256 bins once for the whole forest, so that looking for a split is counting
bytes. Every node draws its features from a seed made of the tree's seed and the node's path: a tree with a
smaller `max_depth` or a larger `min_samples_split` is then exactly the larger tree cut off, and a search
grows it once.
"""

from __future__ import annotations

import numpy as np

from classifiers._jit import jit

_LINKED = 1000  # nodes up to this many samples are cut by chains of samples, larger ones by counts of bins
_ROWWISE = 400  # nodes up to this many samples read bins sample by sample: theirs fit into a core's cache
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
#: The place of the one bit set in x is ``_PLACE[(x * _DE_BRUIJN) >> 58]``.
_PLACE = np.zeros(64, np.int64)
for _bit in range(64):
    _PLACE[(int(_DE_BRUIJN) << _bit) % 2**64 >> 58] = _bit


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
def _score(of_left, of_right, left, right, entropy, table):
    """Return what a split gains, up to a constant of the node: larger is purer.

    `of_left` and `of_right` are sums over the classes of x log x (entropy) or of squares (Gini), `left` and
    `right` the weights of the two sides.
    """
    if entropy:
        return of_left + of_right - _phi(left, table) - _phi(right, table)
    return of_left / left + of_right / right


@jit
def by_bins(codes, ys, ws, node, total, min_leaf, entropy, table, hist, seen, left, right):
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
    total_left, count, of_left, of_right = 0.0, 0, 0.0, 0.0
    for c in range(k):
        of_right += _phi(node[c], table) if entropy else node[c] * node[c]
    for b in range(lowest, highest + 1):
        if seen[b] == 0:
            continue
        count += seen[b]
        seen[b] = 0
        for c in range(k):
            weight, hist[b, c] = hist[b, c], 0.0
            if entropy:
                of_left += _phi(left[c] + weight, table) - _phi(left[c], table)
                of_right += _phi(right[c] - weight, table) - _phi(right[c], table)
            else:
                of_left += weight * (2.0 * left[c] + weight)
                of_right -= weight * (2.0 * right[c] - weight)
            left[c] += weight
            right[c] -= weight
            total_left += weight
        if count < min_leaf or n - count < min_leaf:
            continue
        value = _score(of_left, of_right, total_left, total - total_left, entropy, table)
        if value > best:
            best, where = value, b
    return best, where


@jit
def by_links(codes, ys, ws, node, total, min_leaf, entropy, table, first, after, words, left, right):
    """Best cut of one feature of a small node; returns as `by_bins` does.

    The samples of a bin are chained, and a bit says which bins there are: what is not there costs nothing.
    The score follows from the one before by what each sample changes.
    """
    n = codes.size
    words[:] = 0
    for s in range(n):
        b = codes[s]
        after[s] = first[b]
        first[b] = s
        words[b >> 6] |= np.uint64(1) << np.uint64(b & 63)
    best, where, bins = -1e300, -1, 0
    left[:] = 0.0
    right[:] = node
    total_left, count, of_left, of_right = 0.0, 0, 0.0, 0.0
    for c in range(node.size):
        of_right += _phi(node[c], table) if entropy else node[c] * node[c]
    for w in range(4):
        bits = words[w]
        while bits:
            lowest = bits & (~bits + np.uint64(1))
            bits ^= lowest
            b = 64 * w + _PLACE[(lowest * _DE_BRUIJN) >> np.uint64(58)]
            s, first[b] = first[b], -1
            bins += 1
            while s >= 0:
                c, weight = ys[s], ws[s]
                if entropy:
                    of_left += _phi(left[c] + weight, table) - _phi(left[c], table)
                    of_right += _phi(right[c] - weight, table) - _phi(right[c], table)
                else:
                    of_left += weight * (2.0 * left[c] + weight)
                    of_right -= weight * (2.0 * right[c] - weight)
                left[c] += weight
                right[c] -= weight
                total_left += weight
                count += 1
                s = after[s]
            if count < min_leaf or n - count < min_leaf:
                continue
            value = _score(of_left, of_right, total_left, total - total_left, entropy, table)
            if value > best:
                best, where = value, b
    return best, where if bins > 1 else -2


@jit
def grow(bins, rows, y, weight, seed, n_classes, mtry, max_depth, min_split, min_leaf, entropy, table):
    """Grow one tree.

    Parameters
    ----------
    bins : (d, n) uint8
        Bin of each sample, feature by feature.
    rows : (n, d) uint8
        The same, sample by sample.
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
    first, after = np.full(256, -1, np.int64), np.zeros(_LINKED, np.int64)
    words, order = np.zeros(4, np.uint64), np.arange(d)
    node, left, right = np.zeros(n_classes), np.zeros(n_classes), np.zeros(n_classes)
    ys, ws = np.zeros(sample.size, np.int64), np.zeros(sample.size)
    near, far = np.zeros((mtry, _ROWWISE), np.uint8), np.zeros(sample.size, np.uint8)
    spare = np.zeros(sample.size, np.int64)
    count[0], path[0], nodes = sample.size, _mix(seed), 1
    waiting, n_waiting = np.zeros(most, np.int32), 1
    while n_waiting:  # depth first: the few samples of a small node are still at hand for its children
        n_waiting -= 1
        at = waiting[n_waiting]
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
            continue
        best, best_feature, best_bin = -1e300, -1, -1
        for f in range(d):
            order[f] = f
        state, drawn, visited, varying = path[at], 0, 0, 0
        while visited < d and (visited < mtry or varying == 0):
            while drawn < mtry or drawn == visited:
                state = state + np.uint64(0x9E3779B97F4A7C15)
                pick = drawn + int(_mix(state) % np.uint64(d - drawn))
                order[drawn], order[pick] = order[pick], order[drawn]
                drawn += 1
            if visited == 0 and n <= _ROWWISE:  # a sample's bins lie side by side: all at once
                for s in range(n):
                    row = rows[sample[lo + s]]
                    for v in range(mtry):
                        near[v, s] = row[order[v]]
            f = order[visited]
            if visited < mtry and n <= _ROWWISE:
                codes = near[visited, :n]
            else:
                row, codes = bins[f], far[:n]
                for s in range(n):
                    codes[s] = row[sample[lo + s]]
            visited += 1
            if n <= _LINKED:
                score, where = by_links(
                    codes, ys, ws, node, total, min_leaf, entropy, table, first, after, words, left, right
                )
            else:
                score, where = by_bins(
                    codes, ys, ws, node, total, min_leaf, entropy, table, hist, seen, left, right
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
                waiting[n_waiting] = new
                n_waiting += 1
            nodes += 2
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
