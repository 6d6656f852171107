"""Faces in a picture, and what each shows: a detector, the crop as training saw its faces, a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from featurize.backbones.views import Views
from featurize.detect import Detection, Detector, crop_face
from featurize.detect import detector as named_detector
from featurize.engine import Precision
from featurize.faces import Box
from featurize.images import Image, resize
from pipelines.drawing import draw
from pipelines.model import Model, load_model

__all__ = ["Face", "Predictor", "Sight", "draw"]

#: Side in pixels of the smallest face that is judged: less than a FER2013 crop reaches at this box.
MIN_FACE = 32
#: Smaller faces, down to this part of `MIN_FACE`, are looked for too, to be reported as skipped.
LOOK_BELOW = 0.9
#: Of a large picture, faces smaller than its longer side divided by this are not looked for: it is reduced.
FACES_ACROSS = 28
#: The model that ships.
DEFAULT_MODEL = Path(__file__).with_name("models") / "default"
#: Crops classified in one call: bounds the memory of a picture with hundreds of faces.
BATCH = 64

Meaning = Literal["probability", "score"]


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes
    ----------
    box : Box
        Pixels of the picture given, as the detector found it; may reach over the edge.
    confidence : float
        The detector's own score, no probability; larger is surer.
    label : str
        The class with the largest of `probabilities`.
    probabilities : dict of str to float
        By class, in the model's order; they sum to 1. What they are, `meaning` says.
    meaning : {"probability", "score"}
        "score": the head gives no probabilities, and these are a softmax of its scores. They rank classes;
        0.8 does not mean that four in five such faces are of that class.
    """

    box: Box
    confidence: float
    label: str
    probabilities: dict[str, float]
    meaning: Meaning = "probability"

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types; the numbers stand under "probabilities" or, if they are none, under "scores"."""
        name = "probabilities" if self.meaning == "probability" else "scores"
        numbers = {label: round(float(p), 5) for label, p in self.probabilities.items()}
        return {
            "box": box_dict(self.box),
            "confidence": round(float(self.confidence), 4),
            "label": self.label,
            name: numbers,
        }


@dataclass(frozen=True)
class Sight:
    """What was seen in a picture.

    Attributes
    ----------
    faces : list of Face
        The largest first.
    skipped : list of Box
        Faces found but smaller than `Predictor.min_face`: not judged.
    smallest : int
        Side in pixels of the smallest face that was looked for; more than `min_face` in a large picture.
    """

    faces: list[Face]
    skipped: list[Box]
    smallest: int


class Predictor:
    """Find the faces of a picture and classify each.

    Parameters
    ----------
    model : Model
        Of pictures, not of clips.
    find : Detector
    min_face : int
        Side in pixels of the smallest face that is judged.
    confidence : float, optional
        Faces that the detector is less sure of are left out: its own score, no probability.
    crowd : bool
        Look for faces of `min_face` in large pictures too, which takes long: seconds for 12 megapixels.

    Raises
    ------
    ValueError
        If the model takes clips, or `min_face` is below 16.
    """

    def __init__(
        self,
        model: Model,
        find: Detector,
        min_face: int = MIN_FACE,
        confidence: float | None = None,
        crowd: bool = False,
    ) -> None:
        if min_face < 16:
            raise ValueError(f"min_face={min_face}: a face of less than 16 pixels shows no expression")
        self._check_kind(model)
        self.model = model
        self.find = find
        self.min_face = min_face
        self.crowd = crowd
        self.confidence = -math.inf if confidence is None else confidence

    def _check_kind(self, model: Model) -> None:
        if model.kinds != {"image"}:
            raise ValueError(
                f"this model judges {' and '.join(sorted(model.kinds))}s, not single pictures; "
                "give a video, or a model of pictures"
            )

    @classmethod
    def load(
        cls, model: Path | str | None = None, detector: str = "auto", min_face: int = MIN_FACE,
        precision: Precision = "auto", views: Views | None = None,
    ) -> Self:  # fmt: skip
        """Read a model folder.

        Parameters
        ----------
        model : path, optional
            What ``mueca fit --out`` wrote; None for the model that ships.
        detector : str
            "auto" or one of `featurize.detect.DETECTORS`.
        min_face : int
            Side in pixels of the smallest face that is judged.
        precision : {"auto", "f32", "bf16"}
            What a network computes in; "auto" is the faster on this machine.
        views : {"one", "flip", "six", "ten"}, optional
            How often a network looks at each face; as often as when the head was fitted by default.

        Raises
        ------
        FileNotFoundError
            If there is no such folder.
        ValueError
            If it is no model, its extractor would no longer give the vectors that the head was fitted on, it
            is a model of clips, or the detector is unknown; or it has no network that could look again.
        """
        return cls(model_for(model, precision, views), named_detector(detector), min_face)

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions, in the order of the probabilities."""
        return self.model.classes

    @property
    def card(self) -> dict[str, Any]:
        """What the model is, on what it was fitted, its scores."""
        return self.model.card

    @property
    def meaning(self) -> Meaning:
        """What `classify` returns: the head's probabilities, or a softmax of its scores."""
        return "probability" if hasattr(self.model.estimator, "predict_proba") else "score"

    def smallest(self, image: Image) -> int:
        """Return the side in pixels of the smallest face that is looked for in a picture of this size."""
        across = 0 if self.crowd else max(image.shape[:2]) / FACES_ACROSS
        return round(max(LOOK_BELOW * self.min_face, across))

    def faces(self, image: Image) -> list[Face]:
        """Return the faces of a picture that are large enough, the largest first.

        Parameters
        ----------
        image : (h, w) or (h, w, 3) uint8
            Grey or RGB.
        """
        return self.look(image).faces

    def search(self, image: Image) -> list[Detection]:
        """Return the faces of a picture that are looked for, too small ones too, the largest first."""
        return [d for d in self.find(image, self.smallest(image)) if d.confidence >= self.confidence]

    def look(self, image: Image) -> Sight:
        """Return the faces of a picture, and what was skipped; as `faces`."""
        smallest = self.smallest(image)
        found = self.search(image)
        judged = [d for d in found if side_of(d.box) >= self.min_face]
        skipped = [d.box for d in found if side_of(d.box) < self.min_face]
        return Sight(self.judge(image, judged), skipped, smallest)

    def judge(self, image: Image, found: Sequence[Detection]) -> list[Face]:
        """Return the faces of boxes found before, in their order."""
        crops = [self.crop(image, d.box) for d in found]
        rows = self.classify(crops)
        return [self.face(d, row) for d, row in zip(found, rows, strict=True)]

    def face(self, found: Detection, row: NDArray[np.float64]) -> Face:
        """Return a face of its box and its (k,) probabilities."""
        label = self.classes[int(np.argmax(row))]
        numbers = {name: float(p) for name, p in zip(self.classes, row, strict=True)}
        return Face(found.box, found.confidence, label, numbers, self.meaning)

    def crop(self, image: Image, box: Box) -> Image:
        """Return the (side, side[, 3]) crop around a box, framed and sized as the model's training faces."""
        return crop_face(image, box, self.find.framing, self.side)

    @property
    def side(self) -> int:
        """Side in pixels of the faces the model was trained on."""
        return self.model.side

    def classify(self, crops: Sequence[Image]) -> NDArray[np.float64]:
        """Return the probabilities of pictures that each hold one face and little else.

        The head's `predict_proba` where it has one; else a softmax of its scores: see `meaning`. What a
        forest or kNN calls a probability is the share of trees or neighbours that vote for the class.

        Parameters
        ----------
        crops : sequence of (h, w) or (h, w, 3) uint8
            Any size; larger ones are first reduced to `side`, so that the model sees no more than it did in
            training.

        Returns
        -------
        ndarray of shape (n, k), float64
            Rows sum to 1.
        """
        rows = [np.empty((0, len(self.classes)))]
        for start in range(0, len(crops), BATCH):
            batch = [self._reduced(crop) for crop in crops[start : start + BATCH]]
            rows.append(np.asarray(self.model.scores(batch), np.float64))
        raw = np.concatenate(rows)
        return raw if self.meaning == "probability" else softmax(raw)

    def _reduced(self, crop: Image) -> Image:
        return resize(crop, self.side) if max(crop.shape[:2]) > self.side else crop


