"""The contract of an extractor: images in, one float32 vector each out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from featurize.checks import check_samples
from featurize.images import fit_to


class Params(BaseModel):
    """Base of an extractor's parameters: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class ExtractorSpec:
    """What an extractor is: everything that decides its vectors, and where it comes from.

    Attributes
    ----------
    name : str
        Registered name.
    version : int
        Raised whenever the same parameters give other vectors, so that cached ones are not reused.
    kind : {"image", "clip", "flow"}
        What one sample is.
    size : int
        Side in pixels of the square image the extractor works on; 0 for "as it comes".
    channels : {1, 3}
        Grey or RGB.
    dim : int
        Length of a vector.
    params : mapping
        The parameters, JSON types only.
    weights_sha256 : str or None
        Hash of the weight file, where there is one.
    trained_on : str or None
        Fingerprint of the labelled samples the extractor learned from; None if it learned from none of ours.
    licence, source : str
        Of the method and its weights.
    """

    name: str
    version: int
    kind: Literal["image", "clip", "flow"]
    size: int
    channels: Literal[1, 3]
    dim: int
    params: Mapping[str, Any] = field(default_factory=dict)
    weights_sha256: str | None = None
    trained_on: str | None = None
    licence: str = "MIT"
    source: str = ""

    def identity(self) -> dict[str, Any]:
        """Return the part of the spec that decides the vectors: what a cache key is made of."""
        fields = asdict(self)
        fields["params"] = dict(self.params)
        return {k: v for k, v in fields.items() if k not in ("licence", "source")}

    def as_text(self) -> str:
        """Return ``name(param=value, ...)``, the form that `featurize.parse` reads."""
        return expression_of(self.name, self.params)


def expression_of(name: str, params: Mapping[str, Any]) -> str:
    """Return ``name(param=value, ...)``, or the name alone."""
    inner = ", ".join(f"{k}={v!r}" for k, v in params.items())
    return f"{name}({inner})" if inner else name


class Extractor(ABC):
    """Turn images into vectors. A subclass gives the class attributes, `dim` and `_transform`.

    The same sample must give the same vector whatever stands beside it in the batch.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    kind: ClassVar[Literal["image", "clip", "flow"]] = "image"
    size: ClassVar[int] = 48
    channels: ClassVar[Literal[1, 3]] = 1
    licence: ClassVar[str] = "MIT"
    source: ClassVar[str] = ""
    #: How `pipelines.embedding.embed` spreads batches: "threads" (NumPy and OpenCV release the interpreter's
    #: lock), "processes" (dlib does not), or "none" (the extractor uses all cores by itself).
    parallel: ClassVar[Literal["threads", "processes", "none"]] = "threads"
    Params: ClassVar[type[Params]] = Params

    def __init__(self, **params: Any) -> None:
        try:
            self.params = self.Params(**params)
        except ValidationError as error:
            raise ValueError(f"extractor {self.name}: {_first_problem(error, self.Params)}") from None

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def weights_sha256(self) -> str | None:
        """SHA-256 of the weight file, None where there is none."""
        return None

    @property
    def spec(self) -> ExtractorSpec:
        """The extractor's `ExtractorSpec`."""
        return ExtractorSpec(
            name=self.name,
            version=self.version,
            kind=self.kind,
            size=self.size,
            channels=self.channels,
            dim=self.dim,
            params=self.params.model_dump(mode="json"),
            weights_sha256=self.weights_sha256,
            licence=self.licence,
            source=self.source,
        )

    @final
    def transform(self, samples: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return the vectors of `samples`.

        Parameters
        ----------
        samples : iterable of (h, w) or (h, w, 3) uint8
            Grey or RGB images of any size; each is brought to the size and channels of the spec. For an
            extractor of clips, (t, h, w) uint8 grey frames. An (n, h, w) or (n, h, w, 3) array is a stack of
            images; one image alone counts as a list of one (`featurize.checks.check_samples`).

        Returns
        -------
        ndarray of shape (n, dim), float32, C-contiguous, finite

        Raises
        ------
        TypeError, ValueError
            If a sample is none of uint8 with these axes; the message says which, and what to give.
        ValueError
            If a vector has the wrong length or a value that is not finite.
        """
        batch = [self._prepared(s) for s in check_samples(samples, self.kind)]
        if not batch:
            return np.empty((0, self.dim), np.float32)
        stacked = np.stack(batch) if self.size else batch
        return self._checked(self._transform(stacked), len(batch))

    def _prepared(self, sample: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return one sample in the form that `_transform` takes."""
        return fit_to(sample, self.size, self.channels)

    def _checked(self, vectors: NDArray[Any], n: int) -> NDArray[np.float32]:
        X = np.ascontiguousarray(vectors, dtype=np.float32)
        if X.shape != (n, self.dim):
            raise ValueError(f"{self.name}: expected vectors of shape {(n, self.dim)}, got {X.shape}")
        # One pass; a sum of finite float32 in float64 cannot overflow.
        if not math.isfinite(float(X.sum(dtype=np.float64))):
            raise ValueError(f"{self.name}: a vector holds NaN or an infinite value")
        return X

    @abstractmethod
    def _transform(self, batch: Any) -> NDArray[Any]:
        """Return (n, dim) for a (n, size, size[, 3]) uint8 batch (a list of images if size is 0)."""

    def fallbacks(self, X: NDArray[np.float32]) -> int:
        """Count the vectors of `X` that are a stated fallback (a face whose points were not found)."""
        return 0


def _first_problem(error: ValidationError, params: type[Params]) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"][:1]))
    if first["type"] == "extra_forbidden":
        return f"no parameter {where!r}; known: {', '.join(params.model_fields) or 'none'}"
    return f"{where}={first['input']!r}: {first['msg'].removeprefix('Value error, ').lower()}"
