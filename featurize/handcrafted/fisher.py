"""Fisher vectors of the upright face."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import SerializerFunctionWrapHandler, model_serializer
from threadpoolctl import threadpool_limits

from featurize import faces
from featurize.base import Params
from featurize.handcrafted import codebook
from featurize.handcrafted.codebook import Codebook
from featurize.handcrafted.gradients import Array, dense_sift
from featurize.handcrafted.located import Located
from featurize.store import file_sha256

#: The upright face: side, eye distance and eye height as parts of it.
_FACE = (64, 0.5, 0.32)
#: Sides of the descriptors' cells, and the step from one to the next, in pixels of it.
_SIZES, _STEP = (2, 3, 4, 6), 3
#: Words that ship, learned by benchmarks/fisher_codebook.py.
CODEBOOK = Path(__file__).with_name("fisher.npz")
#: Length of a Fisher vector, so that it outweighs networks where they are joined: what these say of the faces
#: that they learned from is too good. Chosen on PublicTest with three of ours and `local-svm`.
LENGTH = 12.0
#: The last component if the face was found: small, so that it does not count in a distance.
_FOUND = 0.1


class FisherParams(Params):
    """Parameters of `Fisher`.

    Attributes
    ----------
    points : {"dlib", "mesh"}
        The landmarks by which the face is brought upright: dlib's, or those of MediaPipe's face mesh.
    """

    points: Literal["dlib", "mesh"] = "dlib"

    @model_serializer(mode="wrap")
    def _without_dlib(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The key of vectors by dlib's landmarks is that of before there were others.
        return {k: v for k, v in dump(self).items() if v != "dlib"}


class Fisher(Located):
    """Fisher vector of dense SIFT descriptors of the upright face and of its mirror image: 16,897 numbers.

    The face is brought upright by its 68 points, as for `aligned`. Descriptors of four sizes, every three
    pixels, are cut to 64 principal components, joined with their place, and told by how they differ from the
    128 words of a mixture of Gaussians: the gradient of the likelihood by each word's mean and variance. The
    words were learned from 4,000 images of FER2013's training split, without their labels. The last
    component is 0.1 if the detector (with ``points="mesh"`` the face mesh) found the face, else 0.

    References
    ----------
    Perronnin, Sanchez, Mensink: "Improving the Fisher kernel for large-scale image classification", ECCV
    2010; Simonyan, Parkhi, Vedaldi, Zisserman: "Fisher vector faces in the wild", BMVC 2013.
    """

    name = "fisher"
    version = 2  # 1 was shorter
    source = "Perronnin et al. 2010; Simonyan et al. 2013; dlib shape_predictor_68_face_landmarks, Davis King"
    Params = FisherParams
    params: FisherParams

    @property
    def dim(self) -> int:
        """Two numbers for each word and each number of a descriptor, and 1."""
        return load_codebook(CODEBOOK).dim + 1

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the words' and of the landmarks' model's."""
        return hashlib.sha256(f"{_codebook_sha256(CODEBOOK)} {super().weights_sha256}".encode()).hexdigest()

    def _transform(self, batch: NDArray[np.uint8]) -> Array:
        points, found = self._located(batch)
        upright = turned(batch, points)
        # Products of a face are small: other threads would wait for each other in them.
        with threadpool_limits(1, user_api="blas"):
            vectors = np.stack([vector(load_codebook(CODEBOOK), face) for face in upright])
        return np.hstack([LENGTH * vectors, np.float32(_FOUND) * found[:, None]])


def upright(crops: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the upright faces (n, 64, 64) of (n, 144, 144) crops, and which the detector found (n,)."""
    points, found = faces.locate(crops)
    return turned(crops, points), found


def turned(crops: NDArray[np.uint8], points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the upright faces (n, 64, 64) of (n, 144, 144) crops with (n, 68, 2) points."""
    return np.stack([faces.upright(crop, xy, *_FACE)[0] for crop, xy in zip(crops, points, strict=True)])


def vector(book: Codebook, face: NDArray[np.uint8]) -> Array:
    """Return the Fisher vector of a face (64, 64) and its mirror image together, length 1."""
    return book.vector(book.project_both(*dense_sift(face, _SIZES, _STEP)))


def learn(pictures: Iterable[NDArray[np.uint8]], words: int = 128, each: int = 60, seed: int = 0) -> Codebook:
    """Learn words from upright faces (64, 64), `each` descriptors of every one."""
    rng, found = np.random.default_rng(seed), []
    for picture in pictures:
        descriptors, places = dense_sift(picture, _SIZES, _STEP)
        some = rng.choice(len(descriptors), each, replace=False)
        found.append((descriptors[some], places[some]))
    descriptors, places = (np.concatenate(part) for part in zip(*found, strict=True))
    return codebook.learn(descriptors, places, words, seed)


@lru_cache(maxsize=1)
def load_codebook(path: Path) -> Codebook:
    """Return the codebook of a file, read once."""
    return Codebook.load(path)


@lru_cache(maxsize=1)
def _codebook_sha256(path: Path) -> str:
    return file_sha256(path)
