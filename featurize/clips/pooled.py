"""Any extractor of images, over the frames of a clip."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from featurize.base import Extractor, Params
from featurize.clips.base import ClipExtractor, ClipParams
from featurize.clips.sampling import Clip, apex_index

Pool = Literal["mean", "max", "std", "apex-onset"]


class PooledParams(ClipParams):
    """Parameters of `Pooled`.

    Attributes
    ----------
    of : str
        An extractor of images, such as ``"hog(cell=6)"``.
    pool : {"mean", "max", "std", "apex-onset"}
        Over all frames, or the vector of the apex (the frame that differs most from the first) minus that of
        the first.
    """

    of: str = "hog"
    pool: Pool = "mean"


class Pooled(ClipExtractor):
    """The vectors of a clip's frames under an extractor of images, pooled over time."""

    name = "pooled"
    source = "of the frame extractor"
    Params: ClassVar[type[Params]] = PooledParams
    params: PooledParams

    @cached_property
    def frame_extractor(self) -> Extractor:
        """The extractor of images.

        Raises
        ------
        ValueError
            If it is unknown, joined, or does not take images.
        """
        from featurize.registry import parse

        found = parse(self.params.of)
        if len(found) != 1 or found[0].kind != "image":
            raise ValueError(f"pooled: of={self.params.of!r} must be one extractor of images, such as 'hog'")
        return found[0]

    @property
    def dim(self) -> int:
        """As of the frame extractor."""
        return self.frame_extractor.dim

    @property
    def weights_sha256(self) -> str | None:
        """As of the frame extractor."""
        return self.frame_extractor.weights_sha256

    def _vector(self, clip: Clip) -> NDArray[np.float32]:
        if self.params.pool == "apex-onset":
            first, apex = self.frame_extractor.transform(clip[[0, apex_index(clip)]])
            return apex - first
        X = self.frame_extractor.transform(clip)
        if self.params.pool == "mean":
            return X.mean(axis=0)
        return X.max(axis=0) if self.params.pool == "max" else X.std(axis=0)
