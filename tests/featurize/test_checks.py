"""What is no image is refused in one line; what is one is taken in any memory order."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from featurize import extractor, images
from featurize.checks import check_box, check_clip, check_image, check_sample, check_samples
from featurize.clips.flow import optical_flow
from featurize.clips.magnify import magnify
from featurize.clips.sampling import apex_index, resize_clip, sample
from featurize.detect import DETECTORS, crop_face, detector
from featurize.faces import Box, aligned_chip, crop_box, landmarks68, locate, upright
from featurize.track import Tracker

GREY = np.random.default_rng(0).integers(0, 256, (48, 40)).astype(np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (48, 40, 3)).astype(np.uint8)
CLIP = np.random.default_rng(2).integers(0, 256, (4, 32, 32)).astype(np.uint8)
BOX = Box(8, 8, 32, 40, True)


class Tensor:
    """What other libraries hand over: shape and values, but no NumPy array."""

    shape = (3, 48, 40)

    def __array__(self, dtype=None, copy=None):
        return RGB.transpose(2, 0, 1)

    def __iter__(self):
        return iter(RGB.transpose(2, 0, 1))


#: name -> (what is given, error, a piece of the message)
BAD = {
    "no file": (None, TypeError, "None.*cv2.imread returns None"),
    "text": ("photo.jpg", TypeError, r"path \(photo.jpg\).*featurize.images.decode\(pathlib.Path"),
    "path": (Path("photo.jpg"), TypeError, "path.*decode"),
    "bytes": (b"\xff\xd8\xff", TypeError, "decode"),
    "number": (7, TypeError, "int"),
    "class": (dict, TypeError, "class dict"),
    "pillow": (Pillow.fromarray(RGB), TypeError, r"PIL.*np.asarray\(image.convert"),
    "tensor": (Tensor(), TypeError, r"Tensor.*np.asarray"),
    "dict": ({"image": GREY}, TypeError, "dict"),
    "unit floats": (RGB / 255, TypeError, r"float64.*\(image \* 255\)"),
    "half floats": ((RGB / 255).astype(np.float16), TypeError, r"float16.*\(image \* 255\)"),
    "floats": (RGB.astype(np.float32), TypeError, r"float32.*image.round\(\)"),
    "normalised": (RGB / 127.5 - 1, TypeError, "undo the normalisation"),
    "int64": (RGB.astype(np.int64), TypeError, "an int64.*astype"),
    "int8": (GREY.astype(np.int8), TypeError, "int8"),
    "16 bits": (RGB.astype(np.uint16) * 257, TypeError, "uint16.*256"),
    "huge": (RGB.astype(np.int64) * 10**6, TypeError, "bring them to 0 to 255"),
    "mask": (GREY > 100, TypeError, "bool.*255"),
    "complex": (GREY.astype(complex), TypeError, "complex"),
    "texts": (np.full((48, 40), "a"), TypeError, "uint8"),
    "nan": (np.full((48, 40), np.nan), ValueError, "NaN"),
    "some nan": (np.where(GREY > 3, GREY / 255, np.nan), ValueError, "NaN"),
    "channels first": (RGB.transpose(2, 0, 1), ValueError, r"transpose\(1, 2, 0\)"),
    "alpha": (np.dstack([RGB, GREY]), ValueError, r"alpha.*\[..., :3\]"),
    "grey and alpha": (np.dstack([GREY, GREY]), ValueError, r"alpha.*\[..., 0\]"),
    "one channel": (GREY[..., None], ValueError, r"\(48, 40, 1\).*image\[..., 0\]"),
    "no rows": (RGB[:0], ValueError, "no pixels"),
    "no columns": (GREY[:, :0], ValueError, "no pixels"),
    "one axis": (GREY.ravel(), ValueError, "rows and columns"),
    "no axis": (np.array(3, np.uint8), ValueError, "rows and columns"),
    "five axes": (RGB[None, None], ValueError, "shape"),
}  # fmt: skip
#: As BAD, where one image is taken: these are lists of several.
MANY = {
    "list": ([GREY, GREY], TypeError, "a list.*one image at a time"),
    "tuple": ((RGB,), TypeError, "a tuple"),
    "rows": (GREY.tolist(), TypeError, "list.*np.array"),
    "stack": (np.stack([GREY] * 5), ValueError, "stack"),
    "colour stack": (np.stack([RGB] * 5), ValueError, "stack"),
    "ragged": (np.array([GREY, RGB, None], object), TypeError, "objects"),
}
#: What is a list of images in the form of an array is none of BAD where lists are taken.
NOT_IN_LISTS = ("channels first",)
ONE = BAD | MANY

TAKE_ONE = {
    "check_image": check_image,
    "to_grey": images.to_grey,
    "resize": lambda image: images.resize(image, 24),
    "fit_to": lambda image: images.fit_to(image, 0, 3),
    "mirrored": images.mirrored,
    "Preprocess": images.Preprocess(equalize="hist").apply,
    "Preprocess without": images.Preprocess().apply,
    "crop_face": lambda image: crop_face(image, BOX, detector("haar").framing, 24),
    "Tracker": Tracker(lambda image: []),
    "crop_box": crop_box,
    "landmarks68": lambda image: landmarks68(image, BOX),
    "aligned_chip": lambda image: aligned_chip(image, BOX),
    "upright": lambda image: upright(image, np.zeros((68, 2)), 32, 0.4, 0.4)[0],
    "optical_flow": lambda image: optical_flow(image, GREY),
} | {name: detector(name) for name in DETECTORS}
GREY_ONLY = ("crop_box", "upright", "optical_flow")


def refused(call, given, error, piece):
    with pytest.raises(error) as caught:
        call(given)
    text = str(caught.value)
    assert re.search(piece, text), text
    assert "\n" not in text
    assert "OpenCV" not in text
    return text


@pytest.mark.parametrize("bad", ONE)
@pytest.mark.parametrize("entry", TAKE_ONE)
def test_one_image(entry, bad):
    given, error, piece = ONE[bad]
    assert "uint8" in refused(TAKE_ONE[entry], given, error, "") or bad in ("no rows", "no columns")
    refused(TAKE_ONE[entry], given, error, piece)


@pytest.mark.parametrize("entry", GREY_ONLY)
def test_grey_only(entry):
    refused(TAKE_ONE[entry], RGB, ValueError, "grey.*to_grey")


def test_rgb_only():
    refused(TAKE_ONE["aligned_chip"], GREY, ValueError, "RGB.*np.stack")


def memory_orders(image):
    """Return the same image read-only, in Fortran's order, as views that step and run backwards."""
    frozen = image.copy()
    frozen.flags.writeable = False
    wide = np.repeat(image, 2, axis=1)[:, ::2]
    backwards = np.ascontiguousarray(image[::-1])[::-1]
    return [frozen, np.asfortranarray(image), wide, backwards, image.view(np.ma.MaskedArray)]


