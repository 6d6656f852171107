"""Metadata never condemns pixels: what is whole is read, whatever is written beside it."""

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image as Pillow

from featurize.images import MAX_SIDE, UnreadableImage, decode
from featurize.metadata import with_less_metadata

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def saved(form, **options):
    file = io.BytesIO()
    Pillow.fromarray(PICTURE).save(file, form, **options)
    return file.getvalue()


PNG, JPEG = saved("PNG"), saved("JPEG", quality=95)


def chunk(kind, data, damage=0):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ damage)


def png_with(*chunks):
    return PNG[:33] + b"".join(chunks) + PNG[33:]


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg_with(*segments):
    return JPEG[:2] + b"".join(segments) + JPEG[2:]


def exif(turn):
    """Return EXIF with a rotation, a tag of an unknown type, and one that points far beyond the end."""
    tags = struct.pack("<HHII", 0x0112, 3, 1, turn) + struct.pack("<HHII", 0x8769, 4, 1, 2**31 - 1)
    return (
        b"II*\0\x08\0\0\0" + struct.pack("<H", 3) + tags + struct.pack("<HHII", 0x9000, 99, 1, 0) + bytes(4)
    )


LONG = chunk(b"zTXt", b"note\0\0" + zlib.compress(b"a" * 3_000_000))
PNGS = {
    "long text": png_with(LONG),
    "long international text": png_with(
        chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(b"x" * 3_000_000))
    ),
    "long profile": png_with(chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(1_600_000)))),
    "broken profile": png_with(chunk(b"iCCP", b"icc\0\0nothing")),
    "many texts": png_with(
        *(chunk(b"zTXt", b"n%d\0\0" % i + zlib.compress(b"a" * 1_000_000)) for i in range(70))
    ),
    "text after the pixels": PNG[:-12] + LONG + PNG[-12:],
    "text of an unknown packing": png_with(chunk(b"zTXt", b"note\0\5abc")),
    "text with a wrong checksum": png_with(chunk(b"tEXt", b"note\0abc", damage=1)),
    "short gamma": png_with(chunk(b"gAMA", b"")),
    "short resolution": png_with(chunk(b"pHYs", b"1")),
    "broken EXIF": png_with(chunk(b"eXIf", b"nothing")),
}
JPEGS = {
    "broken EXIF": jpeg_with(segment(0xE1, b"Exif\0\0nothing")),
    "broken profile": jpeg_with(segment(0xE2, b"ICC_PROFILE\0\5\2nothing")),
    "profiles of 26 MB": jpeg_with(*[segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(65_000))] * 400),
    "broken Photoshop record": jpeg_with(segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04")),
    "broken list of images": jpeg_with(segment(0xE2, b"MPF\0II*\0\x08\0\0\0\xff\xff")),
    "short Adobe record": jpeg_with(segment(0xEE, b"Adobe")),
    "short JFIF record": JPEG[:2] + segment(0xE0, b"JFIF") + JPEG[20:],
    "long comment": jpeg_with(segment(0xFE, bytes(65_000))),
}


@pytest.mark.parametrize("data", PNGS.values(), ids=PNGS)
def test_a_whole_png_is_read(data):
    assert np.array_equal(decode(data), PICTURE)


@pytest.mark.parametrize("data", JPEGS.values(), ids=JPEGS)
def test_a_whole_jpeg_is_read(data):
    assert np.array_equal(decode(data), decode(JPEG))


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_rotation_is_honoured_beside_what_is_broken(turn):
    whole = struct.pack("<H", 1) + struct.pack("<HHII", 0x0112, 3, 1, turn) + bytes(4)
    expected = decode(jpeg_with(segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + whole)))
    damaged = segment(0xE1, b"Exif\0\0" + exif(turn))
    assert np.array_equal(decode(jpeg_with(damaged)), expected)
    assert np.array_equal(decode(jpeg_with(damaged, segment(0xEE, b"Adobe"))), expected)
    assert decode(png_with(LONG, chunk(b"eXIf", exif(turn)))).shape == expected.shape


def test_what_is_damaged_stays_refused():
    broken = bytearray(PNGS["long text"])
    broken[-20] ^= 255  # in the pixels
    for data in (bytes(broken), PNGS["long text"][:-30], JPEGS["short Adobe record"][:60], PNG[:33] + LONG):
        with pytest.raises(UnreadableImage):
            decode(data)


def test_a_bomb_stays_refused():
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", MAX_SIDE + 1, 100, 8, 0, 0, 0, 0))
    with pytest.raises(UnreadableImage, match="make it smaller"):
        decode(PNG[:8] + header + LONG + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""))


def test_an_animation_stays_refused():
    file = io.BytesIO()
    frames = [Pillow.fromarray(np.full((20, 30), v, np.uint8)) for v in (0, 200)]
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    data = file.getvalue()
    with pytest.raises(UnreadableImage, match="animated"):
        decode(data[:33] + LONG + data[33:])


def test_threads_read_them_alike():
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(decode, list(PNGS.values()) * 3))
    assert all(np.array_equal(image, PICTURE) for image in images)


def test_nothing_is_left_out_of_what_has_nothing():
    assert list(with_less_metadata(PNG)) == []
    assert list(with_less_metadata(b"GIF89a" + bytes(100))) == []
    for less in with_less_metadata(PNGS["long text"]):
        assert less == PNG
