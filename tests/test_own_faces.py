"""What docs/own-faces.md shows works as shown, on small sets of the same shape."""

import re
from pathlib import Path

import numpy as np
import pytest

from pipelines.datasets import folder
from tests.helpers import standins

PAGE = Path(__file__).resolve().parents[1] / "docs" / "own-faces.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return an empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "cache"))
    return tmp_path


def run(block):
    exec(compile(BLOCKS[block], str(PAGE), "exec"), {})


def test_a_list_of_labels(here):
    standins.raf_db(here / "basic")
    with pytest.raises(ValueError, match="own-faces"):
        folder.load("basic")
    run(0)
    data = folder.load("raf")
    assert len(data.classes) == 7
    assert [len(data.where(s)) for s in ("train", "test")] == [14, 14]
    assert "train/surprise/train_00000_aligned.jpg" in data.ids


def test_labels_in_arrays(here):
    standins.affectnet(here / "affectnet")
    with pytest.raises(ValueError, match="own-faces"):
        folder.load("affectnet")
    run(1)
    data = folder.load("affectnet-classes")
    assert len(data.classes) == 8
    assert [len(data.where(s)) for s in ("train", "validation")] == [16, 16]


def test_labels_in_names(here):
    standins.posed(here)
    for name in ("jaffe", "KDEF"):
        with pytest.raises(ValueError, match="own-faces"):
            folder.load(name)
    run(2)
    data = folder.load("posed")
    assert data.classes == ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    assert np.bincount(data.labels).tolist() == [2] * 7


def test_subjects_in_names(here, capsys):
    standins.ckplus(here / "ck")
    run(3)
    assert "over 6 subjects" in capsys.readouterr().out
