"""Faces of an image: found, framed, classified; the numbers named as what they are."""

import json
import shutil
import threading

import numpy as np
import pytest
from skimage import data as pictures

from featurize import extractor
from featurize.detect import DETECTORS, detector
from featurize.engine import choose
from pipelines.api import load_dataset
from pipelines.models.model import load_model
from pipelines.prediction import predictor as predictor_module
from pipelines.prediction.annotate import draw
from pipelines.prediction.predictor import Predictor
from pipelines.prediction.video import predict_video, tracker
from tests.helpers.videofiles import write


@pytest.fixture(scope="session")
def folders(model_folder):
    """Return two model folders: a head with probabilities and one with scores only."""
    return {"softmax": model_folder(), "svm": model_folder(head="svm", C=10)}


@pytest.fixture(scope="session")
def astronaut():
    """Return a photo with one face of about 90 pixels."""
    return pictures.astronaut()


@pytest.fixture(scope="session")
def predictor(folders):
    return Predictor.load(folders["softmax"])


@pytest.mark.parametrize("name", [name for name, d in DETECTORS.items() if not d.whole])
def test_every_detector_finds_the_astronaut(folders, astronaut, name):
    small = astronaut[:300, :400]
    (face,) = Predictor.load(folders["softmax"], name, min_face=60).faces(small)
    middle = (face.box.left + face.box.right) / 2, (face.box.top + face.box.bottom) / 2
    assert abs(middle[0] - 225) < 25
    assert abs(middle[1] - 115) < 25


def test_a_face_is_json_and_says_what_its_numbers_are(folders, astronaut):
    for name, key in (("softmax", "probabilities"), ("svm", "scores")):
        (face,) = Predictor.load(folders[name]).faces(astronaut)
        record = json.loads(json.dumps(face.as_dict()))
        assert sum(record[key].values()) == pytest.approx(1, abs=1e-3)
        assert record["label"] == max(record[key], key=record[key].get)
        assert {"probabilities", "scores"} & set(record) == {key}


def test_crops_are_judged_as_the_fitted_head_does(predictor):
    faces = load_dataset("synthetic")
    crops = [faces.samples[i] for i in range(70)]  # more than one batch
    rows = predictor.classify(crops)
    assert rows.shape == (70, 7)
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    assert [predictor.classes[k] for k in rows.argmax(axis=1)] == predictor.model.predict(crops)
    np.testing.assert_allclose(predictor.classify(crops[:1]), rows[:1], atol=1e-5)
    assert predictor.classify([]).shape == (0, 7)


def test_large_crops_are_reduced_to_what_training_saw(predictor):
    face = load_dataset("synthetic").samples[0]
    large = np.kron(face, np.ones((4, 4), np.uint8))
    np.testing.assert_allclose(predictor.classify([large]), predictor.classify([face]), atol=1e-6)


def test_small_faces_are_reported_as_skipped(folders, astronaut):
    sight = Predictor.load(folders["softmax"], min_face=110).look(astronaut)
    assert not sight.faces
    assert len(sight.skipped) == 1


def test_a_large_photo_is_reduced_and_says_so(folders, astronaut):
    large = np.kron(astronaut, np.ones((6, 6, 1), np.uint8))
    sight = Predictor.load(folders["softmax"]).look(large)
    assert len(sight.faces) == 1
    assert sight.smallest == round(3072 / predictor_module.FACES_ACROSS)


@pytest.mark.parametrize("shape", [(8, 8), (9, 700), (300, 40, 3)])
def test_nothing_to_see(predictor, shape):
    assert predictor.faces(np.full(shape, 127, np.uint8)) == []


def test_a_grey_photo(predictor, astronaut):
    (face,) = predictor.faces(astronaut[..., 1].copy())
    assert face.label in predictor.classes


def test_drawing_leaves_the_photo_alone(predictor, astronaut):
    before = astronaut.copy()
    faces = predictor.faces(astronaut)
    drawn = draw(astronaut, faces)
    np.testing.assert_array_equal(astronaut, before)
    assert (drawn != astronaut).any()
    assert draw(np.zeros((40, 40), np.uint8), faces).shape == (40, 40, 3)  # a box that lies outside


