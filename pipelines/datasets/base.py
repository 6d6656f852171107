"""The contract of a data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.images import to_grey
from pipelines.datasets.walk import Fault

#: FER2013's order, which R1 reports in.
EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


class Samples(Protocol):
    """Pictures that decode one by one, each (h, w) or (h, w, 3) uint8; can be sent to another process."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures with their splits.

    Attributes
    ----------
    name : str
    classes : tuple of str
    ids : (n,) str
        Unique, stable names of the samples (a path inside the set).
    labels : (n,) int64
        Index into `classes`.
    split : (n,) str
        As given by the set: "train", "validation", "test", or for FER2013 "train", "public", "private".
    samples : Samples
        The pictures, in the same order.
    digests : (n,) str
        SHA-256 (hex) of each sample: of the decoded pixels with their shape, so that the same picture has the
        same digest whether it came from a JPEG folder, an archive or a CSV.
    groups : (n,) str or None
        Subject (identity) of each sample, where known.
    kind : {"image", "clip", "flow"}
    test_splits : mapping
        Named unions for testing, such as ``{"test": ("public", "private")}``.
    faults : tuple of Fault
        Samples that were left out.
    ignored : mapping
        What was not looked at, and how many of it: by ending, "hidden", "in FOLDER/".
    synthetic : bool
        True for drawn data: every row and page made from it says so.
    held_out : str
        How the test split was made of training samples, in words (`pipelines.datasets.splits.divided`);
        empty where the set brings its own.
    notes : tuple of str
        What a user should know of the samples, one line each.
    """

    name: str
    classes: tuple[str, ...]
    ids: NDArray[np.str_]
    labels: NDArray[np.int64]
    split: NDArray[np.str_]
    samples: Samples
    digests: NDArray[np.str_]
    groups: NDArray[np.str_] | None = None
    kind: Literal["image", "clip", "flow"] = "image"
    test_splits: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"test": ("test",)})
    faults: tuple[Fault, ...] = ()
    synthetic: bool = False
    held_out: str = ""
    notes: tuple[str, ...] = ()
    ignored: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(self.ids), len(self.labels), len(self.split), len(self.samples), len(self.digests)}
        if len(lengths) != 1:
            raise ValueError(f"data set {self.name}: columns of different lengths {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over every sample's digest and label, in order."""
        lines = (f"{d} {self.classes[y]}\n" for d, y in zip(self.digests, self.labels, strict=True))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def where(self, *splits: str) -> NDArray[np.intp]:
        """Return the indices of the samples in the named splits; a name of `test_splits` means its parts."""
        names = [part for s in splits for part in self.test_splits.get(s, (s,))]
        return np.flatnonzero(np.isin(self.split, names))


def sample_digest(image: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of a decoded picture: its shape, then its bytes."""
    h = hashlib.sha256(repr(image.shape).encode())
    h.update(np.ascontiguousarray(image).tobytes())
    return h.hexdigest()


#: A picture whose grey values have a standard deviation below this (of 255) is blank. In FER2013 that is 13
#: pictures, 12 of one value and one with 0.65; all others have 4.1 and above.
BLANK_STD = 2.0


def grey_std(image: NDArray[np.uint8]) -> float:
    """Return the standard deviation of the picture's (or clip's) grey values, 0 for a constant one."""
    if image.ndim == 3 and image.shape[2] != 3:  # a clip
        return float(image.std())
    return float(cv2.meanStdDev(to_grey(image))[1][0, 0])


def is_blank(image: NDArray[np.uint8]) -> bool:
    """Return whether the picture shows nothing: constant, or below `BLANK_STD`."""
    return grey_std(image) < BLANK_STD


class ArraySamples:
    """Pictures of one size in an (n, h, w) uint8 .npy file, memory-mapped when first read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _array(self) -> NDArray[np.uint8]:
        return np.load(self.path, mmap_mode="r", allow_pickle=False)

    def __getstate__(self) -> dict[str, Path]:
        return {"path": self.path}  # another process maps the file again

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return np.asarray(self._array[index])


def order_digest(ids: Iterable[str] | Sequence[str]) -> str:
    """Return the SHA-256 of sample names in order."""
    return hashlib.sha256(json.dumps(list(ids), ensure_ascii=False).encode()).hexdigest()
