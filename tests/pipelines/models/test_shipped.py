"""Models that ship, by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest
from skimage import data

import mueca
from pipelines.models import catalogue
from pipelines.models.model import load_model, model_folder, shipped_models


@pytest.fixture
def astronaut_file(tmp_path):
    path = tmp_path / "astronaut.png"
    cv2.imwrite(str(path), data.astronaut()[..., ::-1])
    return path


def test_every_model_that_ships_can_be_read_and_says_what_it_reaches():
    names = list(shipped_models())
    assert names[0] == "default"
    for name, row in zip(names, catalogue.described(), strict=True):
        card = load_model(name).card
        assert row["name"] == name
        assert row["accuracy"] == f"{100 * card['scores']['test']['accuracy']:.1f} %"
        assert float(row["MB"]) > 0.1


def test_a_name_a_folder_and_nothing(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    default = shipped_models()["default"]
    assert model_folder(None) == model_folder("default") == default
    assert model_folder("mine") == Path("mine")
    assert not caplog.records
    shutil.copytree(default, "default")
    assert model_folder("default") != default, "the user's own folder comes first"
    assert "not the model of that name that ships" in caplog.text


def test_from_python_and_from_the_command_line(run_cli, astronaut_file):
    assert mueca.load_model("default").classes == mueca.load_model().classes
    code, out, _ = run_cli("list", "--json")
    assert code == 0
    assert [row["name"] for row in json.loads(out)["models"]] == list(shipped_models())
    code, out, _ = run_cli("predict", astronaut_file, "--model", "default")
    assert code == 0 and "happy" in out


@pytest.mark.parametrize("name", ["nobody", "defaults", ""])
def test_a_name_that_none_has(name, run_cli, astronaut_file):
    code, _, said = run_cli("predict", astronaut_file, "--model", name)
    assert code != 0
    assert said.count("\n") == 1
