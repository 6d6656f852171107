"""Videos as a stream of upright frames with their times, and images written as a video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from featurize.atomic import AtomicFile
from featurize.file_kinds import examine
from featurize.images import MAX_PIXELS, MIN_SIDE, Image
from featurize.paths import expanded
from pipelines.media.closed import Closed
from pipelines.media.streams import choose_stream, seconds_of

#: FFmpeg's names of the containers that are read. A fixed list: playlists (.m3u8, concat) name other files.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegvideo,mpegts,asf,flv"
#: The decoders that may run, of FFmpeg's hundreds: what cameras, telephones and editors have written. VVC is
#: not among them, see SECURITY.md.
DECODERS = frozenset(
    {"h264", "hevc", "mpeg4", "msmpeg4", "msmpeg4v1", "msmpeg4v2", "mpeg1video", "mpeg2video", "mpegvideo",
     "h263", "h263p", "h263i", "flv", "vp8", "vp9", "av1", "libdav1d", "theora", "mjpeg", "wmv1", "wmv2",
     "wmv3", "vc1", "prores", "dnxhd", "dvvideo", "ffv1", "huffyuv", "ffvhuff", "rawvideo", "msvideo1", "png",
     "bmp", "gif", "svq1", "svq3", "cinepak", "libvpx", "libvpx-vp9"}
)  # fmt: skip
#: A header may promise this share of frames or seconds more than there are; above it the file is cut off.
SHORT = 0.95
#: Damaged packets in a row after which the rest is given up.
GIVE_UP = 200


class UnreadableVideo(ValueError):  # noqa: N818 - as UnreadableImage
    """A video that cannot be used; `str()` is one line, ``NAME: why``, and `reason` is why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class Frame:
    """A frame.

    Attributes
    ----------
    index : int
        From 0.
    seconds : float
        When it is shown, from the beginning: the file's own time stamp, so that a variable rate is kept.
    image : (h, w, 3) uint8
        RGB, upright as the file's rotation says, with square pixels.
    """

    index: int
    seconds: float
    image: Image


