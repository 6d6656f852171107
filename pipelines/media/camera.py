"""Frames of a camera, or of a file in its place, as they come: the newest one, never a queue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from featurize.images import Image
from featurize.paths import expanded
from pipelines.media.limited import LimitedVideo
from pipelines.media.video_file import Frame

log = logging.getLogger(__name__)

#: Seconds without an image after which a camera is taken for gone; drivers themselves wait up to ten.
PATIENCE = 12.0
#: Failed reads in a row that are forgiven: some cameras skip one when the light changes.
FORGIVEN = 3


class CameraError(OSError):
    """No camera, or one that went away; `str()` is one line that says what to do."""


class Camera:
    """A camera; a thread reads it, so that the newest image is classified and none is queued.

    Parameters
    ----------
    number : int
        Which, from 0.
    opened : callable, optional
        number -> what is like a `cv2.VideoCapture`; for tests.

    Raises
    ------
    CameraError
        If there is none.
    """

    def __init__(self, number: int = 0, opened: Callable[[int], Any] | None = None) -> None:
        self.number = number
        self._capture = (opened or open_device)(number)
        if not self._capture.isOpened():
            raise CameraError(
                f"no camera {number} can be opened{_others(number)}; or give a file: --source FILE"
            )
        self._fresh = threading.Condition()
        self._newest: Image | None = None
        self._gone = self._closed = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        failed = 0
        while not self._closed and failed < FORGIVEN:
            got, frame = self._capture.read()
            if not got or frame is None:
                failed += 1
                continue
            failed = 0
            with self._fresh:
                self._newest = np.ascontiguousarray(frame[..., ::-1])
                self._fresh.notify()
        with self._fresh:
            self._gone = True
            self._fresh.notify()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest image each time, until `close`.

        Raises
        ------
        CameraError
            If it gives none any more.
        """
        index, start = 0, time.monotonic()
        while not self._closed:
            with self._fresh:
                came = self._fresh.wait_for(lambda: self._newest is not None or self._gone, PATIENCE)
                image, self._newest = self._newest, None
            if image is None:
                if self._closed:
                    return
                how = "stopped giving images" if came else f"gave no image for {PATIENCE:.0f} s"
                raise CameraError(
                    f"camera {self.number} {how} after {index}; is it plugged in, and used by nothing else?"
                )
            yield Frame(index, time.monotonic() - start, image)
            index += 1

    def close(self) -> None:
        """Let the camera go."""
        self._closed = True
        self._thread.join(timeout=PATIENCE)
        self._capture.release()


def open_device(number: int) -> Any:
    """Return OpenCV's capture of a camera, opened or not, without OpenCV's own messages."""
    import cv2

    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)  # it says in three lines of its own that there is no camera
    try:
        return cv2.VideoCapture(number)
    finally:
        cv2.utils.logging.setLogLevel(level)


def _others(number: int) -> str:
    """Return which cameras Linux names, in words; empty where it names none."""
    found = sorted(p.name.removeprefix("video") for p in Path("/dev").glob("video*"))
    others = [n for n in found if n != str(number)]
    return f" (there are: {', '.join(others)})" if others else ""


class FileSource:
    """A file in a camera's place: each frame at its time, those that come too late left out.

    Parameters
    ----------
    path : Path
    paced : bool
        False: every frame, as fast as it is taken.

    Raises
    ------
    UnreadableVideo, OSError
        See `LimitedVideo`.
    """

    def __init__(self, path: Path, paced: bool = True) -> None:
        self.video = LimitedVideo(path)
        if self.video.left_out:
            log.warning("%s: left out %s", path, self.video.left_out)
        self.paced = paced

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames."""
        start = time.monotonic()
        for frame in self.video:
            late = time.monotonic() - start - frame.seconds
            if self.paced and late > 1 / self.video.rate:
                continue
            if self.paced and late < 0:
                time.sleep(-late)
            yield frame

    def close(self) -> None:
        """Let the file go."""
        self.video.close()


def source(word: str) -> Camera | FileSource:
    """Return the camera of a number, or the file of a path.

    Raises
    ------
    CameraError, UnreadableVideo, OSError
        If it cannot be opened.
    """
    return Camera(int(word)) if word.isdecimal() else FileSource(expanded(word))
