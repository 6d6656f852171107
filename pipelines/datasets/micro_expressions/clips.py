"""Clips on disk: folders of frames with a coding sheet.

``subject/clip/frames`` and a sheet with a row a clip: subject, clip, label, and where known the numbers of
the onset, apex and offset frames. CASME II, SMIC and SAMM are read by the same code (`casme2`, `smic`,
`samm`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.file_kinds import examine
from featurize.images import decode, to_grey
from featurize.paths import expanded
from featurize.walk import Fault
from pipelines.datasets.base import Dataset, sample_digest
from pipelines.datasets.micro_expressions.clip_records import ClipRecord, from_sheet, sheet_path
from pipelines.datasets.micro_expressions.labels import LabelMap

log = logging.getLogger(__name__)

Clip = NDArray[np.uint8]
#: Which frames a sample has: from onset to offset, from onset to apex, or all that are there.
Span = Literal["onset-offset", "onset-apex", "whole"]
#: Faults that are named one by one.
_NAMED = 20
SPANS = ("onset-offset", "onset-apex", "whole")


class ClipError(ValueError):
    """A clip that cannot be used; `str()` says why, without the path."""


class FrameSamples:
    """Clips as lists of image files, each decoded when it is asked for: (t, h, w) uint8 grey."""

    def __init__(self, files: Sequence[tuple[Path, ...]], to_apex: Sequence[bool]) -> None:
        self.files = tuple(files)
        self.to_apex = tuple(to_apex)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Clip:
        clip = read_frames(self.files[index])
        if self.to_apex[index]:
            from featurize.clips.sampling import apex_index

            return clip[: apex_index(clip) + 1]
        return clip


def read_frames(files: Sequence[Path]) -> Clip:
    """Decode image files to a (t, h, w) grey clip.

    Raises
    ------
    ClipError
        If a file cannot be decoded, or a frame has another size than the first.
    """
    frames: list[NDArray[np.uint8]] = []
    for path in files:
        try:
            frames.append(to_grey(decode(path.read_bytes(), path.name)))
        except ValueError as error:
            raise ClipError(str(error)) from None
        except OSError:
            raise ClipError(f"{path.name}: {examine(path).reason()}") from None
        if frames[-1].shape != frames[0].shape:
            raise ClipError(f"frame {path.name} is {_size(frames[-1])}, the first {_size(frames[0])}")
    return np.stack(frames)


def _size(image: NDArray[np.uint8]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def load(
    path: Path | str,
    *,
    sheet: Path | str | None = None,
    labels: str = "own",
    span: str = "onset-offset",
    name: str = "clips",
    strict: bool = False,
) -> Dataset:
    """Load ``subject/clip/frames`` with a coding sheet.

    Parameters
    ----------
    path : Path or str
        The folder of subjects.
    sheet : Path or str, optional
        The .csv or .xlsx; by default the only one in `path`.
    labels : {"own", "megc2019"}
        The sheet's emotions as they are, or the three classes of MEGC 2019.
    span : {"onset-offset", "onset-apex", "whole"}
        Which frames; where the sheet does not name the apex, it is found by motion.
    name : str
        What to call the set.
    strict : bool
        Raise on a clip that cannot be used, instead of leaving it out and listing it in ``faults``.

    Returns
    -------
    Dataset
        Kind "clip"; samples (t, h, w) uint8 grey of their own lengths and sizes; `groups` the subject; every
        split "train" (`pipelines.cross_validation.nested` divides by subject).

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = existing_folder(path, name)
    found, faults = from_sheet(root, sheet_path(root, sheet))
    return build(name, root, found, labels=labels, span=span, strict=strict, faults=faults)


def existing_folder(root: Path | str, name: str) -> Path:
    """Return the folder, or say where the set belongs."""
    path = expanded(root)
    if not path.is_dir():
        raise FileNotFoundError(f"{name}: no folder {path}; give the one that holds its subjects")
    return path


def build(
    name: str,
    root: Path,
    records: Iterable[ClipRecord],
    *,
    labels: str,
    span: str,
    strict: bool,
    faults: Iterable[Fault] = (),
) -> Dataset:
    """Check every clip, read each once, and make the data set; parameters as in `load`."""
    if span not in SPANS:
        raise ValueError(f"{name}: span={span!r}; use one of {', '.join(SPANS)}")
    mapping = LabelMap(name, labels)
    kept: list[tuple[ClipRecord, str, tuple[Path, ...], bool, str]] = []
    bad, left_out = list(faults), 0
    for record in sorted(records, key=lambda r: (r.subject, r.path.name, r.part or 0)):
        try:
            label = mapping.of(record.emotion)
            files, to_apex = chosen_frames(record, span)
            if label is None:
                left_out += 1
                continue
            digest = sample_digest(FrameSamples([files], [to_apex])[0])
        except ValueError as error:
            bad.append(Fault(record.place, str(error)))
            continue
        kept.append((record, label, files, to_apex, digest))
    if left_out:
        log.info(
            "%s: %d clips whose emotion is none of the classes of %s are left out", name, left_out, labels
        )
    kept, copies = without_copies(kept)
    refuse(name, root, [*bad, *copies], strict, len(kept))
    return _dataset(name, root, kept, mapping, (*bad, *copies))


