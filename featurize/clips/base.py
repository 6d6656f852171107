"""What every extractor of clips shares: frames of one size, of one number, magnified if asked."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from featurize.base import Extractor, Params
from featurize.clips.magnify import magnify
from featurize.clips.sampling import Clip, Sampling, resize_clip, sample


class ClipParams(Params):
    """Parameters of time and space that every clip extractor has.

    Attributes
    ----------
    frames : int
        Frames a clip is brought to.
    side : int
        Side of a frame in pixels.
    sampling : {"tim", "uniform", "first"}
        See `featurize.clips.sampling.sample`.
    magnify : float
        Amplification of motion, see `featurize.clips.magnify.magnify`; 0 for none.
    low, high : float
        The band that is amplified, cycles a frame (after sampling), low < high.
    """

    frames: int = Field(18, ge=3, le=1024)
    side: int = Field(64, ge=16, le=512)
    sampling: Sampling = "tim"
    magnify: float = Field(0.0, ge=0, le=200)
    low: float = Field(0.02, ge=0, lt=0.5)
    high: float = Field(0.2, gt=0, le=0.5, validate_default=True)

    @field_validator("high")
    @classmethod
    def _above_low(cls, high: float, info: ValidationInfo) -> float:
        if high <= info.data.get("low", 0.0):
            raise ValueError(f"must be above low={info.data['low']}")
        return high


class ClipExtractor(Extractor):
    """Base of the extractors of clips; a subclass gives `dim` and `_vector`."""

    kind = "clip"
    size = 0
    channels = 1
    Params: ClassVar[type[Params]] = ClipParams
    params: ClipParams

    def _prepared(self, sample_: Clip) -> Clip:
        p = self.params
        clip = sample(resize_clip(sample_, p.side), p.frames, p.sampling)
        return magnify(clip, p.magnify, p.low, p.high) if p.magnify else clip

    def _transform(self, batch: Any) -> NDArray[np.float32]:
        return np.stack([self._vector(clip) for clip in batch])

    @abstractmethod
    def _vector(self, clip: Clip) -> NDArray[np.float32]:
        """Return (dim,) for one prepared clip (frames, side, side)."""