def model_for(model: Path | str | None, precision: Precision = "auto", views: Views | None = None) -> Model:
    """Return a model as it is to be asked; parameters and errors as `Predictor.load`."""
    found = replace(load_model(model_folder(model)), precision=precision, views=views)
    if views is not None and not found.networks:
        raise ValueError(f"views={views}: this model has no network that could look again; leave it out")
    return found


def model_folder(model: Path | str | None) -> Path:
    """Return the folder of a model, of the one that ships if None.

    Raises
    ------
    FileNotFoundError
        If none ships with this version.
    """
    if model is not None:
        return Path(model).expanduser()
    if not (DEFAULT_MODEL / "card.json").is_file():
        raise FileNotFoundError(
            "no model ships with this version; make one with mueca fit --data fer2013 --backbone hog "
            "--head softmax --out MODEL, and give --model MODEL"
        )
    return DEFAULT_MODEL


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return exp(s) / sum exp(s) of each row of (n, k) scores."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return shares


def box_dict(box: Box) -> dict[str, int]:
    """Return left, top, right and bottom."""
    return {"left": box.left, "top": box.top, "right": box.right, "bottom": box.bottom}


def side_of(box: Box) -> int:
    """Return the longer side of a box in pixels."""
    return max(box.right - box.left, box.bottom - box.top)
