"""Changes to training images: one warp for all that moves, then what covers or blurs.

Each image costs some 50 microseconds at 48 px, far less than a training step, and a thread of its own
does it while the step computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

#: Every change by name, and the sets that have a name of their own.
CHANGES = ("flip", "shift", "rotation", "zoom", "erasing", "crop", "blur", "angles")
SETS = {
    "none": (),
    "strong": ("flip", "shift", "rotation", "zoom", "erasing"),
    "ipn": ("flip", "rotation", "crop", "blur"),  # R3's
}


@dataclass(frozen=True)
class Limits:
    """How far a change may go.

    Attributes
    ----------
    shift : float
        Share of the side, each way.
    rotation : float
        Degrees, each way.
    zoom : float
        Share of the size, in and out.
    crop : float
        Largest share of the side that a crop takes away; what is left is brought back to full size.
    erasing : tuple of float
        Probability, then least and largest share of the area (Zhong et al., "Random erasing", AAAI 2020).
    blur : float
        Largest standard deviation in pixels; half of the images are blurred.
    angles : tuple of float
        Degrees, of which "angles" takes one: R2's, for its clips.
    """

    shift: float = 0.1
    rotation: float = 12.0
    zoom: float = 0.1
    crop: float = 0.125
    erasing: tuple[float, float, float] = (0.5, 0.02, 0.15)
    blur: float = 1.0
    angles: tuple[float, ...] = (-20.0, -10.0, -5.0, 5.0, 10.0, 20.0)


def changes(text: str, kind: Literal["image", "clip", "flow"] = "image") -> tuple[str, ...]:
    """Return the changes that `text` names: "none", "strong", "ipn", or names joined with commas.

    Raises
    ------
    ValueError
        If a name is unknown, or turns motion maps: the motions would have to turn with them, and their zero
        is not known.
    """
    names = SETS[text] if text in SETS else tuple(n.strip() for n in text.split(","))
    if unknown := [n for n in names if n not in CHANGES]:
        raise ValueError(f"unknown augmentation {unknown[0]!r}; known: {', '.join((*SETS, *CHANGES))}")
    if kind == "flow" and (turning := [n for n in names if n in ("rotation", "angles")]):
        raise ValueError(f"augmentation {turning[0]!r} is not for motion maps; use flip, shift, zoom or crop")
    return names


def augment(
    given: Image,
    names: Sequence[str],
    rng: np.random.Generator,
    limits: Limits = Limits(),  # noqa: B008  frozen
    kind: Literal["image", "clip", "flow"] = "image",
) -> Image:
    """Return a changed copy of a sample.

    Parameters
    ----------
    given : (h, w) or (h, w, 3) uint8; of a clip (t, h, w)
    names : sequence of str
        Of `CHANGES`.
    rng : numpy.random.Generator
    limits : Limits
    kind : {"image", "clip", "flow"}
        A clip is changed as a whole, every frame alike. A motion map that is flipped has its horizontal flow
        negated.

    Returns
    -------
    ndarray as `given`
        Edges are continued where the image moves away from them.
    """
    image = np.ascontiguousarray(given.transpose(1, 2, 0)) if kind == "clip" else given
    if {"flip", "shift", "rotation", "zoom", "crop", "angles"} & set(names):
        h, w = image.shape[:2]
        matrix = _warp(h, w, names, rng, limits)
        warped = cv2.warpAffine(image, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE)
        image = np.asarray(warped, np.uint8)
        if kind == "flow" and np.linalg.det(matrix[:, :2]) < 0:
            image[..., 0] = 255 - image[..., 0]
    if "blur" in names and rng.random() < 0.5:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.1, limits.blur)), np.uint8)
    image = _erased(image, rng, limits.erasing) if "erasing" in names else image
    return np.ascontiguousarray(image.transpose(2, 0, 1)) if kind == "clip" else image


def _warp(
    h: int, w: int, names: Sequence[str], rng: np.random.Generator, limits: Limits
) -> NDArray[np.float64]:
    """Return the 2x3 matrix of flip, rotation, scale and shift about the middle of the image."""
    centre = np.array([(w - 1) / 2, (h - 1) / 2])
    angle = np.deg2rad(rng.uniform(-1, 1) * limits.rotation) if "rotation" in names else 0.0
    if "angles" in names:
        angle += np.deg2rad(rng.choice(limits.angles))
    scale = 1 + rng.uniform(-1, 1) * limits.zoom if "zoom" in names else 1.0
    move = rng.uniform(-1, 1, 2) * limits.shift * (w, h) if "shift" in names else np.zeros(2)
    if "crop" in names:  # a window of 1/grown of the side, anywhere in the image, at full size
        grown = 1 / (1 - rng.uniform(0, limits.crop))
        move = move + rng.uniform(-1, 1, 2) * (grown - 1) / 2 * (w, h)
        scale *= grown
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if "flip" in names and rng.random() < 0.5:
        linear[:, 0] *= -1
    return np.column_stack([linear, centre - linear @ centre + move])


def _erased(image: Image, rng: np.random.Generator, settings: tuple[float, float, float]) -> Image:
    """Fill a random rectangle with noise."""
    probability, least, most = settings
    if rng.random() >= probability:
        return image
    h, w = image.shape[:2]
    area, ratio = rng.uniform(least, most) * h * w, np.exp(rng.uniform(-1, 1))
    eh, ew = (min(s, max(1, round(v))) for s, v in ((h, np.sqrt(area * ratio)), (w, np.sqrt(area / ratio))))
    top, left = rng.integers(0, h - eh + 1), rng.integers(0, w - ew + 1)
    image = image.copy()
    image[top : top + eh, left : left + ew] = rng.integers(0, 256, (eh, ew, *image.shape[2:]), dtype=np.uint8)
    return image
