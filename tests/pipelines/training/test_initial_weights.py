"""Trainings that start from weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from featurize.backbones import weightfile
from featurize.backbones.extractor import SHIPPED
from featurize.backbones.weightfile import WeightsError
from pipelines.datasets.synthetic import faces as faces_module
from pipelines.training import train as training
from pipelines.training.initial_weights import start, start_path
from pipelines.training.recipe import network_of
from pipelines.training.train import train
from tests.pipelines.training.conftest import plan


@pytest.fixture(scope="module")
def first(faces, tmp_path_factory):
    return train(faces, plan(), tmp_path_factory.mktemp("first"))


def test_a_training_goes_on_from_weights(faces, first, tmp_path):
    still = train(faces, plan(init_weights=str(first.path), learning_rate=1e-12), tmp_path)
    before, after = (weightfile.load(p).tensors for p in (first.path, still.path))
    for name, tensor in before.items():
        np.testing.assert_allclose(after[name], tensor, atol=1e-6, err_msg=name)
    assert still.card["start"]["file"] == "weights.npz"


def test_what_the_first_saw_the_second_has_seen(faces, first, tmp_path):
    other = faces_module.load(n_per_class=12, n_identities=6, seed=5)
    second = train(other, plan(init_weights=str(first.path)), tmp_path)
    seen, before = (weightfile.load_seen(p) for p in (second.path, first.path))
    assert np.isin(before.contents, seen.contents).all()
    assert len(seen.contents) > len(before.contents)


def test_a_start_that_has_seen_the_test_samples_is_refused(faces, first, tmp_path):
    swapped = replace(faces, split=np.where(faces.split == "test", "train", "test"))
    with pytest.raises(ValueError, match=r"the start weights.npz learned from .* it would be tested on"):
        train(swapped, plan(init_weights=str(first.path)), tmp_path)


def test_a_start_that_has_learned_from_what_validates_is_said_and_marked(faces, first, tmp_path, caplog):
    alike = train(faces, plan(init_weights=str(first.path)), tmp_path / "alike")
    assert "validation_learned_before" not in alike.card["data"], "there it only chose the epoch"
    assert not caplog.messages
    other = train(faces, plan(init_weights=str(first.path), split_seed=1), tmp_path / "other")
    count = other.card["data"]["validation_learned_before"]
    assert 0 < count <= other.card["data"]["validation"]
    assert f"the start weights.npz learned from {count} of the" in caplog.text


def test_another_start_is_another_training(faces, first, tmp_path):
    train(faces, plan(), tmp_path)
    with pytest.raises(ValueError, match="training of something else"):
        train(faces, plan(init_weights=str(first.path)), tmp_path)


def test_weights_of_another_network_are_refused_before_data_are_loaded(first):
    with pytest.raises(WeightsError, match="of ucm-a, not of ucm-b"):
        training.run("no such data", {"backbone": "ucm-b", "init_weights": str(first.path)})


def test_weights_that_ship_are_a_start_by_their_name():
    assert start_path(network_of("own-small"), "own-small-36") == SHIPPED / "own-small-36.npz"
    with pytest.raises(WeightsError, match="of ucm-f, not of own-small"):
        start_path(network_of("own-small"), "ucm-f")


def test_nothing_is_published_for_most_networks():
    with pytest.raises(ValueError, match="nothing is published to start ucm-a from"):
        training.run("no such data", {"backbone": "ucm-a", "init_weights": "published"})


def test_published_weights_that_ship_are_not_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("MUECA_DATA", str(tmp_path))
    network = network_of("vggface2-mobilenet(size=96)")
    assert start_path(network, "published") == SHIPPED / "vggface2-mobilenet.npz"
    given = start(network, "published", classes=7)
    assert given.fresh == ("scores", *network.fresh)
    assert not len(given.seen.samples)
    model = network.build(7)
    given.give(model)
    values = weightfile.values_of(model)
    np.testing.assert_array_equal(values["pointwise_13/kernel"], given.tensors["pointwise_13/kernel"])


def test_a_missing_file_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MUECA_DATA", str(tmp_path))
    with pytest.raises(WeightsError, match="mueca weights get resnet18"):
        training.run("no such data", {"backbone": "resnet18", "init_weights": "published"})