@pytest.mark.parametrize("image", [GREY, RGB], ids=["grey", "rgb"])
@pytest.mark.parametrize("entry", sorted(set(TAKE_ONE) - {"Tracker"}))
def test_any_memory_order_gives_the_same(entry, image):
    if image is (RGB if entry in GREY_ONLY else GREY if entry == "aligned_chip" else None):
        pytest.skip("takes the other")
    call = TAKE_ONE[entry]
    before = image.copy()
    for given in memory_orders(image):
        found, expected = call(given), call(image)
        if isinstance(expected, list):
            assert found == expected
        else:
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(image, before)


def test_bgr_of_opencv_turned_by_a_view_is_searched(monkeypatch):
    from skimage import data as pictures

    astronaut = pictures.astronaut()[:300, :400]
    turned = np.ascontiguousarray(astronaut[..., ::-1])[..., ::-1]
    for name in ("haar", "dlib-hog"):
        assert detector(name)(turned) == detector(name)(astronaut)
    (seen,) = Tracker(detector("haar"))(turned)
    assert seen.searched


def test_nothing_is_copied_or_read():
    big = np.zeros((4000, 4000, 3), np.uint8)
    assert check_image(big) is big
    mapped = big.view(np.memmap)
    assert np.shares_memory(check_image(mapped), big)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("form", ["list", "generator", "objects"])
def test_one_of_several(form, bad):
    given, error, piece = BAD[bad]
    listed = [GREY, given]
    if form == "objects":
        listed = np.empty(2, object)
        listed[0], listed[1] = GREY, given
    elif form == "generator":
        listed = iter(listed)
    text = refused(lambda several: list(check_samples(several)), listed, error, piece)
    assert "image 1 " in text


@pytest.mark.parametrize("bad", sorted(set(BAD) - set(NOT_IN_LISTS)))
def test_no_list_at_all(bad):
    given, error, piece = BAD[bad]
    text = refused(lambda several: list(check_samples(several)), given, error, "")
    assert piece.split(".*")[-1].replace("\\", "")[:6] in text or "list of images" in text


def shapes(given, kind="image"):
    return [one.shape for one in check_samples(given, kind)]


def test_an_array_is_one_image_or_a_stack_by_its_last_axis():
    assert shapes(GREY) == [GREY.shape]
    assert shapes(RGB) == [RGB.shape]
    assert shapes(np.stack([GREY] * 5)) == [GREY.shape] * 5
    assert shapes(np.stack([RGB] * 5)) == [RGB.shape] * 5
    assert shapes(RGB[None]) == [RGB.shape]
    assert shapes(GREY[None]) == [GREY.shape]
    assert shapes([GREY, RGB]) == [GREY.shape, RGB.shape]
    with pytest.raises(ValueError, match="alpha"):
        shapes(np.dstack([RGB, GREY]))
    for one, several in ((4, 5), (3, 48)):
        assert len(shapes(np.zeros((48, 48, several), np.uint8))) == 48
        assert one <= 4 < several


def test_no_samples():
    for nothing in ([], (), np.array([]), np.empty((0, 48, 48), np.uint8), np.empty((0, 9, 9, 3)), iter(())):
        assert shapes(nothing) == []
    with pytest.raises(ValueError, match="no pixels"):
        shapes(RGB[:0])  # one image without rows, no stack without images