class VideoFile(Closed):
    """A video that is decoded as it is read, once, in constant memory.

    Use as a context manager, or `close` it. After the last frame `fault` says what was wrong.

    Parameters
    ----------
    path : Path
    max_pixels : int
        Of a frame; checked before anything is decoded.
    max_seconds : float, optional
        What comes later is not decoded; `fault` then says so.

    Attributes
    ----------
    width, height : int
        Of the frames given: upright. Known after the first frame; before, as the header says.
    rate : float
        Frames a second as the header says, on average.
    total : int or None
        Frames as the header says.
    count : int
        Frames decoded so far.
    fault : str
        Empty while nothing is wrong.
    left_out : str
        Other video streams and covers of the file, in words; empty without any.

    Raises
    ------
    UnreadableVideo
        If the file is no video of a known kind, holds only a cover, or its frames are too large.
    OSError
        If it is not there.
    """

    def __init__(
        self, path: Path | str, max_pixels: int = MAX_PIXELS, max_seconds: float | None = None
    ) -> None:
        import av

        path = expanded(path)
        if not path.is_file():
            raise FileNotFoundError(f"no video {path}")
        self.path, self.max_pixels, self.max_seconds = path, max_pixels, max_seconds
        self.fault, self.count = "", 0
        self._container = self._opened()
        self._stream, self.left_out = choose_stream(self._container, self._opened)
        if self._stream is None:
            self.close()
            raise UnreadableVideo(path.name, _no_video(self.left_out))
        if (name := self._stream.codec_context.codec.name) not in DECODERS:
            self.close()
            raise UnreadableVideo(
                path.name, f"holds {name}, which is not read; convert it to .mp4 with H.264"
            )
        self._stream.thread_type = av.codec.context.ThreadType.AUTO
        self._stream.codec_context.options = {"max_pixels": str(max_pixels)}
        self.width, self.height = self._stream.width, self._stream.height
        self._check_size(self.width, self.height)
        self.rate = float(self._stream.average_rate or self._stream.guessed_rate or 25)
        self.total = self._promised_frames()
        # An .avi has a rate and no times; what FFmpeg makes up is out of order where frames are (B-frames).
        self._even = self._container.format.name == "avi"

    def _opened(self) -> Any:
        import av

        options = {
            "format_whitelist": FORMATS, "protocol_whitelist": "file",
            "codec_whitelist": ",".join(sorted(DECODERS)),
        }  # fmt: skip
        try:
            return av.open(str(self.path.resolve()), container_options=options, metadata_errors="replace")
        except (av.FFmpegError, ValueError):
            # What FFmpeg says of it ("moov atom not found") helps nobody.
            kind = examine(self.path)
            reason = "cannot be opened as a video; copy it again, or convert it to .mp4"
            if kind.group == "pointer":
                reason = kind.reason("video")
            elif kind.group in ("empty", "text", "image", "unsupported"):
                reason = f"cannot be opened as a video: {kind.reason('video')}"
            raise UnreadableVideo(self.path.name, reason) from None

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self.max_pixels:
            self.close()
            raise UnreadableVideo(
                self.path.name,
                f"frames of {width} x {height}, more than {self.max_pixels:,} pixels; make it smaller",
            )
        if 0 < min(width, height) < MIN_SIDE:
            self.close()
            raise UnreadableVideo(self.path.name, f"frames of {width} x {height}: less holds no face")

    @property
    def seconds(self) -> float | None:
        """How long the video is as its header says; None if it does not."""
        if (own := seconds_of(self._stream)) is not None:
            return own
        return self._container.duration / 1e6 if self._container.duration else None

    def _promised_frames(self) -> int | None:
        if self._stream.frames:
            return int(self._stream.frames)
        return round(self.seconds * self.rate) if self.seconds else None

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; damaged ones are left out and counted in `fault`."""
        start = last = None
        for index, frame in enumerate(self._decoded()):
            now = index / self.rate if frame.time is None or self._even else frame.time
            start = now if start is None else start
            # Time never runs backwards, whatever a damaged file says.
            last = max(now - start, last or 0.0)
            if self.max_seconds is not None and last > self.max_seconds:
                self.fault = f"longer than {self.max_seconds:g} s; the rest was left out"
                return
            image = self._upright(frame)
            self.height, self.width = image.shape[:2]
            yield Frame(index, last, image)
        self._check_end(self.count, last or 0.0)

    def _decoded(self) -> Iterator[Any]:
        """Yield decoded frames; a packet that cannot be decoded is passed over."""
        import av

        self._damaged = in_row = 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except (av.FFmpegError, ValueError):
                self._damaged += 1
                in_row += 1
                if in_row > GIVE_UP:
                    return
                continue
            for frame in frames:
                in_row = 0
                self.count += 1
                self._damaged += bool(frame.is_corrupt)
                yield frame

    def _upright(self, frame: Any) -> Image:
        """Return the frame as it is to be seen; streams may change their size in the middle."""
        self._check_size(frame.width, frame.height)
        wide = frame.width
        if (shape := self._stream.sample_aspect_ratio) and 0.2 < shape < 5 and shape != 1:
            wide = max(2, round(wide * float(shape)))
        turns = round((frame.rotation or 0) / 90) % 4
        image = frame.to_ndarray(format="rgb24", width=wide, height=frame.height)
        return np.ascontiguousarray(np.rot90(image, turns))

    def _check_end(self, count: int, seconds: float) -> None:
        if not count:
            raise UnreadableVideo(self.path.name, "no frame of it can be decoded; copy it again")
        if self._damaged:
            self.fault = f"damaged in {self._damaged} places; what could be read was classified"
        whole = self._stream.frames or None
        length = self.seconds
        if (whole and count < whole * SHORT - 1) or (
            not whole and length and seconds + 1 / self.rate < length * SHORT - 0.2
        ):
            of = f"frame {count} of {whole}" if whole else f"second {seconds:.1f} of {length:.1f}"
            self.fault = f"ends at {of}: cut off; copy the file again"

    def close(self) -> None:
        """Let the file go."""
        self._container.close()


def _no_video(left_out: str) -> str:
    if left_out:
        return f"has no video, only {left_out}; give a video, or save the image as a file of its own"
    return "has no images, only sound"


class VideoWriter:
    """Write images with their times as an .mp4 (H.264 where FFmpeg has it, else MPEG-4), without sound.

    The file appears under its name when the block ends without an error.

    Parameters
    ----------
    path : Path
    rate : float
        Frames a second, about: the times given decide.
    """

    #: Ticks a second of the times written.
    CLOCK = 90_000
    ENCODERS = ({"name": "libx264", "preset": "veryfast", "crf": "20"}, {"name": "mpeg4", "qscale": "4"})

    def __init__(self, path: Path | str, rate: float) -> None:
        path = expanded(path)
        self.path, self.rate = path, rate
        self._file = AtomicFile(path)
        self._container: Any = None
        self._last = -1

    def write(self, image: Image, seconds: float) -> None:
        """Append an image (h, w, 3), RGB uint8; odd sides lose a row or column, another size is scaled."""
        import av

        if self._container is None:
            self._begin(image)
        height, width = self._stream.height, self._stream.width
        if image.shape[:2] != self._size:
            import cv2

            image = cv2.resize(image, self._size[::-1], interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
        self._last = frame.pts = max(round(seconds * self.CLOCK), self._last + 1)
        frame.time_base = Fraction(1, self.CLOCK)
        self._container.mux(self._stream.encode(frame))

    def _begin(self, image: Image) -> None:
        import av

        height, width = self._size = image.shape[:2]
        self._container = av.open(str(self._file.begin()), "w", format="mp4")
        options = dict(next(e for e in self.ENCODERS if e["name"] in av.codecs_available))
        name = options.pop("name")
        rate = Fraction(self.rate).limit_denominator(1001)
        self._stream = self._container.add_stream(name, rate=rate, options=options)
        self._stream.width, self._stream.height = width - width % 2, height - height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, self.CLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._container is None:
            return
        try:
            if error is None:
                self._container.mux(self._stream.encode())
            self._container.close()
            if error is None:
                self._file.commit()
        finally:
            self._file.discard()
