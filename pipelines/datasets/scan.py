"""Reading every image of a folder once, and remembering what was found."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from featurize.atomic import write_text
from featurize.images import DECODE_VERSION, MAX_FILE, Image, UnreadableImage, decode, formats
from featurize.json_files import read_mapping
from pipelines.datasets.base import is_blank, sample_digest
from pipelines.utils.progress import Progress

log = logging.getLogger(__name__)

#: 2: reasons say what a file is by its first bytes.
FORMAT = 2
#: Images read between two looks at the progress bar.
CHUNK = 256
#: Mean size of a file above which threads pay: decoding it releases the interpreter's lock for long enough.
THREADS_PAY = 2**15


class Scanned(NamedTuple):
    """What was found in an image file: the digest of its pixels, or why it cannot be used ("" if it can)."""

    digest: str
    blank: bool
    reason: str


class _Key(NamedTuple):
    """What a file must still be for what was found in it to hold."""

    size: int
    mtime_ns: int


#: Small files above which processes pay: they take seconds to start.
PROCESSES_PAY = 50_000


Memory = dict[str, tuple[_Key, Scanned]]
#: Left, top, width and height in pixels.
Box = tuple[int, int, int, int]


def box_text(box: Box) -> str:
    """Return a box as ``left,top,width,height``."""
    return ",".join(map(str, box))


def cropped(image: Image, box: Box | None, name: str) -> Image:
    """Return the part of an image in a box; what of the box lies outside is left out.

    Raises
    ------
    UnreadableImage
        If the box has no pixel of the image.
    """
    if box is None:
        return image
    left, top, width, height = box
    part = image[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
    if not part.size:
        size = f"{image.shape[1]} x {image.shape[0]}"
        raise UnreadableImage(name, f"the box {box_text(box)} lies outside of the image of {size} pixels")
    return np.ascontiguousarray(part)


def scan(
    root: Path,
    names: list[str],
    cache: Path | None,
    progress: Progress,
    boxes: Sequence[Box | None] | None = None,
    memory_of: Path | None = None,
) -> list[Scanned]:
    """Read and decode the images ``root / name``, except those remembered as they are.

    Parameters
    ----------
    root : Path
    names : list of str
    cache : Path or None
        What was found is kept in ``cache/scans/``, one file a root; also if the scan is interrupted.
    progress : Progress
    boxes : sequence of Box or None, optional
        The part of each image that is meant; all of it by default.
    memory_of : Path, optional
        What the memory is kept for, where several tables have one root; `root` by default.

    Returns
    -------
    list of Scanned
        In the order of `names`.
    """
    file = _memory_file(memory_of or root, cache)
    memory = _recalled(file)
    parts = [_Part(n, b) for n, b in zip(names, boxes or [None] * len(names), strict=True)]
    keys = {part.key: _key(os.path.join(root, part.name)) for part in parts}  # noqa: PTH118 - as in `_key`
    new = [part for part in parts if part.key not in memory or memory[part.key][0] != keys[part.key]]
    try:
        with progress.task(f"reading {root.name}", len(new)) as advance:
            for part, found in _read_all(root, new, keys):
                memory[part.key] = keys[part.key], found
                advance(1)
    finally:
        known = {part.key: memory[part.key] for part in parts if part.key in memory}
        if new and file is not None:
            _remember(file, known)
    return [known[part.key][1] for part in parts]


def _key(path: str) -> _Key:
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path each would double the time of a second load
    except OSError:  # reading it will say why
        return _Key(0, 0)
    return _Key(status.st_size, status.st_mtime_ns)


class _Part(NamedTuple):
    """An image file, or a box in it."""

    name: str
    box: Box | None

    @property
    def key(self) -> str:
        """What it is remembered by."""
        return self.name if self.box is None else f"{self.name}@{box_text(self.box)}"


def _read_all(root: Path, parts: list[_Part], keys: dict[str, _Key]) -> Iterator[tuple[_Part, Scanned]]:
    size = sum(keys[part.key].size for part in parts) / max(1, len(parts))
    workers = (os.cpu_count() or 1) if size > THREADS_PAY else 1
    if workers == 1 and len(parts) > PROCESSES_PAY:
        yield from _read_by_processes(root, parts, keys)
        return
    if workers == 1:
        yield from ((part, _read(root / part.name, part.box, keys[part.key].size)) for part in parts)
        return
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(parts), CHUNK):
            chunk = parts[start : start + CHUNK]
            found = pool.map(lambda p: _read(root / p.name, p.box, keys[p.key].size), chunk)
            yield from zip(chunk, found, strict=True)


def _read_by_processes(
    root: Path, parts: list[_Part], keys: dict[str, _Key]
) -> Iterator[tuple[_Part, Scanned]]:
    """Read small files, of which decoding holds the interpreter's lock, in several processes."""
    from joblib import Parallel, delayed

    chunks = [parts[start : start + CHUNK] for start in range(0, len(parts), CHUNK)]
    jobs = (delayed(_read_chunk)(root, chunk, [keys[p.key].size for p in chunk]) for chunk in chunks)
    found = Parallel(n_jobs=os.cpu_count() or 1, return_as="generator", pre_dispatch="4*n_jobs")(jobs)
    for chunk, scanned in zip(chunks, found, strict=True):
        yield from zip(chunk, scanned, strict=True)


def _read_chunk(root: Path, parts: list[_Part], sizes: list[int]) -> list[Scanned]:
    return [_read(root / part.name, part.box, size) for part, size in zip(parts, sizes, strict=True)]


def _read(path: Path, box: Box | None, size: int) -> Scanned:
    try:
        if size > MAX_FILE:
            return Scanned("", False, f"more than {MAX_FILE // 2**20} MiB, too large for an image")
        image = cropped(decode(path.read_bytes(), path.name), box, path.name)
    except UnreadableImage as error:
        return Scanned("", False, error.reason)
    except OSError as error:
        return Scanned("", False, f"cannot be opened ({error.strerror})")
    return Scanned(sample_digest(image), is_blank(image), "")


def _format() -> list[object]:
    """Return what the memory depends on: a HEIC file is read again once its reader is installed."""
    return [FORMAT, DECODE_VERSION, *formats()]


def _memory_file(root: Path, cache: Path | None) -> Path | None:
    if cache is None:
        return None
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:32]
    return cache / "scans" / f"{name}.json"


def _recalled(file: Path | None) -> Memory:
    """Return what is remembered; nothing if it is not there, is damaged or is of another version."""
    if file is None:
        return {}
    try:
        kept = read_mapping(file)
        if kept["format"] != _format():
            return {}
        return {
            n: (_Key(*key), Scanned(str(d), bool(b), str(r))) for n, (key, (d, b, r)) in kept["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _remember(file: Path, memory: Memory) -> None:
    """Write the memory; one that cannot be written costs time, not results."""
    # A file that could not be opened may open next time without having changed.
    lasting = {n: entry for n, entry in memory.items() if not entry[1].reason.startswith("cannot be opened")}
    try:
        write_text(file, json.dumps({"format": _format(), "files": lasting}))  # ASCII: surrogates survive
    except OSError as error:
        log.info("what was read is not remembered (%s); the next load reads every image again", error)
