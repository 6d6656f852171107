"""Predict on videos with a model of clips: a prediction for every so many frames of each face, as R2 does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from featurize.backbones.views import Views
from featurize.checks import check_samples
from featurize.detect import Detection
from featurize.detect import detector as named_detector
from featurize.engine import Precision
from featurize.faces import Box
from featurize.images import MAX_PIXELS, Image, to_grey
from featurize.track import EVERY, Seen
from pipelines.media.video_file import Frame, VideoFile, VideoWriter
from pipelines.models.model import Model, model_for
from pipelines.prediction.annotate import draw
from pipelines.prediction.faces import TrackedFace, WindowRow, tracked
from pipelines.prediction.predictor import Predictor
from pipelines.prediction.video import FORGET, Timeline, split_by_size, tracker
from pipelines.utils.paths import as_path
from pipelines.utils.progress import SILENT, Progress

#: Frames a prediction, and frames from one prediction to the next, of R2's page.
WINDOW, STRIDE = 18, 9


#: Longest window: every frame of it is held in memory, in grey.
MAX_WINDOW = 256


#: Side in pixels of the crops that are stacked to a clip; an extractor brings them to its own size.
SIDE = 128


class ClipPredictor(Predictor):
    """Find faces, and classify clips of them; as `Predictor`, with a model of clips.

    Raises
    ------
    ValueError
        If the model does not take clips.
    """

    def _check_kind(self, model: Model) -> None:
        if model.kinds != {"clip"}:
            raise ValueError(
                f"this model judges {' and '.join(sorted(model.kinds))}s, not clips of a face; "
                "leave out --window and --stride, or give a model of clips"
            )

    def clip(self, frames: Sequence[Image], boxes: Sequence[Box]) -> Image:
        """Return the (t, side, side) clip of a face from (h, w) frames and its box in each.

        One box for all frames, the median: a box that moved with the face would hide small motions, and a
        box that trembles would be one.

        Raises
        ------
        TypeError, ValueError
            If a frame is no image, or there are not as many boxes as frames.
        """
        frames = [to_grey(frame) for frame in check_samples(frames)]
        if not frames or len(frames) != len(boxes):
            raise ValueError(f"{len(frames)} frames and {len(boxes)} boxes; give a box for each frame")
        left, top, right, bottom = (round(float(v)) for v in np.median([b[:4] for b in boxes], axis=0))
        box = Box(left, top, right, bottom, True)
        return np.stack([self.find.crop(frame, box, SIDE) for frame in frames])


class WindowPredictor:
    """Follow faces, and judge the last `window` frames of each, every `stride` frames.

    Parameters
    ----------
    predictor : ClipPredictor
    window, stride : int
        Frames.
    every : int
        Frames between two searches.

    Raises
    ------
    ValueError
        If the window is below two frames or above `MAX_WINDOW`, or the stride below one.
    """

    def __init__(
        self, predictor: ClipPredictor, window: int = WINDOW, stride: int = STRIDE, every: int = EVERY
    ) -> None:
        if not 2 <= window <= MAX_WINDOW:
            raise ValueError(f"window={window}: give 2 to {MAX_WINDOW} frames")
        if stride < 1:
            raise ValueError(f"stride={stride}: give at least 1 frame")
        self.predictor, self.window, self.stride = predictor, window, stride
        self.track = tracker(predictor, every)
        #: Faces as last judged, by track, with the time: what is drawn until the next window.
        self.known: dict[int, tuple[float, TrackedFace]] = {}
        self._frames: deque[tuple[Frame, dict[int, Detection]]] = deque(maxlen=window)

    def __call__(self, frame: Frame) -> WindowRow | None:
        """Take the next frame; return what its window shows if one ends here."""
        large, _ = split_by_size(self.track(frame.image), self.predictor)
        grey = Frame(frame.index, frame.seconds, to_grey(frame.image))
        if self._frames and self._frames[-1][0].image.shape != grey.image.shape:
            self._frames.clear()
        self._frames.append((grey, {s.track: s.detection for s in large}))
        self.known = {t: k for t, k in self.known.items() if frame.seconds - k[0] <= FORGET}
        if len(self._frames) < self.window or (frame.index + 1 - self.window) % self.stride:
            return None
        return self._judged(large)

    def _judged(self, here: Sequence[Seen]) -> WindowRow:
        frames = [frame for frame, _ in self._frames]
        whole = [seen for seen in here if all(seen.track in boxes for _, boxes in self._frames)]
        clips = [
            self.predictor.clip([f.image for f in frames], [b[seen.track].box for _, b in self._frames])
            for seen in whole
        ]
        each = zip(whole, *self.predictor.labels_and_numbers(clips), strict=True)
        faces = [tracked(self.predictor.face(s.detection, label, row), s.track) for s, label, row in each]
        self.known |= {face.track: (frames[-1].seconds, face) for face in faces}
        first, last = frames[0], frames[-1]
        return WindowRow((first.index, last.index), (first.seconds, last.seconds), faces)

    def shown(self) -> list[TrackedFace]:
        """Return the faces of the last frame with what their last window showed, for drawing."""
        boxes = self._frames[-1][1] if self._frames else {}
        return [
            TrackedFace(boxes[t].box, face.confidence, face.label, face.probabilities, face.meaning, t)
            for t, (_, face) in self.known.items()
            if t in boxes
        ]


def predict_windows(
    path: Path | str,
    predictor: ClipPredictor,
    *,
    window: int = WINDOW,
    stride: int = STRIDE,
    every: int = EVERY,
    drawn: Path | str | None = None,
    max_pixels: int = MAX_PIXELS,
    max_seconds: float | None = None,
    progress: Progress = SILENT,
) -> Timeline[WindowRow]:
    """Judge the faces of a video on every `window` frames, `stride` frames apart.

    Parameters
    ----------
    path : path
    predictor : ClipPredictor
    window, stride : int
        R2 predicts on 18 frames. A video shorter than a window gives no row.
    every, drawn, max_pixels, max_seconds, progress
        As in `pipelines.prediction.video.predict_video`. Nothing is smoothed: windows overlap.

    Returns
    -------
    Timeline of WindowRow

    Raises
    ------
    UnreadableVideo, ValueError, OSError
        As `pipelines.prediction.video.predict_video`.
    """
    watch = WindowPredictor(predictor, window, stride, every)
    video = VideoFile(as_path(path, "video"), max_pixels, max_seconds)
    target = None if drawn is None else as_path(drawn, "drawn")
    return Timeline(video, _rows(video, watch, target, progress))


def _rows(
    video: VideoFile, watch: WindowPredictor, drawn: Path | None, progress: Progress
) -> Iterator[WindowRow]:
    with ExitStack() as stack:
        canvas = stack.enter_context(VideoWriter(drawn, video.rate)) if drawn else None
        advance = stack.enter_context(progress.task("frames", video.total))
        for frame in video:
            row = watch(frame)
            if canvas:
                canvas.write(draw(frame.image, watch.shown()), frame.seconds)
            advance(1)
            if row is not None:
                yield row


def load_predictor(
    model: Path | str | None = None,
    detector: str = "auto",
    min_face: int | None = None,
    confidence: float | None = None,
    crowd: bool = False,
    precision: Precision | None = None,
    views: Views | None = None,
) -> Predictor:
    """Return what judges with this model: a `Predictor`, or a `ClipPredictor` where it is of clips.

    Parameters
    ----------
    model, detector, min_face, precision, views
        As `Predictor.load`.
    confidence, crowd
        See `Predictor`.

    Raises
    ------
    ValueError, OSError
        As `Predictor.load`.
    """
    find = named_detector(detector)
    loaded = model_for(model, precision, views)
    kind = ClipPredictor if loaded.kinds == {"clip"} else Predictor
    return kind(loaded, find, min_face, confidence, crowd)
