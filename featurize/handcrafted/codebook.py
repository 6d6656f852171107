"""The words of a Fisher vector: a mixture of Gaussians over local descriptors and where they were found."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from featurize.handcrafted.gradients import MIRRORED, Array

#: Numbers of a descriptor that are kept: principal components.
COMPONENTS = 64


@dataclass(frozen=True)
class Codebook:
    """A mixture of k Gaussians with diagonal covariances over d = `COMPONENTS` + 2 numbers.

    Attributes
    ----------
    mean : (128,) float32
        Of the descriptors.
    axes : (128, `COMPONENTS`) float32
        Their principal components, all divided by one number that makes the mean variance 1.
    weights : (k,) float32
    means, variances : (k, d) float32

    References
    ----------
    Perronnin, Sanchez, Mensink: "Improving the Fisher kernel for large-scale image classification", ECCV
    2010; places as numbers of the descriptor: Sanchez, Perronnin, de Campos: "Modeling the spatial layout of
    images beyond spatial pyramids", Pattern Recognition Letters 33, 2012.
    """

    mean: Array
    axes: Array
    weights: Array
    means: Array
    variances: Array

    @property
    def dim(self) -> int:
        """Length of a Fisher vector: 2 k d."""
        return 2 * self.means.size

    def project(self, descriptors: Array, places: Array) -> Array:
        """Return (m, d): the components of (m, 128) descriptors beside their (m, 2) places."""
        return _projected(descriptors, places, self.mean, self.axes)

    def project_both(self, descriptors: Array, places: Array) -> Array:
        """Return (2 m, d): `project` of descriptors, then of the mirrored image's, by one product."""
        both = descriptors @ self._both_axes
        both -= self._both_means
        m, d = len(descriptors), self.axes.shape[1]
        out = np.empty((2 * m, d + 2), np.float32)
        out[:m, :d], out[m:, :d] = both[:, :d], both[:, d:]
        out[:m, d:], out[m:, d:] = places, places * np.array((-1, 1), np.float32)
        return out

    @cached_property
    def _both_axes(self) -> Array:
        """The axes of a descriptor, and of the one that the mirrored image has in its place."""
        mirrored = np.empty_like(self.axes)
        mirrored[MIRRORED] = self.axes
        return np.ascontiguousarray(np.hstack([self.axes, mirrored]))

    @cached_property
    def _both_means(self) -> Array:
        moved: Array = self.mean @ self.axes
        return np.concatenate([moved, moved])

    def vector(self, points: Array) -> Array:
        """Return the Fisher vector of (m, d) points: roots with their signs, length 1, (2 k d,) float32."""
        from featurize.handcrafted.fisher_loops import sums

        given = np.zeros(len(self.weights), np.float32)
        first, second = np.zeros_like(self.means), np.zeros_like(self.means)
        sums(points, self._logs(points), given, first, second)
        given, first, second = (part / np.float32(len(points)) for part in (given[:, None], first, second))
        apart, roots = first - given * self.means, np.sqrt(self.weights)[:, None]
        spread = second - 2 * self.means * first + (self.means**2 - self.variances) * given
        to_means = apart / (np.sqrt(self.variances) * roots)
        to_variances = spread / (self.variances * roots * np.float32(np.sqrt(2)))
        slope = np.hstack([to_means, to_variances]).ravel()
        root = np.sign(slope) * np.sqrt(np.abs(slope))
        normed: Array = root / max(float(np.linalg.norm(root)), 1e-12)
        return normed

    def _logs(self, points: Array) -> Array:
        """Return the logarithms (m, k) of each word's weighted density at each point, up to a constant."""
        squares = np.empty((len(points), 2 * points.shape[1]), np.float32)
        np.multiply(points, points, out=squares[:, : points.shape[1]])
        squares[:, points.shape[1] :] = points
        logs: Array = squares @ self._slopes
        logs += self._offsets
        return logs

    @cached_property
    def _slopes(self) -> Array:
        inverse = 1 / self.variances
        return np.ascontiguousarray(np.hstack([-inverse / 2, self.means * inverse]).T)

    @cached_property
    def _offsets(self) -> Array:
        lengths = np.log(self.variances).sum(axis=1) + (self.means**2 / self.variances).sum(axis=1)
        offsets: Array = np.log(self.weights) - lengths / 2
        return offsets

    def save(self, path: Path) -> None:
        """Write it as .npz."""
        np.savez(path, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Codebook:
        """Read what `save` wrote; no code is run."""
        with np.load(path, allow_pickle=False) as file:
            return cls(**{f.name: file[f.name] for f in fields(cls)})


def learn(descriptors: Array, places: Array, words: int, seed: int = 0) -> Codebook:
    """Return the codebook of (m, 128) descriptors and their (m, 2) places; no label is asked for."""
    mean = descriptors.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov((descriptors - mean).T))
    kept = slice(None, -COMPONENTS - 1, -1)
    axes = (directions[:, kept] / np.sqrt(variances[kept].mean())).astype(np.float32)
    points = _projected(descriptors, places, mean, axes)
    return Codebook(mean, axes, *_mixture(points, words, seed))


def _projected(descriptors: Array, places: Array, mean: Array, axes: Array) -> Array:
    return np.hstack([(descriptors - mean) @ axes, places])


def _mixture(points: Array, words: int, seed: int) -> tuple[NDArray[np.float32], ...]:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(
        words, covariance_type="diag", max_iter=40, init_params="k-means++", reg_covar=1e-4, random_state=seed
    )
    with warnings.catch_warnings():
        # Forty rounds bound the time: words must be fixed, not the likeliest there are.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(points)
    return tuple(a.astype(np.float32) for a in (mixture.weights_, mixture.means_, mixture.covariances_))
