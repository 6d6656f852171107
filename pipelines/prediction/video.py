"""Predict on videos: frames in as they are decoded, a row a frame out; faces followed, numbers smoothed."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from featurize.detect import tilt
from featurize.images import MAX_PIXELS, Image
from featurize.overwriting import check_overwrites
from featurize.track import EVERY, Track, Tracker
from pipelines.media.closed import Closed
from pipelines.media.limited import LimitedVideo
from pipelines.media.video_file import Frame, VideoWriter
from pipelines.prediction.annotate import draw
from pipelines.prediction.faces import SMOOTH, FrameResult, TrackedFace, tracked
from pipelines.prediction.identify import Moment, identified
from pipelines.prediction.predictor import Predictor
from pipelines.utils.paths import as_path
from pipelines.utils.prefetch import prefetch
from pipelines.utils.progress import SILENT, Progress

#: A face out of view for so many seconds begins anew.
FORGET = 2.0
#: Frames that are decoded and followed ahead.
AHEAD = 2


class Smoother:
    """Exponential smoothing by time, of each track: p += (1 - exp(-dt / tau)) (new - p).

    Parameters
    ----------
    tau : float
        Seconds; 0: nothing is smoothed. By time and not by frame, so that it is the same at any rate.

    Raises
    ------
    ValueError
        If it is negative or not finite.
    """

    def __init__(self, tau: float = SMOOTH) -> None:
        if not 0 <= tau < math.inf:
            raise ValueError(f"smooth={tau}: give seconds, 0 for no smoothing")
        self.tau = tau
        self._last: dict[int, tuple[float, NDArray[np.float64]]] = {}

    def __call__(self, track: int, seconds: float, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the smoothed (k,) numbers of a track at this time; they sum to what `row` sums to."""
        if track in self._last and self.tau:
            before, mean = self._last[track]
            row = mean - math.expm1((before - seconds) / self.tau) * (row - mean)
        self._last[track] = seconds, row
        return row

    def forget(self, seconds: float) -> None:
        """Let go of tracks that were not seen for `FORGET` seconds."""
        self._last = {t: kept for t, kept in self._last.items() if seconds - kept[0] <= FORGET}


class VideoPredictor:
    """Follow and classify the faces of frames that come one by one, of a file or a camera.

    Which label a smoothed frame has, `TrackedFace` says.

    Parameters
    ----------
    predictor : Predictor
    every : int
        Frames between two searches; in between faces are followed (`featurize.track.Tracker`).
    smooth : float
        Seconds, see `Smoother`.
    """

    def __init__(self, predictor: Predictor, every: int = EVERY, smooth: float = SMOOTH) -> None:
        self.predictor = predictor
        self.track = tracker(predictor, every)
        self.smooth, self.votes = Smoother(smooth), Smoother(smooth)
        self._faces: list[TrackedFace] = []

    def __call__(self, frame: Frame) -> FrameResult:
        """Return the faces of the next frame."""
        return self.classify(frame, self.follow(frame))

    def follow(self, frame: Frame) -> Sequence[Track]:
        """Return where the faces of the next frame are."""
        return self.track(frame.image)

    def classify(self, frame: Frame, seen: Sequence[Track]) -> FrameResult:
        """Return what the faces of the next frame show; may run while later frames are followed."""
        large, small = split_by_size(seen, self.predictor)
        found = [s.detection for s in large]
        with self.predictor.watch("crop"):
            crops = [self.predictor.crop(frame.image, d.box, tilt(d.points)) for d in found]
        each = zip(large, *self.predictor.labels_and_numbers(crops), strict=True)
        self._faces = faces = [self._face(seen, frame.seconds, label, row) for seen, label, row in each]
        self.smooth.forget(frame.seconds)
        self.votes.forget(frame.seconds)
        return FrameResult(frame.index, frame.seconds, faces, [s.detection.box for s in small])

    def shown(self) -> list[TrackedFace]:
        """Return the faces of the last frame, for drawing."""
        return self._faces

    def _face(self, seen: Track, seconds: float, label: int, row: NDArray[np.float64]) -> TrackedFace:
        smoothed = decides = self.smooth(seen.track, seconds, row)
        if self.predictor.meaning == "unranked probability":
            decides = self.votes(seen.track, seconds, np.eye(len(row))[label])
        face = self.predictor.face(seen.detection, int(np.argmax(decides)), smoothed)
        return tracked(face, seen.track)


def tracker(predictor: Predictor, every: int = EVERY) -> Callable[[Image], list[Track]]:
    """Return what follows the faces of frames; whole frames are one face, whatever they show."""
    if predictor.find.whole:
        return partial(_whole, predictor)
    return Tracker(predictor.search, every, predictor.near)


def _whole(predictor: Predictor, image: Image) -> list[Track]:
    return [Track(1, detection, True, detection.box) for detection in predictor.search(image)]


def split_by_size(seen: Sequence[Track], predictor: Predictor) -> tuple[list[Track], list[Track]]:
    """Return the faces that are large enough to classify, and the others."""
    large = [s for s in seen if predictor.large_enough(s.sized)]
    return large, [s for s in seen if not predictor.large_enough(s.sized)]


