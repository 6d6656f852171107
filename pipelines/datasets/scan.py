"""Reading every picture of a folder once, and remembering what was found."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from featurize.atomic import write_text
from featurize.images import DECODE_VERSION, MAX_FILE, UnreadableImage, decode, formats
from pipelines.datasets.base import is_blank, sample_digest
from pipelines.utils.progress import Progress

log = logging.getLogger(__name__)

#: 2: reasons say what a file is by its first bytes.
FORMAT = 2
#: Pictures read between two looks at the progress bar.
CHUNK = 256
#: Mean size of a file above which threads pay: decoding it releases the interpreter's lock for long enough.
THREADS_PAY = 2**15


class Scanned(NamedTuple):
    """What was found in a picture file: the digest of its pixels, or why it cannot be used ("" if it can)."""

    digest: str
    blank: bool
    reason: str


class _Key(NamedTuple):
    """What a file must still be for what was found in it to hold."""

    size: int
    mtime_ns: int


Memory = dict[str, tuple[_Key, Scanned]]


def scan(root: Path, names: list[str], cache: Path | None, progress: Progress) -> list[Scanned]:
    """Read and decode the pictures ``root / name``, except those remembered as they are.

    Parameters
    ----------
    root : Path
    names : list of str
    cache : Path or None
        What was found is kept in ``cache/scans/``, one file a root; also if the scan is interrupted.
    progress : Progress

    Returns
    -------
    list of Scanned
        In the order of `names`.
    """
    file = _memory_file(root, cache)
    memory = _recalled(file)
    keys = {name: _key(f"{root}/{name}") for name in names}
    new = [name for name in names if name not in memory or memory[name][0] != keys[name]]
    try:
        with progress.task(f"reading {root.name}", len(new)) as advance:
            for name, found in _read_all(root, new, keys):
                memory[name] = keys[name], found
                advance(1)
    finally:
        known = {name: memory[name] for name in names if name in memory}
        if new and file is not None:
            _remember(file, known)
    return [known[name][1] for name in names]


def _key(path: str) -> _Key:
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path each would double the time of a second load
    except OSError:  # reading it will say why
        return _Key(0, 0)
    return _Key(status.st_size, status.st_mtime_ns)


def _read_all(root: Path, names: list[str], keys: dict[str, _Key]) -> Iterator[tuple[str, Scanned]]:
    size = sum(keys[name].size for name in names) / max(1, len(names))
    workers = (os.cpu_count() or 1) if size > THREADS_PAY else 1
    if workers == 1:
        yield from ((name, _read(root / name, keys[name].size)) for name in names)
        return
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(names), CHUNK):
            chunk = names[start : start + CHUNK]
            yield from zip(chunk, pool.map(lambda n: _read(root / n, keys[n].size), chunk), strict=True)


def _read(path: Path, size: int) -> Scanned:
    try:
        if size > MAX_FILE:
            return Scanned("", False, f"more than {MAX_FILE // 2**20} MiB, too large for a picture")
        image = decode(path.read_bytes(), path.name)
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
        kept = json.loads(file.read_text(encoding="utf-8"))
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
        log.info("what was read is not remembered (%s); the next load reads every picture again", error)
