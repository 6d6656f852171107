"""An extractor as a transformer of scikit-learn: images in, vectors out, in a Pipeline."""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from featurize.base import Extractor as BaseExtractor
from featurize.images import Image, Preprocess
from featurize.inputs import Color, as_images
from featurize.registry import parse

_BATCH = 256


class Extractor(TransformerMixin, BaseEstimator):
    """Turn images into vectors, as a step of a scikit-learn Pipeline.

    It learns nothing from the images that it is fitted on. Vectors are not cached: `mueca.featurize` caches.

    Parameters
    ----------
    backbone : str, default="hog"
        Extractor expression, such as ``hog(cell=6)+lbp``; see `list_extractors`.
    color : {"rgb", "bgr"}, default="rgb"
        Order of the channels of arrays.
    equalize : {"none", "hist", "clahe"}, default="none"
        What is done to the images first.

    Attributes
    ----------
    n_features_out_ : int
        Length of a vector.
    n_features_in_ : int
        Pixels of a row, where X is a table.

    Notes
    -----
    X is a list of paths, bytes, images of Pillow or arrays; an (n, h, w) or (n, h, w, 3) uint8 array; or a
    column of paths. It may be a table (n, h * w) of grey values from 0 to 255, one square image a row (one
    line of pixels where h * w is no square): `sklearn.datasets.fetch_olivetti_faces` times 255 is one.

    Of scikit-learn's `check_estimator` nothing is left out.
    """

    def __init__(self, backbone: str = "hog", *, color: Color = "rgb", equalize: str = "none") -> None:
        self.backbone = backbone
        self.color = color
        self.equalize = equalize

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters, and the form of X.

        Raises
        ------
        TypeError, ValueError
            One line that says what is wrong with which parameter or image.
        """
        self._preprocess()
        parts = parts_of(self.backbone)
        if any(part.kind != "image" for part in parts):
            raise ValueError(f"backbone={self.backbone!r} takes clips; Extractor takes images")
        if _is_table(X):
            validate_data(self, X)
        elif hasattr(self, "n_features_in_"):
            del self.n_features_in_
        self.n_features_out_ = sum(part.dim for part in parts)
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the (n, d) float32 vectors of n images."""
        check_is_fitted(self)
        images = (
            _rows(validate_data(self, X, reset=False)) if _is_table(X) else list(as_images(X, self.color))
        )
        ready = [self._preprocess().apply(image, "image") for image in images]
        parts = parts_of(self.backbone)
        if not ready:
            raise ValueError("there are no images; give one at least")
        batches = [ready[i : i + _BATCH] for i in range(0, len(ready), _BATCH)]
        return np.concatenate([np.hstack([part.transform(batch) for part in parts]) for batch in batches])

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of the values of a vector: the extractor and a number."""
        check_is_fitted(self)
        names = [f"{part.name}{i}" for part in parts_of(self.backbone) for i in range(part.dim)]
        return np.asarray(names, dtype=object)

    def _preprocess(self) -> Preprocess:
        if self.equalize not in ("none", "hist", "clahe"):
            raise ValueError(f"equalize={self.equalize!r}: give 'none', 'hist' or 'clahe'")
        return Preprocess(equalize=self.equalize)  # type: ignore[arg-type]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        tags.input_tags.three_d_array = True
        return tags


@lru_cache(maxsize=4)
def parts_of(backbone: str) -> tuple[BaseExtractor, ...]:
    """Return the extractors of an expression, made once: a network is compiled when it is first used."""
    return tuple(parse(backbone))


def _is_table(X: Any) -> bool:
    """Return whether X holds numbers in rows, and no images; of what is neither the table's check says so."""
    if hasattr(X, "toarray"):
        return True
    if hasattr(X, "dtypes") and hasattr(X, "columns"):  # a data frame: of paths, or of pixels
        return not (len(X.columns) == 1 and X.iloc[:, 0].dtype.kind not in "fiubc")
    if isinstance(X, np.ndarray):
        return X.ndim < 3 and X.dtype.kind not in "USO" or (X.dtype == object and X.ndim == 2)
    if not isinstance(X, list | tuple) or not len(X):
        return X is not None and not hasattr(X, "__iter__")
    return isinstance(X[0], list | tuple | int | float | np.number) or (
        isinstance(X[0], np.ndarray) and X[0].ndim < 2
    )


def _rows(X: NDArray[Any]) -> list[Image]:
    side = isqrt(X.shape[1])
    shape = (side, side) if side * side == X.shape[1] else (1, X.shape[1])
    return list(np.clip(np.rint(X), 0, 255).astype(np.uint8).reshape(-1, *shape))
