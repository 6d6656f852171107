"""Motion maps whose class can be seen in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipelines.datasets.base import Dataset, sample_digest


def motion_maps(n: int = 30, per_subject: int = 5, origins: tuple[int, ...] = (), **changes: Any) -> Dataset:
    """Return maps of three classes, told apart by the vertical flow.

    Parameters
    ----------
    n, per_subject : int
        Maps, and maps of one subject; classes in turn.
    origins : tuple of int
        First subjects of the sets "two", "three" that the maps are made of besides "one"; without any, all
        are in the split "train".
    **changes
        Fields of the `Dataset` that differ.
    """
    rng = np.random.default_rng(0)
    y, subject = np.arange(n) % 3, np.arange(n) // per_subject
    maps = rng.normal(128, 12, (n, 28, 28, 3))
    maps[:, 8:20, 8:20, 1] += np.array([-70, 0, 70])[y][:, None, None]
    maps = np.clip(maps, 0, 255).astype(np.uint8)
    names = np.array(["one", "two", "three"])[np.searchsorted(origins, subject, "right")]
    fields: dict[str, Any] = {
        "name": "drawn", "classes": ("negative", "positive", "surprise"), "ids": np.arange(n).astype(str),
        "labels": y, "split": names if origins else np.full(n, "train"), "samples": maps,
        "digests": np.array([sample_digest(one) for one in maps]),
        "groups": np.array([f"s{s}" for s in subject]), "kind": "flow",
    }  # fmt: skip
    if origins:
        fields["test_splits"] = {"test": tuple(dict.fromkeys(names.tolist()))}
    return Dataset(**fields | changes)
