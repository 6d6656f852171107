"""MobileNet of VGGFace2 as a training takes it: at a side of its own, from the weights that ship."""

from __future__ import annotations

import numpy as np
import pytest

from featurize import extractor
from featurize.backbones import weightfile
from featurize.images import fit_to
from pipelines.datasets.synthetic import faces as faces_module
from pipelines.evaluation.recipe import pretrained_run
from pipelines.recipe import Features
from pipelines.training.initial_weights import start
from pipelines.training.recipe import network_of
from pipelines.training.train import train
from pipelines.training.training_run import TrainingRun
from tests.pipelines.training.conftest import plan

BACKBONE = "vggface2-mobilenet(size=96)"


def fields(**more):
    return {
        "backbone": BACKBONE,
        "init_weights": "published",
        "batch_size": 8,
        "mixup": 0,
        "swa_epochs": 1,
    } | more


def test_a_training_has_the_side_that_its_backbone_says():
    assert (network_of(BACKBONE).size, network_of("vggface2-mobilenet").size) == (96, 224)
    assert network_of(BACKBONE).build(7).input_shape == (None, 96, 96, 1)
    assert network_of("vggface2-mobilenet(size=112, colour=True)").shape == (112, 112, 3)
    assert network_of("ucm-f") is extractor("ucm-f", weights="random").network


def test_another_side_is_another_training(faces, tmp_path):
    sides = [plan(**fields(backbone=f"vggface2-mobilenet(size={n})")).resolved() for n in (96, 112)]
    assert len({TrainingRun(faces, p, tmp_path).identity() for p in sides}) == 2


@pytest.mark.slow
def test_one_epoch_on_a_few_faces(tmp_path):
    faces = faces_module.load(n_per_class=4, n_identities=4)
    done = train(faces, plan(**fields(learning_rate=1e-5)), tmp_path)
    assert (done.card["network"], done.card["size"]) == ("vggface2-mobilenet", 96)
    assert done.card["classes"] == list(faces.classes)
    assert done.card["start"]["file"] == "vggface2-mobilenet.npz"
    assert set(done.card["accuracy"]) >= {"test", "validation"}
    assert len(weightfile.load_seen(done.path).samples) > 0
    tuned = extractor("vggface2-mobilenet", weights=str(done.path), precision="f32")
    assert (tuned.spec.size, tuned.spec.trained_on) == (96, done.card["trained_on"])
    given = [faces.samples[i] for i in range(4)]
    before = extractor("vggface2-mobilenet", size=96, precision="f32").transform(given)
    X = tuned.transform(given)
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1, rtol=1e-5)
    assert (X * before).sum(1).min() > 0.9, "one small step from what it knew"
    features, own = pretrained_run(Features(extractor=f"vggface2-mobilenet(weights={str(done.path)!r})"))
    assert own.head == "network-softmax" and "scores" in features.extractor


def batch(faces, n=64, side=96):
    return np.stack([fit_to(faces.samples[i], side, 1) for i in range(n)])[..., None].astype(np.float32)


def test_batch_normalisation_put_back_leaves_the_function_as_it_was(faces):
    network, pixels = network_of(BACKBONE), batch(faces)
    plain, normed = network.build(0), network.build(7)
    start(network, "published", 0).give(plain)
    begun = start(network, "published", 7)
    assert begun.needs_warm_up(network) and "conv_stem_bn" in begun.fresh
    begun.give(normed)
    network.warm_up(normed, pixels)
    pooled = network.headless(normed, "pool")
    X, same = (np.asarray(m(pixels, training=False)) for m in (plain, pooled))
    np.testing.assert_allclose(X, same, atol=1e-3)
    moving = np.asarray(pooled(pixels, training=True))
    near = (X * moving).sum(1) / np.linalg.norm(X, axis=1) / np.linalg.norm(moving, axis=1)
    assert near.min() > 0.99, "the batch's own moments are nearly those that were measured"


def test_a_channel_that_never_varies_gives_no_nan(faces):
    network = network_of(BACKBONE)
    model, pixels = network.build(7), np.full((8, 96, 96, 1), 128, np.float32)
    start(network, "published", 7).give(model)
    network.warm_up(model, pixels)
    assert np.isfinite(np.asarray(model(pixels, training=True))).all()


def test_the_epochs_that_are_frozen_decide_the_training_but_none_is_as_before(faces, tmp_path):
    plans = [plan(**fields(frozen_epochs=n)).resolved() for n in (0, 1)]
    assert len({TrainingRun(faces, p, tmp_path).identity() for p in plans}) == 2
    assert "frozen_epochs" not in plans[0].deciding()
    assert plan(backbone="ucm-f").resolved().frozen_epochs == 0