def test_threads_share_a_predictor(predictor, astronaut):
    expected, found = predictor.faces(astronaut), []
    threads = [threading.Thread(target=lambda: found.append(predictor.faces(astronaut))) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert [f[0].box for f in found] == [expected[0].box] * 4


def test_no_model_ships_is_said_plainly(monkeypatch, tmp_path):
    monkeypatch.setattr("pipelines.models.folders.FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match="no model ships .* --model MODEL"):
        Predictor.load()


def test_the_model_that_ships(monkeypatch, folders, tmp_path):
    shutil.copytree(folders["softmax"], tmp_path / "default")
    monkeypatch.setattr("pipelines.models.folders.FOLDER", tmp_path)
    assert Predictor.load().meaning == "probability"


def test_unknown_detector():
    with pytest.raises(ValueError, match="did you mean 'dlib-hog'"):
        detector("dlib-hogg")


def test_a_face_too_small_for_anything(folders):
    with pytest.raises(ValueError, match="min_face=4"):
        Predictor.load(folders["softmax"], min_face=4)


def test_a_model_of_clips_is_refused(folders):
    model = Predictor.load(folders["softmax"]).model
    card = {**model.card, "extractor": {"parts": [{"kind": "clip"}]}}
    with pytest.raises(ValueError, match="classifies clips"):
        Predictor(type(model)(model.extractor, model.preprocess, model.estimator, card), detector())


def test_a_network_looks_as_often_as_asked():
    """As if its embedding were that of six looks; the head stays what it was fitted on."""
    once, six = (Predictor.load("small", precision="f32", views=v).model for v in (None, "six"))
    assert [p.params.views for p in (*once.networks, *six.networks)] == ["one", "six"]
    faces = [np.random.default_rng(k).integers(0, 256, (48, 48), np.uint8) for k in range(3)]
    looked = extractor("own-small", precision="f32", views="six").transform(faces)
    np.testing.assert_allclose(six.scores(faces), once.estimator.predict_proba(looked), atol=1e-6)
    assert np.abs(six.scores(faces) - once.scores(faces)).max() > 0.01


def test_a_model_without_a_network_cannot_look_again(folders):
    with pytest.raises(ValueError, match="views=six: this model has no network that could look again"):
        Predictor.load(folders["softmax"], views="six")


def test_a_network_judges_in_the_precision_asked_for():
    """The model that ships takes what the processor is fastest in; f32 and bf16 say nearly the same."""
    faces = [np.random.default_rng(i).integers(0, 256, (48, 48), dtype=np.uint8) for i in range(8)]
    whole, half = (Predictor.load(precision=p).model for p in ("f32", "bf16"))
    shipped = load_model()
    taken = {"f32": whole, "bf16": half}[choose().precision]
    np.testing.assert_allclose(shipped.scores(faces), taken.scores(faces), atol=1e-6)
    apart = np.abs(whole.scores(faces) - half.scores(faces)).max()
    assert [p.choice.precision for p in (*whole.networks, *half.networks)] == ["f32", "bf16"]
    assert apart < 0.3


def test_the_model_that_ships_loads_on_a_processor_without_bf16(monkeypatch):
    monkeypatch.setattr("featurize.engine.cpu_capabilities", lambda: frozenset({"FP32"}))
    assert [network.choice.precision for network in load_model().networks] == ["f32"]


def test_without_a_detector_an_image_is_the_face(folders):
    faces = load_dataset("synthetic")
    crops = [faces.samples[i] for i in range(20)]
    whole = Predictor.load(folders["softmax"], "none")
    for crop, label in zip(crops, whole.model.predict(crops), strict=True):
        (face,) = whole.faces(crop)
        assert face.box[:4] == (0, 0, crop.shape[1], crop.shape[0])
        assert (face.confidence, face.label) == (1.0, label)


def test_without_a_detector_any_shape_is_taken_as_training_took_it(folders):
    whole = Predictor.load(folders["softmax"], "none")
    image = np.random.default_rng(0).integers(0, 256, (60, 200, 3), np.uint8)
    (face,) = whole.faces(image)
    assert face.label == whole.model.predict([image])[0]
    assert face.box[:4] == (0, 0, 200, 60)


@pytest.mark.parametrize(("shape", "judged"), [((16, 16), True), ((15, 40), False), ((40, 15), False)])
def test_without_a_detector_the_smallest_image_is_16_pixels(folders, shape, judged):
    sight = Predictor.load(folders["softmax"], "none").look(np.zeros(shape, np.uint8))
    assert (len(sight.faces), len(sight.skipped)) == (judged, not judged)
    assert sight.smallest == 16


def test_without_a_detector_every_frame_is_one_track(folders, tmp_path):
    path = write(tmp_path / "v.mp4", np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), np.uint8))
    with predict_video(path, Predictor.load(folders["softmax"], "none")) as timeline:
        rows = list(timeline)
    assert [[face.track for face in row.faces] for row in rows] == [[1]] * 8
    assert all(row.faces[0].box[:4] == (0, 0, 64, 64) for row in rows)


def test_without_a_detector_a_frame_of_another_size_is_the_same_track(folders):
    track = tracker(Predictor.load(folders["softmax"], "none"))
    frames = [np.zeros((64, 64), np.uint8), np.full((48, 96), 255, np.uint8)]
    seen = [one for frame in frames for one in track(frame)]
    assert [(one.track, one.detection.box[:4]) for one in seen] == [(1, (0, 0, 64, 64)), (1, (0, 0, 96, 48))]


@pytest.mark.parametrize(
    ("name", "words"), [("head.skops", "is a file of the model in"), ("x.yaml", "a recipe")]
)
def test_a_file_in_place_of_a_model_says_what_to_give(folders, tmp_path, name, words):
    (tmp_path / "x.yaml").write_text("name: x")
    path = folders["softmax"] / name if name == "head.skops" else tmp_path / name
    with pytest.raises(NotADirectoryError, match=words):
        Predictor.load(path)
