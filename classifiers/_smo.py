"""Sequential minimal optimisation over a kernel block in memory, compiled by numba.

The two-class support vector machine is solved in signed variables ``beta_i = y_i alpha_i`` bounded by
``lower_i <= beta_i <= upper_i`` (0 and C for the positive class, -C and 0 for the negative one), with
``g = y - K beta`` as (negative) gradient: no label appears in the loops. Working sets are chosen by
second-order information (Fan, Chen and Lin, JMLR 6, 2005), as libsvm does; there is no shrinking, because
the whole block is in memory and each loop below runs over contiguous float32.

The largest value is kept for each of 256 lanes (k modulo 256), which is an operation between arrays that
vectorises, where a reduction to one number, or an argmax that carries its index along, does not; the best
lane is then searched for the index.
"""

from __future__ import annotations

import numpy as np

from classifiers._jit import jit

_BIG = np.float32(1e30)
_TAU = np.float32(1e-12)
_LANES = 256


@jit
def gather(M, index, out):
    """Write ``M[index][:, index]`` into `out`; rows are contiguous on both sides."""
    for r in range(index.size):
        row, target = M[index[r]], out[r]
        for c in range(index.size):
            target[c] = row[index[c]]


@jit
def _update(g, up, low, Ki, Kj, step, best_up, best_low):
    """``g -= step (Ki - Kj)``, and each lane's largest g that may rise and smallest that may fall."""
    n = g.size
    for lane in range(_LANES):
        best_up[lane] = -_BIG
        best_low[lane] = _BIG
    for a in range(0, n, _LANES):
        b = min(n, a + _LANES)
        # Slices of one length: the compiler sees that no index is negative or out of bounds.
        gs, us, ls, ks, js = g[a:b], up[a:b], low[a:b], Ki[a:b], Kj[a:b]
        for k in range(gs.size):
            v = gs[k] - step * (ks[k] - js[k])
            gs[k] = v
            best_up[k] = max(best_up[k], v + us[k])
            best_low[k] = min(best_low[k], v + ls[k])


@jit
def _gains(g, low, Ki, diag, m, kii, gain, best):
    """Each partner's decrease of the objective (times 2), and each lane's largest."""
    n = g.size
    for lane in range(_LANES):
        best[lane] = np.float32(0)
    for a in range(0, n, _LANES):
        b = min(n, a + _LANES)
        gs, ls, ks, ds, out = g[a:b], low[a:b], Ki[a:b], diag[a:b], gain[a:b]
        for k in range(gs.size):
            apart = max(m - (gs[k] + ls[k]), np.float32(0))
            eta = max(kii + ds[k] - np.float32(2) * ks[k], _TAU)
            v = apart * apart / eta
            out[k] = v
            best[k] = max(best[k], v)


@jit
def _largest(best):
    """Return the lane of the largest value."""
    found = 0
    for lane in range(1, best.size):
        if best[lane] > best[found]:
            found = lane
    return found


@jit
def _exact_gradient(K, y, beta, g):
    """``g = y - K beta`` with float64 sums: what float32 updates have lost is put right."""
    total = np.zeros(g.size, np.float64)
    for i in range(beta.size):
        if beta[i] != 0.0:
            b, row = beta[i], K[i]
            for k in range(g.size):
                total[k] += b * row[k]
    for k in range(g.size):
        g[k] = np.float32(y[k] - total[k])


@jit
def _masks(beta, lower, upper, up, low):
    for k in range(beta.size):
        up[k] = np.float32(0) if beta[k] < upper[k] else -_BIG
        low[k] = np.float32(0) if beta[k] > lower[k] else _BIG


@jit
def _descend(K, diag, lower, upper, beta, g, up, low, tol, max_iter):
    """Iterate until the largest violation is under `tol`; return the iterations made."""
    n = g.size
    best_up, best_low = np.empty(_LANES, np.float32), np.empty(_LANES, np.float32)
    best_gain, gain = np.empty(_LANES, np.float32), np.empty(g.size, np.float32)
    i, j, step = 0, 0, np.float32(0)
    for iteration in range(max_iter):
        _update(g, up, low, K[i], K[j], step, best_up, best_low)
        i = _largest(best_up)
        m = best_up[i]
        if m - best_low.min() < tol:
            return iteration
        while g[i] + up[i] != m and i + _LANES < n:
            i += _LANES
        _gains(g, low, K[i], diag, m, diag[i], gain, best_gain)
        j = _largest(best_gain)
        most = best_gain[j]
        while gain[j] != most and j + _LANES < n:
            j += _LANES
        eta = max(diag[i] + diag[j] - np.float32(2) * K[i, j], _TAU)
        room_i, room_j = upper[i] - beta[i], beta[j] - lower[j]
        move = min(float(m - g[j]) / float(eta), room_i, room_j)
        # A bound that is reached is set exactly: the masks compare for equality.
        beta[i] = upper[i] if move == room_i else beta[i] + move
        beta[j] = lower[j] if move == room_j else beta[j] - move
        up[i] = np.float32(0) if beta[i] < upper[i] else -_BIG
        low[i] = np.float32(0)
        up[j] = np.float32(0)
        low[j] = np.float32(0) if beta[j] > lower[j] else _BIG
        step = np.float32(move)
    _update(g, up, low, K[i], K[j], step, best_up, best_low)
    return max_iter


@jit
def _intercept(g, up, low):
    """Mean of g over the free vectors; without one, the middle of what the bounds allow (as libsvm)."""
    total, free, top, bottom = 0.0, 0, -1e30, 1e30
    for k in range(g.size):
        if up[k] == 0 and low[k] == 0:
            total += g[k]
            free += 1
        if up[k] == 0 and g[k] > top:
            top = float(g[k])
        if low[k] == 0 and g[k] < bottom:
            bottom = float(g[k])
    return total / free if free else (top + bottom) / 2


@jit
def solve(K, y, lower, upper, beta, g, tol, max_iter):
    """Solve one two-class problem in place.

    Parameters
    ----------
    K : (n, n) float32, C-contiguous
        Kernel block.
    y : (n,) float32
        +1 and -1.
    lower, upper : (n,) float64
        Bounds of `beta`.
    beta : (n,) float64
        Start (feasible: within bounds, sum 0); holds the solution afterwards.
    g : (n,) float32
        ``y - K beta`` at the start; kept up to date.
    tol : float
        Largest violation of the optimality conditions allowed (libsvm's eps).
    max_iter : int
        Limit over all rounds.

    Returns
    -------
    intercept : float
    iterations : int
        `max_iter` or more if the limit was met.
    """
    n = y.size
    diag = np.empty(n, np.float32)
    for k in range(n):
        diag[k] = K[k, k]
    up, low = np.empty(n, np.float32), np.empty(n, np.float32)
    _masks(beta, lower, upper, up, low)
    done, before = 0, -1e300
    while True:
        # After each round the gradient is computed afresh, and what float32 hid is worked off in the next.
        allowed = min(max_iter - done, 20 * n + 1000)
        made = _descend(K, diag, lower, upper, beta, g, up, low, tol, allowed)
        done += made
        if made < _LANES or done >= max_iter:
            break
        _exact_gradient(K, y, beta, g)
        now = 0.0
        for k in range(n):
            now += 0.5 * beta[k] * (y[k] + g[k])  # the dual objective, as g = y - K beta
        if now - before <= 1e-9 * abs(now):
            break  # as far as float32 kernels tell one solution from another
        before = now
    return _intercept(g, up, low), done
