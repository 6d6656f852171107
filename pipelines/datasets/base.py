"""The contract of a data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.images import to_grey
from featurize.walk import Fault

#: FER2013's order, which R1 reports in.
EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
#: The mark of a set in which one person is in two splits: see `Dataset.marks`.
LEAKY = "leaky"
#: The mark of joined sets of which two hold exact copies of one sample.
COPIES = "copies-in-two-sets"


class Samples(Protocol):
    """Images that decode one by one, each (h, w) or (h, w, 3) uint8; can be sent to another process."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...


@dataclass(frozen=True)
class Origin:
    """The set that all samples of another are of: vectors of the one are those of the other.

    Attributes
    ----------
    fingerprint, order : str
        Of that set, see `Dataset.fingerprint` and `order_digest`.
    indices : (n,) int
        Where each sample is in it.
    mine : str
        `order_digest` of the samples, so that other ones are not taken for them.
    """

    fingerprint: str
    order: str
    indices: NDArray[np.intp]
    mine: str


@dataclass(frozen=True)
class Dataset:
    """Labelled images with their splits.

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
        The images, in the same order.
    digests : (n,) str
        SHA-256 (hex) of each sample: of the decoded pixels with their shape, so that the same image has the
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
    votes : (n, classes) float32 or None
        How many annotators gave each sample each class, where that is known; no row sums to 0.
    marks : tuple of str
        What makes figures of this set too good: `LEAKY`, `COPIES`; empty as a rule.
    origin : Origin or None
        The set that its samples are of, where it is another's with other labels.
    joined_from : tuple of dict
        Of joined sets (`pipelines.datasets.joined`) what each was; empty of others.
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
    votes: NDArray[np.float32] | None = None
    marks: tuple[str, ...] = ()
    joined_from: tuple[dict[str, Any], ...] = ()
    origin: Origin | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.ids), len(self.labels), len(self.split), len(self.samples), len(self.digests)}
        lengths |= {len(column) for column in (self.groups, self.votes) if column is not None}
        if len(lengths) != 1:
            raise ValueError(f"data set {self.name}: columns of different lengths {sorted(lengths)}")
        if self.votes is not None and self.votes.shape[1:] != (len(self.classes),):
            raise ValueError(f"data set {self.name}: votes of {self.votes.shape}, not one column a class")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over every sample's digest and label, in order; and over the votes, where there are any."""
        lines = (f"{d} {self.classes[y]}\n" for d, y in zip(self.digests, self.labels, strict=True))
        found = hashlib.sha256("".join(lines).encode())
        if self.votes is not None:
            found.update(" ".join(self.classes).encode() + np.ascontiguousarray(self.votes, "<f4").tobytes())
        return found.hexdigest()

    @property
    def distribution(self) -> NDArray[np.float32]:
        """The share of each class in each sample, (n, classes): of its votes, else 1 for its label."""
        if self.votes is None:
            return np.eye(len(self.classes), dtype=np.float32)[self.labels]
        return np.asarray(self.votes / self.votes.sum(axis=1, keepdims=True), np.float32)

    @staticmethod
    def from_arrays(images: Any, labels: Any, **options: Any) -> Dataset:
        """Make a data set of arrays; see `pipelines.datasets.from_python.from_arrays`."""
        return _maker("from_arrays")(images, labels, **options)

    @staticmethod
    def from_dataframe(frame: Any, **options: Any) -> Dataset:
        """Make a data set of a data frame; see `pipelines.datasets.from_python.from_dataframe`."""
        return _maker("from_dataframe")(frame, **options)

    @staticmethod
    def from_folder(path: Any, **options: Any) -> Dataset:
        """Make a data set of a folder; see `pipelines.datasets.from_python.from_folder`."""
        return _maker("from_folder")(path, **options)

    def where(self, *splits: str) -> NDArray[np.intp]:
        """Return the indices of the samples in the named splits; a name of `test_splits` means its parts."""
        names = [part for s in splits for part in self.test_splits.get(s, (s,))]
        return np.flatnonzero(np.isin(self.split, names))


def _maker(name: str) -> Callable[..., Dataset]:
    """Return a function of `from_python`, which knows the readers that know this module."""
    found: Callable[..., Dataset] = getattr(import_module("pipelines.datasets.from_python"), name)
    return found


def sample_digest(image: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of a decoded image: its shape, then its bytes."""
    h = hashlib.sha256(repr(image.shape).encode())
    h.update(np.ascontiguousarray(image).tobytes())
    return h.hexdigest()


#: An image whose grey values have a standard deviation below this (of 255) is blank. In FER2013 that is 13
#: images, 12 of one value and one with 0.65; all others have 4.1 and above.
BLANK_STD = 2.0


def grey_std(image: NDArray[np.uint8]) -> float:
    """Return the standard deviation of the image's (or clip's) grey values, 0 for a constant one."""
    if image.ndim == 3 and image.shape[2] != 3:  # a clip
        return float(image.std())
    return float(cv2.meanStdDev(to_grey(image))[1][0, 0])


def is_blank(image: NDArray[np.uint8]) -> bool:
    """Return whether the image shows nothing: constant, or below `BLANK_STD`."""
    return grey_std(image) < BLANK_STD


class ArraySamples:
    """Images of one size in an (n, h, w) uint8 .npy file, memory-mapped when first read."""

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
