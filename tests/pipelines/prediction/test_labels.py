"""One prediction, one label: whatever classifies a face shows the label that fitting measured."""

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from classifiers import label_is_largest, list_heads, scores
from classifiers.registry import head_spec
from featurize.detect import Whole
from pipelines.api import fit, load_dataset, load_model
from pipelines.media.video_file import Frame
from pipelines.prediction.faces import FrameResult
from pipelines.prediction.live import watcher
from pipelines.prediction.photos import predict_photos
from pipelines.prediction.predictor import Predictor
from pipelines.prediction.video import Smoother, VideoPredictor
from pipelines.results.predictions import load_predictions
from pipelines.web.inference import InferenceService, Job
from pipelines.web.schemas import FaceAnswer
from pipelines.web.uploads import Limits, Upload
from tests.classifiers.conftest import blobs

SIDE = 48
#: Ties are likely: two trees, two neighbours, and training images that stand in every class.
QUICK = {
    "forest": {"n_estimators": 2},
    "knn": {"n_neighbors": 2},
    "bagged-svm": {"n_estimators": 4, "max_samples": 0.6},
    "local-svm": {"n_neighbors": 12},
    "svm": {"C": 10},
}
PLAIN = [(name, QUICK.get(name, {})) for name in list_heads()]
CALIBRATED = [
    (name, given | {"probability": True})
    for name, given in PLAIN
    if "probability" in head_spec(name).params.model_fields
]
VARIANTS = [*PLAIN, *CALIBRATED, ("svm", {"C": 10, "break_ties": True}), ("knn", {"n_neighbors": 4})]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder of four classes that are hard to tell apart; one training image in six is in all."""
    root, rng = tmp_path_factory.mktemp("data") / "faces", np.random.default_rng(0)
    shared = noise(rng, 4)
    for split, count in (("train", 20), ("validation", 4), ("test", 16)):
        for k, name in enumerate(("angry", "happy", "neutral", "sad")):
            folder = root / split / name
            folder.mkdir(parents=True)
            own = noise(rng, count, k)
            for i, image in enumerate([*own, *shared] if split != "validation" else own):
                Image.fromarray(image).save(folder / f"{i}.png")
    return root


def noise(rng, count, k=0):
    small = rng.integers(60, 160, (count, 6, 6))
    small[:, k, :] += 25
    return np.kron(small, np.ones((8, 8), np.int64)).astype(np.uint8)


@pytest.fixture(scope="module")
def images(data):
    found = load_dataset(str(data))
    return [found.samples[int(i)] for i in found.where("test")]


@pytest.fixture(scope="module", params=VARIANTS, ids=str)
def made(request, data, tmp_path_factory):
    """Return a model folder, the labels that fitting measured, and its predictor."""
    folder = tmp_path_factory.mktemp("models") / "model"
    _, outcome = fit(str(data), "hog", request.param[0], out=folder, **request.param[1])
    predictor = Predictor(load_model(folder), Whole())
    return folder, [predictor.classes[k] for k in outcome.predictions.predicted], predictor


def test_model_and_predictor_give_the_measured_labels(made, images):
    folder, measured, predictor = made
    kept = load_predictions(folder / "predictions.npz")
    assert [str(kept.classes[k]) for k in kept.predicted] == measured
    assert load_model(folder).predict(images) == measured
    assert predictor.predict(images) == measured
    assert [predictor.classes[k] for k in predictor.classify(images).argmax(axis=1)] == measured
    assert [predictor.predict([image])[0] for image in images] == measured
    np.testing.assert_allclose(predictor.classify(images).sum(axis=1), 1)


def test_photos_and_the_web_page_give_the_measured_labels(made, images, tmp_path):
    _, measured, predictor = made
    paths = []
    for i, image in enumerate(images):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(image).save(paths[-1])
    for form in ("jsonl", "csv"):
        to = io.StringIO()
        predict_photos(paths, predictor, to, form=form)
        assert labels_of(to.getvalue(), form) == measured
    service = InferenceService(predictor, Limits(), workers=1)
    faces = [service.photo(Job(Upload(path.name, path)))["faces"][0] for path in paths]
    service.close()
    assert [FaceAnswer(**face).label for face in faces] == measured
    assert {face["meaning"] for face in faces} == {predictor.meaning}


def labels_of(text, form):
    if form == "csv":
        return [row["label"] for row in csv.DictReader(io.StringIO(text))]
    return [json.loads(line)["faces"][0]["label"] for line in text.splitlines()]


def test_numbers_rank_as_labels_do_or_say_that_they_do_not(made, images):
    _, measured, predictor = made
    labels, numbers = predictor.labels_and_numbers(images)
    same = numbers.argmax(axis=1) == labels
    if predictor.meaning == "unranked probability":
        own = scores(predictor.model.estimator, predictor.model.embed(images))
        np.testing.assert_allclose(numbers, own, atol=1e-5)
        assert not same.all()
    else:
        assert same.all()
    (face,) = predictor.faces(images[0])
    record = face.as_dict()
    assert (record["label"], record["meaning"]) == (measured[0], predictor.meaning)
    assert ("scores" in record) is (predictor.meaning == "score")


def test_a_video_that_is_not_smoothed_shows_the_measured_labels(made, images):
    _, measured, predictor = made
    frames = [Frame(i, i / 25, image) for i, image in enumerate(images)]
    watch, live = VideoPredictor(predictor, every=1, smooth=0), watcher(predictor, every=1, smooth=0)
    assert [watch(frame).faces[0].label for frame in frames] == measured
    assert [live(frame)[0].label for frame in frames] == measured
    firsts = [
        VideoPredictor(predictor)(frame).faces[0].label for frame in frames
    ]  # each the first of its track
    assert firsts == measured


def test_a_smoothed_label_is_that_of_what_ranks_as_labels_do(made, images):
    _, _, predictor = made
    labels, numbers = predictor.labels_and_numbers(images)
    votes = np.eye(4)[labels]
    decides = votes if predictor.meaning == "unranked probability" else numbers
    watch, by_hand, shown = VideoPredictor(predictor, every=1, smooth=0.3), Smoother(0.3), Smoother(0.3)
    for i, image in enumerate(images):
        (face,) = watch(Frame(i, i / 10, image)).faces
        assert face.label == predictor.classes[int(by_hand(1, i / 10, decides[i]).argmax())]
        np.testing.assert_allclose([*face.probabilities.values()], shown(1, i / 10, numbers[i]), atol=1e-4)


def test_a_web_video_shows_the_labels_of_a_watcher(made, images, monkeypatch, tmp_path):
    from pipelines.media import limited

    predictor = made[2]
    frames = [Frame(i, i / 12.5, image) for i, image in enumerate(images[:6])]

    class Video:
        width, height, rate, seconds, fault, left_out = 48, 48, 12.5, 0.5, "", ""

        def __init__(self, *_, **limits):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def __iter__(self):
            return iter(frames)

    monkeypatch.setattr(limited, "LimitedVideo", Video)
    service = InferenceService(predictor, Limits(), workers=1)
    found = service.video(Job(Upload("v.mp4", tmp_path / "v.mp4")))["moments"]
    service.close()
    watch = VideoPredictor(predictor)
    expected: list[FrameResult] = [watch(frame) for frame in frames]
    assert [m["faces"][0]["label"] for m in found] == [m.faces[0].label for m in expected]


def test_an_export_gives_the_measured_labels(made, images, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from pipelines.exporting.export import export
    from pipelines.exporting.heads import NotExportable

    folder, measured, predictor = made
    if type(predictor.model.estimator).__name__ == "LocalSVC":
        with pytest.raises(NotExportable):
            export(folder, tmp_path / "out", ["onnx"])
        return
    export(folder, tmp_path / "out", ["onnx"])
    np.save(tmp_path / "vectors.npy", predictor.model.embed(images))
    script = [sys.executable, str(tmp_path / "out" / "predict.py"), str(tmp_path / "vectors.npy")]
    said = subprocess.run(script, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [json.loads(line)["label"] for line in said] == measured
    card = json.loads((tmp_path / "out" / "export.json").read_text())
    assert ("need not" in card["label"]) is not label_is_largest(predictor.model.estimator)


def test_the_data_has_what_is_tested(data, images, tmp_path):
    """Without ties, and faces where votes and scores differ, the tests above would say nothing."""
    for name, params in (("svm", {"C": 10}), *CALIBRATED):
        model, _ = fit(str(data), "hog", name, **params)
        labels, found = model.labels_and_scores(images)
        assert (found.argmax(axis=1) != labels).any(), (name, params)
    for name in ("knn", "forest"):
        model, _ = fit(str(data), "hog", name, **QUICK[name])
        top = np.sort(model.scores(images), axis=1)
        assert (top[:, -1] == top[:, -2]).any(), name


def test_nothing_to_classify(made):
    folder, _, predictor = made
    model = load_model(folder)
    assert model.predict([]) == predictor.predict([]) == []
    assert model.scores([]).shape == predictor.classify([]).shape == (0, 4)
    assert model.embed([]).shape == (0, model.estimator.n_features_in_)
    assert predictor.classify_faces(np.zeros((9, 9), np.uint8), []) == []


def test_the_model_that_ships_gives_its_heads_labels():
    data = load_dataset("synthetic")
    images = [data.samples[i] for i in range(0, len(data.samples), 40)]
    model, predictor = load_model(), Predictor.load()
    expected = [model.classes[k] for k in model.estimator.predict(model.embed(images))]
    assert model.predict(images) == predictor.predict(images) == expected


def test_images_of_many_sizes_are_seen_as_in_fitting(tmp_path):
    """The first is a square of 48 pixels; what is larger was fitted on as it is, and stays so."""
    rng, root = np.random.default_rng(1), tmp_path / "faces"
    for split in ("train", "validation", "test"):
        for k, name in enumerate(("a", "b")):
            (root / split / name).mkdir(parents=True)
            for i, image in enumerate(noise(rng, 12, 3 * k)):
                size = [(48, 48), (120, 120), (60, 90)][i % 3]
                Image.fromarray(image).resize(size).save(root / split / name / f"{i}.png")
    _, outcome = fit(str(root), "pixels", "knn", n_neighbors=1, out=tmp_path / "model")
    data = load_dataset(str(root))
    images = [data.samples[int(i)] for i in data.where("test")]
    predictor = Predictor(load_model(tmp_path / "model"), Whole())
    assert (predictor.side, predictor.model.largest) == (48, 120)
    assert predictor.predict(images) == [data.classes[k] for k in outcome.predictions.predicted]
    larger = np.kron(images[1], np.ones((2, 2), np.uint8))
    assert all(predictor.model.reduced(image) is image for image in images)
    assert predictor.model.reduced(larger).shape == (120, 120)


@pytest.mark.parametrize(
    ("known", "largest"),
    [({}, 48), ({"side": 64}, 64), ({"side": None}, None), ({"side": 48, "largest": 90}, 90)],
    ids=str,
)
def test_cards_of_every_version_say_what_is_reduced(known, largest):
    model = load_model()
    card = {**model.card, "data": known}
    assert replace(model, card=card).largest == largest


def test_a_saved_model_without_new_fields_is_read(data, tmp_path, images):
    _, outcome = fit(str(data), "hog", "svm", C=10, probability=True, out=tmp_path / "model")
    path = tmp_path / "model" / "card.json"
    card = json.loads(path.read_text())
    del card["data"]["largest"], card["manifest"]
    path.write_text(json.dumps(card))
    (path.parent / "manifest.json").unlink()
    predictor = Predictor(load_model(tmp_path / "model"), Whole())
    assert predictor.predict(images) == [predictor.classes[k] for k in outcome.predictions.predicted]


def test_clips_show_the_heads_label():
    from pipelines.prediction.clips import ClipPredictor, WindowPredictor

    class Voting:
        """Says the first class of every clip, and gives it the least probability."""

        classes_ = np.arange(2)

        def predict(self, X):
            return np.zeros(len(X), np.intp)

        def predict_proba(self, X):
            return np.tile([0.3, 0.7], (len(X), 1))

    class Clips:
        kinds, classes, side, card = {"clip"}, ("no", "yes"), 48, {}
        estimator = Voting()

        def embed(self, clips):
            return np.zeros((len(clips), 1), np.float32)

        def answers_of(self, X):
            return self.estimator.predict(X), self.estimator.predict_proba(X)

    watch = WindowPredictor(ClipPredictor(Clips(), Whole()), window=2, stride=1, every=1)
    image = blob_image()
    rows = [watch(Frame(i, i / 25, image)) for i in range(3)]
    assert rows[0] is None
    assert [(row.faces[0].label, row.faces[0].meaning) for row in rows[1:]] == [
        ("no", "unranked probability")
    ] * 2
    assert rows[1].faces[0].probabilities == {"no": 0.3, "yes": 0.7}
    assert watch.shown()[0].label == "no"


def blob_image():
    return np.clip(128 + 20 * blobs(48, 48, 2)[0], 0, 255).astype(np.uint8)
