"""Clips of any length to clips of N frames."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.checks import check_clip

Clip = NDArray[np.uint8]
Sampling = Literal["tim", "uniform", "first"]


def sample(clip: Clip, frames: int, how: Sampling = "tim") -> Clip:
    """Return a clip of `frames` frames.

    Parameters
    ----------
    clip : (t, h, w) uint8
        At least two frames.
    frames : int
        At least two.
    how : {"tim", "uniform", "first"}
        "tim": temporal interpolation (`interpolation_matrix`), for clips longer or shorter than `frames`.
        "uniform": the frames nearest to evenly spaced instants, first and last included; a shorter clip
        repeats some. "first": the first `frames` frames, as R2 took them.

    Returns
    -------
    ndarray of shape (frames, h, w), uint8

    Raises
    ------
    TypeError, ValueError
        If it is no clip (`featurize.checks.check_clip`), or it is too short for "first".
    """
    clip = check_clip(clip)
    n = len(clip)
    if how == "first":
        if n < frames:
            raise ValueError(f"a clip of {n} frames has no first {frames}; use sampling 'tim' or 'uniform'")
        return clip[:frames]
    if n == frames:
        return clip
    if how == "uniform":
        return clip[np.rint(np.linspace(0, n - 1, frames)).astype(np.intp)]
    flat = clip.reshape(n, -1).astype(np.float32)
    mixed = interpolation_matrix(n, frames) @ flat
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8).reshape(frames, *clip.shape[1:])


@lru_cache(maxsize=512)
def interpolation_matrix(n: int, frames: int) -> NDArray[np.float32]:
    """Return the (frames, n) weights of the temporal interpolation model.

    Zhou, Zhao and Pietikäinen, "Towards a practical lipreading system", CVPR 2011: the n frames are the nodes
    of a path graph, whose non-constant eigenvectors lie on the curves f_k(t) = sin(pi k t + pi (n - k) / (2
    n)), k = 1 .. n - 1, at t = 1/n, 2/n, .. 1; a linear map from the curves to the frames is found and
    evaluated at `frames` instants from 1/n to 1. The eigenvectors span everything that is orthogonal to the
    mean frame, so for linearly independent frames that map is exact, and each new frame is a fixed mixture of
    the old ones, whatever their pixels. Sampled at n instants it returns the clip itself.

    Parameters
    ----------
    n, frames : int
        At least two.

    Returns
    -------
    ndarray of shape (frames, n), float32
        Rows sum to 1.
    """
    nodes = _curves(np.arange(1, n + 1) / n, n)
    wanted = _curves(np.linspace(1 / n, 1.0, frames), n)
    # The columns of `nodes` are orthogonal, each of squared length n / 2: no pseudo-inverse is needed.
    weights = 1 / n + wanted @ nodes.T * (2 / n)
    return np.ascontiguousarray(weights, np.float32)


def _curves(t: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    k = np.arange(1, n)
    return np.sin(np.pi * k * t[:, None] + np.pi * (n - k) / (2 * n))


def resize_clip(clip: Clip, side: int) -> Clip:
    """Return the clip with frames of side x side: area mean when shrinking, bicubic when enlarging.

    Raises
    ------
    TypeError, ValueError
        If it is no clip; see `featurize.checks.check_clip`.
    """
    clip = check_clip(clip)
    if clip.shape[1:] == (side, side):
        return clip
    how = cv2.INTER_AREA if max(clip.shape[1:]) > side else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame, (side, side), interpolation=how) for frame in clip])


def apex_index(clip: Clip) -> int:
    """Return the frame that differs most from the first, by the mean absolute difference of blurred pixels.

    Parameters
    ----------
    clip : (t, h, w) uint8
        Starting at the onset.

    Returns
    -------
    int
        At least 1. Of equals, the first.

    Raises
    ------
    TypeError, ValueError
        If it is no clip; see `featurize.checks.check_clip`.
    """
    clip = check_clip(clip)
    first = cv2.GaussianBlur(clip[0], (5, 5), 0)
    moved = [cv2.norm(cv2.GaussianBlur(frame, (5, 5), 0), first, cv2.NORM_L1) for frame in clip[1:]]
    return 1 + int(np.argmax(moved))
