"""Motion maps with an index, in a folder and in an archive."""

from __future__ import annotations

import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines import datasets

INDEX = """file,dataset,subject,label
images/a.png,casme2,sub01,positive
images/b.png,smic,s1,negative
images/c.png,casme2,s1,surprise
"""


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    root = tmp_path / "maps"
    (root / "images").mkdir(parents=True)
    for k, name in enumerate("abc"):
        picture = np.dstack([np.full((28, 28), v + k, np.uint8) for v in (30, 20, 10)])  # BGR on disk
        cv2.imwrite(str(root / "images" / f"{name}.png"), picture)
    (root / "index.csv").write_text(INDEX)
    return root


def test_a_folder_of_maps(maps):
    data = datasets.load("megc2019", path=maps)
    assert data.kind == "flow"
    assert data.classes == ("negative", "positive", "surprise")
    assert data.labels.tolist() == [1, 0, 2]
    assert data.groups.tolist() == ["casme2/sub01", "smic/s1", "casme2/s1"]  # two people of one name
    assert data.samples[0][0, 0].tolist() == [10, 20, 30]
    assert data.where("casme2").tolist() == [0, 2]
    assert data.where("test").tolist() == [0, 1, 2]


@pytest.mark.parametrize("inside", ["megc2019_flow", "."])
def test_an_archive_is_the_same_set(maps, tmp_path, inside):
    archive = tmp_path / "maps.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(maps, arcname=inside)
    assert (
        datasets.load("megc2019", path=archive).fingerprint
        == datasets.load("megc2019", path=maps).fingerprint
    )


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("smic,s1,negative", "smic,s1,angry", "unknown label 'angry'"),
        ("smic,s1,negative", "smic,,negative", "names no subject"),
        ("images/b.png", "images/z.png", "no such file"),
    ],
)
def test_a_bad_row_is_left_out_or_refused(maps, old, new, why):
    (maps / "index.csv").write_text(INDEX.replace(old, new))
    data = datasets.load("megc2019", path=maps)
    assert len(data) == 2
    assert why in data.faults[0].reason
    with pytest.raises(ValueError, match=why):
        datasets.load("megc2019", path=maps, strict=True)


def test_a_grey_or_corrupt_map(maps):
    cv2.imwrite(str(maps / "images" / "a.png"), np.zeros((28, 28), np.uint8))
    (maps / "images" / "b.png").write_bytes(b"")
    reasons = [f.reason for f in datasets.load("megc2019", path=maps).faults]
    assert "shape of an RGB motion map" in reasons[0]
    assert "empty file" in reasons[1]


def test_no_index_or_other_columns(maps):
    (maps / "index.csv").write_text("file,label\nimages/a.png,positive\n")
    with pytest.raises(ValueError, match="no column dataset, subject"):
        datasets.load("megc2019", path=maps)
    (maps / "index.csv").unlink()
    with pytest.raises(ValueError, match=r"no index\.csv"):
        datasets.load("megc2019", path=maps)
    with pytest.raises(FileNotFoundError, match="no such folder or archive"):
        datasets.load("megc2019", path=maps / "nowhere")


@pytest.mark.shared
def test_the_composite(shared):
    data = datasets.load("megc2019", path=shared / "megc2019_flow.tar.xz")
    assert len(data) == 442
    assert len(set(data.groups)) == 68
    assert np.bincount(data.labels).tolist() == [250, 109, 83]
    assert [len(data.where(name)) for name in ("casme2", "smic", "samm")] == [145, 164, 133]
    assert data.samples[0].shape == (28, 28, 3)
    assert not data.faults
