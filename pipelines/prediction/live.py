"""Classify a camera as it sees: boxes, labels, percentages and frames a second; Space keeps an image."""

from __future__ import annotations

import io
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from featurize.atomic import write_bytes
from featurize.images import Image
from featurize.paths import expanded
from featurize.track import EVERY
from pipelines.media.camera import source as open_source
from pipelines.media.video_file import Frame
from pipelines.media.window import Screen, TkScreen
from pipelines.prediction.annotate import draw, note
from pipelines.prediction.clips import WindowPredictor
from pipelines.prediction.faces import SMOOTH, FrameResult, TrackedFace, WindowRow
from pipelines.prediction.predictor import ClipPredictor, Predictor, load_predictor
from pipelines.prediction.video import VideoPredictor, Watch
from pipelines.utils.paths import as_path

#: Frames over which their rate is taken.
METER = 30


@dataclass
class LiveStats:
    """What was done: frames shown, images saved, and the rate of the last frames."""

    frames: int = 0
    rate: float = 0.0
    saved: list[Path] = field(default_factory=list)


def watcher(
    predictor: Predictor, every: int = EVERY, smooth: float = SMOOTH
) -> Callable[[Frame], Sequence[TrackedFace]]:
    """Return what classifies frame after frame; of clips, a face shows its last window.

    Parameters
    ----------
    predictor : Predictor
    every, smooth
        See `pipelines.prediction.video.VideoPredictor`.
    """
    watch: Watch[FrameResult | WindowRow] = (
        WindowPredictor(predictor, every=every)
        if isinstance(predictor, ClipPredictor)
        else VideoPredictor(predictor, every, smooth)
    )
    return lambda frame: (watch(frame), watch.shown())[1]


def show(
    frames: Iterable[Frame], faces: Callable[[Frame], Sequence[TrackedFace]], screen: Screen, save_dir: Path
) -> LiveStats:
    """Show frames with their faces until they end or the screen is asked to.

    Parameters
    ----------
    frames : iterable of Frame
    faces : callable
        See `watcher`.
    screen : Screen
    save_dir : Path
        Folder of the images that are saved.
    """
    done, times = LiveStats(), deque([time.perf_counter()], maxlen=METER)
    for frame in frames:
        drawn = draw(frame.image, faces(frame))
        times.append(time.perf_counter())
        done.frames, done.rate = done.frames + 1, (len(times) - 1) / max(times[-1] - times[0], 1e-9)
        note(drawn, f"{done.rate:.0f} frames/s")
        asked = screen.show(drawn)
        if "save" in asked:
            done.saved.append(save(drawn, save_dir))
        if "end" in asked:
            break
    return done


def save(image: Image, folder: Path) -> Path:
    """Write an image under the time of day, never over another; return where."""
    from PIL import Image as Pillow

    folder.mkdir(parents=True, exist_ok=True)
    name, count = f"mueca-{datetime.now().astimezone():%Y%m%d-%H%M%S}", 1
    path = folder / f"{name}.png"
    while path.exists():
        count += 1
        path = folder / f"{name}-{count}.png"
    written = io.BytesIO()  # Pillow says of a full disk only that it could not go on
    Pillow.fromarray(image).save(written, "PNG")
    return write_bytes(path, written.getvalue())


def run(
    source: str = "0",
    *,
    model: Path | str | None = None,
    trusted: Iterable[str] = (),
    detector: str = "auto",
    min_face: int | None = None,
    confidence: float | None = None,
    every: int = EVERY,
    smooth: float = SMOOTH,
    save_dir: Path | str = Path(),
    screen: Screen | None = None,
) -> LiveStats:
    """Show a camera with what its faces express: what ``mueca live`` does.

    Parameters
    ----------
    source : str
        Number of a camera, or path of a video in its place.
    model, detector, min_face, confidence, trusted
        See `pipelines.prediction.predictor.load_predictor`.
    every, smooth
        See `watcher`.
    save_dir : Path
        Folder of the images that Space saves.
    screen : Screen, optional
        By default a window.

    Raises
    ------
    ValueError, OSError
        One line: no camera, a camera that went away, no window, no such model.
    """
    save_dir = expanded(save_dir)
    predictor = load_predictor(model, detector, min_face, confidence, trusted=trusted)
    faces = watcher(predictor, every, smooth)
    frames = open_source(source)
    try:
        window = screen or TkScreen()
        try:
            return show(frames, faces, window, as_path(save_dir, "save_dir"))
        finally:
            window.close()
    finally:
        frames.close()
