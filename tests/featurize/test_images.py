"""Decoding: what is read, how, and what is refused with one clear line."""

import io
import pickle
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from featurize.images import MAX_PIXELS, MAX_SIDE, UnreadableImage, decode

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (20, 30), dtype=np.uint8)
COLOUR = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
SMOOTH = np.add.outer(np.arange(20), np.arange(30) * 4).astype(np.uint8)


def saved(picture, form, **options):
    file = io.BytesIO()
    picture = picture if isinstance(picture, Pillow.Image) else Pillow.fromarray(picture)
    picture.save(file, form, **options)
    return file.getvalue()


def refused(data, *words):
    with pytest.raises(UnreadableImage) as caught:
        decode(data, "face.jpg")
    line = str(caught.value)
    assert line.startswith("face.jpg: ")
    assert "\n" not in line
    assert all(word in line for word in words), line
    return line


def png_header(width, height):
    """Return a PNG that declares a size and holds one empty row: a bomb, were it decoded."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    parts = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


# What is read


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_grey_is_read_exactly(form):
    image = decode(saved(GREY, form))
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous and image.flags.writeable
    np.testing.assert_array_equal(image, GREY)


@pytest.mark.parametrize(
    ("form", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})]
)
def test_colour_is_read_exactly_and_as_rgb(form, options):
    np.testing.assert_array_equal(decode(saved(COLOUR, form, **options)), COLOUR)


@pytest.mark.parametrize("picture", [SMOOTH, GREY, COLOUR])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True, "quality": 40}])
def test_jpeg_agrees_with_opencv(picture, options):
    data = saved(picture, "JPEG", **options)
    other = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    other = other if other.ndim == 2 else other[..., ::-1]
    assert np.abs(decode(data).astype(int) - other).max() <= 1


@pytest.mark.parametrize("picture", [SMOOTH, COLOUR])
def test_the_two_ways_through_a_jpeg_agree(picture):
    plain = saved(picture, "JPEG")
    upright = Pillow.Exif()
    upright[0x0112] = 1
    np.testing.assert_array_equal(decode(saved(picture, "JPEG", exif=upright)), decode(plain))


def test_sixteen_bits_are_scaled():
    values = np.arange(600, dtype=np.uint16).reshape(20, 30) * 109
    for form in ("PNG", "TIFF"):
        np.testing.assert_array_equal(decode(saved(values, form)), values >> 8)
    pgm = b"P5 30 20 65535\n" + values.astype(">u2").tobytes()
    np.testing.assert_array_equal(decode(pgm), values >> 8)


def test_sixteen_bit_colour_is_scaled():
    values = rng.integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    data = cv2.imencode(".png", values[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(decode(data), values >> 8)


def test_cmyk_becomes_rgb():
    flat = Pillow.new("CMYK", (16, 16), (0, 255, 255, 0))  # no cyan, all magenta and yellow: red
    image = decode(saved(flat, "JPEG", quality=95))
    assert image.shape == (16, 16, 3)
    assert np.abs(image.astype(int) - (255, 0, 0)).max() <= 8


def test_palettes():
    colours = Pillow.fromarray(COLOUR).quantize(16)
    np.testing.assert_array_equal(decode(saved(colours, "PNG")), np.array(colours.convert("RGB")))
    greys = Pillow.fromarray(GREY // 16, "P")
    greys.putpalette([v for i in range(256) for v in (255 - i % 16, 255 - i % 16, 255 - i % 16)])
    np.testing.assert_array_equal(decode(saved(greys, "PNG")), 255 - GREY // 16)


def test_one_bit():
    np.testing.assert_array_equal(
        decode(saved(Pillow.fromarray(GREY > 99), "PNG")), (GREY > 99) * np.uint8(255)
    )


def test_alpha_is_composited_on_white():
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[..., 0] = 200
    pixels[:8, :, 3] = 255
    image = decode(saved(pixels, "PNG"))
    assert (image[:8] == (200, 0, 0)).all()
    assert (image[8:] == 255).all()


def test_grey_with_alpha_stays_grey():
    pixels = np.stack([np.full((16, 16), 100, np.uint8), np.full((16, 16), 128, np.uint8)], axis=-1)
    image = decode(saved(Pillow.fromarray(pixels, "LA"), "PNG"))
    assert image.shape == (16, 16)
    assert np.abs(image.astype(int) - 177).max() <= 1


def test_a_colour_key_is_transparent():
    image = decode(saved(Pillow.new("RGB", (16, 16), (9, 9, 9)), "PNG", transparency=(9, 9, 9)))
    assert (image == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_exif_rotation_is_applied(orientation, form):
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :16] = 255  # bright top left
    undo = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: np.rot90,
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, 3),
    }
    stored = np.ascontiguousarray(undo[orientation](upright))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if form == "WEBP" else {"quality": 95} if form == "JPEG" else {}
    image = decode(saved(stored, form, exif=exif, **options))
    assert image.shape[:2] == (16, 32)
    grey = image if image.ndim == 2 else image[..., 0]
    assert grey[:7, :15].min() > 200
    assert grey[9:].max() < 60


def test_broken_exif_does_not_hide_the_picture():
    data = saved(SMOOTH, "JPEG", exif=b"Exif\0\0" + b"\xff" * 40)
    assert decode(data).shape == (20, 30)


def test_first_picture_of_a_telephones_jpeg():
    second = Pillow.fromarray(255 - SMOOTH)
    data = saved(SMOOTH, "MPO", save_all=True, append_images=[second])
    assert np.abs(decode(data).astype(int) - SMOOTH).max() < 20


def test_a_still_gif_is_a_picture():
    np.testing.assert_array_equal(decode(saved(GREY, "GIF")), GREY)


# What is refused


def test_samples_read_by_threads_at_once():
    exif = Pillow.Exif()
    exif[0x0112] = 3
    turned, plain = saved(SMOOTH, "JPEG", exif=exif), saved(SMOOTH, "JPEG")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(decode, [turned, plain] * 200))
    assert all((a == b[::-1, ::-1]).all() for a, b in zip(images[::2], images[1::2], strict=True))
    assert warnings.filters == before


def test_empty():
    refused(b"", "0 bytes")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM"])
def test_truncated(form):
    data = saved(COLOUR, form)
    refused(data[: len(data) // 2])
    refused(data[:12])


def test_a_flipped_bit_in_a_png():
    data = bytearray(saved(GREY, "PNG"))
    data[len(data) // 2] ^= 16
    refused(bytes(data), "corrupt")


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animated(form):
    others = [Pillow.fromarray(np.roll(COLOUR, k, axis=0)) for k in (1, 2)]
    refused(saved(COLOUR, form, save_all=True, append_images=others), "animated")


@pytest.mark.parametrize("size", [(1, 1), (7, 100), (100, 7)])
def test_too_small(size):
    refused(saved(Pillow.new("L", size), "PNG"), f"{size[0]} x {size[1]}", "at least 8")


def test_smallest():
    assert decode(saved(Pillow.new("L", (8, 8)), "PNG")).shape == (8, 8)


def test_thirty_thousand_wide():
    refused(saved(Pillow.new("L", (30_000, 20)), "PNG"), "30000 x 20", "16,384")
    refused(saved(Pillow.new("L", (30_000, 20)), "JPEG"), "30000 x 20", "16,384")


def test_as_wide_as_allowed():
    assert decode(saved(Pillow.new("L", (MAX_SIDE, 8)), "PNG")).shape == (8, MAX_SIDE)


@pytest.mark.parametrize(
    "size", [(10_000, 10_000), (16_000, 16_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)]
)
def test_bombs_are_refused_by_their_header(size):
    assert size[0] * size[1] > MAX_PIXELS
    refused(png_header(*size))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no image", "text, not an image"),
        (b"\xff\xd8\xff", "not a JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "text, not an image"),
        (b"\0" * 999, "not a JPEG"),
    ],
)
def test_other_formats(data, why):
    refused(data, why)


def test_thirty_two_bits():
    refused(saved(np.ones((16, 16), np.float32), "TIFF"), "32-bit")
    refused(saved(np.ones((16, 16), np.int32), "TIFF"), "32-bit")


def test_an_unreadable_image_crosses_processes():
    error = pickle.loads(pickle.dumps(UnreadableImage("a.jpg", "empty")))
    assert (str(error), error.name, error.reason) == ("a.jpg: empty", "a.jpg", "empty")


@settings(deadline=None)
@given(st.data())
def test_damage_gives_a_picture_or_one_line(data):
    form = data.draw(st.sampled_from(["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM"]))
    whole = bytearray(saved(data.draw(st.sampled_from([SMOOTH, COLOUR])), form))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            image = decode(cut, "x")
        except UnreadableImage as error:
            assert "\n" not in str(error)
        else:
            assert image.dtype == np.uint8
            assert image.ndim == 2 or image.shape[2] == 3
            assert min(image.shape[:2]) >= 8


def test_no_library_writes_to_the_screen(tmp_path):
    truncated = saved(COLOUR, "JPEG")[:-200]
    files = [truncated, saved(COLOUR, "PNG")[:-30], saved(COLOUR, "TIFF", compression="jpeg")[:-60],
             png_header(12_000, 12_000), saved(SMOOTH, "JPEG", exif=b"Exif\0\0" + b"\xff" * 40)]  # fmt: skip
    for i, data in enumerate(files):
        (tmp_path / str(i)).write_bytes(data)
    code = (
        "import pathlib, sys\nfrom featurize.images import decode, UnreadableImage\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    try: decode(path.read_bytes())\n    except UnreadableImage: pass\n"
    )
    command = [sys.executable, "-W", "always", "-c", code, tmp_path]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    assert done.stdout == b""
