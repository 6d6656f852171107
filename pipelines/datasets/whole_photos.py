"""Whole photos where crops of faces are expected: every image of a set is taken as one face."""

from __future__ import annotations

import logging
import math
from collections import Counter
from dataclasses import dataclass, replace
from importlib.util import find_spec

import cv2
import numpy as np

from featurize.images import Image
from pipelines.datasets.base import Dataset

log = logging.getLogger(__name__)

#: At most so many images are looked at, spread evenly over the set.
SAMPLE = 50
#: Longer side in pixels below which an image is taken as it comes: no photo is stored as small.
LEAST_SIDE = 128
#: Longer by shorter side above which an image is far from square.
ELONGATED = 1.25
#: Shorter side in pixels above which an image is large.
LARGE = 640
#: A face whose box is a smaller part of the image's side (the geometric mean of both) is small. Crops with a
#: margin as wide as the box on each side (a third) are the widest that pass; this package's show 0.8.
SMALL = 0.33
#: A face whose box is a larger part of the side fills an image of any shape and size.
FILLS = 0.4
#: dlib's score from which a small face is believed.
SURE = 0.5
#: Faces are looked for down to this part of the longer side, in the image with a border of `BORDER` repeated:
#: a box may reach to the edge of a crop, where the detector would find none.
SMALLEST, BORDER = 1 / 8, 0.2
#: Nothing is said of fewer images than this part of those looked at.
FEW = 0.05


@dataclass(frozen=True)
class WholePhotos:
    """What was found in a sample of a set.

    Attributes
    ----------
    looked : int
        Images looked at.
    small_face, elongated, large : int
        Of these, those on which the largest face found is small, and those without a face that fills them
        which are far from square, or large. Each image counts once.
    """

    looked: int
    small_face: int = 0
    elongated: int = 0
    large: int = 0

    @property
    def found(self) -> int:
        """How many of the images seem to be whole photos."""
        return self.small_face + self.elongated + self.large

    def note(self, name: str) -> str:
        """Return one line on them with what to do; nothing where there are none, or a few."""
        if self.found <= FEW * self.looked:
            return ""
        counts = {
            "with a small face": self.small_face,
            "far from square": self.elongated,
            "large": self.large,
        }
        which = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
        return (
            f"{name}: {self.found} of {self.looked} images looked at seem to be whole photos, not crops of "
            f"faces ({which}), and each is taken as one face; cut the faces out first: "
            "mueca data crop PHOTOS --out FACES"
        )


def with_notes(dataset: Dataset) -> Dataset:
    """Return a set of images with a note, said to the log as well, where it holds whole photos."""
    note = whole_photos(dataset).note(dataset.name)
    if not note:
        return dataset
    log.warning("%s", note)
    return replace(dataset, notes=(*dataset.notes, note))


def whole_photos(dataset: Dataset) -> WholePhotos:
    """Look for whole photos among at most `SAMPLE` images of a set, spread evenly over it.

    An image is one if the largest face on it is small, or if it is far from square or large and no face fills
    it. Where faces fill most of the images of such a shape, those on which none is found count as faces too:
    the detector, dlib's, misses turned ones. Without dlib it is BlazeFace.

    Parameters
    ----------
    dataset : Dataset
        Of (h, w) or (h, w, 3) uint8 images.

    Returns
    -------
    WholePhotos

    Notes
    -----
    Takes about 20 ms for an image of `LEAST_SIDE` pixels and more; others cost their decoding.
    """
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(SAMPLE, len(dataset))).round().astype(int))
    seen = Counter(_seen(dataset.samples[int(i)]) for i in chosen)
    shaped = {kind: seen["no face", kind] for kind in ("far from square", "large")}
    if sum(shaped.values()) < sum(n for (face, shape), n in seen.items() if shape and face == "fills"):
        shaped = dict.fromkeys(shaped, 0)
    small = sum(n for (face, _), n in seen.items() if face == "small")
    return WholePhotos(len(chosen), small, shaped["far from square"], shaped["large"])


def _seen(image: Image) -> tuple[str, str]:
    """Return what face an image shows ("small", "fills", "no face" or ""), and what is odd in its shape."""
    longer, shorter = max(image.shape[:2]), min(image.shape[:2])
    if longer < LEAST_SIDE:
        return "", ""
    shape = "far from square" if longer > ELONGATED * shorter else "large" if shorter > LARGE else ""
    part, score = _largest_face(image)
    if part >= FILLS:
        return "fills", shape
    if 0 < part < SMALL and score >= SURE:
        return "small", shape
    return ("no face" if shape else ""), shape


def _largest_face(image: Image) -> tuple[float, float]:
    """Return the box's width as a part of the image's side, and the detector's score; (0, 0) for no face."""
    from featurize.detect import detector

    longer = max(image.shape[:2])
    border = round(BORDER * longer)
    framed = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_REPLICATE)
    name = "dlib-hog" if find_spec("dlib") else "blazeface"
    found = detector(name)(framed.astype(np.uint8, copy=False), SMALLEST * longer)
    if not found:
        return 0.0, 0.0
    box = found[0].box
    return (box.right - box.left) / math.sqrt(image.shape[0] * image.shape[1]), found[0].confidence
