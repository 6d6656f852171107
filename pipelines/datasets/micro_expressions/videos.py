"""Any folder of short videos: ``class/*.mp4`` or ``class/subject/*.mp4``."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from featurize.images import to_grey
from featurize.walk import Fault, not_looked_at, walk
from pipelines.datasets.base import Dataset, sample_digest
from pipelines.datasets.micro_expressions.clips import Clip, ClipError, existing_folder, refuse, shrink
from pipelines.media.limited import LimitedVideo
from pipelines.media.video_file import UnreadableVideo

log = logging.getLogger(__name__)

#: A longer video keeps every second, fourth ... frame, so that memory does not grow with its length.
MAX_FRAMES = 256
#: Frames are reduced to this longer side.
MAX_SIDE = 256


class VideoSamples:
    """Videos, each decoded when it is asked for: (t, h, w) uint8 grey, at most `MAX_FRAMES` frames."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Clip:
        return read_video(self.files[index])


def read_video(path: Path, max_frames: int = MAX_FRAMES, max_side: int = MAX_SIDE) -> Clip:
    """Decode a video to a grey clip in one pass and constant memory.

    Parameters
    ----------
    path : Path
    max_frames : int
        When so many are held and more come, every second is dropped, and from there on every second, fourth
        ... frame is taken: the frames kept are evenly spaced, between `max_frames` / 2 and `max_frames` of
        them.
    max_side : int
        Frames are reduced to this longer side.

    Returns
    -------
    ndarray of shape (t, h, w), uint8

    Raises
    ------
    ClipError
        If the file cannot be opened, stops decoding before its end, or has fewer than two frames.
    """
    return _decoded(path, max_frames, max_side)[0]


def _decoded(path: Path, max_frames: int = MAX_FRAMES, max_side: int = MAX_SIDE) -> tuple[Clip, str]:
    """Return a video as `read_video` does, and what was left out of it, in words."""
    try:
        with LimitedVideo(path, reuse=True) as video:
            clip = _thinned((frame.image for frame in video), max_frames, max_side)
    except UnreadableVideo as error:
        raise ClipError(error.reason) from None
    if video.fault:  # damaged, or its header promises more than there is
        raise ClipError(video.fault)
    if len(clip) < 2:
        raise ClipError(f"a clip needs at least two frames, this one has {len(clip)}")
    return np.stack(clip), video.left_out


def _thinned(frames: Iterator[NDArray[np.uint8]], max_frames: int, max_side: int) -> list[NDArray[np.uint8]]:
    """Return frames that are evenly spaced, at most so many, grey and reduced."""
    kept: list[NDArray[np.uint8]] = []
    step = 1
    for count, frame in enumerate(frames, start=1):
        if (count - 1) % step:
            continue
        if len(kept) == max_frames:
            kept, step = kept[::2], step * 2
            if (count - 1) % step:
                continue
        kept.append(shrink(to_grey(frame), max_side))
    return kept


def load(path: Path | str, *, strict: bool = False) -> Dataset:
    """Load a folder of short videos.

    Parameters
    ----------
    path : Path or str
        ``class/*.mp4``, or ``class/subject/*.mp4`` where subjects are known (leaving one subject out needs
        them).
    strict : bool
        Raise on a video that cannot be decoded to its end, instead of leaving it out.

    Returns
    -------
    Dataset
        Kind "clip"; `groups` the subject's folder, None for ``class/*.mp4``.

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = existing_folder(path, "videos")
    there = walk(root)
    files, faults, ignored = there.videos, there.faults, there.ignored + Counter(images=len(there.images))
    if words := not_looked_at(ignored):
        log.warning("%s: not looked at: %s", root, words)
    depths = {len(p.relative_to(root).parts) for p in files}
    if not depths <= {2} and not depths <= {3}:
        raise ValueError(f"{root}: videos must all lie in class/ or all in class/subject/")
    kept, digests = [], []
    for file in files:
        try:
            clip, left_out = _decoded(file)
            digests.append(sample_digest(clip))
            kept.append(file)
            if left_out:  # said here, once: samples are decoded again and again
                log.warning("%s: left out %s", file, left_out)
        except ClipError as error:
            faults.append(Fault(str(file), str(error)))
    refuse("videos", root, faults, strict, len(kept))
    parts = [p.relative_to(root).parts for p in kept]
    classes = tuple(sorted({p[0] for p in parts}))
    if len(classes) < 2:
        raise ValueError(f"{root}: one class only, {classes[0]!r}; a comparison needs two")
    return Dataset(
        name="videos",
        classes=classes,
        ids=np.array(["/".join(p) for p in parts]),
        labels=np.array([classes.index(p[0]) for p in parts], np.int64),
        split=np.full(len(parts), "train"),
        samples=VideoSamples(kept),
        digests=np.array(digests),
        groups=np.array([p[1] for p in parts]) if depths == {3} else None,
        kind="clip",
        faults=tuple(faults),
        ignored=dict(ignored),
    )
