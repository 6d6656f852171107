"""What docs/own-faces.md shows works as shown, on small sets of the same shape."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.datasets import folder

PAGE = Path(__file__).resolve().parents[1] / "docs" / "own-faces.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return an empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "cache"))
    return tmp_path


def image(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    Image.fromarray(rng.integers(0, 256, (48, 48), dtype=np.uint8)).save(path)


def run(block):
    exec(compile(BLOCKS[block], str(PAGE), "exec"), {})


def test_a_list_of_labels(here):
    lines = []
    for i in range(28):
        split = "train" if i < 14 else "test"
        image(here / "basic" / "Image" / "aligned" / f"{split}_{i:05d}_aligned.jpg", i)
        lines.append(f"{split}_{i:05d}.jpg {i % 7 + 1}")
    (here / "basic" / "EmoLabel").mkdir()
    (here / "basic" / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines))
    with pytest.raises(ValueError, match="own-faces"):
        folder.load("basic")
    run(0)
    data = folder.load("raf")
    assert len(data.classes) == 7
    assert [len(data.where(s)) for s in ("train", "test")] == [14, 14]
    assert "train/surprise/train_00000_aligned.jpg" in data.ids


def test_labels_in_arrays(here):
    for split in ("train_set", "val_set"):
        for i in range(16):
            image(here / "affectnet" / split / "images" / f"{i}.jpg", i)
            (here / "affectnet" / split / "annotations").mkdir(exist_ok=True)
            np.save(here / "affectnet" / split / "annotations" / f"{i}_exp.npy", str(i % 8))
    with pytest.raises(ValueError, match="own-faces"):
        folder.load("affectnet")
    run(1)
    data = folder.load("affectnet-classes")
    assert len(data.classes) == 8
    assert [len(data.where(s)) for s in ("train", "validation")] == [16, 16]


def test_labels_in_names(here):
    for i, label in enumerate(("AN", "DI", "FE", "HA", "NE", "SA", "SU")):
        image(here / "jaffe" / f"KA.{label}1.{i}.tiff", i)
        image(here / "KDEF" / "AF01" / f"AF01{label.replace('FE', 'AF')}S.JPG", 90 + i)
    for name in ("jaffe", "KDEF"):
        with pytest.raises(ValueError, match="own-faces"):
            folder.load(name)
    run(2)
    data = folder.load("posed")
    assert data.classes == ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    assert np.bincount(data.labels).tolist() == [2] * 7


def test_subjects_in_names(here, capsys):
    for label in ("anger", "happy"):
        for subject in range(6):
            for k in range(2):
                image(here / "ck" / label / f"S{subject:03d}_00{len(label)}_0000000{k}.png", subject * 2 + k)
    run(3)
    assert "over 6 subjects" in capsys.readouterr().out
