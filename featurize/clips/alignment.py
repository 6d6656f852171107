"""Registration of motion maps by where they move: faces of different sets are cropped differently.

Strain is strong at the eyes, the brows and the mouth, whatever the expression. The mean strain of a set is
therefore an image of its crop, and the scale and the offset that bring it to that of the other sets bring its
faces there. No label is used.
"""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.clips.maps import Maps

Image = NDArray[np.float32]

#: How far from where it begins a placement is searched: of scales and of pixels, for a set and for a subject.
_WIDE, _NEAR = (0.3, 3.0), (0.15, 2.0)
_SCALE_STEP, _PIXEL_STEP = 0.05, 0.5
#: Pixels at the edges that are not compared.
_RIM = 3
_ROUNDS = 2


class Placement(NamedTuple):
    """How maps are resampled about their centre: scales along both axes, and pixels downwards."""

    width: float = 1.0
    height: float = 1.0
    down: float = 0.0


def aligned(maps: Maps, subjects: NDArray[Any], sources: NDArray[Any], *, shrink: float | None = 8.0) -> Maps:
    """Return the maps with the faces of all sets, and of all subjects, at one place and of one size.

    The mean root strain of each set is registered to the mean of all sets by normalised correlation. That of
    each subject, shrunk to its set's, is then registered within a small range about its set's placement. A
    subject's placement follows from its own maps and from its set's mean.

    Parameters
    ----------
    maps : (n, h, w, 3) uint8
        Horizontal flow, vertical flow, strain.
    subjects, sources : (n,)
        The subject of each map, and the set that it comes from.
    shrink : float or None
        How many maps the set's mean counts as beside a subject's own; None: one placement a set.

    Returns
    -------
    (n, h, w, 3) uint8

    Raises
    ------
    ValueError
        If lengths differ, or `shrink` is below 0.
    """
    if not len(maps) == len(subjects) == len(sources):
        raise ValueError(f"{len(maps)} maps, {len(subjects)} subjects, {len(sources)} sources: need as many")
    if shrink is not None and shrink < 0:
        raise ValueError(f"shrink={shrink}: need 0 or more, or None")
    strain = root_strain(maps)
    places, template = placements(strain, sources)
    found = maps.copy()
    for name, rows in _members(sources):
        typical = strain[rows].mean(axis=0)
        for own in [rows] if shrink is None else [rows[part] for _, part in _members(subjects[rows])]:
            place = places[name]
            if shrink is not None:
                mean = (strain[own].sum(axis=0) + shrink * typical) / (len(own) + shrink)
                place = _best(_smooth(mean), template, place, _NEAR)
            found[own] = [resampled(m, place) for m in maps[own]]
    return found


def placements(strain: Image, sources: NDArray[Any]) -> tuple[dict[Any, Placement], Image]:
    """Return the placement of each set, and the template: the mean of all sets as they are placed.

    Parameters
    ----------
    strain : (n, h, w) float32
        As `root_strain` returns it.
    sources : (n,)
    """
    means = {name: _smooth(strain[rows].mean(axis=0)) for name, rows in _members(sources)}
    template = next(iter(means.values()))
    for _ in range(_ROUNDS):
        places = {name: _best(mean, template, Placement(), _WIDE) for name, mean in means.items()}
        template = np.mean([resampled(mean, places[name]) for name, mean in means.items()], axis=0)
    return places, template


def root_strain(maps: Maps) -> Image:
    """Return the (n, h, w) square root of each map's strain, divided by its mean."""
    strain = np.sqrt(maps[..., 2].astype(np.float32))
    mean = strain.mean(axis=(1, 2), keepdims=True)
    return np.asarray(strain / np.where(mean > 0, mean, 1), np.float32)


def resampled(image: NDArray[Any], place: Placement) -> NDArray[Any]:
    """Return (h, w[, c]) as it is placed; edges are repeated."""
    h, w = image.shape[:2]
    x, y = (w - 1) / 2, (h - 1) / 2
    to = np.array(
        [[place.width, 0, x - place.width * x], [0, place.height, y - place.height * y + place.down]]
    )
    return np.asarray(cv2.warpAffine(image, to, (w, h), borderMode=cv2.BORDER_REPLICATE))


def _members(names: NDArray[Any]) -> list[tuple[Any, NDArray[np.intp]]]:
    return [(name, np.flatnonzero(names == name)) for name in np.unique(names)]


def _smooth(mean: Image) -> Image:
    """Return a mean that is its own mirror image, without its finest grain."""
    return np.asarray(cv2.GaussianBlur((mean + mean[:, ::-1]) / 2, (0, 0), 0.7), np.float32)


def _about(place: Placement, reach: tuple[float, float]) -> list[Placement]:
    """Return all placements on a grid about one, the nearest first."""
    scales, pixels = _steps(reach[0], _SCALE_STEP), _steps(reach[1], _PIXEL_STEP)
    moves = sorted(product(scales, scales, pixels), key=lambda m: abs(m[0]) + abs(m[1]) + abs(m[2]) / 10)
    return [Placement(*(round(at + by, 6) for at, by in zip(place, move, strict=True))) for move in moves]


def _steps(reach: float, step: float) -> list[float]:
    count = round(reach / step)
    return [step * i for i in range(-count, count + 1)]


def _best(mean: Image, template: Image, start: Placement, reach: tuple[float, float]) -> Placement:
    """Return the placement of most correlation; of equals the nearest to `start`."""
    inner = np.s_[_RIM:-_RIM, _RIM:-_RIM]
    tried = _about(start, reach)
    moved = np.stack([resampled(mean, place)[inner].ravel() for place in tried])
    moved -= moved.mean(axis=1, keepdims=True)
    wanted = template[inner].ravel() - template[inner].mean()
    return tried[int(np.argmax(moved @ wanted / np.maximum(np.linalg.norm(moved, axis=1), 1e-9)))]