def without_copies(kept: Sequence[Any]) -> tuple[list[Any], list[Fault]]:
    """Leave out clips whose frames are those of another clip.

    Under two labels one is wrong, and nobody knows which: all are left out. Under two subjects a copy would
    be trained on while its twin is tested: the first is kept. One subject's copies of one label stay.

    Parameters
    ----------
    kept : sequence of (ClipRecord, label, files, to_apex, digest)

    Returns
    -------
    kept, faults
    """
    alike: dict[str, list[Any]] = {}
    for one in kept:
        alike.setdefault(one[4], []).append(one)
    good, faults = [], []
    for one in kept:
        twins = alike[one[4]]
        other = next((t for t in twins if t[1] != one[1]), None)
        if other is not None:
            faults.append(Fault(one[0].place, f"the same frames are {one[1]!r} here and {other[1]!r} in "
                                f"{other[0].place}; leave one out of the sheet"))  # fmt: skip
        elif one[0].subject != twins[0][0].subject:
            faults.append(Fault(one[0].place, f"the same frames as {twins[0][0].place}, of another subject"))
        else:
            good.append(one)
    return good, faults


def refuse(name: str, root: Path, faults: Sequence[Fault], strict: bool, kept: int) -> None:
    """Raise if `strict` and there is a fault, or if nothing is left."""
    if faults and (strict or not kept):
        first = faults[0]
        more = f" ({len(faults)} clips cannot be used)" if len(faults) > 1 else ""
        raise ValueError(f"{first.path}: {first.reason}{more}")
    if not kept:
        raise ValueError(f"{name}: no clips in {root}")
    for fault in faults[:_NAMED]:
        log.warning("left out %s: %s", fault.path, fault.reason)
    if len(faults) > _NAMED:
        log.warning("and %d more; mueca data audit --out FOLDER lists them all", len(faults) - _NAMED)


def chosen_frames(record: ClipRecord, span: str) -> tuple[tuple[Path, ...], bool]:
    """Return a clip's files under `span`, and whether the apex must yet be found by motion.

    Raises
    ------
    ClipError
        If onset, apex and offset are out of order or not among the frames, frames are missing, or fewer than
        two are left.
    """
    numbers = [n for n, _ in record.frames]
    first, last = (None, None) if span == "whole" else (record.onset, record.offset)
    to_apex = span == "onset-apex"
    if span == "whole" and record.part is not None:
        raise ClipError("the sheet has several expressions of this recording; span='whole' cannot part them")
    if record.frames and None not in numbers:
        _check_order(record)
        if to_apex and record.apex is not None:
            last, to_apex = record.apex, False
        _check_numbers([n for n in numbers if n is not None], first, last)
    elif any(v is not None for v in (record.onset, record.apex, record.offset)) and record.frames:
        raise ClipError("the sheet gives frame numbers, but the files' names have none")
    files = tuple(
        p for n, p in record.frames
        if n is None or ((first is None or n >= first) and (last is None or n <= last))
    )  # fmt: skip
    if len(files) < 2:
        raise ClipError(f"a clip needs at least two frames, this one has {len(files)}")
    return files, to_apex


_CURE = {
    "apex": "correct the row, or empty the cell of the apex: it is then found by motion",
    "offset": "correct the row, or empty the cell of the offset: the clip then goes to the last frame",
}


def _check_order(record: ClipRecord) -> None:
    known = {"onset": record.onset, "apex": record.apex, "offset": record.offset}
    coded = [(name, at) for name, at in known.items() if at is not None]
    for (a, first), (b, second) in zip(coded, coded[1:], strict=False):
        if first > second:
            cure = _CURE["apex" if "apex" in (a, b) else "offset"]
            raise ClipError(f"{a} {first} lies after {b} {second}; {cure}")


def _check_numbers(numbers: list[int], first: int | None, last: int | None) -> None:
    """Refuse a frame that is there twice, is missing, or is named by the sheet and not there."""
    for name, at in (("first", first), ("last", last)):
        if at is not None and at not in numbers:
            there = f"{min(numbers)}..{max(numbers)}"
            raise ClipError(f"the {name} frame, {at}, is not among the files ({there})")
    inside = [n for n in numbers if (first is None or n >= first) and (last is None or n <= last)]
    for a, b in zip(inside, inside[1:], strict=False):
        if a == b:
            raise ClipError(f"two files have the number {a}")
        if b != a + 1:
            raise ClipError(f"frames are missing between {a} and {b}")


def _dataset(name: str, root: Path, kept: list[Any], mapping: LabelMap, faults: tuple[Fault, ...]) -> Dataset:
    records, names, files, to_apex, digests = zip(*kept, strict=True)
    classes = mapping.classes(set(names))
    if len(classes) < 2:
        raise ValueError(f"{name}: all clips in {root} are {names[0]!r}; a comparison needs two classes")
    return Dataset(
        name=name,
        classes=classes,
        ids=np.array([r.name(root) for r in records]),
        labels=np.array([classes.index(n) for n in names], np.int64),
        split=np.full(len(kept), "train"),
        samples=FrameSamples(files, to_apex),
        digests=np.array(digests),
        groups=np.array([r.subject for r in records]),
        kind="clip",
        faults=faults,
    )


def shrink(frame: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Return the frame with its longer side at most `longest`, by area mean."""
    h, w = frame.shape[:2]
    if max(h, w) <= longest:
        return frame
    scale = longest / max(h, w)
    size = max(1, round(w * scale)), max(1, round(h * scale))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
