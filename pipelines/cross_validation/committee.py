"""A committee of kernel ridge regressions on motion maps: the mean of many designs, none of them chosen.

On a few hundred clips, designs that are worth considering differ by less than the choice among them costs:
the one that does best on inner folds, or on other sets, is not the best on the next subject. Their mean is
better than most of them, and is the same under every assignment to inner folds.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers.candidates import CandidateSet, MeanCandidate, RidgeCandidates
from featurize.clips.alignment import aligned
from featurize.clips.maps import Maps
from featurize.registry import parse
from pipelines.cross_validation.kernels import Matrix, regional_kernels

#: How often a clip of each class (negative, positive, surprise) counts in a ridge regression.
WEIGHTS = {"half": (1.0, 1.5, 1.75), "balanced": (1.0, 2.3, 3.0), "more": (1.0, 2.8, 4.0)}
#: The motion that is left, its directions, its gradients.
EXTRACTORS = ("flow-residual", "flow-hoof(grid=14)", "flow-hog")
#: Which of them a kernel adds up, by their places in `EXTRACTORS`.
VIEWS = ((0,), (0, 1), (0, 2), (0, 1, 2))
#: How faces are placed: as they come; at one place for all sets; and for all subjects.
PLACES = ("as cropped", "by set", "by subject")
#: Regions a side that kernels add up over.
REGIONS = (1, 2)
#: Kernel widths that are added up, ridges, and weightings.
GAMMAS, RIDGES, WEIGHTINGS = (0.5, 1.0), (0.2, 0.4, 0.8), ("balanced", "more")


class Design(NamedTuple):
    """One way of comparing two motion maps.

    Attributes
    ----------
    place : str
        One of `PLACES`.
    regions : int
        Regions a side; 1: the whole face.
    views : tuple of int
        The extractors, by their places.
    """

    place: str
    regions: int
    views: tuple[int, ...]

    @property
    def title(self) -> str:
        """Return it in words."""
        return f"{self.place}, {self.regions} a side, {'+'.join(EXTRACTORS[v] for v in self.views)}"


def committee(
    maps: Maps, y: NDArray[np.int64], subjects: NDArray[Any], sources: NDArray[Any]
) -> CandidateSet:
    """Return the mean of all ridge regressions, on every design's kernel, as one candidate.

    Parameters
    ----------
    maps : (n, h, w, 3) uint8
    y : (n,) int
    subjects, sources : (n,)
        The subject of each map, and the set that it comes from.
    """
    return MeanCandidate(members(design_kernels(maps, subjects, sources), y))


def members(kernels: Mapping[Design, Matrix], y: NDArray[np.int64]) -> RidgeCandidates:
    """Return the members of the committee as candidates, to choose among.

    Parameters
    ----------
    kernels : mapping of Design to (n, n) float64
        As `design_kernels` returns them.
    y : (n,) int
    """
    by_title = {design.title: K for design, K in kernels.items()}
    return RidgeCandidates(by_title, y, RIDGES, {name: WEIGHTS[name] for name in WEIGHTINGS})


def design_kernels(
    maps: Maps, subjects: NDArray[Any], sources: NDArray[Any], extractors: tuple[str, ...] = EXTRACTORS
) -> dict[Design, Matrix]:
    """Return the kernel of every design, (n, n) float64; no label is used.

    Parameters
    ----------
    maps : (n, h, w, 3) uint8
    subjects, sources : (n,)
        As `committee`.
    extractors : tuple of str
        In place of `EXTRACTORS`, as many.
    """
    found: dict[Design, Matrix] = {}
    for place in PLACES:
        placed = _placed(maps, subjects, sources, place)
        each = [_kernels(placed, one) for one in extractors]
        for regions, views in product(REGIONS, VIEWS):
            found[Design(place, regions, views)] = np.sum([each[v][regions] for v in views], axis=0)
    return found


def subset(
    places: tuple[str, ...], regions: tuple[int, ...], views: tuple[tuple[int, ...], ...]
) -> list[Design]:
    """Return the designs of a smaller committee."""
    return [Design(*one) for one in product(places, regions, views)]


def _placed(maps: Maps, subjects: NDArray[Any], sources: NDArray[Any], place: str) -> Maps:
    if place == "as cropped":
        return maps
    return aligned(maps, subjects, sources, **({} if place == "by subject" else {"shrink": None}))


def _kernels(maps: Maps, extractor: str) -> dict[int, Matrix]:
    """Return an extractor's kernel for each number of regions; the same one where it has none."""
    (built,) = parse(extractor)
    sides = REGIONS if getattr(built, "side", 0) else REGIONS[:1]
    found = regional_kernels(maps, built, GAMMAS, sides)
    summed = {side: np.sum(list(each.values()), axis=0) for side, each in found.items()}
    return {side: summed.get(side, summed[sides[0]]) for side in REGIONS}
