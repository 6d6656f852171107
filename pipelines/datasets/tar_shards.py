"""Data sets in .tar shards, as WebDataset writes them: files of one sample stand together and share a key.

``000017.jpg`` is the image of the sample ``000017``; its label is in ``000017.cls`` or ``.txt`` (a class, or
its number), or in ``000017.json`` (``label``, and where known ``split`` and ``subject``). A line of
``classes.txt`` beside the shards names each number. The split is that of the record, or of the shard's name
or folder: ``train-000000.tar``, ``val/0001.tar``.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from featurize.images import MAX_FILE, UnreadableImage, decode
from pipelines.datasets import index
from pipelines.datasets.base import Dataset, is_blank, sample_digest
from pipelines.datasets.listing import Reading
from pipelines.datasets.split_names import split_of

#: Endings of images, and of what holds labels.
IMAGES = frozenset({"jpg", "jpeg", "png", "webp", "bmp", "pgm", "ppm"})
LABELS = ("cls", "json", "txt")
#: No label is longer.
_MOST = 65_536
_CLASSES = "classes.txt"


@dataclass
class _Sample:
    """What a shard holds of one sample: where its image is, and the words beside it."""

    key: str
    shard: str
    offset: int = -1
    size: int = 0
    words: dict[str, bytes] = field(default_factory=dict)


def shards_below(path: Path) -> list[Path]:
    """Return the .tar files of a folder and of its folders, sorted; a .tar file alone is a list of one.

    None of a folder that has images too: those are what is meant.
    """
    if path.is_file():
        return [path] if path.suffix.lower() == ".tar" else []
    found = sorted(p for pattern in ("*.tar", "*/*.tar") for p in path.glob(pattern))
    beside = (p for pattern in ("*.*", "*/*.*") for p in path.glob(pattern)) if found else ()
    return [] if any(p.suffix.lower().removeprefix(".") in IMAGES for p in beside) else found


def load(path: Path, how: Reading) -> Dataset:
    """Load .tar shards; their index is kept in the cache, so that images are read once.

    Parameters
    ----------
    path : Path
        A folder of shards, or one of them.
    how : Reading

    Returns
    -------
    Dataset
        `ids` are ``shard/key``.

    Raises
    ------
    ValueError, OSError
        One line: a shard that is cut short or compressed, a key that stands twice, no label anywhere; with
        ``how.strict`` an unreadable image.
    """
    shards = shards_below(path)
    root = path if path.is_dir() else path.parent
    kept = _index_file(how.cache, shards)
    if kept is None or index.about(kept) is None:
        kept = kept or root / index.NAME
        index.write(kept, *read(root, shards, how))
    return index.load(kept, how.strict)


def _index_file(cache: Path | None, shards: list[Path]) -> Path | None:
    """Return where the index of shards as they are now is kept."""
    if cache is None:
        return None
    status = [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in shards]
    return cache / "indexes" / f"{hashlib.sha256(json.dumps(status).encode()).hexdigest()[:32]}.parquet"


def read(root: Path, shards: list[Path], how: Reading) -> tuple[dict[str, Any], dict[str, Any]]:
    """Decode every image of the shards once; return the columns of an index, and what it says of itself.

    Raises
    ------
    ValueError
        As `load`.
    """
    columns: dict[str, list[Any]] = {name: [] for name in index.COLUMNS}
    names, faults, seen = _class_names(root), [], set[str]()
    with how.progress.task(f"reading {root.name}", len(shards)) as advance:
        for shard in shards:
            for sample, row in _described(root, shard, names):
                if isinstance(row, str):
                    faults.append([sample.key, row])
                    continue
                if row["name"] in seen:
                    raise ValueError(f"{shard}: the key {sample.key!r} stands twice; write the shard anew")
                seen.add(row["name"])
                for name in index.COLUMNS:
                    columns[name].append(row[name])
            advance(1)
    if not columns["name"]:
        first = f"; {faults[0][0]}: {faults[0][1]}" if faults else ""
        raise ValueError(
            f"{root}: no labelled image in {len(shards)} .tar files{first}; a published set is imported: "
            "mueca data add NAME PATH"
        )
    if how.strict and faults:
        raise ValueError(f"{faults[0][0]}: {faults[0][1]} ({len(faults)} unreadable in all)")
    if any(s is None for s in columns["subject"]):
        columns["subject"] = [None] * len(columns["subject"])
    files = [[str(p.relative_to(root)), p.stat().st_size, p.stat().st_mtime_ns] for p in shards]
    said = {"root": str(root.resolve()), "title": root.resolve().name, "faults": faults, "files": files}
    return dict(columns), said


def _described(root: Path, shard: Path, names: list[str]) -> Iterator[tuple[_Sample, dict[str, Any] | str]]:
    """Yield each sample of a shard with its row, or why it has none; several threads decode."""
    where = str(shard.relative_to(root))
    split = split_of(shard.parent.name if shard.parent != root else "") or _split_of_name(shard) or "train"
    samples = list(_members(shard, where))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from zip(samples, pool.map(lambda s: _row(shard, s, split, names), samples), strict=True)


def _split_of_name(shard: Path) -> str | None:
    word = shard.stem.replace("_", "-").partition("-")[0]
    return split_of(word)


def _members(shard: Path, where: str) -> Iterator[_Sample]:
    """Yield the samples of a shard in order, each once all of its files are known."""
    last: _Sample | None = None
    size = shard.stat().st_size
    try:
        if not _ends(shard):
            raise tarfile.ReadError("cut short")
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                if member.offset_data + member.size > size:
                    raise tarfile.ReadError("cut short")
                folder, _, name = member.name.rpartition("/")
                stem, _, ending = name.partition(".")
                if not member.isfile() or not stem or name.startswith("."):
                    continue
                key = f"{folder}/{stem}" if folder else stem
                if last is None or last.key != key:
                    if last is not None:
                        yield last
                    last = _Sample(key, where)
                _add(last, archive, member, ending.lower())
    except (tarfile.TarError, EOFError):
        raise ValueError(f"{shard}: no plain .tar, or cut short; write it anew, uncompressed") from None
    if last is not None:
        yield last


def _ends(shard: Path) -> bool:
    """Return whether an archive ends with the empty block that says so."""
    with shard.open("rb") as file:
        file.seek(max(0, shard.stat().st_size - 512))
        return not any(file.read(512))


def _add(sample: _Sample, archive: tarfile.TarFile, member: tarfile.TarInfo, ending: str) -> None:
    if ending in IMAGES:
        sample.offset, sample.size = member.offset_data, member.size
    elif ending in LABELS and member.size <= _MOST:
        opened = archive.extractfile(member)
        sample.words[ending] = b"" if opened is None else opened.read()


def _row(shard: Path, sample: _Sample, split: str, names: list[str]) -> dict[str, Any] | str:
    """Return a sample's row of the index, or why it has none."""
    said = _words(sample)
    if sample.offset < 0:
        return "no image beside its label"
    if isinstance(said, str):
        return said
    if sample.size > MAX_FILE:
        return f"more than {MAX_FILE // 2**20} MiB, too large for an image"
    with shard.open("rb") as file:
        file.seek(sample.offset)
        data = file.read(sample.size)
    try:
        image = decode(data, sample.key)
    except UnreadableImage as error:
        return error.reason
    label = str(said["label"])
    if label.isdecimal() and names:
        if int(label) >= len(names):
            return f"label {label} is beyond the {len(names)} lines of {_CLASSES}"
        label = names[int(label)]
    given = said.get("split")
    return {
        "name": f"{sample.shard}/{sample.key}", "label": label, "hash": sample_digest(image),
        "split": split if given is None else split_of(str(given)) or str(given),
        "subject": None if said.get("subject") is None else str(said["subject"]), "blank": is_blank(image),
        "file": sample.shard, "offset": sample.offset, "bytes": sample.size, "mtime_ns": 0,
    }  # fmt: skip


def _words(sample: _Sample) -> dict[str, Any] | str:
    """Return label, split and subject, or why there is no label."""
    try:
        if "json" in sample.words:
            found = json.loads(sample.words["json"])
            for name in ("label", "emotion", "expression", "cls", "class"):
                if isinstance(found, dict) and found.get(name) is not None:
                    return found | {"label": found[name]}
        for ending in ("cls", "txt"):
            if text := sample.words.get(ending, b"").decode().strip():
                return {"label": text}
    except (ValueError, UnicodeDecodeError):
        return "its label cannot be read"
    return "no label beside it (.cls, .txt, or .json with a label)"


def _class_names(root: Path) -> list[str]:
    try:
        return [line.strip() for line in (root / _CLASSES).read_text("utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        return []
