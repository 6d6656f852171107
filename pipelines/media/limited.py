"""A video decoded in a process of its own, which may write no file: what breaks in it ends nothing here.

Run as ``python -m pipelines.media.limited PATH LIMITS`` it writes to its output: a line of JSON for each
message, and after that of a frame its bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
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


class LimitedVideo(Closed):
    """A `VideoFile` whose decoder is another process; attributes and errors are the same.

    Parameters
    ----------
    path : Path
    max_pixels, max_seconds
        See `VideoFile`.
    """

    def __init__(
        self, path: Path | str, max_pixels: int = MAX_PIXELS, max_seconds: float | None = None
    ) -> None:
        self.path, self.fault, self.count = expanded(path), "", 0
        if not self.path.is_file():
            raise FileNotFoundError(f"no video {self.path}")
        words = json.dumps([max_pixels, max_seconds])
        self.process, self._most = started("pipelines.media.limited", str(self.path), words), max_pixels
        try:
            found = self._message()
            self.width, self.height = int(found["width"]), int(found["height"])
            self.rate, self.seconds, self.total = float(found["rate"]), found["seconds"], found["total"]
            self.left_out = str(found["left_out"])
        except BaseException as error:
            self.close()
            if isinstance(error, KeyError | TypeError):
                raise self._broken() from None
            raise

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; after the last, `fault` says what was wrong with the file."""
        while "fault" not in (message := self._message()):
            height, width = int(message["height"]), int(message["width"])
            # Pixels that are not square are widened: up to five times.
            if not 0 < height * width <= 5 * self._most:
                raise self._broken()
            data = self._out.read(height * width * 3)
            if len(data) < height * width * 3:
                raise self._broken()
            self.width, self.height, self.count = width, height, int(message["count"])
            image = np.frombuffer(bytearray(data), np.uint8).reshape(height, width, 3)
            yield Frame(int(message["index"]), float(message["seconds"]), image)
        self.fault, self.count = str(message["fault"]), int(message["count"])

    def close(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self._out.close()
        self.process.wait()

    @property
    def _out(self) -> IO[bytes]:
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe, see _started
        return self.process.stdout

    def _message(self) -> dict[str, Any]:
        line = self._out.readline(_LONGEST_LINE)
        try:
            found = mapping_of(line)
        except ValueError:
            raise self._broken() from None
        if "refused" in found:
            raise UnreadableVideo(self.path.name, str(found["refused"]))
        return found

    def _broken(self) -> UnreadableVideo:
        return UnreadableVideo(
            self.path.name, "its decoder gave up: damaged, or made to break it; convert it to .mp4"
        )


def main(words: list[str]) -> None:
    """Decode, as the process that was started for it."""
    to = sys.stdout.buffer
    with contextlib.suppress(BrokenPipeError):  # nobody reads on
        pixels, seconds = json.loads(words[1])
        try:
            confine(MEMORY)
            _send(to, Path(words[0]), pixels, seconds)
        except MemoryError:
            _tell(to, refused="needs more memory to be decoded than it may take; make it smaller")
        except (ValueError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            _tell(to, refused=getattr(error, "reason", "cannot be decoded; convert it to .mp4"))
        to.flush()
    os._exit(0)


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
