"""Face detectors by name: images in, boxes out."""

from __future__ import annotations

from functools import lru_cache

from featurize.detectors.base import Detection, Detector, Framing, crop_face, iou, tilt
from featurize.detectors.blazeface import BlazeFace
from featurize.detectors.classic import DlibCnn, DlibHog, Haar, Whole
from featurize.suggest import hint

__all__ = [
    "DEFAULT", "DETECTORS", "Detection", "Detector", "Framing", "Whole", "crop_face", "detector", "iou",
    "tilt",
]  # fmt: skip

#: name -> class. Adding a detector is a class and a line here.
DETECTORS: dict[str, type[Detector]] = {
    "blazeface": BlazeFace,
    "haar": Haar,
    "dlib-hog": DlibHog,
    "dlib-cnn": DlibCnn,
    "none": Whole,
}
#: It finds at least as many faces as dlib-hog everywhere, more where they are tilted, turned, covered or
#: pasted, for a half to a fifth of the work (docs/results/detectors.txt). Of what both find, what it crops is
#: classified right as often, and more often where faces are tilted (pasted-faces.txt there).
DEFAULT = "blazeface"


@lru_cache(maxsize=8)
def detector(name: str = "auto") -> Detector:
    """Return the detector registered as `name`, the default one for "auto".

    Raises
    ------
    ValueError
        If the name is unknown; the message suggests the nearest.
    """
    name = DEFAULT if name == "auto" else name
    if name not in DETECTORS:
        known = f"known: auto, {', '.join(DETECTORS)}"
        raise ValueError(f"unknown detector {name!r}; {hint(name, DETECTORS, known)}")
    return DETECTORS[name]()
