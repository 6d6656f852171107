"""Vectors of the motion that is left when the head's own is taken out."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from featurize.base import Params
from featurize.clips.maps import SIDE, MapExtractor, Maps

Motion = NDArray[np.float32]

#: Rounds of reweighting, and the median length of the residuals that counts half.
_ROUNDS, _REACH = 6, 1.5


class ResidualParams(Params):
    """Parameters of `MapResidual`.

    Attributes
    ----------
    affine : float
        The share of the affine motion (turns and changes of size of the whole head) that is taken out.
    power : float
        What the length of each motion is raised to; below 1, few large motions (a blink) count less.
    """

    affine: float = Field(0.5, ge=0, le=1)
    power: float = Field(0.7, gt=0, le=1)


class MapResidual(MapExtractor):
    """The motion field less part of its affine fit, its lengths compressed, divided by its root mean square.

    The fit is robust (iteratively reweighted least squares with Cauchy's weights): a moving brow is an
    outlier. Vectors are ordered by row, column and axis, as those of ``flow-field``.
    """

    name = "flow-residual"
    source = "this project"
    Params: ClassVar[type[Params]] = ResidualParams
    params: ResidualParams

    @property
    def side(self) -> int:
        """The maps'."""
        return SIDE

    @property
    def dim(self) -> int:
        """28 x 28 x 2."""
        return SIDE * SIDE * 2

    def _transform(self, batch: Maps) -> Motion:
        motion = _centred(batch[..., :2].astype(np.float32))
        if self.params.affine:
            motion = motion - self.params.affine * (motion - _centred(motion - affine_motion(motion)))
        return compressed(motion, self.params.power).reshape(len(batch), -1)


def affine_motion(motion: Motion) -> Motion:
    """Return the robust affine fit to each motion field, (n, h, w, 2).

    Parameters
    ----------
    motion : (n, h, w, 2) float32
    """
    n, h, w, _ = motion.shape
    down, right = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    X = np.stack([np.ones(h * w), right.ravel(), down.ravel()], axis=1)
    flat, weight = motion.reshape(n, h * w, 2).astype(np.float64), np.ones((n, h * w))
    for _ in range(_ROUNDS):
        weighted = X[None] * weight[..., None]
        moments = weighted.transpose(0, 2, 1) @ X + 1e-6 * np.eye(3)
        fit = X @ np.linalg.solve(moments, weighted.transpose(0, 2, 1) @ flat)
        length = np.linalg.norm(flat - fit, axis=2)
        reach = _REACH * np.median(length, axis=1, keepdims=True) + 1e-6
        weight = 1 / (1 + (length / reach) ** 2)
    return np.asarray(fit.reshape(motion.shape), np.float32)


def compressed(motion: Motion, power: float) -> Motion:
    """Return fields whose lengths are raised to a power, each of root mean square 1 (a still one stays 0).

    Parameters
    ----------
    motion : (n, h, w, 2) float32
    power : float
    """
    length = np.linalg.norm(motion, axis=-1, keepdims=True)
    factor = np.where(length > 0, np.maximum(length, 1e-12) ** (power - 1), 0)
    bent = motion * factor
    scale = np.sqrt((bent**2).mean(axis=(1, 2, 3), keepdims=True))
    return np.asarray(bent / np.where(scale > 0, scale, 1), np.float32)


def _centred(motion: Motion) -> Motion:
    return np.asarray(motion - np.median(motion, axis=(1, 2), keepdims=True), np.float32)
