"""The as-shipped table: classes of other packages' words, what counts as found, scores, and its lines."""

from __future__ import annotations

import ast
import importlib
import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest

from pipelines.datasets.base import EMOTIONS
from tests.helpers.rooms import ROOT

BENCHMARKS = ROOT / "benchmarks"
FOLDER = BENCHMARKS / "rivals"
sys.path.insert(0, str(BENCHMARKS))
environments = importlib.import_module("rivals.environments")
jobs = importlib.import_module("rivals.jobs")
pyemotion = importlib.import_module("rivals.pyemotion")
registry = importlib.import_module("rivals.registry")
table = importlib.import_module("rivals.table")
sys.path.remove(str(BENCHMARKS))

#: Words of each package, in the order of its outputs, as its own source has them.
OTHERS = sorted({r.adapter for r in registry.RIVALS} - {"mueca_models.py"})
ADAPTER = '''
"""Says the mean of a face, and one box an image."""
class Rival:
    labels, version, weights = ("Sad", "HAPPY"), "9", []
    def __init__(self, variant):
        if variant == "broken":
            raise OSError("no such model")
    def classify(self, faces):
        import numpy as np
        return np.array([[face.mean(), 255 - face.mean()] for face in faces])
    def search(self, image):
        yield (0, 0, image.shape[1], image.shape[0]), [float(image[..., 0].mean()), 0.0]
'''


def words(adapter):
    """Return the labels that an adapter's source names."""
    text = (FOLDER / adapter).read_text("utf-8")
    if adapter.endswith(".js"):
        return re.findall(r"'(\w+)'", re.search(r"LABELS = \[(.*?)\]", text, re.S)[1])
    tree = ast.parse(text)
    named = {t.id: n.value for n in tree.body if isinstance(n, ast.Assign) for t in n.targets}
    return list(ast.literal_eval(named["LABELS"]))


@pytest.mark.parametrize("adapter", OTHERS)
def test_every_packages_words_are_the_seven_classes(adapter):
    labels = words(adapter)
    numbers = table.ordered([np.arange(7)], labels, EMOTIONS)[0]
    for place, name in enumerate(EMOTIONS):
        assert labels[int(numbers[place])].lower()[:3] == {"angry": "ang", "happy": "hap"}.get(name, name[:3])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["angry", "disgust", "fear", "happy", "neutral", "sad", "bored"], "no class for bored"),
        (["angry", "anger", "fear", "happy", "neutral", "sad", "surprise"], "are not the classes"),
        (["angry", "disgust"], "are not the classes"),
    ],
)
def test_words_without_a_class_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        table.ordered(np.zeros((1, len(labels))), labels, EMOTIONS)


def test_scores_of_known_predictions():
    numbers = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    found = table.scored(numbers, np.array([0, 0, 1, 1]))
    assert (found.accuracy, found.uar, found.count) == (0.75, 0.75, 4)
    assert found.recalls.tolist() == [1.0, 0.5]
    # Four bins of one face each: |.9-1|, |.8-1|, |.6-0|, |.7-1|.
    assert found.ece == pytest.approx((0.1 + 0.2 + 0.6 + 0.3) / 4)


def test_a_class_without_faces_does_not_count_in_the_mean_recall():
    found = table.scored(np.eye(3)[[0, 1]], np.array([0, 1]))
    assert found.uar == 1
    assert math.isnan(found.recalls[2])


@pytest.mark.parametrize("numbers", [[[0.6, 0.6]], [[-0.1, 1.1]], [[2.0, 1.0]]])
def test_numbers_that_are_no_distribution_have_no_calibration_error(numbers):
    assert math.isnan(table.calibration(np.array(numbers), np.array([True])))


def test_rounded_probabilities_still_have_one():
    assert table.calibration(np.array([[0.67, 0.32]]), np.array([True])) == pytest.approx(0.33)


def test_faces_are_found_by_their_middles_and_taken_once():
    truth = [(0, 0, 90, 90), (100, 0, 190, 90), (300, 0, 390, 90)]
    tight, large, far = ((30, 30, 60, 60), "a"), ((70, -30, 220, 120), "b"), ((380, 0, 470, 90), "c")
    assert list(table.matches([far, large, tight], truth)) == ["a", "b", None]
    assert list(table.matches([tight], [truth[0], truth[0]])) == ["a", None]
    assert list(table.matches([], truth[:1])) == [None]


def test_shares_of_faces_that_were_and_were_not_found():
    rows = [np.array([1, 0]), None, np.array([0, 1]), None]
    assert table.shares(rows, np.array([0, 0, 0, 1])) == (0.5, 0.25, 0.5)
    assert math.isnan(table.shares([None], np.array([0]))[2])


