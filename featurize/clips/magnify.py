"""Eulerian motion magnification: subtle motion made large."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.checks import check_clip
from featurize.clips.sampling import Clip

Floats = NDArray[np.float32]


def magnify(
    clip: Clip, alpha: float = 8.0, low: float = 0.02, high: float = 0.2, wavelength: float = 16.0
) -> Clip:
    """Amplify small motions within a band of frequencies.

    Wu, Rubinstein, Shih, Guttag, Durand and Freeman, "Eulerian video magnification for revealing subtle
    changes in the world", SIGGRAPH 2012: a Laplacian pyramid of every frame; an ideal band-pass filter over
    time at every pixel of every level; the filtered signal, amplified, added back. A level of wavelength L is
    amplified by ``min(alpha, alpha_L)`` with ``(1 + alpha_L) d = L / 8``, where the motion d is such that
    `wavelength` gets the whole of `alpha`. The residual low-pass level, where it would change light and not
    motion, is left as it is.

    Parameters
    ----------
    clip : (t, h, w) uint8
    alpha : float
        Amplification, at least 0; 0 returns the clip as it is.
    low, high : float
        Band in cycles a frame, ``0 <= low < high <= 0.5``. (At 200 frames a second, 0.02 is 4 Hz.)
    wavelength : float
        Spatial wavelength in pixels from which on `alpha` is applied whole, above 0.

    Returns
    -------
    ndarray of the same shape, uint8

    Raises
    ------
    TypeError, ValueError
        If it is no clip (`featurize.checks.check_clip`), or a parameter lies outside its range.
    """
    clip = check_clip(clip)
    if not (0 <= low < high <= 0.5 and alpha >= 0 and wavelength > 0):
        raise ValueError(
            f"magnify: need 0 <= low < high <= 0.5, alpha >= 0, wavelength > 0; got low={low}, high={high}, "
            f"alpha={alpha}, wavelength={wavelength}"
        )
    if alpha == 0:
        return clip
    levels = _pyramids(clip.astype(np.float32))
    delta = wavelength / 8 / (1 + alpha)
    added: Floats = np.zeros_like(levels[-1])
    for k in range(len(levels) - 2, -1, -1):
        longest = 2.0 ** (k + 2)  # pixels: what level k of a Laplacian pyramid holds ends about there
        gain = min(alpha, max(0.0, longest / 8 / delta - 1))
        added = _enlarged(added, levels[k].shape) + gain * _band(levels[k], low, high)
    return np.clip(np.rint(clip + added), 0, 255).astype(np.uint8)


def _pyramids(frames: Floats) -> list[Floats]:
    """Return Laplacian levels (t, h, w), finest first, the low-pass rest last."""
    levels = []
    while min(frames.shape[1:]) >= 8:
        smaller = np.stack([cv2.pyrDown(f) for f in frames])
        levels.append(frames - _enlarged(smaller, frames.shape))
        frames = smaller
    return [*levels, frames]


def _enlarged(frames: Floats, shape: tuple[int, ...]) -> Floats:
    return np.stack([cv2.pyrUp(f, dstsize=(shape[2], shape[1])) for f in frames])


def _band(level: Floats, low: float, high: float) -> Floats:
    """Keep the frequencies low..high (cycles a frame) of every pixel's course over time."""
    spectrum = np.fft.rfft(level, axis=0)
    frequency = np.fft.rfftfreq(len(level))
    spectrum[(frequency < low) | (frequency > high)] = 0
    return np.fft.irfft(spectrum, n=len(level), axis=0).astype(np.float32)
