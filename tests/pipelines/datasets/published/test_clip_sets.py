"""Published sets of clips with several expressions in a recording, in trees of their form."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook
from PIL import Image

from pipelines.datasets import registry
from tests.helpers import standins
from tests.helpers.published import IMAGES
from tests.helpers.refused import refused


def frames(folder: Path, numbers, name="{}.jpg", level=0):
    """Write frames whose grey level says their number and whose they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in numbers:
        picture = np.full((24, 24), (n * 5 + level) % 251, np.uint8)
        picture[:4, :4] = level
        Image.fromarray(picture).save(folder / name.format(n), quality=100)


def found(data):
    return sorted(
        zip(data.ids.tolist(), (data.classes[y] for y in data.labels), data.groups.tolist(), strict=True)
    )


def sheet(path: Path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")


def casme3(root: Path):
    for who in (1, 2):
        for k, name in enumerate("ab"):
            frames(root / "part_A" / f"spNO.{who}" / name / "color", range(40), level=who * 40 + k * 90)
    sheet(root / "cas(me)3_part_A_ME_label_JpgIndex_v2.csv", [
        ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion"),
        ("spNO.1", "a", 2, 5, 9, 4, "II", "disgust"), ("spNO.1", "a", 20, 24, 30, 12, "I", "Happy"),
        ("spNO.1", "b", 3, 6, 12, 4, "II", "disgust"), ("spNO.2", "a", 1, 3, 8, 1, "III", "surprise"),
        ("spNO.2", "b", 5, 5, 11, 1, "VII", "Others"),
    ])  # fmt: skip
    return [
        ("part_A/spNO.1/a@2", "disgust", "spNO.1"), ("part_A/spNO.1/a@20", "happiness", "spNO.1"),
        ("part_A/spNO.1/b", "disgust", "spNO.1"), ("part_A/spNO.2/a", "surprise", "spNO.2"),
        ("part_A/spNO.2/b", "others", "spNO.2"),
    ]  # fmt: skip


def samm_lv(root: Path):
    for level, name in enumerate(("006_1", "006_2", "007_1")):
        frames(root / "SAMM_longvideos" / name, range(1, 41), f"{name}_{{:04d}}.jpg", level * 60)
    sheet(root / "SAMM_LongVideos_V2_Release.csv", [
        ("SAMM Long videos",), ("Notes",),
        ("Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type", "AUs"),
        (6, "006_1_2", 1, 3, 6, 12, 9, "Micro - 1/2", 4), (6, "006_1_3", 1, 20, 25, 30, 10, "Macro", 12),
        (6, "006_2_1", 2, 4, 8, 12, 8, "Macro", 12), (7, "007_1_1", 1, 2, -1, 9, 7, "Micro - 1/2", 4),
    ])  # fmt: skip
    return [
        ("SAMM_longvideos/006_1@3", "micro", "006"), ("SAMM_longvideos/006_1@20", "macro", "006"),
        ("SAMM_longvideos/006_2", "macro", "006"), ("SAMM_longvideos/007_1", "micro", "007"),
    ]  # fmt: skip


def mmew(root: Path):
    rows = [("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "AUs", "Estimated Emotion")]
    index = []
    for i, (who, word) in enumerate([(1, "anger"), (1, "happiness"), (2, "surprise"), (3, "anger")]):
        name = f"S{who:02d}-0{i}-001"
        frames(root / "Micro_Expression" / word / name, range(1, 13), level=i * 50)
        frames(root / "Macro_Expression" / word / name, range(1, 13), level=i * 50 + 7)
        rows.append((who, name, 1, 5, 12, "4", word))
        index.append((f"Micro_Expression/{word}/{name}", word, str(who)))
    sheet(root / "MMEW_Micro_Exp.csv", rows)
    return index


def four_dme(root: Path):
    rows = [("sub_ID", "fname", "Onset", "Apex", "Offset", "AU", "Emotion")]
    index = []
    for i, word in enumerate(("Positive", "Negative", "Surprise")):
        name = f"EMO{i:02d}_S01_0{i}"
        for folder in ("gray_micro", "gray_micro_crop_aligned"):
            frames(root / folder / name, range(1, 20), level=i * 60)
        rows.append((f"S0{i}", name, 2, 5, 12, "AU4", word))
        index.append((f"gray_micro_crop_aligned/{name}", word.lower(), f"S0{i}"))
    sheet(root / "4DME_Labelling_Release_v1.csv", rows)
    return index


def casme_squared(root: Path):
    book = Workbook()
    main = book.active
    main.title = "CASFEcode_final"
    for row in [
        (1, "anger1_1", 3, 6, 12, "4", "negative", "macro-expression", "anger"),
        (1, "anger1_2", 20, 24, 30, "4+7", "negative", "micro-expression", "anger"),
        (1, "happy4_1", 5, 8, 14, "12", "positive", "micro-expression", "happiness"),
        (2, "anger1_1", 2, None, 9, "1", "surprise", "micro-expression", "surprise"),
    ]:
        main.append(row)
    for row in [(101, "anger1"), (505, "happy4")]:
        book.create_sheet("naming rule1") if "naming rule1" not in book.sheetnames else None
        book["naming rule1"].append(row)
    book.create_sheet("naming rule2")
    for row in [("s15", "s15", 1), ("s16", "s16", 2)]:
        book["naming rule2"].append(row)
    root.mkdir(parents=True, exist_ok=True)
    book.save(root / "CAS(ME)^2code_final.xlsx")
    names = [(15, "0101disgustingteeth"), (15, "0505funny"), (16, "0101disgust")]
    for level, (who, name) in enumerate(names):
        for folder in ("rawpic", "selectedpic"):
            frames(root / folder / f"s{who}" / f"{who}_{name}", range(1, 41), "img{}.jpg", level * 70)
    return [
        ("selectedpic/s15/15_0101disgustingteeth", "negative", "s15"),
        ("selectedpic/s15/15_0505funny", "positive", "s15"),
        ("selectedpic/s16/16_0101disgust", "surprise", "s16"),
    ]  # fmt: skip


SETS = {"casme3": casme3, "samm-lv": samm_lv, "mmew": mmew, "4dme": four_dme, "cas(me)2": casme_squared}


@pytest.mark.parametrize("name", SETS)
def test_a_tree_is_equal_to_its_index(name, tmp_path):
    index = SETS[name](tmp_path / "set")
    data = registry.load(name, path=tmp_path / "set")
    assert found(data) == sorted(index)
    assert data.kind == "clip"
    assert not data.faults


@pytest.mark.parametrize("name", SETS)
def test_added_it_is_found_by_name_and_counted(name, tmp_path):
    index = SETS[name](tmp_path / "deep" / "set")
    report = registry.add(name, tmp_path / "deep" / "set", root=tmp_path / "data")
    assert "published" in report.text()
    assert len(registry.load(name, root=tmp_path / "data")) == len(index)


@pytest.mark.parametrize("name", SETS)
def test_nothing_there_is_said(name, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(name, tmp_path / "empty", "need one coding sheet")
    refused(name, tmp_path / "gone", f"{name}: no folder")


def test_which_frames(tmp_path):
    casme3(tmp_path)
    data = registry.load(f'casme3(path="{tmp_path}", labels="megc2019")')
    assert data.classes == ("negative", "positive", "surprise")
    assert len(data) == 4
    one = data.samples[data.ids.tolist().index("part_A/spNO.1/a@20")]
    assert len(one) == 11
    assert abs(int(one[0, 20, 20]) - (20 * 5 + 40)) <= 2


def test_kinds_of_casme_squared(tmp_path):
    casme_squared(tmp_path)
    every = registry.load(f'cas(me)2(path="{tmp_path}", kind="all")')
    assert len(every) == 4
    assert "selectedpic/s15/15_0101disgustingteeth@3" in every.ids
    refused("cas(me)2", tmp_path, ["one class", "all clips"][1], kind="macro")
    refused("cas(me)2", tmp_path, "kind='tiny'", kind="tiny")


def test_a_book_without_its_rules(tmp_path):
    casme_squared(tmp_path)
    path = tmp_path / "CAS(ME)^2code_final.xlsx"
    book = Workbook()
    book.active.append((1, "anger1_1", 3, 6, 12, "4", "negative", "micro-expression", "anger"))
    book.save(path)
    refused("cas(me)2", tmp_path, "no worksheets 'naming rule1'")
    path.unlink()
    sheet(tmp_path / "code.csv", [(1, "anger1_1")])
    refused("cas(me)2", tmp_path, "no .xlsx workbook")


def test_recordings_that_are_not_there_or_twice(tmp_path):
    samm_lv(tmp_path)
    frames(tmp_path / "copy" / "006_2", range(1, 20), "006_2_{:04d}.jpg")
    (tmp_path / "SAMM_longvideos" / "007_1").rename(tmp_path / "SAMM_longvideos" / "other")
    data = registry.load("samm-lv", path=tmp_path)
    assert len(data) == 2
    reasons = sorted(fault.reason for fault in data.faults)
    assert "006_2 fits both" in reasons[0]
    assert "no folder of frames for 007_1" in reasons[1]


def test_an_emotion_that_is_two(tmp_path):
    four_dme(tmp_path)
    path = tmp_path / "4DME_Labelling_Release_v1.csv"
    path.write_text(path.read_text() + 'S09,EMO00_S01_00,14,15,18,AU4,"Negative,Surprise"\n')
    data = registry.load("4dme", path=tmp_path)
    assert len(data) == 3
    assert "unknown emotion 'Negative,Surprise'" in data.faults[0].reason


def with_companions(root, path, kind):
    """Write an archive of a folder, with what systems and publishers put beside the files."""
    files = sorted(p for p in root.rglob("*") if p.is_file())
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, file.relative_to(root).as_posix())
            archive.writestr("__MACOSX/release/._set", b"\0\5\26\7")
            archive.writestr("release/.DS_Store", b"x")
            archive.writestr("release/readme.txt", b"hello")
        return
    with tarfile.open(path, "w:gz") as archive:
        for file in files:
            archive.add(file, file.relative_to(root).as_posix())


ALL = SETS | IMAGES | {name: getattr(standins, name) for name in ("casme2", "smic", "samm", "megc2019")}


@pytest.mark.parametrize("name", ALL)
def test_added_with_two_folders_around_it(name, tmp_path):
    """As sets are handed out: a release, in it the set and its licence."""
    inner = tmp_path / "outer" / "release" / "My Set (1)"
    ALL[name](inner)
    (inner.parent / "licence.pdf").write_bytes(b"%PDF-1.4")
    cache = {"cache": tmp_path / "cache"} if name in IMAGES else {}
    whole = len(registry.load(name, path=inner, **cache))
    for kind in ("folder", "zip", "tar.gz"):
        source, root = tmp_path / f"handed out.{kind}", tmp_path / f"data-{kind}"
        if kind == "folder":
            source = tmp_path / "outer"
        else:
            with_companions(tmp_path / "outer", source, kind)
        report = registry.add(name, source, root=root)
        assert not report.faults
        assert report.total == whole
        assert len(registry.load(name, root=root, **cache)) == whole
        assert registry.list_datasets(root)[name].startswith("present in")
        assert ".tmp" not in report.text()


@pytest.mark.parametrize("name", ALL)
def test_an_archive_without_the_set_is_named_by_its_own_name(name, tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("some folder/notes.rst", b"nothing")
    with pytest.raises((ValueError, OSError)) as caught:
        registry.add(name, tmp_path / "other.zip", root=tmp_path / "data")
    line = str(caught.value)
    assert "\n" not in line
    assert ".tmp" not in line
    assert name in line or "other.zip" in line
    assert not (tmp_path / "data" / name).exists()
