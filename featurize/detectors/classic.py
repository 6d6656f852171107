"""Detectors of OpenCV and dlib, and none at all."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from featurize.detectors.base import Candidate, Detector, Framing
from featurize.extras import require
from featurize.faces import Box, model_file
from featurize.images import Image, resize, to_grey

#: The one network of `DlibCnn` works for one thread at a time.
_ALONE = threading.Lock()


class Haar(Detector):
    """OpenCV's frontal cascade (Viola and Jones 2001; Lienhart 2002), as three of the reference systems use.

    The score is the sum of the last stage's weights.
    """

    name = "haar"
    smallest = 24
    threshold = 0.0
    framing = Framing(1.03, 0.0)

    def _make(self) -> Any:
        path = Path(cv2.__file__).with_name("data") / "haarcascade_frontalface_default.xml"
        return cv2.CascadeClassifier(str(path))

    def _find(self, engine: Any, image: Image) -> list[Candidate]:
        boxes, _, scores = engine.detectMultiScale3(
            to_grey(image), scaleFactor=1.1, minNeighbors=5, outputRejectLevels=True
        )
        return [((x, y, x + w, y + h), float(s)) for (x, y, w, h), s in zip(boxes, scores, strict=True)]


class DlibHog(Detector):
    """dlib's frontal detector: HOG and five linear templates (frontal, turned and tilted faces).

    Davis King, "Max-margin object detection", 2015; the score is the distance from the margin.
    """

    name = "dlib-hog"
    smallest = 74
    threshold = 0.0
    framing = Framing(1.23, -0.07)

    def _make(self) -> Any:
        dlib = require("dlib")

        return dlib.get_frontal_face_detector()

    def _find(self, engine: Any, image: Image) -> list[Candidate]:
        boxes, scores, _ = engine.run(to_grey(image), 0, self.threshold)
        return [(_sides(box), float(score)) for box, score in zip(boxes, scores, strict=True)]


class DlibCnn(Detector):
    """dlib's detector with a small convolutional network (MMOD); sees turned and tilted faces, slow on a CPU.

    The score is the distance from the margin.
    """

    name = "dlib-cnn"
    smallest = 40
    threshold = 0.0
    framing = Framing(1.16, 0.0)

    def _make(self) -> Any:
        return _dlib_cnn()  # one for all: it holds a network, perhaps on a GPU

    def _find(self, engine: Any, image: Image) -> list[Candidate]:
        rgb = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
        with _ALONE:
            found = engine(np.ascontiguousarray(rgb), 0)
        return [(_sides(d.rect), float(d.confidence)) for d in found]


class Whole(Detector):
    """No detector: every image is one face, such as a crop of a data set. The score is 1."""

    name = "none"
    smallest = 1
    threshold = 0.0
    framing = Framing(1.0, 0.0)
    whole = True

    def crop(self, image: Image, box: Box, side: int, angle: float = 0.0) -> Image:
        """Return the whole image as (side, side[, 3]), as extractors take the crops of a data set."""
        del box, angle
        return resize(image, side)

    def _make(self) -> Any:
        return None

    def _find(self, engine: Any, image: Image) -> list[Candidate]:
        return [((0, 0, image.shape[1], image.shape[0]), 1.0)]


def _sides(box: Any) -> tuple[float, float, float, float]:
    return box.left(), box.top(), box.right() + 1, box.bottom() + 1


@lru_cache(maxsize=1)
def _dlib_cnn() -> Any:
    dlib = require("dlib")

    return dlib.cnn_face_detection_model_v1(str(model_file("cnn-detector")))
