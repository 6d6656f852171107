"""The records of prediction: what is asked for, faces, images, frames, tracks, and what was done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from featurize.detectors.base import POINTS, Points
from featurize.faces import Box
from featurize.track import EVERY
from featurize.walk import Fault, fault_names

Meaning = Literal["probability", "unranked probability", "score"]
Form = Literal["jsonl", "csv", "parquet"]

#: Seconds after which a frame's weight in the smoothed numbers has fallen to 1/e.
SMOOTH = 0.5


@dataclass(frozen=True)
class Options:
    """How files are classified, and what is written.

    Attributes
    ----------
    form : {"jsonl", "csv", "parquet"}, optional
        None: as the ending of the file says, and JSON lines without one.
    drawn : Path, optional
        Folder for copies with boxes and labels: a .jpg a photo, an .mp4 a video.
    chart : Path, optional
        Folder for each video's chart, .svg and .png.
    every, smooth
        See `pipelines.prediction.video.predict_video`.
    window, stride : int, optional
        Frames of a clip, for a model of clips; None: 18 and 9.
    identify : bool
        See `pipelines.prediction.video.predict_video`.
    """

    form: Form | None = None
    drawn: Path | None = None
    chart: Path | None = None
    every: int = EVERY
    smooth: float = SMOOTH
    window: int | None = None
    stride: int | None = None
    identify: bool = False


@dataclass
class Summary:
    """What was done.

    Attributes
    ----------
    photos, faces, skipped : int
        Photos read, faces classified, faces found that are too small; of a video `faces` counts tracks.
    videos, frames : int
        Videos read, and their frames.
    faults : list of Fault
        Files that could not be read.
    notes : list of Fault
        What was left out of files that were read: covers and other streams of a video.
    files : int
        All files met: read, not read, not looked at.
    ignored : Counter
        What was not looked at, see `featurize.walk.Listing`.
    timing : dict of str to float
        Seconds of all threads by stage: decode, detect, crop, network, head, write.
    """

    photos: int = 0
    faces: int = 0
    skipped: int = 0
    videos: int = 0
    frames: int = 0
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    files: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    timing: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types: the counts, what could not be read by what it is, and what was not looked at."""
        names = ("files", "photos", "videos", "frames", "faces", "skipped")
        numbers = {name: getattr(self, name) for name in names}
        return {
            **numbers,
            "not_read": dict(fault_names(self.faults)),
            "not_looked_at": dict(self.ignored),
            "faults": [{"file": fault.path, "reason": fault.reason} for fault in self.faults],
            "notes": [{"file": note.path, "left_out": note.reason} for note in self.notes],
        }


@dataclass(frozen=True)
class Face:
    """A face in an image.

    Attributes
    ----------
    box : Box
        Pixels of the image given, as the detector found it; may reach over the edge.
    confidence : float
        The detector's own score, no probability; larger is surer. 1 without a detector.
    label : str
        The head's own prediction, the one that fitting measured.
    probabilities : dict of str to float
        By class, in the model's order; they sum to 1. What they are, `meaning` says.
    meaning : {"probability", "unranked probability", "score"}
        "probability": the head's own; the label has the largest.
        "unranked probability": the label need not have the largest. So `svm` and `bagged-svm` with
        ``probability=True``: the label is by votes, the probabilities are calibrated class by class.
        "score": the head gives no probabilities, and these are a softmax of its scores. They rank classes,
        the label first; 0.8 does not mean that four in five such faces are of that class.
    points : tuple of (float, float)
        Its key points in pixels, see `featurize.detectors.base.POINTS`; empty where the detector gives none.
    """

    box: Box
    confidence: float
    label: str
    probabilities: dict[str, float]
    meaning: Meaning = "probability"
    points: Points = ()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types; the numbers stand under "probabilities" or, if they are none, under "scores"."""
        name = "scores" if self.meaning == "score" else "probabilities"
        numbers = {label: round(float(p), 5) for label, p in self.probabilities.items()}
        return {
            "box": box_dict(self.box),
            "confidence": round(float(self.confidence), 4),
            "label": self.label,
            "meaning": self.meaning,
            name: numbers,
            **points_dict(self.points),
        }


@dataclass(frozen=True)
class ImageResult:
    """What was seen in an image.

    Attributes
    ----------
    faces : list of Face
        The largest first.
    skipped : list of Box
        Faces found but smaller than `Predictor.min_face`: not classified.
    smallest : int
        Side in pixels of the smallest face that was looked for; more than `min_face` in a large image.
    """

    faces: list[Face]
    skipped: list[Box]
    smallest: int


def box_dict(box: Box) -> dict[str, int]:
    """Return left, top, right and bottom."""
    return {"left": box.left, "top": box.top, "right": box.right, "bottom": box.bottom}


def points_dict(points: Points) -> dict[str, dict[str, list[float]]]:
    """Return {"points": {name: [x, y]}}, or nothing where there are none."""
    each = zip(POINTS, points, strict=False)
    return {"points": {name: [round(x, 1), round(y, 1)] for name, (x, y) in each}} if points else {}


def side_of(box: Box) -> int:
    """Return the longer side of a box in pixels."""
    return max(box.right - box.left, box.bottom - box.top)


def span(row: FrameResult | WindowRow) -> tuple[float, float]:
    """Return the seconds from which to which a row is."""
    return row.seconds if isinstance(row.seconds, tuple) else (row.seconds, row.seconds)


@dataclass(frozen=True)
class TrackedFace(Face):
    """A face in a frame of a video: as `Face`, its label and numbers smoothed over the frames before.

    Attributes
    ----------
    label : str
        The class with the largest smoothed number. Where ``meaning`` is "unranked probability": the class
        with most weight among the frames' own labels, smoothed as the numbers are. Of a track's first frame,
        and where nothing is smoothed, that is the head's own prediction.
    track : int
        The same in every frame in which the same face is followed, from 1.
    """

    track: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types; as `Face.as_dict`, with the track."""
        return {"track": self.track, **super().as_dict()}


@dataclass(frozen=True)
class FrameResult:
    """A frame of a time line.

    Attributes
    ----------
    frame : int
        From 0.
    seconds : float
        When it is shown: the file's own time stamp, from the beginning.
    faces : list of TrackedFace
        The largest first.
    skipped : list of Box
        Faces that are too small to classify.
    """

    frame: int
    seconds: float
    faces: list[TrackedFace]
    skipped: list[Box]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types."""
        return {
            "frame": self.frame,
            "seconds": round(self.seconds, 4),
            "faces": [face.as_dict() for face in self.faces],
            "skipped": [box_dict(box) for box in self.skipped],
        }


def tracked(face: Face, track: int) -> TrackedFace:
    """Return a face with its track."""
    return TrackedFace(**{f.name: getattr(face, f.name) for f in fields(Face)}, track=track)


@dataclass(frozen=True)
class WindowRow:
    """A prediction on some frames in a row.

    Attributes
    ----------
    frames : (int, int)
        The first and the last.
    seconds : (float, float)
        Their times.
    faces : list of TrackedFace
        Those followed in every frame of the window, the largest first; the box is that of the last frame.
    """

    frames: tuple[int, int]
    seconds: tuple[float, float]
    faces: list[TrackedFace]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types."""
        return {
            "frames": list(self.frames),
            "seconds": [round(s, 4) for s in self.seconds],
            "faces": [face.as_dict() for face in self.faces],
        }
