"""What the endpoints answer; the OpenAPI page is made of these."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BoxAnswer(_Answer):
    """A face's box in pixels of the image, upright as its EXIF says; may reach over the edge."""

    left: int
    top: int
    right: int
    bottom: int


class FaceAnswer(_Answer):
    """A face and what it shows."""

    box: BoxAnswer
    confidence: float = Field(description="The detector's own score, no probability; larger is surer.")
    label: str = Field(description="The model's prediction, as fitting measured it; of a video smoothed.")
    meaning: Literal["probability", "unranked probability", "score"] = Field(
        description="What the numbers are; of unranked probabilities the label need not have the largest."
    )
    probabilities: dict[str, float] | None = Field(None, description="By class; they sum to 1.")
    scores: dict[str, float] | None = Field(
        None, description="In place of probabilities, if the head gives none: they rank, no more."
    )
    points: dict[str, tuple[float, float]] | None = Field(
        None, description="Eyes, nose, mouth and ears in pixels, where the detector gives them."
    )


class PhotoAnswer(_Answer):
    """A photo that was classified."""

    kind: Literal["photo"] = "photo"
    name: str
    width: int
    height: int
    faces: list[FaceAnswer] = Field(description="The largest first.")
    skipped: list[BoxAnswer] = Field(description="Found, but too small to be classified.")
    smallest: int = Field(description="Side in pixels of the smallest face that was looked for.")
    seconds: float = Field(description="Time that classifying took, without waiting.")


class TrackedFaceAnswer(FaceAnswer):
    """A face in a frame; its numbers are smoothed over the frames before."""

    track: int = Field(description="The same in every frame in which the same face is followed.")


class MomentAnswer(_Answer):
    """A frame of a video that was classified."""

    frame: int = Field(description="From 0.")
    seconds: float = Field(description="When it is shown, from the beginning.")
    faces: list[TrackedFaceAnswer]
    skipped: list[BoxAnswer]


class VideoAnswer(_Answer):
    """A video that was classified: its time line."""

    kind: Literal["video"] = "video"
    name: str
    width: int
    height: int
    rate: float = Field(description="Frames a second of the file; every one is classified.")
    moments: list[MomentAnswer]
    fault: str = Field(description="What was wrong with the file, such as that it is cut off; or empty.")
    left_out: str = Field(description="Covers and other video streams of the file; or empty.")
    seconds: float = Field(description="Time that classifying took, without waiting.")


class FaultAnswer(_Answer):
    """A file that was not classified."""

    kind: Literal["fault"] = "fault"
    name: str
    error: str
    status: int = Field(description="What a request with this file alone would have got.")


_EXAMPLE: dict[str, Any] = {
    "files": [
        {
            "kind": "photo", "name": "photo.jpg", "width": 512, "height": 512, "skipped": [], "smallest": 29,
            "seconds": 0.05,
            "faces": [
                {
                    "box": {"left": 171, "top": 67, "right": 278, "bottom": 174}, "confidence": 0.96,
                    "label": "happy", "meaning": "probability",
                    "probabilities": {"happy": 0.99, "neutral": 0.01},
                }
            ],
        }
    ]
}  # fmt: skip


class PredictAnswer(_Answer):
    """One answer a file, in the order sent."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    files: list[PhotoAnswer | VideoAnswer | FaultAnswer]


class ErrorAnswer(_Answer):
    """Why a request was refused, in one line."""

    error: str


class HealthAnswer(_Answer):
    """The server runs."""

    status: Literal["ok"] = "ok"
