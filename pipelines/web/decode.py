"""Decode a video in a process of its own, which may do little else: what breaks in it is no harm here.

Run as ``python -m pipelines.web.decode PATH LIMITS`` it writes messages to its output: a line of JSON each,
and after that of a frame its bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from pipelines.media.closed import Closed
from pipelines.web.uploads import Limits, RequestError

#: Longest line of a message: whatever the process sends, no more of it is held.
_LONGEST_LINE = 4096


class Header(NamedTuple):
    """Of a video: frames a second, seconds (None if its header does not say), streams and covers left out."""

    rate: float
    seconds: float | None
    left_out: str = ""


@dataclass
class Decoder(Closed):
    """The frames of a video, from a process that decodes it.

    Parameters
    ----------
    path : Path
    limits : Limits
        `frame`, `seconds`, `work` and `memory` bound what the process takes.
    """

    path: Path
    limits: Limits

    def __post_init__(self) -> None:
        self.fault = ""
        self._late = False
        self._process = start_process(self.path, self.limits)
        self._watch = threading.Timer(self.limits.work, self._too_late)
        self._watch.daemon = True
        self._watch.start()

    def header(self) -> Header:
        """Return what the file says of itself; to be asked for first.

        Raises
        ------
        RequestError
            If it is no video that can be read, or a longer one than allowed.
        """
        found = self._message()
        return Header(float(found["rate"]), found["seconds"], str(found.get("left_out", "")))

    def frames(self) -> Iterator[Any]:
        """Yield every `Frame`; after the last, `fault` says what was wrong with the file.

        Raises
        ------
        RequestError
            If it cannot be decoded, or that takes too long.
        """
        import numpy as np

        from pipelines.media.video_file import Frame

        while "fault" not in (message := self._message()):
            height, width = int(message["height"]), int(message["width"])
            if not 0 < height * width <= self.limits.frame:
                raise self._broken()
            data = self._out.read(height * width * 3)
            if len(data) < height * width * 3:
                raise self._broken()
            image = np.frombuffer(data, np.uint8).reshape(height, width, 3)
            yield Frame(int(message["index"]), float(message["seconds"]), image)
        self.fault = str(message["fault"])

    def close(self) -> None:
        """End the process, whatever it does."""
        self._watch.cancel()
        self._process.kill()
        self._out.close()
        self._process.wait()

    @property
    def _out(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe, see start_process
        return self._process.stdout

    def _message(self) -> dict[str, Any]:
        line = self._out.readline(_LONGEST_LINE)
        try:
            found: dict[str, Any] = json.loads(line)
        except ValueError:
            raise self._broken() from None
        if "refused" in found:
            raise RequestError(int(found["status"]), str(found["refused"]))
        return found

    def _broken(self) -> RequestError:
        if self._late:
            return RequestError(
                413, f"classifying it took more than {self.limits.work:g} s; send a shorter or smaller video"
            )
        return RequestError(422, "its decoder gave up; convert it to .mp4 and send it again")

    def _too_late(self) -> None:
        self._late = True
        self._process.kill()


def start_process(path: Path, limits: Limits) -> subprocess.Popen[bytes]:
    """Start a process that decodes `path` within these limits and writes what it reads to its output."""
    paths = os.pathsep.join(filter(None, sys.path))
    known = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")  # no more is its business
    environment = {name: os.environ[name] for name in known if name in os.environ}
    words = [limits.frame, limits.seconds, limits.memory, limits.work]
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", "pipelines.web.decode", str(path), json.dumps(words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | {"PYTHONPATH": paths},
    )


def main(words: list[str]) -> None:
    """Decode, as the process that was started for it."""
    frame, seconds, memory, work = json.loads(words[1])
    to = sys.stdout.buffer
    with contextlib.suppress(BrokenPipeError):  # nobody reads on
        try:
            confine(int(memory), float(work))
            _send(to, Path(words[0]), int(frame), float(seconds))
        except (ValueError, OSError, MemoryError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            _tell(to, refused=getattr(error, "reason", str(error)), status=getattr(error, "status", 422))
        to.flush()
    os._exit(0)


def confine(memory: int, work: float) -> None:
    """Bound memory and processor time; no file may be written, none larger than nothing."""
    import resource

    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, int(work) + 1),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _send(to: IO[bytes], path: Path, pixels: int, seconds: float) -> None:
    from pipelines.media.video_file import VideoFile

    with VideoFile(path, pixels, seconds) as video:
        if (video.seconds or 0) > seconds:
            raise RequestError(413, f"{video.seconds:.0f} seconds long; at most {seconds:g}: cut it")
        _tell(to, rate=video.rate, seconds=video.seconds, left_out=video.left_out)
        for frame in video:
            height, width = frame.image.shape[:2]
            _tell(to, index=frame.index, seconds=frame.seconds, height=height, width=width)
            to.write(frame.image.tobytes())
        _tell(to, fault=video.fault)


def _tell(to: IO[bytes], **message: Any) -> None:
    to.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
