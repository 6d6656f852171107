"""Data sets from what a program holds: arrays, a data frame, a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.paths import expanded
from pipelines.datasets.base import Dataset, sample_digest
from pipelines.datasets.label_words import split_word, test_splits
from pipelines.datasets.listing import Listed, Reading, dataset_of, without_leaks
from pipelines.utils.progress import SILENT, Progress


class HeldSamples:
    """Images held in memory."""

    def __init__(self, images: Sequence[NDArray[np.uint8]]) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return np.asarray(self.images[index])


def from_arrays(
    images: Any,
    labels: Any,
    *,
    split: Any = None,
    groups: Any = None,
    votes: Any = None,
    classes: Sequence[str] | None = None,
    ids: Any = None,
    name: str = "arrays",
    allow_leaks: bool = False,
) -> Dataset:
    """Make a data set of images in memory.

    Parameters
    ----------
    images : (n, h, w) or (n, h, w, 3) uint8, or a sequence of (h, w) or (h, w, 3) uint8
        Grey or RGB, values 0 to 255.
    labels : (n,) str or int
        Classes by name; or by number, with `classes` where they have names.
    split : (n,) str, optional
        "train", "validation", "test"; all "train" by default.
    groups : (n,) optional
        The person of each image.
    votes : (n, k) float, optional
        How many annotators gave each image each class.
    classes : sequence of str, optional
        Names of the classes, by number; by default the labels, in order.
    ids : (n,) str, optional
        Unique names of the images; by default their numbers.
    name : str
    allow_leaks : bool
        One person may be in two splits; figures are then marked.

    Returns
    -------
    Dataset

    Raises
    ------
    TypeError, ValueError
        One line that names what is wrong with which argument.
    """
    held = [_image(image, i) for i, image in enumerate(images)]
    n = len(held)
    if n == 0:
        raise ValueError("images is empty; give (n, h, w) or (n, h, w, 3) arrays of uint8")
    known, numbers = _classes(_column(labels, n, "labels"), classes)
    splits = _splits(_column(split, n, "split")) if split is not None else ["train"] * n
    names = _column(ids, n, "ids") if ids is not None else [f"{i:06d}" for i in range(n)]
    if len(set(map(str, names))) < n:
        raise ValueError("ids: two images have one id; give each its own")
    made = Dataset(
        name=name,
        classes=known,
        ids=np.array([str(one) for one in names]),
        labels=np.array(numbers, np.int64),
        split=np.array(splits),
        samples=HeldSamples(held),
        digests=np.array([sample_digest(image) for image in held]),
        groups=None if groups is None else _groups(_column(groups, n, "groups")),
        test_splits=test_splits(splits),
        votes=None if votes is None else _votes(votes, n, len(known)),
    )
    return _checked(made, allow_leaks)


def _checked(made: Dataset, allowed: bool) -> Dataset:
    if len(made.classes) < 2:
        raise ValueError(f"labels: one class only ({made.classes[0]}); a classifier needs two or more")
    return without_leaks(made, allowed)


def _image(image: Any, number: int) -> NDArray[np.uint8]:
    found = np.asarray(image)
    if found.dtype != np.uint8:
        raise TypeError(
            f"images[{number}] is of {found.dtype}; give uint8 values from 0 to 255"
            + (" (multiply by 255, round, astype('uint8'))" if found.dtype.kind == "f" else "")
        )
    if found.ndim not in (2, 3) or (found.ndim == 3 and found.shape[2] not in (1, 3)) or not found.size:
        raise ValueError(f"images[{number}] has the shape {found.shape}; give (h, w) or (h, w, 3)")
    return found[:, :, 0] if found.ndim == 3 and found.shape[2] == 1 else found


def _column(given: Any, n: int, name: str) -> list[Any]:
    values = np.asarray(given).tolist() if hasattr(given, "dtype") else list(given)
    if len(values) != n:
        raise ValueError(f"{name} has {len(values):,} values for {n:,} images")
    return values


def _groups(values: list[Any]) -> NDArray[np.str_]:
    missing = [i for i, one in enumerate(values) if one is None or one != one or not str(one).strip()]
    if missing:
        raise ValueError(f"groups[{missing[0]}] is {values[missing[0]]!r}; name the person of each image")
    return np.array([str(one) for one in values])


def _classes(labels: list[Any], given: Sequence[str] | None) -> tuple[tuple[str, ...], list[int]]:
    if all(isinstance(label, int) and not isinstance(label, bool) for label in labels) and given is not None:
        known = tuple(map(str, given))
        if bad := [label for label in labels if not 0 <= label < len(known)]:
            raise ValueError(f"labels hold {bad[0]}; classes has {len(known)} names, 0 to {len(known) - 1}")
        return known, labels
    known = tuple(map(str, given)) if given is not None else tuple(map(str, sorted(set(labels))))
    numbers = {name: i for i, name in enumerate(known)}
    if unknown := [label for label in labels if str(label) not in numbers]:
        raise ValueError(f"labels hold {unknown[0]!r}, which is none of classes: {', '.join(known)}")
    return known, [numbers[str(label)] for label in labels]


def _splits(words: list[Any]) -> list[str]:
    found = [split_word(str(word), {}) for word in words]
    if None in found:
        raise ValueError(f"split holds {words[found.index(None)]!r}; use train, validation, test")
    return [str(one) for one in found]


def _votes(given: Any, n: int, k: int) -> NDArray[np.float32]:
    found = np.asarray(given, np.float32)
    if found.shape != (n, k):
        raise ValueError(f"votes has the shape {found.shape}; give ({n}, {k}), one column a class")
    if not np.isfinite(found).all() or (found < 0).any():
        raise ValueError("votes hold a number below 0, or none; give counts from 0 on")
    if (empty := np.flatnonzero(found.sum(axis=1) == 0)).size:
        raise ValueError(f"votes of {empty.size:,} images sum to nothing; the first is image {empty[0]}")
    return found


def from_dataframe(
    frame: Any,
    *,
    root: Path | str = ".",
    columns: Mapping[str, Any] | str | None = None,
    labels: Mapping[str, str] | str | None = None,
    splits: Mapping[str, str] | str | None = None,
    name: str = "dataframe",
    strict: bool = False,
    allow_leaks: bool = False,
    cache: Path | str | None = None,
    progress: Progress = SILENT,
) -> Dataset:
    """Make a data set of a data frame that names image files.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or mapping of columns
    root : path
        The folder that files are named below.
    columns, labels, splits, allow_leaks
        As `pipelines.datasets.table.load`.
    name : str
    strict : bool
        A file that cannot be read is an error.
    cache : path, optional
        Folder that remembers what was read of the images.
    progress : Progress

    Returns
    -------
    Dataset

    Raises
    ------
    TypeError, ValueError, OSError
        One line that says what is wrong.
    """
    from pipelines.datasets.table import column_names, entries_of, labelled
    from pipelines.utils.read_table import table_of

    base = expanded(root)
    if not base.is_dir():
        raise FileNotFoundError(f"root={str(root)!r}: no such folder")
    named = column_names(columns)
    rows = _frame_rows(frame)
    table = labelled(lambda wanted: table_of(rows, name, wanted), named)
    found = entries_of(table, Listed(name, base), named, labels, splits, name)
    how = Reading(strict, allow_leaks, None if cache is None else expanded(cache), progress)
    return dataset_of(found, how)


def _frame_rows(frame: Any) -> list[list[str]]:
    """Return a data frame as rows of text, its headings first."""
    from pipelines.utils.table_records import cell_text

    names = list(frame) if isinstance(frame, Mapping) else list(_headings(frame))
    listed = [_listed(frame[name]) for name in names]
    if len({len(column) for column in listed}) > 1:
        raise ValueError("the columns of the data frame have different lengths")
    return [list(map(str, names)), *([cell_text(v) for v in row] for row in zip(*listed, strict=True))]


def _headings(frame: Any) -> Any:
    names = getattr(frame, "column_names", None)
    names = getattr(frame, "columns", None) if names is None else names
    if names is None or not hasattr(frame, "__getitem__"):
        raise TypeError(f"{type(frame).__name__} is no data frame; give a DataFrame or a mapping of columns")
    return names


def _listed(column: Any) -> list[Any]:
    for method in ("to_pylist", "to_list", "tolist"):
        if call := getattr(column, method, None):
            listing: Callable[[], list[Any]] = call
            return listing()
    return list(column)


def from_folder(path: Path | str, *, pattern: str = "", **options: Any) -> Dataset:
    """Make a data set of a folder, by its class folders or by the names of its files.

    Parameters
    ----------
    path : path
    pattern : str
        Such as ``{subject:2}.{label:2}{_}``, see `pipelines.datasets.pattern.Pattern`.
    **options
        Of `pipelines.datasets.registry.load`: ``labels``, ``subject``, ``strict`` ...

    Returns
    -------
    Dataset
    """
    from pipelines.datasets import registry

    given = options | ({"pattern": pattern} if pattern else {})
    return registry.load(f"{expanded(path)}/", **given)  # a folder, also where a set has its name
