"""Motion maps with an index, in a folder and in an archive."""

from __future__ import annotations

import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from openpyxl import Workbook

from pipelines.datasets import registry

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
    data = registry.load("megc2019", path=maps)
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
        registry.load("megc2019", path=archive).fingerprint
        == registry.load("megc2019", path=maps).fingerprint
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
    data = registry.load("megc2019", path=maps)
    assert len(data) == 2
    assert why in data.faults[0].reason
    with pytest.raises(ValueError, match=why):
        registry.load("megc2019", path=maps, strict=True)


def test_a_dead_link_is_named_and_companions_are_passed_over(maps):
    (maps / "images" / "b.png").unlink()
    (maps / "images" / "b.png").symlink_to("../../.git/annex/objects/b.png")
    (maps / "images" / "._a.png").mkdir()
    (fault,) = registry.load("megc2019", path=maps).faults
    assert "git annex get" in fault.reason


def test_a_grey_or_corrupt_map(maps):
    cv2.imwrite(str(maps / "images" / "a.png"), np.zeros((28, 28), np.uint8))
    (maps / "images" / "b.png").write_bytes(b"")
    reasons = [f.reason for f in registry.load("megc2019", path=maps).faults]
    assert "shape of an RGB motion map" in reasons[0]
    assert "empty file" in reasons[1]


def test_no_index_or_other_columns(maps):
    (maps / "index.csv").write_text("file,label\nimages/a.png,positive\n")
    with pytest.raises(ValueError, match="no column for dataset, subject"):
        registry.load("megc2019", path=maps)
    (maps / "index.csv").unlink()
    with pytest.raises(ValueError, match=r"no index\.csv"):
        registry.load("megc2019", path=maps)
    with pytest.raises(FileNotFoundError, match="no such folder or archive"):
        registry.load("megc2019", path=maps / "nowhere")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/", "\\"),
        ("images/", "./images\\"),
        ("images/", "D:\\sets\\maps\\images\\"),
        ("images/", "/home/me/maps/images/"),
        ("images/", ""),
        (".png", ".PNG"),
        ("images/", "Images/"),
        ("negative", "Negative "),
        ("surprise", "SURPRISE\u00a0"),
        (",", ";"),
        (",", "\t"),
        ("file,dataset", "\ufeffFile, Data-set"),
        ("\n", "\r\n,,,\r\n"),
        ("\n", ",,\n"),
        ("smic,s1,", "smic,s1 ,"),
    ],
)
def test_an_index_as_windows_and_spreadsheets_write_it(maps, old, new):
    expected = registry.load("megc2019", path=maps)
    assert old in INDEX
    (maps / "index.csv").write_text(INDEX.replace(old, new))
    data = registry.load("megc2019", path=maps)
    assert not data.faults
    assert data.fingerprint == expected.fingerprint
    assert data.ids.tolist() == expected.ids.tolist()
    assert data.groups.tolist() == expected.groups.tolist()
    assert data.split.tolist() == expected.split.tolist()


def test_an_index_in_utf_16_in_a_workbook_and_a_folder_deeper(maps, tmp_path):
    expected = registry.load("megc2019", path=maps).fingerprint
    (maps / "index.csv").write_text(INDEX, encoding="utf-16")
    assert registry.load("megc2019", path=tmp_path).fingerprint == expected
    book = Workbook()
    for line in INDEX.splitlines():
        book.create_sheet("codes").append(["notes"]) if len(book.worksheets) < 2 else None
        book.worksheets[0].append(line.split(","))
    book.save(maps / "Index.xlsx")
    (maps / "index.csv").unlink()
    assert registry.load("megc2019", path=maps).fingerprint == expected


def test_one_person_under_two_spellings_is_one_group(maps, caplog):
    more = "images/d.png,SMIC,S01,negative\n"
    cv2.imwrite(str(maps / "images" / "d.png"), np.full((28, 28, 3), (9, 8, 7), np.uint8))
    (maps / "index.csv").write_text(INDEX + more)
    data = registry.load("megc2019", path=maps)
    assert data.groups.tolist()[1::2] == ["smic/s1", "smic/s1"]
    assert set(data.split.tolist()) == {"casme2", "smic"}
    assert caplog.text.count("the subjects s1 and S01 are taken for one person") == 1


@pytest.mark.parametrize(
    ("more", "n", "why"),
    [
        ("images/a.png,casme2,sub01,Positive\n", 3, "row 5)|this row more than once; the first is row 2"),
        (
            "images\\a.png,casme2,sub01,negative\n",
            2,
            "row 2)|this file more than once (rows 2, 5), and they differ",
        ),
        (
            "x.png,casme2,sub01,negative\n",
            3,
            "row 5)|fits both images/x.png and more/x.png; write the whole path",
        ),
        (",casme2,sub01,negative\n", 3, "row 5)|no such file"),
        ("../a.png,casme2,sub02,#N/A\n", 3, "row 5)|the spreadsheet wrote #N/A there"),
        ("images/y.png,casme2,sub01,un,sure\n", 3, "row 5)|more cells than the header"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_once(maps, more, n, why, caplog):
    (maps / "more").mkdir()
    for name in ("images/x.png", "more/x.png", "images/y.png"):
        cv2.imwrite(str(maps / name), np.full((28, 28, 3), (1, 2, len(name)), np.uint8))
    (maps / "index.csv").write_text(INDEX + more)
    data = registry.load("megc2019", path=maps)
    assert len(data) == n
    (fault,) = data.faults
    place, reason = why.split("|")
    assert fault.path.endswith(place)
    assert reason in fault.reason
    assert caplog.text.count(fault.reason) == 1


def test_an_index_without_rows(maps):
    (maps / "index.csv").write_text(INDEX.splitlines()[0] + "\n,,,\n")
    with pytest.raises(ValueError, match=r"index\.csv: no rows below its header"):
        registry.load("megc2019", path=maps)


@pytest.mark.shared
def test_the_composite(shared):
    data = registry.load("megc2019", path=shared / "megc2019_flow.tar.xz")
    assert len(data) == 442
    assert len(set(data.groups)) == 68
    assert np.bincount(data.labels).tolist() == [250, 109, 83]
    assert [len(data.where(name)) for name in ("casme2", "smic", "samm")] == [145, 164, 133]
    assert data.samples[0].shape == (28, 28, 3)
    assert not data.faults
