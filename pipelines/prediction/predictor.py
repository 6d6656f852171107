"""Faces in an image, and what each shows: a detector, the crop as training saw its faces, a model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from classifiers.scoring import in_order_of_labels, label_is_largest
from featurize.backbones.views import Views
from featurize.checks import check_detections, check_image, check_samples
from featurize.detect import Detection, Detector, Framing, crop_face, tilt
from featurize.detect import detector as named_detector
from featurize.engine import Precision
from featurize.faces import Box
from featurize.images import Image, to_grey
from featurize.inputs import Color, as_image, as_images
from pipelines.models.model import Model, model_for
from pipelines.prediction.faces import Face, ImageResult, Meaning, side_of
from pipelines.utils.progress import Stopwatch

#: Side in pixels of the smallest face that is classified: less than a FER2013 crop reaches at this box.
MIN_FACE = 32


#: The same where nothing is searched (detector "none"), and the least there is.
MIN_CROP = 16


#: Smaller faces, down to this part of `MIN_FACE`, are looked for too, to be reported as skipped.
LOOK_BELOW = 0.9


#: Of a large image, faces smaller than its longer side divided by this are not looked for: it is reduced.
FACES_ACROSS = 28


#: Crops classified in one call: bounds the memory of an image with hundreds of faces.
BATCH = 64


#: Side in pixels of the crops that are stacked to a clip; an extractor brings them to its own size.
SIDE = 128


#: A box that is given is the crop.
AS_IT_IS = Framing(1.0, 0.0)


#: What is added to a label's number where rounding made it equal to another's.
_LEAST = 1e-12


class Predictor:
    """Find the faces of an image and classify each.

    Parameters
    ----------
    model : Model
        Of images, not of clips.
    find : Detector
        What finds the faces: `mueca.detector("blazeface")`.
    min_face : int, optional
        Side in pixels of the smallest face that is classified: 32, or 16 with the detector "none".
    confidence : float, optional
        Faces that the detector is less sure of are left out: its own score, no probability.
    crowd : bool
        Look for faces of `min_face` in large images too, which takes long: seconds for 12 megapixels.

    Raises
    ------
    ValueError
        If the model takes clips, or `min_face` is below 16.
    """

    def __init__(
        self,
        model: Model,
        find: Detector,
        min_face: int | None = None,
        confidence: float | None = None,
        crowd: bool = False,
    ) -> None:
        if min_face is None:
            min_face = MIN_CROP if find.whole else MIN_FACE
        if min_face < MIN_CROP:
            raise ValueError(f"min_face={min_face}: a face of less than 16 pixels shows no expression")
        self._check_kind(model)
        self.model = model
        self.find = find
        self.min_face = min_face
        self.crowd = crowd
        self.confidence = -math.inf if confidence is None else confidence
        #: Where its time goes: detect, crop, network, head.
        self.watch = Stopwatch()

    def _check_kind(self, model: Model) -> None:
        if model.kinds != {"image"}:
            raise ValueError(
                f"this model classifies {' and '.join(sorted(model.kinds))}s, not single images; "
                "give a video, or a model of images"
            )

    @classmethod
    def load(
        cls, model: Path | str | None = None, detector: str = "auto", min_face: int | None = None,
        precision: Precision | None = None, views: Views | None = None, trusted: Iterable[str] = (),
    ) -> Self:  # fmt: skip
        """Read a model folder.

        Parameters
        ----------
        model : path, optional
            What ``mueca fit --out`` wrote; None for the model that ships.
        detector : str
            "auto" or one of `featurize.detect.DETECTORS`. "none": every image is one face already.
        min_face : int, optional
            Side in pixels of the smallest face that is classified: 32, or 16 with the detector "none".
        precision : {"auto", "f32", "bf16"}, optional
            What a network computes in; by default what the head was fitted with, so that its labels are those
            that were measured. "auto" is the faster on this machine.
        views : {"one", "flip", "six", "ten"}, optional
            How often a network looks at each face; as often as when the head was fitted by default.
        trusted : iterable of str
            Types from outside that its head may hold, as ``package.module.Class``. Their code is imported.

        Raises
        ------
        FileNotFoundError
            If there is no such folder.
        ValueError
            If it is no model, its extractor would no longer give the vectors that the head was fitted on, it
            is a model of clips, or the detector is unknown; or it has no network that could look again.
        """
        return cls(model_for(model, precision, views, trusted), named_detector(detector), min_face)

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
        """What the numbers of a face are, see `Face`."""
        if not hasattr(self.model.estimator, "predict_proba"):
            return "score"
        return "probability" if label_is_largest(self.model.estimator) else "unranked probability"

    def smallest(self, image: Image) -> int:
        """Return the side in pixels of the smallest face that is looked for in an image of this size."""
        image = check_image(image)
        if self.find.whole:
            return self.min_face
        across = 0 if self.crowd else max(image.shape[:2]) / FACES_ACROSS
        return round(max(LOOK_BELOW * self.min_face, across))

    def faces(self, image: Any, color: Color = "rgb") -> list[Face]:
        """Return the faces of an image that are large enough, the largest first.

        Parameters
        ----------
        image : path, bytes, PIL.Image.Image, or (h, w) or (h, w, 3) uint8 array
        color : {"rgb", "bgr"}
            Order of the channels of an array.

        Raises
        ------
        TypeError, ValueError
            If it is no such image; see `featurize.inputs.as_image`. All methods that take an image say so.
        """
        return self.look(image, color).faces

    def search(self, image: Image) -> list[Detection]:
        """Return the faces of an image that are looked for, too small ones too, the largest first."""
        with self.watch("detect"):
            found = self.find(image, self.smallest(image))
        return [d for d in found if d.confidence >= self.confidence]

    def near(self, image: Image, last: Detection) -> Detection | None:
        """Return a face of an earlier frame in this one, None if it is not around where it was."""
        with self.watch("detect"):
            found = self.find.near(image, last)
        return found if found is not None and found.confidence >= self.confidence else None

    def look(self, image: Any, color: Color = "rgb") -> ImageResult:
        """Return the faces of an image, and what was skipped; as `faces`."""
        image = as_image(image, color)
        smallest = self.smallest(image)
        found = self.search(image)
        classified = [d for d in found if self.large_enough(d.box)]
        skipped = [d.box for d in found if not self.large_enough(d.box)]
        return ImageResult(self.classify_faces(image, classified), skipped, smallest)

    def look_at(self, image: Image, boxes: Sequence[Box]) -> ImageResult:
        """Return the faces of boxes that are given: each is cut out as it is, square, and classified.

        Raises
        ------
        TypeError, ValueError
            If one is no image or no box of some area; see `featurize.checks`.
        """
        with self.watch("crop"):
            crops = [crop_face(image, box, AS_IT_IS, self.side) for box in boxes]
        each = zip(boxes, *self.labels_and_numbers(crops), strict=True)
        faces = [self.face(Detection(box, 1.0), label, row) for box, label, row in each]
        return ImageResult(faces, [], self.min_face)

    def large_enough(self, box: Box) -> bool:
        """Say whether a face of this box is classified; of a whole image its shorter side decides."""
        side = min(box.right - box.left, box.bottom - box.top) if self.find.whole else side_of(box)
        return side >= self.min_face

    def classify_faces(self, image: Image, found: Sequence[Detection]) -> list[Face]:
        """Return the faces of boxes found before, in their order."""
        image = check_image(image)
        check_detections(found)
        with self.watch("crop"):
            crops = [self.crop(image, d.box, tilt(d.points)) for d in found]
        each = zip(found, *self.labels_and_numbers(crops), strict=True)
        return [self.face(d, label, row) for d, label, row in each]

    def face(self, found: Detection, label: int, row: NDArray[np.float64]) -> Face:
        """Return a face of its box, its label's position in `classes`, and its (k,) numbers."""
        numbers = {name: float(p) for name, p in zip(self.classes, row, strict=True)}
        name = self.classes[int(label)]
        return Face(found.box, found.confidence, name, numbers, self.meaning, found.points)

    def crop(self, image: Image, box: Box, angle: float = 0.0) -> Image:
        """Return the (side, side[, 3]) crop around a box, framed and sized as the model's training faces.

        `angle` is that of the eye line (`featurize.detect.tilt` of the points): the crop is turned with
        it. Without a detector the image is the crop: the model sees what `Model.predict` would.
        """
        if self.find.whole:
            return check_image(image)
        return self.find.crop(image, box, self.side, angle)

    @property
    def side(self) -> int:
        """Side in pixels of the faces the model was trained on."""
        return self.model.side

    def predict(self, crops: Any, color: Color = "rgb") -> list[str]:
        """Return the label of each crop, as `Model.predict` gives it; parameters as `labels_and_numbers`."""
        return [self.classes[int(k)] for k in self.labels_and_numbers(crops, color)[0]]

    def classify(self, crops: Any, color: Color = "rgb") -> NDArray[np.float64]:
        """Return the (n, k) numbers of crops without labels: the first largest of a row is its label's.

        As `labels_and_numbers`, but for "unranked probability": no label stands beside the numbers here, so
        where another class has the largest, the label's is raised just above it and the row brought to sum 1.
        """
        labels, numbers = self.labels_and_numbers(crops, color)
        if self.meaning != "unranked probability":
            return numbers
        ranked = in_order_of_labels(numbers, labels, _LEAST)
        shares: NDArray[np.float64] = ranked / ranked.sum(axis=1, keepdims=True)
        return shares

    def labels_and_numbers(
        self, crops: Any, color: Color = "rgb"
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return labels and numbers of images that each hold one face and little else.

        The numbers are the head's `predict_proba` where it has one; else a softmax of its scores: see
        `meaning`. What a forest or kNN calls a probability is the share of trees or neighbours that vote for
        the class.

        Parameters
        ----------
        crops : path, bytes, PIL.Image.Image, (h, w) or (h, w, 3) uint8 array, or a list of these
            Any size; larger ones than the head was fitted on are first reduced, see `Model.largest`. An
            (n, h, w) or (n, h, w, 3) array is a stack; one crop alone is one face.

        Returns
        -------
        labels : (n,) ndarray of int
            Positions in `classes`: the head's own predictions, as `Model.predict` gives them.
        numbers : (n, k) ndarray of float64
            Rows sum to 1. The first largest is the label's, unless `meaning` is "unranked probability".

        Raises
        ------
        TypeError, ValueError
            If a crop is no image (for a model of clips: no clip); the message says which, and what to give.
        """
        clips = self.model.kinds == {"clip"}
        crops = list(check_samples(crops, "clip") if clips else as_images(crops, color))
        each = [self._answers(crops[i : i + BATCH]) for i in range(0, max(len(crops), 1), BATCH)]
        labels = np.concatenate([found for found, _ in each])
        return labels, self._numbers(labels, np.concatenate([raw for _, raw in each]))

    def _answers(self, crops: list[Image]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        with self.watch("network"):
            vectors = self.model.embed(crops)
        with self.watch("head"):
            return self.model.answers_of(vectors)

    def _numbers(self, labels: NDArray[np.intp], raw: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.meaning == "unranked probability":
            return raw
        shares = softmax(in_order_of_labels(raw, labels)) if self.meaning == "score" else raw
        return in_order_of_labels(shares, labels, _LEAST)


class ClipPredictor(Predictor):
    """Find faces, and classify clips of them; as `Predictor`, with a model of clips.

    Raises
    ------
    ValueError
        If the model does not take clips.
    """

    def _check_kind(self, model: Model) -> None:
        if model.kinds != {"clip"}:
            raise ValueError(
                f"this model classifies {' and '.join(sorted(model.kinds))}s, not clips of a face; "
                "leave out --window and --stride, or give a model of clips"
            )

    def clip(self, frames: Sequence[Image], boxes: Sequence[Box]) -> Image:
        """Return the (t, side, side) clip of a face from (h, w) frames and its box in each.

        One box for all frames, the median: a box that moved with the face would hide small motions, and a
        box that trembles would be one.

        Raises
        ------
        TypeError, ValueError
            If a frame is no image, or there are not as many boxes as frames.
        """
        frames = [to_grey(frame) for frame in check_samples(frames)]
        if not frames or len(frames) != len(boxes):
            raise ValueError(f"{len(frames)} frames and {len(boxes)} boxes; give a box for each frame")
        left, top, right, bottom = (round(float(v)) for v in np.median([b[:4] for b in boxes], axis=0))
        box = Box(left, top, right, bottom, True)
        return np.stack([self.find.crop(frame, box, SIDE) for frame in frames])


def load_predictor(
    model: Path | str | None = None,
    detector: str = "auto",
    min_face: int | None = None,
    confidence: float | None = None,
    crowd: bool = False,
    precision: Precision | None = None,
    views: Views | None = None,
    trusted: Iterable[str] = (),
) -> Predictor:
    """Return what classifies with this model: a `Predictor`, or a `ClipPredictor` where it is of clips.

    Parameters
    ----------
    model, detector, min_face, precision, views, trusted
        As `Predictor.load`.
    confidence, crowd
        See `Predictor`.

    Raises
    ------
    ValueError, OSError
        As `Predictor.load`.
    """
    find = named_detector(detector)
    loaded = model_for(model, precision, views, trusted)
    kind = ClipPredictor if loaded.kinds == {"clip"} else Predictor
    return kind(loaded, find, min_face, confidence, crowd)


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return exp(s) / sum exp(s) of each row of (n, k) scores."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return shares
