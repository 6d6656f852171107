"""The embedding cache: computed once, found again by what decided it.

One folder an embedding, named by the SHA-256 of everything that decides its values. It is written in shards
(`featurize.shards`), so that a killed run goes on where it stopped; a lock keeps two runs from computing the
same thing; a checksum is verified at each opening, and a damaged entry is computed again.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.cache_folder import default_root, temporary_root, usable_root
from featurize.hashes import file_sha256, key_of
from featurize.shards import CacheError, Compute, ShardWriter, spans, stored

log = logging.getLogger(__name__)

FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """A cached embedding.

    Attributes
    ----------
    key : str
    X : (n, d) float32, memory-mapped, read-only
    manifest : dict
        What decided the vectors, when, with which versions and in what time they were made, their checksum.
    reused : bool
        True if nothing had to be computed.
    """

    key: str
    X: NDArray[np.float32]
    manifest: dict[str, Any]
    reused: bool


@dataclass(frozen=True)
class Listing:
    """One line of ``mueca cache list``."""

    key: str
    state: str
    extractor: str
    dataset: str
    rows: int
    dim: int
    bytes: int
    last_used: float


class Store:
    """The cache under `root`.

    Parameters
    ----------
    root : path, optional
        The cache folder; `default_root()` if not given. That one is optional: where it cannot be written it
        is read all the same, and what is computed goes to `usable_root()`, or stays in memory.
    storage : {"float32", "float16"}
        Type of the numbers in the entries that it makes. Who makes a key adds "float16" to it.

    Raises
    ------
    ValueError
        If `storage` is neither.
    """

    def __init__(self, root: Path | str | None = None, storage: str = "float32") -> None:
        if storage not in ("float32", "float16"):
            raise ValueError(f"storage={storage!r}: give float32 or float16")
        self.optional, self.storage = root is None, storage
        self.root = default_root() if root is None else Path(root).expanduser()

    @property
    def folder(self) -> Path:
        """Where the entries lie."""
        return self.root / "embeddings"

    @classmethod
    def of(cls, given: Store | Path | str | None) -> Store:
        """Return the cache given, or that of a folder; the user's if None."""
        return given if isinstance(given, Store) else cls(given)

    def open(self, key: str) -> Entry | None:
        """Return the entry of `key`, its checksum verified; None if there is none or it is damaged."""
        roots = [self.root, *([default_root(), temporary_root()] if self.optional else [])]
        found = (_opened(root / "embeddings" / key, key) for root in dict.fromkeys(roots) if root)
        return next((entry for entry in found if entry), None)

    def get(
        self,
        fields: Mapping[str, Any],
        n: int,
        dim: int,
        compute: Compute,
        versions: Mapping[str, str] | None = None,
    ) -> Entry:
        """Return the embedding that `fields` decide, computing what is missing of it.

        Parameters
        ----------
        fields : mapping
            Everything that decides the values; JSON types only.
        n, dim : int
            Shape of the embedding.
        compute : callable
            Takes spans ``(start, stop)`` and yields for each, in order, a (stop - start, dim) float32 array.
        versions : mapping, optional
            Library versions, recorded in the manifest and not part of the key.

        Returns
        -------
        Entry

        Raises
        ------
        CacheError
            If the folder that was given cannot be written, or the disk is full. Finished shards are kept.
        """
        key = key_of(fields)
        if entry := self.open(key):
            return entry
        if self.optional:
            root = usable_root()
            if root is None:
                return _in_memory(key, fields, (n, dim), compute, self.storage)
            self.root = root
        try:
            return self._compute_locked(key, fields, (n, dim), compute, versions or {})
        except OSError as error:
            raise _explained(error, self.root) from error

    def _compute_locked(
        self,
        key: str,
        fields: Mapping[str, Any],
        shape: tuple[int, int],
        compute: Compute,
        versions: Mapping[str, str],
    ) -> Entry:
        self.folder.mkdir(parents=True, exist_ok=True)
        with _alone(self.folder / f"{key}.lock"):
            if entry := self.open(key):  # another run has finished it meanwhile
                return entry
            writing = ShardWriter(self.folder / f"{key}.partial", shape, self.storage)
            writing.fill(compute)
            manifest = {
                "format": FORMAT,
                "key": key,
                "fields": dict(fields),
                "versions": dict(versions),
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            writing.finish(self.folder / key, manifest)
        entry = self.open(key)
        if entry is None:
            raise CacheError(f"embedding {key[:12]} was damaged while it was written; is the disk sound?")
        return Entry(key, entry.X, entry.manifest, reused=False)

    def entries(self) -> list[Listing]:
        """Return every entry, whole or partial, the most recently used first."""
        folders = [p for p in self.folder.glob("*") if p.is_dir()] if self.folder.is_dir() else []
        return sorted((_listing(p) for p in folders), key=lambda entry: -entry.last_used)

    def verify(self) -> dict[str, str]:
        """Return what is wrong with each damaged entry, by key; empty if all is well."""
        found = {}
        for entry in self.entries():
            if entry.state != "partial":
                try:
                    manifest = json.loads((self.folder / entry.key / "manifest.json").read_text("utf-8"))
                    problem = _damage(self.folder / entry.key, manifest)
                except (OSError, ValueError) as error:
                    problem = f"has no readable manifest ({error})"
                if problem:
                    found[entry.key] = problem
        return found

    def prune(self, *, everything: bool = False, unused_days: float | None = None) -> list[Listing]:
        """Remove damaged and abandoned partial entries, and more if asked; return what was removed.

        Parameters
        ----------
        everything : bool
            Remove every entry.
        unused_days : float, optional
            Also remove entries not used for so many days.
        """
        damaged = self.verify()
        limit = time.time() - unused_days * 86400 if unused_days is not None else -np.inf
        removed = []
        for entry in self.entries():
            doomed = everything or entry.state == "partial" or entry.key in damaged or entry.last_used < limit
            if doomed and self._remove(entry):
                removed.append(entry)
        return removed

    def _remove(self, entry: Listing) -> bool:
        """Remove one entry unless another run is writing it."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / f"{entry.key}.lock")
        try:
            with lock.acquire(timeout=0.05):
                suffix = ".partial" if entry.state == "partial" else ""
                shutil.rmtree(self.folder / f"{entry.key}{suffix}")
        except Timeout:
            return False
        Path(lock.lock_file).unlink(missing_ok=True)
        return True


def _opened(folder: Path, key: str) -> Entry | None:
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        if problem := _damage(folder, manifest):
            log.warning("cached embedding %s %s; it will be computed again", key[:12], problem)
            return None
        with suppress(OSError):  # a cache that cannot be written is read all the same
            os.utime(folder / "manifest.json")
    except (OSError, ValueError):
        return None
    X = np.load(folder / "X.npy", mmap_mode="r", allow_pickle=False)
    return Entry(key, X, manifest, reused=True)


def _in_memory(
    key: str, fields: Mapping[str, Any], shape: tuple[int, int], compute: Compute, storage: str = "float32"
) -> Entry:
    """Return an embedding that is kept nowhere."""
    parts, started = spans(shape[0]), time.perf_counter()
    X = stored(np.concatenate([np.empty((0, shape[1]), np.float32), *compute(parts)]), storage)
    X.flags.writeable = False
    took = time.perf_counter() - started
    return Entry(key, X, {"key": key, "fields": dict(fields), "seconds": took}, reused=False)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock at `path`; the system frees it when its holder dies, however that happens."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0.05)
    except Timeout:
        log.warning("another run is computing the same embedding; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _damage(folder: Path, manifest: Mapping[str, Any]) -> str:
    """Return what is wrong with an entry, in words; "" if nothing is."""
    if manifest.get("format") != FORMAT:
        return f"has format {manifest.get('format')!r}, not {FORMAT}"
    if manifest.get("key") != folder.name or key_of(manifest.get("fields", {})) != folder.name:
        return "does not belong to its name"
    if not (folder / "X.npy").is_file():
        return "has lost its vectors"
    if file_sha256(folder / "X.npy") != manifest.get("sha256"):
        return "is damaged (its checksum differs)"
    return ""


def _listing(folder: Path) -> Listing:
    size = sum(p.stat().st_size for p in folder.iterdir())
    key = folder.name.removesuffix(".partial")
    state = "partial" if folder.name.endswith(".partial") else "whole"
    manifest: dict[str, Any] = {}
    last_used = folder.stat().st_mtime
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        last_used = (folder / "manifest.json").stat().st_mtime
    except (OSError, ValueError):
        state = "partial" if state == "partial" else "damaged"
    fields = manifest.get("fields", {})
    name = fields.get("extractor", {}).get("name", "?")
    rows, dim = manifest.get("shape", (0, 0))
    return Listing(key, state, name, str(fields.get("dataset", "?"))[:12], rows, dim, size, last_used)


def _explained(error: OSError, root: Path) -> OSError:
    """Return the error in words that say what to do."""
    if isinstance(error, CacheError):
        return error
    if error.errno == errno.ENOSPC:
        return CacheError(
            f"disk full while writing the cache in {root}; free some space and run again: "
            "what was computed is kept"
        )
    about = str(error.filename or root)  # a sample that may not be read is no fault of the cache
    denied = errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST
    if error.errno in denied and about.startswith(str(root)):
        return CacheError(
            f"cannot write the cache folder {root} ({error.strerror}); "
            "set MUECA_CACHE to a folder you can write to"
        )
    return error
