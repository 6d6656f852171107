"""A video decoded in a process of its own, which may write no file: what breaks in it ends nothing here.

Every file that is read as a video is read by it: for predictions, by the page, as a data set, in a camera's
place. Run as ``python -m pipelines.media.limited LIMITS`` the module reads from its input a line of JSON for
each file. It writes to its output a line of JSON for each message, and after that of a frame its bytes.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from featurize.confined import confine, started
from featurize.images import MAX_PIXELS
from featurize.json_files import mapping_of
from featurize.paths import expanded
from pipelines.media.closed import Closed
from pipelines.media.video_file import Frame, UnreadableVideo, VideoFile

#: Bytes of address space that decoding may take.
MEMORY = 6 * 2**30
#: Longest line of a message: whatever the process sends, no more of it is held.
_LONGEST_LINE = 65_536
#: What a message leads to that lacks a number, or has none that is one.
_NOT_SAID = (KeyError, TypeError, ValueError, OverflowError)
#: Decoders that wait for the next video of a data set.
IDLE: deque[subprocess.Popen[bytes]] = deque(maxlen=8)


class TookTooLong(UnreadableVideo):  # noqa: N818 - as UnreadableVideo
    """A video whose decoding and classifying took more seconds than they may."""


class LimitedVideo(Closed):
    """A `VideoFile` whose decoder is another process; attributes and errors are the same.

    Parameters
    ----------
    path : Path
    max_pixels, max_seconds
        See `VideoFile`.
    memory : int
        Bytes of address space of the process.
    work : float, optional
        Seconds after which the video is given up.
    reuse : bool
        Let the process read more videos after this one, up to `memory` and without `work`. For the videos of
        a data set, which come from one place: starting a process takes longer than decoding a short video.
    """

    def __init__(
        self,
        path: Path | str,
        max_pixels: int = MAX_PIXELS,
        max_seconds: float | None = None,
        *,
        memory: int = MEMORY,
        work: float | None = None,
        reuse: bool = False,
    ) -> None:
        self.path, self.fault, self.count = expanded(path), "", 0
        if not self.path.is_file():
            raise FileNotFoundError(f"no video {self.path}")
        self._most, self._work, self._reuse = max_pixels, work, reuse
        self._late = self._whole = False
        self.process = _asked([str(self.path.absolute()), max_pixels, max_seconds], memory, work, reuse)
        self._watch = threading.Timer(work or 0.0, self._too_late)
        self._watch.daemon = True
        if work is not None:
            self._watch.start()
        try:
            self._read_header()
        except BaseException:
            self.close()
            raise

    def _read_header(self) -> None:
        found = self._message()
        try:
            self.width, self.height = int(found["width"]), int(found["height"])
            self.rate, self.left_out = float(found["rate"]), str(found["left_out"])
            self.seconds = None if found["seconds"] is None else float(found["seconds"])
            self.total = None if found["total"] is None else int(found["total"])
        except _NOT_SAID:
            raise self._broken() from None

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; after the last, `fault` says what was wrong with the file."""
        while "fault" not in (message := self._message()):
            yield self._frame(message)
        try:
            self.fault, self.count = str(message["fault"]), int(message["count"])
        except _NOT_SAID:
            raise self._broken() from None
        self._whole = True

    def _frame(self, message: dict[str, Any]) -> Frame:
        try:
            height, width, index, count = (int(message[n]) for n in ("height", "width", "index", "count"))
            seconds = float(message["seconds"])
        except _NOT_SAID:
            raise self._broken() from None
        # Pixels that are not square are widened: up to five times.
        if not (height > 0 and width > 0 and height * width <= 5 * self._most):
            raise self._broken()
        data = bytearray(height * width * 3)
        if self._out.readinto(data) < len(data):  # type: ignore[attr-defined]
            raise self._broken()
        self.width, self.height, self.count = width, height, count
        return Frame(index, seconds, np.frombuffer(data, np.uint8).reshape(height, width, 3))

    def close(self) -> None:
        """End the process, whatever it does; one that has read its video may read the next."""
        self._watch.cancel()
        if self._reuse and self._whole and len(IDLE) < (IDLE.maxlen or 0):
            IDLE.append(self.process)
        else:
            _end(self.process)
        self._reuse = False

    @property
    def _out(self) -> IO[bytes]:
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe, see `started`
        return self.process.stdout

    def _message(self) -> dict[str, Any]:
        line = self._out.readline(_LONGEST_LINE)
        try:
            found = mapping_of(line)
        except ValueError:
            raise self._broken() from None
        if "refused" in found:
            self._whole = True
            raise UnreadableVideo(self.path.name, str(found["refused"]))
        return found

    def _broken(self) -> UnreadableVideo:
        if self._late:
            words = f"classifying it took more than {self._work:g} s; make it shorter or smaller"
            return TookTooLong(self.path.name, words)
        return UnreadableVideo(
            self.path.name, "its decoder gave up: damaged, or made to break it; convert it to .mp4"
        )

    def _too_late(self) -> None:
        self._late = True
        self.process.kill()


def _asked(words: list[Any], memory: int, work: float | None, reuse: bool) -> subprocess.Popen[bytes]:
    """Return a process that was told of a file; one that waits, where it may be reused."""
    line = json.dumps(words).encode() + b"\n"
    while reuse and IDLE:
        with contextlib.suppress(IndexError):  # another thread has taken it
            process = IDLE.pop()
            if _told(process, line):
                return process
            _end(process)
    process = started("pipelines.media.limited", json.dumps([memory, work]), fed=True)
    _told(process, line)  # one that has ended already says nothing, which is seen on reading
    return process


def _told(process: subprocess.Popen[bytes], line: bytes) -> bool:
    assert process.stdin is not None  # noqa: S101 - it is a pipe, see `started`
    try:
        process.stdin.write(line)
        process.stdin.flush()
    except OSError:
        return False
    return process.poll() is None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not written yet finds nobody
            if pipe is not None:
                pipe.close()
    process.wait()


@atexit.register
def end_idle() -> None:
    """End the decoders that wait for another video."""
    while IDLE:
        _end(IDLE.pop())


if hasattr(os, "register_at_fork"):  # a child's decoders are its own
    os.register_at_fork(after_in_child=IDLE.clear)


def main(words: list[str]) -> None:
    """Decode file after file, as the process that was started for it."""
    memory, work = json.loads(words[0])
    to = sys.stdout.buffer
    with contextlib.suppress(BrokenPipeError):  # nobody reads on
        confine(memory, work)
        for line in sys.stdin.buffer:
            _answer(to, *json.loads(line))
    os._exit(0)


def _answer(to: IO[bytes], path: str, pixels: int, seconds: float | None) -> None:
    try:
        _send(to, Path(path), pixels, seconds)
    except MemoryError:
        _tell(to, refused="needs more memory to be decoded than it may take; make it smaller")
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        _tell(to, refused=getattr(error, "reason", "cannot be decoded; convert it to .mp4"))


def _send(to: IO[bytes], path: Path, pixels: int, seconds: float | None) -> None:
    with VideoFile(path, pixels, seconds) as video:
        _tell(
            to, width=video.width, height=video.height, rate=video.rate, seconds=video.seconds,
            total=video.total, left_out=video.left_out,
        )  # fmt: skip
        for frame in video:
            height, width = frame.image.shape[:2]
            _tell(to, index=frame.index, seconds=frame.seconds, height=height, width=width, count=video.count)
            to.write(frame.image.data)
        _tell(to, fault=video.fault, count=video.count)


def _tell(to: IO[bytes], **message: Any) -> None:
    to.write(json.dumps(message).encode() + b"\n")
    to.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