def test_clips():
    assert shapes(CLIP, "clip") == [CLIP.shape]
    assert shapes(np.stack([CLIP] * 2), "clip") == [CLIP.shape] * 2
    assert shapes([CLIP, CLIP[:2]], "clip") == [(4, 32, 32), (2, 32, 32)]
    assert check_sample(CLIP, "clip").shape == CLIP.shape


BAD_CLIPS = {
    name: BAD[name][:2] for name in ("no file", "text", "pillow", "bytes", "nan", "mask", "int64")
} | {
    "image": (GREY, ValueError),
    "colour image": (RGB, ValueError),
    "image with alpha": (np.dstack([RGB, GREY]), ValueError),
    "colour frames": (np.stack([CLIP] * 3, axis=-1), ValueError),
    "channel": (CLIP[..., None], ValueError),
    "one frame": (CLIP[:1], ValueError),
    "no frame": (CLIP[:0], ValueError),
    "no pixels": (CLIP[:, :0], ValueError),
    "floats": (CLIP / 255, TypeError),
    "list": ([GREY, GREY], TypeError),
}
TAKE_CLIP = {
    "check_clip": check_clip,
    "sample": lambda clip: sample(clip, 3),
    "resize_clip": lambda clip: resize_clip(clip, 16),
    "apex_index": apex_index,
    "magnify": magnify,
    "mirrored": lambda clip: images.mirrored(clip, "clip"),
    "Preprocess": lambda clip: images.Preprocess(equalize="hist").apply(clip, "clip"),
    "lbp-top": lambda clip: extractor("lbp-top").transform([clip]),
    "flow": lambda clip: extractor("flow").transform([clip]),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD_CLIPS)
@pytest.mark.parametrize("entry", TAKE_CLIP)
def test_one_clip(entry, bad):
    given, error = BAD_CLIPS[bad]
    refused(TAKE_CLIP[entry], given, error, "clip")


def test_a_clip_alone_is_one(monkeypatch):
    lbp_top = extractor("lbp-top")
    np.testing.assert_array_equal(lbp_top.transform(CLIP), lbp_top.transform([CLIP]))
    assert len(lbp_top.transform(np.stack([CLIP] * 3))) == 3


def test_locate_says_which_face_and_takes_none():
    points, found = locate(np.empty((0, 144, 144), np.uint8))
    assert points.shape == (0, 68, 2)
    assert found.shape == (0,)
    with pytest.raises(TypeError, match="float64"):
        locate(np.zeros((2, 144, 144)))


@pytest.mark.parametrize(
    ("box", "error", "piece"),
    [
        ((8, 8, 32, 40), TypeError, "a tuple.*Box"),
        (None, TypeError, "None"),
        (np.array([8, 8, 32, 40]), TypeError, "Box"),
        (Box(8, 8, float("nan"), 40, True), ValueError, "finite"),
        (Box(8, 8, None, 40, True), ValueError, "finite"),
        (Box(32, 40, 8, 8, True), ValueError, "empty"),
        (Box(8, 8, 8, 8, True), ValueError, "empty"),
    ],
)
def test_boxes(box, error, piece):
    refused(check_box, box, error, piece)
    refused(lambda given: crop_face(GREY, given, detector("haar").framing, 24), box, error, piece)


def test_a_detection_for_a_box_is_told():
    from featurize.detect import Detection

    refused(check_box, Detection(BOX, 1.0), TypeError, "detection.box")


@pytest.mark.parametrize("size", [None, "48", (48, 48), 48.0, True + 0.5])
def test_a_size_is_one_whole_number(size):
    refused(lambda given: images.resize(GREY, given), size, TypeError, "size=.*whole number")


@pytest.mark.parametrize("size", [0, -3, np.int64(-1)])
def test_a_size_is_positive(size):
    refused(lambda given: images.resize(GREY, given), size, ValueError, "at least 1")


def test_numpy_sizes():
    assert images.resize(GREY, np.int64(24)).shape == (24, 24)
    assert crop_face(RGB, BOX, detector("haar").framing, np.uint8(24)).shape == (24, 24, 3)
    refused(lambda side: crop_face(RGB, BOX, detector("haar").framing, side), 0, ValueError, "side=0")


@pytest.mark.parametrize("smallest", [-1, float("nan"), float("inf")])
def test_smallest(smallest):
    refused(lambda given: detector("haar")(GREY, given), smallest, ValueError, "smallest=")


@pytest.mark.parametrize("given", [None, "photo.jpg", Path("photo.jpg"), GREY, [1, 2], 3])
def test_decode_takes_bytes(given):
    refused(images.decode, given, TypeError, "bytes of an image file")


def test_decode_takes_any_kind_of_bytes(tmp_path):
    Pillow.fromarray(RGB).save(tmp_path / "face.png")
    data = (tmp_path / "face.png").read_bytes()
    for given in (data, bytearray(data), memoryview(data)):
        np.testing.assert_array_equal(images.decode(given), RGB)
