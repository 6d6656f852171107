"""Faces in images: dlib's model files, the box of the face in a crop, its landmarks and aligned chip."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from featurize.checks import check_box, check_image
from featurize.extras import require
from featurize.hashes import file_sha256

#: Side in pixels of the image on which a face crop is searched: dlib's detector knows faces of 80 pixels
#: and more, so 48x48 crops are enlarged three times.
CROP_SIZE = 144
#: dlib's detector score from which its box is believed. Measured on 600 faces of FER2013's training split as
#: the distance between the 68 points and those of the mirrored image, in inter-ocular distances: below this
#: score the fixed box is better (median 0.07 against 0.14), above it the detector's is as good or better at
#: the 90th percentile. About 90 % of FER2013's faces reach it.
MIN_SCORE = -0.5
#: The box used where the detector finds no face: left, top, right, bottom as parts of the side; the median
#: over the faces of FER2013's training split that it does find.
FIXED_BOX = (0.07, 0.17, 0.93, 1.0)

#: Centres of the right eye, left eye, nose's base and mouth in the eye frame (eye distance 1, origin midway),
#: medians over FER2013's training split.
ANCHORS = (
    (slice(36, 42), (-0.5, 0.0)),
    (slice(42, 48), (0.5, 0.0)),
    (slice(31, 36), (0.0, 0.71)),
    (slice(48, 68), (0.0, 1.09)),
)

#: What the package face_recognition_models holds, by our names.
_MODEL_FILES = {
    "68-points": "shape_predictor_68_face_landmarks.dat",
    "5-points": "shape_predictor_5_face_landmarks.dat",
    "face-net": "dlib_face_recognition_resnet_model_v1.dat",
    "cnn-detector": "mmod_human_face_detector.dat",
}


class Box(NamedTuple):
    """A face's box in pixels; `found` is False where it is the fixed box of a crop."""

    left: int
    top: int
    right: int
    bottom: int
    found: bool


def model_file(name: str) -> Path:
    """Return the path of a dlib model file.

    Parameters
    ----------
    name : {"68-points", "5-points", "face-net", "cnn-detector"}

    Raises
    ------
    FileNotFoundError
        If the package face_recognition_models or the file in it is missing.
    """
    # Found, not imported: the package's __init__ needs pkg_resources, which setuptools no longer has.
    package = find_spec("face_recognition_models")
    folders = package.submodule_search_locations if package else None
    for folder in folders or ():
        path = Path(folder) / "models" / _MODEL_FILES[name]
        if path.is_file():
            return path
    raise FileNotFoundError(f"dlib's model {_MODEL_FILES[name]} is missing; run: pip install 'mueca[dlib]'")


@lru_cache(maxsize=8)
def model_sha256(name: str) -> str:
    """Return the SHA-256 of a dlib model file, hex."""
    return file_sha256(model_file(name))


@lru_cache(maxsize=2)
def _predictor(name: str) -> Any:
    dlib = require("dlib")

    return dlib.shape_predictor(str(model_file(name)))  # 0.7 s for the 68 points: once a process


@lru_cache(maxsize=1)
def _detector() -> Any:
    dlib = require("dlib")

    return dlib.get_frontal_face_detector()


def crop_box(grey: NDArray[np.uint8]) -> Box:
    """Return the box of the face that fills a crop, as dlib's shape predictors expect it.

    Parameters
    ----------
    grey : (144, 144) uint8
        A crop around one face, enlarged to `CROP_SIZE`.

    Returns
    -------
    Box
        The best box of dlib's frontal HOG detector if its score is at least `MIN_SCORE`; else `FIXED_BOX`,
        with ``found=False``.

    Raises
    ------
    TypeError, ValueError
        If it is no grey image; see `featurize.checks.check_image`.
    """
    grey = np.ascontiguousarray(check_image(grey, "crop", 1))  # dlib takes arrays in C order only
    boxes, scores, _ = _detector().run(grey, 0, MIN_SCORE)
    if len(boxes):
        best = boxes[int(np.argmax(scores))]
        return Box(best.left(), best.top(), best.right(), best.bottom(), True)
    left, top, right, bottom = (round(part * len(grey)) for part in FIXED_BOX)
    return Box(left, top, right, bottom, False)


