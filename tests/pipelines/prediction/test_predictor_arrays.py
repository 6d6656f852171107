"""What is no image is refused by everything that predicts, in one line; one crop is one face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from skimage import data as pictures

from featurize.faces import Box
from pipelines.api import fit, load_dataset
from pipelines.models.model import load_model
from pipelines.prediction.annotate import draw
from pipelines.prediction.clips import ClipPredictor
from pipelines.prediction.predictor import Predictor

PHOTO = pictures.astronaut()[:300, :400]
BAD = {
    "no file": (None, TypeError, r"cv2.imread returns None|missing \(None\)"),
    "text": ("photo.jpg", TypeError, "decode"),
    "path": (Path("photo.jpg"), TypeError, "decode"),
    "pillow": (Pillow.fromarray(PHOTO), TypeError, "np.asarray"),
    "floats": (PHOTO / 255, TypeError, "255"),
    "int64": (PHOTO.astype(int), TypeError, "astype"),
    "mask": (PHOTO[..., 0] > 9, TypeError, "255"),
    "nan": (np.full((48, 48), np.nan), ValueError, "NaN"),
    "alpha": (np.dstack([PHOTO, PHOTO[..., 0]]), ValueError, "alpha"),
    "one channel": (PHOTO[..., :1], ValueError, r"image\[..., 0\]"),
    "no pixels": (PHOTO[:0], ValueError, "no pixels"),
    "one axis": (PHOTO.ravel(), ValueError, "rows and columns"),
}
#: What classifying takes, and what takes arrays alone does not.
FILES = ("text", "path", "pillow")
#: These are lists of images where lists are taken.
LISTS = {
    "channels first": (PHOTO.transpose(2, 0, 1), ValueError, "transpose"),
    "list": ([PHOTO], TypeError, "one image at a time"),
    "stack": (PHOTO[None], ValueError, "stack"),
}


@pytest.fixture(scope="module")
def folder(model_folder):
    return model_folder()


@pytest.fixture(scope="module")
def predictor(folder):
    return Predictor.load(str(folder), "haar")


def one_line(call, given, error, piece):
    with pytest.raises(error, match=piece) as caught:
        call(given)
    assert "\n" not in str(caught.value)
    assert "OpenCV" not in str(caught.value)


@pytest.mark.parametrize("bad", BAD | LISTS)
@pytest.mark.parametrize("name", ["faces", "look", "search", "smallest", "judge", "empty", "crop", "draw"])
def test_one_image(predictor, name, bad):
    box = Box(200, 80, 280, 160, True)
    calls = {
        "judge": lambda image: predictor.classify_faces(image, predictor.search(PHOTO)),
        "empty": lambda image: predictor.classify_faces(image, []),
        "crop": lambda image: predictor.crop(image, box),
        "draw": lambda image: draw(image, []),
    }
    given, error, piece = (BAD | LISTS)[bad]
    if name in ("faces", "look") and bad in FILES:
        pytest.skip("they take files, and images of Pillow")
    one_line(calls.get(name) or getattr(predictor, name), given, error, piece)


@pytest.mark.parametrize("form", ["alone", "in a list"])
@pytest.mark.parametrize("bad", [name for name in BAD if name not in FILES])
def test_many_images(folder, predictor, bad, form):
    given, error, piece = BAD[bad]
    model = load_model(folder)
    listed = [PHOTO, given] if form == "in a list" else given
    for call in (predictor.classify, model.predict, model.scores, model.embed):
        one_line(call, listed, error, "image 1 .*" + piece if form == "in a list" else piece)


def test_one_crop_is_one_face(folder, predictor):
    model, faces = load_model(folder), load_dataset("synthetic(n_per_class=2)")
    grey = faces.samples[0]
    colour = predictor.crop(PHOTO, predictor.faces(PHOTO)[0].box)
    assert colour.shape == (48, 48, 3)
    for crop in (grey, colour):
        assert predictor.classify(crop).shape == (1, 7)
        np.testing.assert_array_equal(predictor.classify(crop), predictor.classify([crop]))
        np.testing.assert_array_equal(model.scores(crop), model.scores([crop]))
        assert model.predict(crop) == model.predict([crop])
    for stack in (np.stack([grey] * 3), np.stack([colour] * 3), (c for c in (grey, colour, grey))):
        assert predictor.classify(stack).shape == (3, 7)
    assert len(model.predict(np.stack([grey] * 5))) == 5
    assert predictor.classify([]).shape == (0, 7)


def test_arrays_in_any_memory_order(predictor):
    frozen = PHOTO.copy()
    frozen.flags.writeable = False
    from_bgr = np.ascontiguousarray(PHOTO[..., ::-1])[..., ::-1]
    expected = predictor.faces(PHOTO)
    for image in (frozen, from_bgr, np.asfortranarray(PHOTO)):
        assert predictor.faces(image) == expected
        np.testing.assert_array_equal(draw(image, expected), draw(PHOTO, expected))


def test_images_of_a_few_pixels(predictor):
    for shape in ((1, 1), (1, 400), (300, 1, 3), (7, 7)):
        assert predictor.faces(np.full(shape, 99, np.uint8)) == []


def test_a_box_that_is_none(predictor):
    one_line(lambda box: predictor.crop(PHOTO, box), (1, 2, 30, 40), TypeError, "Box")
    one_line(lambda box: predictor.crop(PHOTO, box), predictor.search(PHOTO)[0], TypeError, "detection.box")


def test_what_is_no_detection(predictor):
    box = predictor.search(PHOTO)[0].box
    one_line(lambda found: predictor.classify_faces(PHOTO, found), [box], TypeError, "Box in it; give search")


def test_a_model_folder_that_is_none():
    one_line(Predictor.load, 7, TypeError, "give a path")


def test_clips(tmp_path):
    fit("synthetic-clips(n_subjects=6, clips_per_subject=4)", "lbp-top", "knn", n_neighbors=1, out=tmp_path)
    predictor = ClipPredictor.load(tmp_path)
    clip = load_dataset("synthetic-clips(n_subjects=6, clips_per_subject=4)").samples[0]
    assert predictor.classify(clip).shape == predictor.classify([clip]).shape == (1, len(predictor.classes))
    one_line(predictor.classify, [clip[0]], ValueError, "clip 0 .*one image is no clip")
    one_line(predictor.classify, clip / 255, TypeError, "clip")
    one_line(predictor.classify, None, TypeError, "list of clips")
    box = Box(10, 10, 50, 50, True)
    frames = [PHOTO, PHOTO[..., 0]]
    assert predictor.clip(frames, [box, box]).shape == (2, 128, 128)
    one_line(lambda given: predictor.clip(given, [box]), frames, ValueError, "2 frames and 1 boxes")
    one_line(lambda given: predictor.clip(given, []), [], ValueError, "0 frames")
    one_line(lambda given: predictor.clip(given, [box]), [None], TypeError, "None")
