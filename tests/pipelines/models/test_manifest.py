"""A model's folder is used as it was saved, or not at all."""

from __future__ import annotations

import json
import shutil

import pytest

from pipelines.models.folders import NEEDED, OPTIONAL, check_manifest, write_manifest
from pipelines.models.model import load_model, shipped_models


@pytest.fixture
def folder(model_folder, tmp_path):
    return shutil.copytree(model_folder(), tmp_path / "m")


def edited(folder, change):
    card = json.loads((folder / "card.json").read_text())
    change(card)
    (folder / "card.json").write_text(json.dumps(card))


def test_what_was_saved_is_loaded_without_what_is_not_needed(folder):
    assert check_manifest(folder)
    load_model(folder)
    (folder / "predictions.npz").unlink()
    (folder / "rows.csv").unlink()
    load_model(folder)


@pytest.mark.parametrize("name", [*NEEDED, *OPTIONAL])
def test_a_part_that_was_changed_by_one_byte(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"{name} was changed since the model was saved; fit it again"):
        check_manifest(folder)
    with pytest.raises(ValueError):
        load_model(folder)


@pytest.mark.parametrize("name", ["head.skops", "head.skops.json"])
def test_a_part_that_is_gone(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"lacks {name}"):
        check_manifest(folder)
    with pytest.raises(ValueError):
        load_model(folder)


def test_what_an_edited_card_says_is_not_used(folder):
    edited(folder, lambda card: card["preprocess"].update(equalize="hist"))
    with pytest.raises(ValueError, match="card.json was changed"):
        load_model(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(ValueError, match="lacks manifest.json, which its card names"):
        load_model(folder)


def test_a_part_that_was_put_there(folder):
    (folder / "weights-x.npz").write_bytes(b"")
    with pytest.raises(ValueError, match="weights-x.npz, which is no part"):
        load_model(folder)


NONE = ["", "[]", "{}", '{"format": 1, "sha256": []}', '{"format": 2, "sha256": {}}',
        '{"format": 1, "sha256": {"../x": "1"}}', "[" * 50_000]  # fmt: skip


@pytest.mark.parametrize("content", NONE)
def test_a_manifest_that_is_none(folder, content):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(ValueError, match="manifest.json is damaged"):
        load_model(folder)


def older(folder):
    (folder / "manifest.json").unlink()
    edited(folder, lambda card: card.pop("manifest"))


def test_a_model_of_an_earlier_version_is_loaded(folder):
    older(folder)
    assert not check_manifest(folder)
    load_model(folder)


@pytest.mark.parametrize("side", [-4, 0, 7, "48", 48.5, True, [48]])
def test_sizes_that_no_image_has(folder, side):
    older(folder)
    edited(folder, lambda card: card["data"].update(side=side))
    with pytest.raises(ValueError, match="card.json is no card of a model: side is"):
        load_model(folder)


CHANGES = [
    lambda card: card.pop("data"),
    lambda card: card.update(data=[]),
    lambda card: card["preprocess"].update(equalize="much"),
    lambda card: card.update(extractor="hog"),
    lambda card: card.update(preprocess=3),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_card_that_is_none_is_one_line_in_our_words(folder, change):
    older(folder)
    edited(folder, change)
    with pytest.raises(ValueError, match="card.json is no card of a model: ") as caught:
        load_model(folder)
    assert "\n" not in str(caught.value) and "validation error" not in str(caught.value)


@pytest.mark.parametrize("name", shipped_models())
def test_every_model_that_ships_has_one(name):
    assert check_manifest(shipped_models()[name])


def test_one_is_written_for_a_folder(tmp_path):
    (tmp_path / "card.json").write_text("{}")
    assert json.loads(write_manifest(tmp_path).read_text())["sha256"].keys() == {"card.json"}