def landmarks68(image: NDArray[np.uint8], box: Box) -> NDArray[np.float64]:
    """Return the 68 points (x, y) in pixels of the face in `box`; numbered as in 300-W (iBUG).

    Parameters
    ----------
    image : (h, w) or (h, w, 3) uint8
    box : Box

    Returns
    -------
    ndarray of shape (68, 2), float64
        Whole pixels; points may lie outside the image.

    Raises
    ------
    TypeError, ValueError
        If one is no image or no box; see `featurize.checks`.
    """
    image = np.ascontiguousarray(check_image(image))
    check_box(box)
    shape = _predictor("68-points")(image, _rectangle(box))
    return np.array([(p.x, p.y) for p in shape.parts()], np.float64)


def locate(crops: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the 68 points of the face that fills each crop, and whether the detector found it.

    Parameters
    ----------
    crops : (n, 144, 144) uint8

    Returns
    -------
    points : ndarray of shape (n, 68, 2), float64
        In pixels of the crop; predicted in the fixed box where ``found`` is False.
    found : ndarray of shape (n,), bool

    Raises
    ------
    TypeError, ValueError
        As `crop_box`, if a crop is no grey image.
    """
    boxes = [crop_box(crop) for crop in crops]
    points = [landmarks68(crop, box) for crop, box in zip(crops, boxes, strict=True)]
    return np.array(points, np.float64).reshape(-1, 68, 2), np.array([box.found for box in boxes], bool)


def upright(
    crop: NDArray[np.uint8], points: NDArray[np.float64], side: int, eye_distance: float, eye_height: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Turn, scale and shift a face so that its eyes, nose and mouth come to lie near fixed places.

    A similarity (no shear: the face's own proportions carry the expression) fitted by least squares to the
    centres of both eyes, of the nose's base and of the mouth.

    Parameters
    ----------
    crop : (h, w) uint8
    points : (68, 2) float64
        Its landmarks.
    side : int
        Of the image returned.
    eye_distance, eye_height : float
        Between the eyes' centres, and of the eye line below the upper edge, as parts of the side.

    Returns
    -------
    picture : ndarray of shape (side, side), uint8
        Beyond the crop its edge is repeated.
    points : ndarray of shape (68, 2), float64
        The landmarks in it.

    Raises
    ------
    TypeError, ValueError
        If the crop is no grey image; see `featurize.checks.check_image`.
    """
    import cv2

    crop = check_image(crop, "crop", 1)
    source = np.stack([points[part].mean(axis=0) for part, _ in ANCHORS])
    places = np.array([place for _, place in ANCHORS])
    target = side * (eye_distance * places + (0.5, eye_height))
    turn, shift = _similarity(source, target)
    matrix = np.column_stack([turn, shift])
    picture = cv2.warpAffine(
        crop, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return picture.astype(np.uint8, copy=False), points @ turn.T + shift


def _similarity(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the (2, 2) turn-and-scale and the (2,) shift that bring source nearest to target."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, v = a[:, 0] + 1j * a[:, 1], b[:, 0] + 1j * b[:, 1]
    # Points that coincide are a failed fit: the scale is bounded so that the image stays finite.
    z = (u.conj() * v).sum() / max((np.abs(u) ** 2).sum(), 1.0)
    turn = np.array([[z.real, -z.imag], [z.imag, z.real]])
    return turn, target.mean(axis=0) - turn @ source.mean(axis=0)


def aligned_chip(
    rgb: NDArray[np.uint8], box: Box, size: int = 150, padding: float = 0.25
) -> NDArray[np.uint8]:
    """Return the face turned upright and scaled by its 5 points, as dlib's face network was trained on.

    Parameters
    ----------
    rgb : (h, w, 3) uint8
    box : Box
    size : int
        Side of the chip.
    padding : float
        Margin around the face, as part of its side.

    Returns
    -------
    ndarray of shape (size, size, 3), uint8

    Raises
    ------
    TypeError, ValueError
        If one is no RGB image or no box; see `featurize.checks`.
    """
    dlib = require("dlib")

    rgb = np.ascontiguousarray(check_image(rgb, "image", 3))
    check_box(box)
    shape = _predictor("5-points")(rgb, _rectangle(box))
    chip: NDArray[np.uint8] = dlib.get_face_chip(rgb, shape, size=size, padding=padding)
    return chip


def _rectangle(box: Box) -> Any:
    dlib = require("dlib")

    return dlib.rectangle(*box[:4])
