"""Videos for tests: a face that moves, at any times, turned as telephones store it, cut off, damaged."""

import struct

import numpy as np
from skimage import data as pictures

from pipelines.media.video_file import VideoWriter


def moving_face(n=30, width=320, height=240, step=2):
    """Return n (h, w, 3) frames in which one face goes to the right."""
    face = pictures.astronaut()[20:220, 120:320]
    # Noise, so that every frame takes its share of the file.
    frames = np.random.default_rng(0).integers(60, 120, (n, height, width, 3), np.uint8)
    for i, frame in enumerate(frames):
        left = 20 + step * i
        there = face[: height - 20, : width - left]
        frame[20 : 20 + len(there), left : left + there.shape[1]] = there
    return frames


def write(path, frames, seconds=None, rate=25.0):
    """Write frames at these times (evenly at `rate` if None)."""
    with VideoWriter(path, rate) as video:
        for i, frame in enumerate(frames):
            video.write(frame, i / rate if seconds is None else seconds[i])
    return path


def turned(path, degrees=90):
    """Set the display matrix of an .mp4 to a turn clockwise, as a telephone held upright does."""
    data = bytearray(path.read_bytes())
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    matrix = struct.pack(">9i", cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0, 0, 0, 1 << 30)
    at = data.index(b"tkhd") + 4 + 40  # version and flags, times, identifiers, layer, volume
    data[at : at + 36] = matrix
    path.write_bytes(data)
    return path


def index_first(path):
    """Rewrite an .mp4 so that its index stands before the frames: what is cut off then still plays."""
    import av

    done = path.with_name(f"first-{path.name}")
    with av.open(str(path)) as old, av.open(str(done), "w", options={"movflags": "faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return done


def with_streams(path, streams, sound=False):
    """Write a file of several video streams, each (codec, width, height, frames), without any mark."""
    import av

    with av.open(str(path), "w") as made:
        out = []
        for codec, width, height, _ in streams:
            stream = made.add_stream(codec, rate=25)
            stream.width, stream.height = width, height
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            out.append(stream)
        audio = made.add_stream("aac", rate=44100) if sound else None
        for stream, (_, width, height, count) in zip(out, streams, strict=True):
            for i in range(count):
                frame = av.VideoFrame.from_ndarray(
                    np.full((height, width, 3), 5 * i, np.uint8), format="rgb24"
                )
                frame.pts = i
                made.mux(stream.encode(frame))
            made.mux(stream.encode())
        for i in range(10 if audio else 0):
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate, silence.pts = 44100, 1024 * i
            made.mux(audio.encode(silence))
        if audio:
            made.mux(audio.encode())
    return path


def with_cover(path, cover):
    """Put a JPEG into an .mp4 whose index stands last, as taggers do: it becomes the first video stream."""

    def box(kind, data):
        return struct.pack(">I4s", 8 + len(data), kind) + data

    data = path.read_bytes()
    at = data.rindex(b"moov") - 4
    first = struct.unpack(">I", data[at + 8 : at + 12])[0]  # mvhd
    picture = box(b"covr", box(b"data", struct.pack(">II", 13, 0) + cover))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    tags = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", picture)))
    rest = b"".join(_without(data[at + 8 + first :], b"udta"))
    done = path.with_name(f"cover-{path.name}")
    done.write_bytes(data[:at] + box(b"moov", data[at + 8 : at + 8 + first] + tags + rest))
    return done


def _without(data, left_out):
    while len(data) >= 8:
        size, kind = struct.unpack(">I4s", data[:8])
        if kind != left_out:
            yield data[:size]
        data = data[size:]