def test_lines_stand_under_their_heads():
    scores = table.Scores(0.7060, 0.6912, np.array([0.5, math.nan]), math.nan, 3589)
    parts = dict.fromkeys(("train", "public", "private", "clean", "ferplus"), scores)
    line = table.faces_line("x" * 44, "25.10.3", 0.093, parts, "FER2013's tests")
    assert len(line) == len(table.FACES_HEAD)
    shares = "70.60 70.60 70.60 69.1-72.1 69.12 70.60 - 70.60 69.12 - FER2013's tests"
    assert line.split()[1:] == ["25.10.3", "0.09", *shares.split()]
    assert table.recalls_line("x", scores).split() == ["x", "50.0", "-"]
    assert table.photos_line("x", [(0.5, 0.25, math.nan)]).split() == ["x", "50.0", "25.0", "-"]
    line = table.speed_line("x" * 44, 100, [[3.0, 1.0], [2.0, 4.0]], 100.0, math.nan)
    assert len(line) == len(table.SPEED_HEAD)
    assert line.split()[1:] == ["50", "0.500", "10.00", "-"]
    assert table.speed_line("x", 100, [[2.0, 2.0]], 50.0, 4.0).split()[-1] == "0.25"


def test_a_worker_answers_for_faces_and_images_and_is_asked_once(tmp_path, monkeypatch):
    rival = rival_of(tmp_path, monkeypatch, "")
    faces = np.stack([np.full((4, 4), value, np.uint8) for value in (0, 100)])
    job = jobs.written(tmp_path / "job", faces, [np.full((6, 8), 50, np.uint8)])
    found = jobs.answers(rival, tmp_path, job)
    assert found["scores"] == [[0, 255], [100, 155]]
    assert found["images"] == [[[[0, 0, 8, 6], [50, 0]]]]
    assert (found["version"], found["labels"], found["bytes"]) == ("9", ["Sad", "HAPPY"], 0)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked again"))
    assert jobs.answers(rival, tmp_path, job) == found


def test_a_worker_takes_times_anew(tmp_path, monkeypatch):
    rival = rival_of(tmp_path, monkeypatch, "")
    job = jobs.written(tmp_path / "job", np.zeros((9, 4, 4), np.uint8), [np.zeros((6, 8, 3), np.uint8)])
    found = jobs.times(rival, tmp_path, job, 2)
    assert [len(found["faces"]), len(found["images"])] == [2, 2]
    assert all(wall > 0 and processor >= 0 for wall, processor in found["faces"] + found["images"])
    assert "scores" not in found


def test_a_worker_that_fails_says_its_last_line(tmp_path, monkeypatch):
    job = jobs.written(tmp_path / "job", np.zeros((1, 4, 4), np.uint8), [])
    with pytest.raises(RuntimeError, match="^x: OSError: no such model$"):
        jobs.answers(rival_of(tmp_path, monkeypatch, "broken"), tmp_path, job)
    assert not list(job.folder.glob("answers-*.json"))


def rival_of(tmp_path, monkeypatch, variant):
    """Return a package of the test's own, beside a copy of the worker."""
    folder = tmp_path / "rivals"
    folder.mkdir()
    (folder / "said.py").write_text(ADAPTER, "utf-8")
    (folder / "worker.py").write_text((FOLDER / "worker.py").read_text("utf-8"), "utf-8")
    for module in (jobs, environments):
        monkeypatch.setattr(module, "HERE", folder)
    return registry.Rival("x", "x==9", "own", "said.py", variant, "", "", "", "")


def test_other_faces_ask_again(tmp_path):
    one = jobs.written(tmp_path / "a", np.zeros((1, 4, 4), np.uint8), [])
    other = jobs.written(tmp_path / "b", np.ones((1, 4, 4), np.uint8), [])
    assert one.digest != other.digest


def test_what_stands_in_the_table_is_pinned_where_it_is_installed():
    for rival in registry.RIVALS:
        assert (FOLDER / rival.adapter).exists()
        if rival.environment == environments.OWN:
            continue
        texts = environments.asked_for(rival.environment)
        name, version = rival.package.rsplit("==", 1)
        if rival.environment == "node":
            assert json.loads(texts["package.json"])["dependencies"][name] == version
        else:
            assert rival.package in texts[f"{rival.environment}-packages.txt"].split()


def test_every_requirement_is_pinned():
    for environment in ("keras", "torch"):
        for text in environments.asked_for(environment).values():
            lines = [line for line in text.splitlines() if line and not line.startswith("#")]
            assert lines
            assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in lines)


def test_an_environment_counts_only_as_it_is_pinned_now(tmp_path):
    assert environments.is_there(environments.OWN, tmp_path)
    assert not environments.is_there("keras", tmp_path)
    mark = tmp_path / "keras" / "installed.json"
    mark.parent.mkdir()
    mark.write_text(json.dumps(environments.asked_for("keras")), "utf-8")
    assert environments.is_there("keras", tmp_path)
    mark.write_text(json.dumps({"keras.txt": "fer==1"}), "utf-8")
    assert not environments.is_there("keras", tmp_path)


def test_a_row_is_found_by_a_part_of_its_title():
    assert registry.named("FaceX").package == "facex==1.1.0"
    with pytest.raises(ValueError, match="fits 2 rows; use one of"):
        registry.named("fer (")
    with pytest.raises(ValueError, match="fits 0 rows"):
        registry.named("nobody")


def test_boxes_that_overlap_a_better_one_go():
    boxes = np.array([[0.0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30], [21, 20, 31, 30]])
    scores = np.array([0.5, 0.9, 0.3, 0.8])
    assert pyemotion.staying(boxes, scores, 0.5) == [1, 3]
    assert pyemotion.staying(boxes, scores, 0.99) == [1, 3, 0, 2]
    assert pyemotion.staying(boxes[:0], scores[:0], 0.5) == []
