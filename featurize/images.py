"""Pictures: decoding, grey, size, equalisation, mirroring."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Image = NDArray[np.uint8]


def to_grey(image: Image) -> Image:
    """Return (h, w) grey from grey or RGB, weights of ITU-R BT.601."""
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)  # type: ignore[return-value]


def resize(image: Image, size: int) -> Image:
    """Return the picture as size x size: area mean when shrinking, bicubic when enlarging."""
    if image.shape[:2] == (size, size):
        return image
    shrinking = max(image.shape[:2]) > size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC)  # type: ignore[return-value]


def fit_to(image: Image, size: int, channels: Literal[1, 3]) -> Image:
    """Return the picture with the channels asked for, and size x size (as it is if `size` is 0)."""
    if channels == 1:
        image = to_grey(image)
    elif image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    return resize(image, size) if size else image


class Preprocess(BaseModel):
    """What is done to a picture before an extractor sees it; part of the cache key.

    Attributes
    ----------
    equalize : {"none", "hist", "clahe"}
        Histogram equalisation of the grey picture: none, global, or contrast limited on tiles.
    tile : int
        Tiles a side for CLAHE.
    clip : float
        Clip limit for CLAHE.
    mirror : bool
        Left-right mirrored copy (used for training samples only).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    equalize: Literal["none", "hist", "clahe"] = "none"
    tile: int = Field(default=4, ge=1, le=64)
    clip: float = Field(default=4.0, gt=0)
    mirror: bool = False

    #: Raised whenever the same settings give other pictures.
    VERSION: ClassVar[int] = 1

    def apply(self, image: Image) -> Image:
        """Return the preprocessed picture, uint8; equalised pictures are grey."""
        if self.equalize != "none":
            image = self._equalized(to_grey(image))
        return np.ascontiguousarray(image[:, ::-1]) if self.mirror else image

    def _equalized(self, grey: Image) -> Image:
        if self.equalize == "hist":
            return cv2.equalizeHist(grey)  # type: ignore[return-value]
        clahe = cv2.createCLAHE(clipLimit=self.clip, tileGridSize=(self.tile, self.tile))
        return clahe.apply(grey)  # type: ignore[return-value]

    def identity(self) -> dict[str, Any]:
        """Return what a cache key is made of: only settings that have an effect."""
        fields: dict[str, Any] = {"version": self.VERSION, "equalize": self.equalize, "mirror": self.mirror}
        if self.equalize == "clahe":
            fields |= {"tile": self.tile, "clip": self.clip}
        return fields
