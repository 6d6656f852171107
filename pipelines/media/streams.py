"""Which stream of a file is its video: never a cover, and of several the one with most frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: Codecs of still images; a stream of one such frame beside another stream is a cover that nobody marked.
STILL_CODECS = frozenset({"mjpeg", "png", "bmp", "gif", "webp", "tiff", "ljpeg", "jpegls", "jpeg2000"})
#: Packets that are counted where headers do not say how many frames a stream has.
COUNTED = 20_000


def choose_stream(container: Any, reopen: Callable[[], Any]) -> tuple[Any, str]:
    """Return the stream that is a file's video, and what was left out beside it.

    Covers and streams without a decoder are never chosen. A cover is a stream marked as an attached image,
    a thumbnail or a still image, or one single image beside other streams. Of several videos it is the one
    with most frames, then the longest, then the one of largest area, then the first.

    Parameters
    ----------
    container : av.container.InputContainer
    reopen : callable
        Opens the file once more: where no header says how many frames there are, packets are counted there.

    Returns
    -------
    stream : av.video.stream.VideoStream or None
        None if there is no video.
    left_out : str
        In words; empty if there is nothing else. Without a video it says which covers there are.
    """
    videos = list(container.streams.video)
    frames = _frame_counts(container, reopen)
    covers = {s.index for s in videos if _is_cover(s, container, frames)}
    moving = [s for s in videos if s.codec_context is not None and s.index not in covers]
    chosen = max(
        moving,
        key=lambda s: (frames[s.index], seconds_of(s) or 0.0, s.width * s.height, -s.index),
        default=None,
    )
    rest = [s for s in videos if chosen is None or s.index != chosen.index]
    return chosen, " and ".join(_description(s, s.index in covers) for s in rest)


def _is_cover(stream: Any, container: Any, frames: Mapping[int, int]) -> bool:
    from av.stream import Disposition

    still = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    if stream.disposition & still:
        return True
    alone = len(container.streams.video) + len(container.streams.audio) == 1
    return frames[stream.index] == 1 and not alone and _codec(stream) in STILL_CODECS


def _frame_counts(container: Any, reopen: Callable[[], Any]) -> dict[int, int]:
    """Return how many frames each video stream has: as its header says, or as packets are counted."""
    videos = list(container.streams.video)
    counts = {s.index: int(s.frames) for s in videos}
    doubtful = len(videos) > 1 or any(_codec(s) in STILL_CODECS for s in videos)
    return counts if all(counts.values()) or not doubtful else _packets(counts, reopen)


def _packets(counts: dict[int, int], reopen: Callable[[], Any]) -> dict[int, int]:
    """Return how many packets each stream has among the first `COUNTED`, up to the first damage."""
    import av

    found = dict.fromkeys(counts, 0)
    with reopen() as container:
        packets = container.demux(*(s for s in container.streams.video if s.index in found))
        try:
            for _, packet in zip(range(COUNTED), packets, strict=False):
                found[packet.stream.index] += packet.size > 0
        except (av.FFmpegError, ValueError):
            return found
    return found


def seconds_of(stream: Any) -> float | None:
    """Return how long a stream is as its header says; None if it does not."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    try:  # Matroska's tag: 00:00:09.175000000
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds) or None
    except (KeyError, ValueError):
        return None


def _description(stream: Any, cover: bool) -> str:
    size = f", {stream.width} x {stream.height}" if stream.codec_context is not None and stream.width else ""
    return f"{'a cover image' if cover else 'another video stream'} ({_codec(stream)}{size})"


def _codec(stream: Any) -> str:
    return str(stream.codec_context.name) if stream.codec_context is not None else "no decoder"
