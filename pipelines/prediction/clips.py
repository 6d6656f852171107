"""Predict on videos with a model of clips: a prediction for every so many frames of each face, as R2 does."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from featurize.detect import Detection
from featurize.images import MAX_PIXELS, to_grey
from featurize.track import EVERY, Track
from pipelines.media.video_file import Frame
from pipelines.prediction.faces import TrackedFace, WindowRow, tracked
from pipelines.prediction.predictor import ClipPredictor
from pipelines.prediction.video import FORGET, Timeline, split_by_size, time_line, tracker
from pipelines.utils.progress import SILENT, Progress

#: Frames a prediction, and frames from one prediction to the next, of R2's page.
WINDOW, STRIDE = 18, 9


#: Longest window: every frame of it is held in memory, in grey.
MAX_WINDOW = 256


class WindowPredictor:
    """Follow faces, and classify the last `window` frames of each, every `stride` frames.

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
        #: Faces as last classified, by track, with the time: what is drawn until the next window.
        self.known: dict[int, tuple[float, TrackedFace]] = {}
        self._frames: deque[tuple[Frame, dict[int, Detection]]] = deque(maxlen=window)

    def __call__(self, frame: Frame) -> WindowRow | None:
        """Take the next frame; return what its window shows if one ends here."""
        return self.classify(frame, self.follow(frame))

    def follow(self, frame: Frame) -> Sequence[Track]:
        """Return where the faces of the next frame are."""
        return self.track(frame.image)

    def classify(self, frame: Frame, seen: Sequence[Track]) -> WindowRow | None:
        """Take where the faces of the next frame are; return what its window shows if one ends here."""
        large, _ = split_by_size(seen, self.predictor)
        grey = Frame(frame.index, frame.seconds, to_grey(frame.image))
        if self._frames and self._frames[-1][0].image.shape != grey.image.shape:
            self._frames.clear()
        self._frames.append((grey, {s.track: s.detection for s in large}))
        self.known = {t: k for t, k in self.known.items() if frame.seconds - k[0] <= FORGET}
        if len(self._frames) < self.window or (frame.index + 1 - self.window) % self.stride:
            return None
        return self._classified(large)

    def _classified(self, here: Sequence[Track]) -> WindowRow:
        frames = [frame for frame, _ in self._frames]
        whole = [seen for seen in here if all(seen.track in boxes for _, boxes in self._frames)]
        with self.predictor.watch("crop"):
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
            replace(face, box=boxes[t].box, points=boxes[t].points)
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
    """Classify the faces of a video on every `window` frames, `stride` frames apart.

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
    return time_line(path, watch, drawn, max_pixels, max_seconds, progress)
