"""Teachers: whose answers are mixed into the labels, and who may not be one."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize import extractor
from featurize.backbones import weightfile
from featurize.backbones.weightfile import WeightsError
from featurize.images import Preprocess
from pipelines.datasets.synthetic import faces as faces_module
from pipelines.training import train as training
from pipelines.training.distillation import soft_targets, teachers
from pipelines.training.recipe import recipe
from pipelines.training.train import train
from pipelines.training.training_run import TrainingRun
from pipelines.utils.progress import SILENT
from tests.pipelines.training.conftest import plan


@pytest.fixture(scope="module")
def teacher(faces, tmp_path_factory):
    path = train(faces, plan(), tmp_path_factory.mktemp("teacher")).path
    return f'ucm-a(weights="{path}", precision="f32")'


@pytest.fixture(scope="module")
def said(faces, teacher):
    return soft_targets(teachers(teacher), faces, np.arange(len(faces)), Preprocess(), SILENT)


def test_teachers_answer_with_probabilities_in_the_order_of_the_samples(faces, teacher, said):
    assert said.shape == (len(faces), len(faces.classes))
    np.testing.assert_allclose(said.sum(1), 1, atol=1e-5)
    some = soft_targets(teachers(teacher), faces, np.array([7, 3]), Preprocess(), SILENT)
    np.testing.assert_allclose(some, said[[7, 3]], atol=1e-5)


def test_two_teachers_count_alike(faces, teacher, said):
    flipped = f"{teacher[:-1]}, views='flip')"
    one, *rest = soft_targets(teachers(f"{teacher}+{flipped}"), faces, np.arange(3), Preprocess(), SILENT)
    mirrored = soft_targets(teachers(flipped), faces, np.arange(3), Preprocess(), SILENT)
    np.testing.assert_allclose([one, *rest], (said[:3] + mirrored) / 2, atol=1e-5)


@given(share=st.floats(0, 1))
def test_targets_are_shared_out_between_labels_and_teachers(faces, teacher, said, share, tmp_path_factory):
    job = TrainingRun(faces, plan(teacher=teacher, distill_weight=share), tmp_path_factory.getbasetemp())
    targets, truth = (job.samples(job.train, t).targets for t in (said[job.train], None))
    np.testing.assert_allclose(targets, (1 - share) * truth + share * said[job.train], atol=1e-6)


def test_a_pupil_learns_what_its_teacher_says(faces, teacher, said, tmp_path):
    """From one start, who learns the teacher's answers comes nearer to them than who learns the labels."""
    fields = {"epochs": 4, "augment": "none", "learning_rate": 1e-3, "seed": 3, "fit_on": "train+validation"}
    pupils = {}
    for name, more in {"taught": {"teacher": teacher, "distill_weight": 1.0}, "alone": {}}.items():
        path = train(faces, plan(**fields, **more), tmp_path / name).path
        pupil = teachers(f'ucm-a(weights="{path}", precision="f32")')
        pupils[name] = soft_targets(pupil, faces, np.arange(len(faces)), Preprocess(), SILENT)
    far = {name: float(np.abs(answers - said).mean()) for name, answers in pupils.items()}
    assert far["taught"] < far["alone"]


def test_the_card_names_the_teacher_and_marks_what_it_had_seen(faces, teacher, tmp_path):
    other = faces_module.load(n_per_class=12, n_identities=6, seed=5)
    done = train(other, plan(teacher=teacher), tmp_path)
    assert done.card["teachers"] == [{"network": "ucm-a", "sha256": teachers(teacher)[0].weights_sha256}]
    assert np.isin(teachers(teacher)[0].seen.contents, weightfile.load_seen(done.path).contents).all()
    assert json.loads((tmp_path / "card.json").read_text("utf-8"))["recipe"]["teacher"] == teacher


def test_who_has_seen_the_test_samples_is_no_teacher(faces, teacher, tmp_path):
    swapped = replace(faces, split=np.where(faces.split == "test", "train", "test"))
    with pytest.raises(ValueError, match="ucm-a learned from .* it would be tested on"):
        train(swapped, plan(teacher=teacher), tmp_path)


def test_another_teacher_or_share_is_another_training(faces, teacher, tmp_path):
    given = [plan(), plan(teacher=teacher), plan(teacher=teacher, distill_weight=0.6),
             plan(teacher=f"{teacher[:-1]}, views='flip')")]  # fmt: skip
    assert len({TrainingRun(faces, p.resolved(), tmp_path).identity() for p in given}) == 4


def test_without_a_teacher_trainings_begun_before_there_were_any_go_on():
    assert not {"teacher", "teacher_share"} & set(plan().resolved().deciding())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hog", "teacher hog is no trained network"),
        ("vggface2", "teacher vggface2 is no trained network"),
        ("vggface2-mobilenet", "extractor vggface2-mobilenet: its weights have no classifier"),
        ("ucm-f(weights='random')", "teacher ucm-f is no trained network"),
        ("ucm-f", "teacher ucm-f gives no probabilities"),
        ("own-smal", "did you mean 'own-small'"),
        ("own-small+", "cannot read extractor"),
        ("ipn-cnn1", "ipn-cnn1 comes without weights"),
        ("own-small(weights='nowhere.npz')", "no weight file nowhere.npz"),
    ],
)
def test_who_is_no_teacher_is_refused_before_data_are_loaded(name, words):
    with pytest.raises((ValueError, WeightsError), match=words):
        training.run("no such data", {"backbone": "ucm-a", "teacher": name})


def test_a_teacher_of_other_classes_is_refused(faces, teacher, tmp_path):
    with pytest.raises(ValueError, match="own-small scores the classes"):
        train(replace(faces, classes=faces.classes[::-1]), plan(teacher="own-small"), tmp_path)


def test_a_teacher_of_motion_maps_does_not_judge_pictures(faces, tmp_path):
    tensors = weightfile.random_tensors(extractor("ststnet", weights="random").network.build(7))
    card = {"network": "ststnet", "version": 1, "classes": list(faces.classes), "trained_on": "f" * 64}
    weightfile.save(tmp_path / "w.npz", tensors, card, weightfile.TrainingProvenance.of((), ()))
    with pytest.raises(ValueError, match="'ststnet' takes flows; synthetic holds images"):
        train(faces, plan(teacher=f"ststnet(weights='{tmp_path / 'w.npz'}')"), tmp_path / "out")


def test_a_damaged_teacher_is_refused(tmp_path):
    path = tmp_path / "torn.npz"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(WeightsError, match="torn.npz"):
        training.run("no such data", {"backbone": "ucm-a", "teacher": f"own-small(weights='{path}')"})


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_between_nothing_and_all(share):
    with pytest.raises(ValueError, match="distill_weight"):
        recipe(backbone="ucm-a", teacher="own-small", distill_weight=share)


def test_a_share_without_a_teacher_is_refused():
    with pytest.raises(ValueError, match=r"distill_weight=0.7 says how much a teacher counts; give one"):
        recipe(backbone="ucm-a", distill_weight=0.7)
