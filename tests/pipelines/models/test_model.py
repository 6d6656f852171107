"""A model folder: written whole, read strictly, the same answers."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pipelines.api import fit, load_dataset, load_model
from pipelines.models.card import save_model


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "hog knn"
    return folder, *fit(
        "synthetic", "hog+pixels", "knn", n_neighbors=3, equalize="clahe", mirror=True, out=folder
    )


def copy(folder, to):
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def test_folder_holds_head_card_rows_predictions(made):
    folder, model, _ = made
    assert sorted(p.name for p in folder.iterdir()) == [
        "card.json",
        "head.skops",
        "head.skops.json",
        "manifest.json",
        "predictions.npz",
        "rows.csv",
    ]
    assert model.card["data"]["synthetic"] is True
    assert "synthetic" in model.card["title"]
    assert {"protocol", "versions", "scores", "chosen_from", "classes"} <= set(model.card)


def test_loaded_model_answers_as_the_fitted_one(made):
    folder, model, outcome = made
    data = load_dataset("synthetic")
    test = data.where("test")
    images = [data.samples[int(i)] for i in test]
    loaded = load_model(folder)
    assert loaded.predict(images) == [data.classes[k] for k in outcome.predictions.predicted]
    np.testing.assert_allclose(loaded.scores(images), outcome.predictions.scores, atol=1e-5)
    assert loaded.classes == model.classes


def test_no_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model in"):
        load_model(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"extractor": 3}'])
def test_foreign_card(made, tmp_path, text):
    folder = copy(made[0], tmp_path / "m")
    (folder / "card.json").write_text(text)
    with pytest.raises(ValueError, match="no card of a model"):
        load_model(folder)


def test_card_of_another_model(made, tmp_path):
    folder = copy(made[0], tmp_path / "m")
    card = json.loads((folder / "card.json").read_text())
    card["extractor"]["expression"] = "pixels"
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="not of the same model"):
        load_model(folder)


def test_extractor_that_changed_since(made, tmp_path):
    folder = copy(made[0], tmp_path / "m")
    card = json.loads((folder / "card.json").read_text())
    card["extractor"]["parts"][0]["version"] += 1
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="has changed since"):
        load_model(folder)


def test_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("months of work")
    with pytest.raises(ValueError, match="no model"):
        fit("synthetic", "hog", "knn", out=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_fitting_again_replaces_the_model(tmp_path):
    fit("synthetic", "hog", "knn", n_neighbors=1, out=tmp_path / "m")
    fit("synthetic", "hog", "knn", n_neighbors=7, out=tmp_path / "m")
    assert load_model(tmp_path / "m").card["head"]["params"]["n_neighbors"] == 7
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_full_disk_leaves_the_older_model(made, tmp_path, monkeypatch, step):
    _, model, outcome = made
    folder = copy(made[0], tmp_path / "m")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"featurize.atomic.os.{step}", full)
    with pytest.raises(OSError, match="No space left"):
        save_model(model, outcome, folder)
    monkeypatch.undo()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_published_weights_are_found_again_by_their_name(tmp_path, monkeypatch):
    """What is published as two files is not copied as one."""
    from featurize import weights
    from featurize.store import file_sha256
    from tests.featurize.backbones.test_faceres import published_tensors, write

    monkeypatch.setenv("MUECA_DATA", str(tmp_path / "data"))
    file = write(tmp_path / "models", published_tensors())
    record = replace(weights.published("vggface2-mobilenet"), sha256=file_sha256(file),
                     beside={"faceres.json": file_sha256(file.with_suffix(".json"))})  # fmt: skip
    monkeypatch.setitem(weights.PUBLISHED, "vggface2-mobilenet", record)
    weights.add("vggface2-mobilenet", file)
    text = "vggface2-mobilenet(weights='published', size=96, precision='f32')"
    model, _ = fit("synthetic(n_per_class=4, n_identities=4)", text, "knn", out=tmp_path / "m")
    assert not list((tmp_path / "m").glob("weights-*"))
    faces = [np.asarray(load_dataset("synthetic").samples[i]) for i in range(3)]
    assert list(load_model(tmp_path / "m").predict(faces)) == list(model.predict(faces))
