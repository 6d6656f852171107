"""What an entry of the cache says of itself, read strictly: anything odd is a damaged entry."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.hashes import file_sha256, key_of
from featurize.json_files import read_mapping

FORMAT = 1
#: Names of entries, and of those that are being written.
NAME = re.compile(r"(?P<key>[0-9a-f]{64})(?P<partial>\.partial)?")


class DamagedEntry(ValueError):  # noqa: N818 - as UnreadableImage
    """An entry that cannot be used; `str()` says why, in words that go behind its name."""


@dataclass(frozen=True)
class Manifest:
    """A manifest whose every part is what it must be.

    Attributes
    ----------
    content : dict
        All of it.
    extractor, dataset : str
    shape : (rows, dim)
    """

    content: dict[str, Any]
    extractor: str
    dataset: str
    shape: tuple[int, int]


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of an entry.

    Raises
    ------
    DamagedEntry
        If there is none, or it is not as this version writes them.
    """
    try:
        content = read_mapping(folder / "manifest.json")
    except FileNotFoundError:
        raise DamagedEntry("has no manifest") from None
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DamagedEntry(f"has no readable manifest ({str(words).lower()})") from None
    if content.get("format") != FORMAT:
        raise DamagedEntry(f"has format {content.get('format')!r:.20}, not {FORMAT}")
    fields, shape, seconds = (content.get(name) for name in ("fields", "shape", "seconds"))
    if (
        not isinstance(fields, dict)
        or not isinstance(shape, list)
        or not _is_shape(shape)
        or not _is_number(seconds)
    ):
        raise DamagedEntry("has a manifest that lacks something")
    if content.get("key") != folder.name or _key(fields) != folder.name:
        raise DamagedEntry("does not belong to its name")
    extractor = fields.get("extractor")
    name = extractor.get("name", "?") if isinstance(extractor, dict) else "?"
    return Manifest(content, str(name), str(fields.get("dataset", "?")), (shape[0], shape[1]))


def read_vectors(folder: Path, manifest: Manifest) -> NDArray[np.float32]:
    """Return the vectors of an entry, memory-mapped and read-only, after all of them were checked.

    Raises
    ------
    DamagedEntry
        If they are not those that the manifest describes.
    """
    path = folder / "X.npy"
    if not path.is_file():
        raise DamagedEntry("has lost its vectors")
    try:
        if file_sha256(path) != manifest.content.get("sha256"):
            raise DamagedEntry("is damaged (its checksum differs)")
        X: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, DamagedEntry):
            raise
        raise DamagedEntry("has vectors that cannot be read") from None
    storage = str(manifest.content["fields"].get("storage", "float32"))
    if X.shape != manifest.shape or X.dtype.name != storage:
        raise DamagedEntry(f"holds {X.dtype} {X.shape}, and should hold {storage} {manifest.shape}")
    return X


def seconds_of(path: Path) -> float:
    """Return the sum of the times that a partial entry has written; what is no number counts nothing."""
    try:
        words = path.read_text("ascii", errors="replace").split()
    except OSError:
        return 0.0
    return sum(filter(_is_number, map(_number, words)))


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return 0.0


def _key(fields: dict[str, Any]) -> str:
    try:
        return key_of(fields)
    except (ValueError, TypeError, RecursionError, UnicodeError):
        return ""


def _is_shape(value: list[Any]) -> bool:
    return len(value) == 2 and all(type(n) is int and n >= 0 for n in value)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0
