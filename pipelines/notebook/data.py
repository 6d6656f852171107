"""Data as people have it, brought to a name, a path or a `Dataset`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from featurize.inputs import Color, as_images
from pipelines.datasets.base import Dataset
from pipelines.datasets.from_python import from_arrays, from_dataframe

TAKEN = "a data set's name, a folder, a Dataset, a data frame with a column of files, or images with y"


def as_data(
    data: Any,
    y: Any = None,
    *,
    groups: Any = None,
    split: Any = None,
    color: Color = "rgb",
    root: Path | str = ".",
    columns: Any = None,
) -> str | Dataset:
    """Return what `pipelines.api.fit` takes; parameters and errors as `pipelines.notebook.fitting.fit`."""
    if data is None:
        raise TypeError(f"data is missing (None); give {TAKEN}")
    alone = isinstance(data, str | os.PathLike | Dataset) or _is_frame(data)
    if alone and y is not None and not (_is_frame(data) and isinstance(y, str)):
        raise TypeError("y goes with images; this data has labels of its own: leave y out")
    if isinstance(data, str | os.PathLike | Dataset):
        if groups is not None or split is not None:
            raise TypeError("groups and split go with images; this data has its own: leave them out")
        return data if isinstance(data, Dataset) else os.fspath(data)
    if _is_frame(data):
        named = dict(columns or {}) | ({"label": y} if y is not None else {})
        named |= {"subject": groups} if isinstance(groups, str) else {}
        named |= {"split": split} if isinstance(split, str) else {}
        return from_dataframe(data, root=root, columns=named or None)
    return _of_images(data, y, groups, split, color)


def _is_frame(data: Any) -> bool:
    return hasattr(data, "columns") and hasattr(data, "__getitem__")


def _of_images(images: Any, y: Any, groups: Any, split: Any, color: Color) -> Dataset:
    if y is None:
        raise TypeError("images need labels: give y, one label an image")
    if not isinstance(images, Iterable):
        raise TypeError(f"{type(images).__name__} is no data; give {TAKEN}")
    held = list(as_images(images, color))
    if not held:
        raise ValueError("there are no images; give one at least of each class")
    labels = _labels(y, len(held))
    return from_arrays(
        held, labels, groups=None if groups is None else column(groups, "groups"),
        split=None if split is None else column(split, "split"), classes=_classes(labels),
    )  # fmt: skip


def column(values: Any, name: str) -> list[Any]:
    """Return a list, an array or a Series in its own order (the index of a Series says nothing).

    Raises
    ------
    TypeError
        If it is none of these.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name}={values!r:.40}: give one value an image")
    return [v.item() if isinstance(v, np.generic) else v for v in values]


def _labels(y: Any, n: int) -> list[str]:
    found = column(y, "y")
    if len(found) != n:
        raise ValueError(f"y has {len(found):,} labels for {n:,} images; give one an image")
    for i, label in enumerate(found):
        if label is None or label != label or not str(label).strip():
            raise ValueError(f"y[{i}] is {label!r}; name the class, or leave the image out")
        if isinstance(label, float) and not label.is_integer():
            raise ValueError(f"y[{i}] is {label!r}; classes are names or whole numbers")
    return [str(int(label)) if isinstance(label, float | bool) else str(label) for label in found]


def _classes(labels: list[str]) -> tuple[str, ...]:
    """Return the classes in order; numbers by their size."""
    known = set(labels)
    whole = all(label.lstrip("-").isdigit() for label in known)
    return tuple(sorted(known, key=(lambda label: (int(label), label)) if whole else None))
