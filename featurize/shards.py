"""A cache entry while it is written: shards in a ``.partial`` folder, joined and renamed when whole."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import AtomicFile, naming, replace_folder, reserve, save_array, write_text
from featurize.hashes import file_sha256
from featurize.manifest import seconds_of

log = logging.getLogger(__name__)

#: Rows a shard: what a killed run can lose a worker of.
SHARD_ROWS = 512

Span = tuple[int, int]
Compute = Callable[[Sequence[Span]], Iterator[NDArray[np.float32]]]


class CacheError(OSError):
    """The cache folder cannot be used; the message says what to do."""


def spans(n: int) -> list[Span]:
    """Return the spans of the shards of n rows."""
    return [(a, min(a + SHARD_ROWS, n)) for a in range(0, n, SHARD_ROWS)]


def stored(block: NDArray[np.float32], storage: str) -> NDArray[Any]:
    """Return vectors as they are kept.

    Raises
    ------
    ValueError
        If a number is beyond the largest of float16, 65,504.
    """
    if storage == "float32":
        return block
    with np.errstate(over="ignore"):
        half = block.astype(np.float16)
    if not np.isfinite(half).all():
        raise ValueError(
            f"a vector holds {float(np.abs(block).max()):g}, beyond the 65,504 of float16; "
            "take --storage float32"
        )
    return half


class ShardWriter:
    """A partial entry: shards named by span and checksum, so that one written half-way is never taken.

    Parameters
    ----------
    folder : Path
        Of this entry alone, with the ending ``.partial``; made if it is not there.
    shape : (n, dim)
    storage : {"float32", "float16"}
        Type of the numbers that are kept.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], storage: str = "float32") -> None:
        self.folder, self.storage = folder, storage
        self.n, self.dim = shape
        self.spans = spans(self.n)
        folder.mkdir(parents=True, exist_ok=True)

    def fill(self, compute: Compute) -> None:
        """Compute and write the shards that are not there yet."""
        missing = [span for span in self.spans if self._sound(span) is None]
        if missing and len(missing) < len(self.spans):
            log.info("going on with %d of %d shards", len(missing), len(self.spans))
        started = time.perf_counter()
        for span, block in zip(missing, compute(missing), strict=True):
            self._write(span, block)
            elapsed, started = time.perf_counter() - started, time.perf_counter()
            with naming(self.folder / "seconds.txt"), (self.folder / "seconds.txt").open("a") as file:
                file.write(f"{elapsed:.6f}\n")

    def _write(self, span: Span, block: NDArray[np.float32]) -> None:
        if block.shape != (span[1] - span[0], self.dim) or block.dtype != np.float32:
            raise ValueError(
                f"shard {span}: expected float32 rows of {self.dim}, got {block.dtype} {block.shape}"
            )
        block = stored(block, self.storage)
        checksum = hashlib.sha256(block.tobytes()).hexdigest()[:16]
        with AtomicFile(self.folder / f"{span[0]}-{span[1]}-{checksum}.npy") as temporary:
            save_array(temporary, block)

    def _sound(self, span: Span) -> NDArray[Any] | None:
        """Return the shard of `span` if it is there and whole."""
        for path in self.folder.glob(f"{span[0]}-{span[1]}-*.npy"):
            try:
                block = np.load(path, allow_pickle=False)
            except (OSError, ValueError, EOFError):
                continue
            if block.shape != (span[1] - span[0], self.dim) or block.dtype.name != self.storage:
                continue
            if hashlib.sha256(block.tobytes()).hexdigest()[:16] == path.stem.rsplit("-", 1)[1]:
                return block
        return None

    def finish(self, target: Path, manifest: dict[str, Any]) -> None:
        """Join the shards, write the manifest, and rename the folder into place."""
        self._join(target)
        seconds = self.folder / "seconds.txt"
        sha256 = file_sha256(self.folder / "X.npy")
        manifest |= {"shape": [self.n, self.dim], "seconds": seconds_of(seconds), "sha256": sha256}
        write_text(self.folder / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False))
        for path in [*self.folder.glob("*-*-*.npy"), *self.folder.glob("*.tmp"), seconds]:
            path.unlink(missing_ok=True)
        replace_folder(self.folder, target)  # a damaged entry: only `open` saying None brings us here

    def _join(self, target: Path) -> None:
        """Write the shards as one array, one after the other: no file is mapped that is not there yet."""
        dtype = np.dtype(self.storage).newbyteorder("<")
        header = {"descr": dtype.str, "fortran_order": False, "shape": (self.n, self.dim)}
        path = self.folder / "X.npy"
        with naming(path), path.open("wb") as file:
            reserve(file, dtype.itemsize * self.n * self.dim)
            np.lib.format.write_array_header_1_0(file, header)
            for span in self.spans:
                block = self._sound(span)
                if block is None:
                    raise CacheError(
                        f"shard {span} of {target.name[:12]} changed while it was read; run again"
                    )
                file.write(np.ascontiguousarray(block, dtype).data)
