"""BlazeFace: MediaPipe's face detector for faces up to five metres away, on OpenVINO."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from featurize import mesh
from featurize.detectors import pyramid
from featurize.detectors.base import Detection, Detector, Framing
from featurize.faces import Box
from featurize.images import Image
from featurize.tflite import SIDE, network

Array = NDArray[np.float64]

#: Pixels from one cell of the network's grid to the next; each cell has one anchor, in its middle.
STRIDE = 4
#: Overlap from which two candidates are one face.
SAME = 0.3
#: A score from which a candidate is looked at by the face mesh, which then decides (`mesh.PRESENT`).
DOUBTFUL = 0.3


class BlazeFace(Detector):
    """BlazeFace, full range (Bazarevsky et al. 2019), with key points.

    The image is searched in squares of several sizes (`featurize.detectors.pyramid`): a portrait in two
    forwards of the network, a crowd of 30-pixel faces in some dozens, several at once. Candidates of all
    squares are merged by weighted non-maximum suppression. Those with a score from `DOUBTFUL` to `threshold`
    are faces if MediaPipe's face mesh sees one there, and get the box of the mesh.

    The score is a logistic function of the network's logit, 0 to 1; no calibrated probability.
    """

    name = "blazeface"
    smallest = round(SIDE * pyramid.SMALLEST)
    threshold = 0.6
    framing = Framing(1.14, -0.045)

    def _search(self, image: Image, smallest: float) -> list[Detection]:
        cut = list(pyramid.squares(image, smallest))
        rows, scores = weighted_nms(*_candidates(cut), SAME)
        sure = scores >= self.threshold
        if not sure.all():
            rows, scores = _settled(image, rows, scores, sure)
        return [_detection(row, score) for row, score in zip(rows, scores, strict=True)]

    def _search_near(self, part: Image, side: int) -> list[Detection]:
        del side
        # One forward: who was found a frame ago need not be looked at by the mesh.
        rows, scores = weighted_nms(*_candidates([pyramid.whole(part)]), SAME)
        return [_detection(row, score) for row, score in zip(rows, scores, strict=True)]


def _settled(image: Image, rows: Array, scores: Array, sure: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return the sure faces, and of the others those that the mesh sees, in the boxes it gives them."""
    regions = [mesh.region(_detection(row, 0)) for row in rows[~sure]]
    points, presence = mesh.fit(image, regions)
    found = presence >= mesh.PRESENT
    seen = rows[~sure][found]
    seen[:, :4] = np.reshape([mesh.box_around(one) for one in points[found]], (-1, 4))
    kept, best = list(rows[sure]), list(scores[sure])
    for row, score in zip(seen, scores[~sure][found], strict=True):
        if not kept or overlap(row, np.array(kept)).max() <= SAME:
            kept.append(row)
            best.append(score)
    return np.reshape(kept, (-1, rows.shape[1])), np.array(best, np.float64)


def _candidates(cut: Sequence[pyramid.Square]) -> tuple[Array, Array]:
    """Return (n, 16) boxes and key points in pixels of the image, and (n,) scores."""
    outputs = network("face_detection_full_range")([square.pixels for square in cut])
    rows, scores = [], []
    for square, (regressors, logits) in zip(cut, outputs, strict=True):
        found, sure = decode(regressors[0], logits[0, :, 0], DOUBTFUL)
        found = found.reshape(-1, 8, 2) * (square.across, square.down) + (square.left, square.top)
        found = found.reshape(-1, 16)
        side = (found[:, 2:4] - found[:, :2]).max(axis=1)
        fits = (side >= square.smallest) & (side <= square.largest)
        rows.append(found[fits])
        scores.append(sure[fits])
    return np.concatenate(rows), np.concatenate(scores)


@lru_cache(maxsize=1)
def anchors() -> Array:
    """Return the (2304, 2) middles of the cells, x and y in pixels of the network's input, row by row."""
    middles = (np.arange(SIDE // STRIDE) + 0.5) * STRIDE
    return np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)


def decode(regressors: NDArray[np.float32], logits: NDArray[np.float32], least: float) -> tuple[Array, Array]:
    """Turn the network's outputs into boxes.

    Parameters
    ----------
    regressors : (2304, 16) float32
        Of each anchor, in pixels of the input: the box's centre, its width and height, six key points; centre
        and points from the anchor.
    logits : (2304,) float32
    least : float
        Score from which a box is given.

    Returns
    -------
    rows : (n, 16) ndarray of float64
        left, top, right, bottom, then x and y of the six key points, in pixels of the input. Boxes of no area
        are left out.
    scores : (n,) ndarray of float64
    """
    near = np.flatnonzero(logits >= np.log(least / (1 - least)))
    scores = 1 / (1 + np.exp(-np.minimum(logits[near].astype(np.float64), 80)))
    pairs = regressors[near].astype(np.float64).reshape(-1, 8, 2)
    half = pairs[:, 1:2] / 2
    pairs[:, [0, *range(2, 8)]] += anchors()[near][:, None]
    rows = np.concatenate([pairs[:, :1] - half, pairs[:, :1] + half, pairs[:, 2:]], axis=1)
    solid = (half[:, 0] > 0).all(axis=1) & np.isfinite(rows).all(axis=(1, 2))
    return rows[solid].reshape(-1, 16), scores[solid]


def weighted_nms(rows: Array, scores: Array, same: float) -> tuple[Array, Array]:
    """Merge boxes that overlap: each group becomes its mean, weighted by score, with the best one's score.

    Parameters
    ----------
    rows : (n, 4 + k) float64
        left, top, right, bottom, and what else is to be averaged.
    scores : (n,) float64
    same : float
        Intersection over union with the group's best from which a box belongs to it.

    Returns
    -------
    rows : (m, 4 + k) ndarray of float64
        The surest first.
    scores : (m,) ndarray of float64
    """
    order = np.argsort(-scores, kind="stable")
    merged, best = [], []
    while len(order):
        group = overlap(rows[order[0]], rows[order]) > same
        group[0] = True
        members = order[group]
        merged.append(np.average(rows[members], axis=0, weights=scores[members]))
        best.append(scores[order[0]])
        order = order[~group]
    return np.reshape(merged, (-1, rows.shape[1])), np.array(best, np.float64)


def overlap(box: Array, boxes: Array) -> Array:
    """Return the (n,) intersections over union of one (4+,) box with (n, 4+) boxes of some area."""
    inner = np.minimum(box[2:4], boxes[:, 2:4]) - np.maximum(box[:2], boxes[:, :2])
    shared = inner.clip(0).prod(axis=1)
    union = (box[2:4] - box[:2]).prod() + (boxes[:, 2:4] - boxes[:, :2]).prod(axis=1) - shared
    return np.asarray(shared / union)


def _detection(row: Array, score: float) -> Detection:
    left, top, right, bottom = (round(float(side)) for side in row[:4])
    points = tuple((float(x), float(y)) for x, y in row[4:].reshape(-1, 2))
    return Detection(Box(left, top, max(right, left + 1), max(bottom, top + 1), True), float(score), points)
