"""The fields of a training recipe: new names, old ones read, identities as they were."""

import logging

import pytest

from featurize.store import key_of
from pipelines.training.fields import OF_THE_NETWORK, OLD_NAMES, TrainFields
from pipelines.training.recipe import load_trainings, recipe
from pipelines.utils import renamed
from tests.helpers.fields import table
from tests.helpers.pages import ROOT

VALUES = {"start": "published", "batch": 8, "average": 2, "teacher_share": 0.7, "every": 3, "tile": 8,
          "clip": 2.0, "teacher": "own-small"}  # fmt: skip


def test_old_names_are_read():
    old = recipe(backbone="resnet18", **VALUES)
    new = recipe(backbone="resnet18", **{OLD_NAMES.get(k, k): v for k, v in VALUES.items()})
    assert old == new
    assert set(OLD_NAMES.values()) <= set(TrainFields.model_fields)
    assert not set(OLD_NAMES) & set(TrainFields.model_fields)


def test_an_old_name_in_a_file_is_one_line(tmp_path, caplog):
    renamed._warn.cache_clear()
    one = "  - {backbone: ucm-a, batch: 8}\n"
    (tmp_path / "r.yaml").write_text("name: r\ndata: synthetic\ntrainings:\n" + 2 * one)
    with caplog.at_level(logging.WARNING):
        assert [plan.batch_size for plan in load_trainings(tmp_path / "r.yaml").trainings] == [8, 8]
    assert caplog.messages == ["recipe: batch is now batch_size; the old name works for one version"]


def test_a_field_under_both_names_is_one_line():
    with pytest.raises(ValueError, match="train: batch is the old name of batch_size; give batch_size alone"):
        recipe(backbone="ucm-a", batch=8, batch_size=8)


def test_trainings_begun_under_the_old_names_go_on():
    """The hashes are those of the version before the names changed."""
    plan = recipe(
        backbone="ucm-f", mirror=True, mixup=0.2, learning_rate=0.0007, swa_epochs=6, epochs=14,
        batch_size=64, validate_every=2, equalize="clahe", clahe_tile=8, clahe_clip=2.0,
        precision="f32", patience=None,
    )  # fmt: skip
    assert (
        key_of(plan.resolved().deciding())
        == "636244378e473ae431a112fe55cb0c08d9a7889c13ba6e26ca34425fda74ab14"
    )
    assert plan.title == (
        "ucm-f, epochs=14, batch=64, learning_rate=0.0007, mixup=0.2, average=6, mirror=True, every=2, "
        "equalize=clahe, tile=8, clip=2.0, patience=None, precision=f32"
    )


def test_patience_of_zero_is_none():
    assert recipe(backbone="ucm-a", patience=0) == recipe(backbone="ucm-a", patience=None)
    with pytest.raises(ValueError, match="patience"):
        recipe(backbone="ucm-a", patience=-1)


def test_the_page_shows_every_field():
    page = (ROOT / "docs" / "networks.md").read_text("utf-8")
    assert table() in page, "python -m tests.helpers.fields prints it anew"
    assert len(table().splitlines()) == 2 + len(TrainFields.model_fields)


def test_what_is_filled_from_the_network_has_no_default_of_its_own():
    assert {TrainFields.model_fields[name].default for name in OF_THE_NETWORK} == {None}
    resolved = recipe(backbone="ucm-f").resolved()
    own = {getattr(resolved, name) for name in ("epochs", "batch_size", "learning_rate", "swa_epochs")}
    assert None not in own
