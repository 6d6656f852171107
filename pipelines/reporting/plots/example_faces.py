"""Faces that a head is surest and least sure of: only made when asked for, since they are people."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.reporting.source_data import Source
from pipelines.results.predictions import Predictions

#: Faces of each kind.
MOST = 18
#: Pixels of the longer side of a face in the page.
SIDE = 96


@dataclass(frozen=True)
class Face:
    """One face with what was said of it; `image` is a data URI."""

    image: str
    id: str
    true: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Sheet:
    """Some faces under a title, and what they have in common."""

    title: str
    sentence: str
    faces: Sequence[Face]


def sheets(p: Predictions, source: Source) -> list[Sheet]:
    """Return the most confident mistakes and the most uncertain faces.

    How sure a head is, is by how much the score of the predicted class leads the best of the others: of
    probabilities at most 1, of other scores in their own unit.
    """
    given = np.arange(len(p.true)), p.predicted
    others = p.scores.copy()
    others[given] = -np.inf
    margin = p.scores[given] - others.max(axis=1)
    wrong = np.flatnonzero(p.predicted != p.true)
    sure = wrong[np.argsort(-margin[wrong], kind="stable")][:MOST]
    unsure = np.argsort(np.abs(margin), kind="stable")[:MOST]
    right = float(np.mean(p.predicted[unsure] == p.true[unsure])) if len(unsure) else 0.0
    return [
        Sheet(
            "The most confident mistakes",
            f"The {len(sure)} of {len(wrong):,} mistakes whose predicted class leads by most.",
            [_face(p, source, i, margin) for i in sure],
        ),
        Sheet(
            "The most uncertain faces",
            f"The {len(unsure)} whose two best classes lie closest; {100 * right:.0f} % of them are right.",
            [_face(p, source, i, margin) for i in unsure],
        ),
    ]


def _face(p: Predictions, source: Source, i: int, margin: NDArray[np.floating]) -> Face:
    names = [str(name) for name in p.classes]
    image = as_uri(source.dataset.samples[int(source.rows[i])])
    return Face(image, str(p.ids[i]), names[p.true[i]], names[p.predicted[i]], float(margin[i]))


def as_uri(image: NDArray[np.uint8]) -> str:
    """Return a (h, w) or (h, w, 3) RGB image as a data URI, made smaller if it is large."""
    import cv2

    scale = min(1.0, SIDE / max(image.shape[:2]))
    if scale < 1:
        image = np.asarray(
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
        )
    good, data = cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)
    if not good:
        raise ValueError("a face could not be written as PNG")
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()