class Row(Protocol):
    """What a time line yields: a `FrameResult`, or a window of a clip model."""

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types."""
        ...


R = TypeVar("R", bound=Row)
R_co = TypeVar("R_co", bound=Row, covariant=True)


class Watch(Protocol[R_co]):
    """What takes frame after frame: a `VideoPredictor`, or a `pipelines.prediction.clips.WindowPredictor`.

    Frames are followed and then classified, each in their order; one may be ahead of the other.
    """

    @property
    def predictor(self) -> Predictor:
        """Return what classifies; its watch counts the time."""
        ...

    def __call__(self, frame: Frame) -> R_co | None:
        """Follow and classify the next frame."""
        ...

    def follow(self, frame: Frame) -> Sequence[Track]:
        """Return where the faces of the next frame are."""
        ...

    def classify(self, frame: Frame, seen: Sequence[Track]) -> R_co | None:
        """Return the row that ends with this frame, if one does."""

    def shown(self) -> Sequence[TrackedFace]:
        """Return what is drawn on this frame."""
        ...


class Timeline(Closed, Generic[R]):
    """Rows of a video, computed as they are asked for; once, in constant memory.

    Use as a context manager, or `close` it.

    Attributes
    ----------
    video : LimitedVideo
        Its `width`, `height`, `rate`, `seconds` and `total`.
    """

    def __init__(self, video: LimitedVideo, rows: Iterator[R]) -> None:
        self.video = video
        self._rows = rows

    def __iter__(self) -> Iterator[R]:
        """Yield the rows."""
        return self._rows

    @property
    def frames(self) -> int:
        """Frames decoded so far."""
        return self.video.count

    @property
    def fault(self) -> str:
        """What was wrong with the file, after the last row; empty if nothing was."""
        return self.video.fault

    @property
    def left_out(self) -> str:
        """Covers and other video streams of the file, in words; empty without any."""
        return self.video.left_out

    def close(self) -> None:
        """Let the file go; a drawn video that is not finished is removed."""
        close = getattr(self._rows, "close", None)
        if close is not None:
            close()
        self.video.close()


def time_line(
    path: Path | str,
    watch: Watch[R],
    drawn: Path | str | None,
    max_pixels: int,
    max_seconds: float | None,
    progress: Progress,
    identify: bool = False,
) -> Timeline[R]:
    """Return the rows that `watch` makes of a video's frames; parameters and errors as `predict_video`."""
    video = LimitedVideo(as_path(path, "video"), max_pixels, max_seconds)
    target = None if drawn is None else as_path(drawn, "drawn")
    if target is not None:
        check_overwrites("drawn", [target], [video.path])
    moments = _moments(video, watch)
    if identify:
        moments = identified(moments, watch.predictor, keep_images=target is not None)
    return Timeline(video, _rows(video, watch.predictor, moments, target, progress))


def _moments(video: LimitedVideo, watch: Watch[R]) -> Generator[Moment, None, None]:
    """Yield every frame with the row that ends with it, if one does.

    One thread decodes, one follows the faces, and the caller's classifies them: each a few frames ahead.
    """
    frames = prefetch(timed(video, watch.predictor), AHEAD)
    with closing(prefetch(((frame, watch.follow(frame)) for frame in frames), AHEAD)) as followed:
        for frame, seen in followed:
            row = watch.classify(frame, seen)
            yield Moment(frame.image, frame.seconds, row, list(watch.shown()))


def _rows(
    video: LimitedVideo,
    predictor: Predictor,
    moments: Generator[Moment, None, None],
    drawn: Path | None,
    progress: Progress,
) -> Iterator[R]:
    with ExitStack() as stack:
        canvas = stack.enter_context(VideoWriter(drawn, video.rate)) if drawn else None
        advance = stack.enter_context(progress.task("frames", video.total))
        for image, seconds, row, faces in stack.enter_context(closing(moments)):
            if canvas and image is not None:
                with predictor.watch("write"):
                    canvas.write(draw(image, faces), seconds)
            advance(1)
            if row is not None:
                yield row


def timed(video: LimitedVideo, predictor: Predictor) -> Iterator[Frame]:
    """Yield the frames of a video; the predictor's watch counts what decoding them takes."""
    frames = iter(video)
    while True:
        with predictor.watch("decode"):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


def predict_video(
    path: Path | str,
    predictor: Predictor,
    *,
    every: int = EVERY,
    smooth: float = SMOOTH,
    identify: bool = False,
    drawn: Path | str | None = None,
    max_pixels: int = MAX_PIXELS,
    max_seconds: float | None = None,
    progress: Progress = SILENT,
) -> Timeline[FrameResult]:
    """Classify every face of every frame of a video.

    Parameters
    ----------
    path : path
    predictor : Predictor
        Of single images; for models of clips see `pipelines.prediction.clips`.
    every : int
        Frames between two searches for faces; in between those found are followed.
    smooth : float
        Seconds of the exponential smoothing; 0: none.
    identify : bool
        Give a face that comes back, after a cut or later, the track it had (`featurize.people`); rows then
        come some frames later.
    drawn : Path, optional
        Write a video with boxes and labels there, .mp4, with the times of the original.
    max_pixels, max_seconds
        See `VideoFile`.
    progress : Progress

    Returns
    -------
    Timeline of FrameResult
        Rows come as frames are decoded. ``timeline.fault`` says after the last one what was wrong with the
        file, such as that it is cut off.

    Raises
    ------
    UnreadableVideo
        If nothing of it can be read; some of that shows only when the first row is asked for.
    ValueError, OSError
        If a parameter is wrong, or there is no such file.
    """
    watch = VideoPredictor(predictor, every, smooth)
    return time_line(path, watch, drawn, max_pixels, max_seconds, progress, identify)
