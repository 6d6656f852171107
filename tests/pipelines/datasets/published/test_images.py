"""Each published set is found in a tree of its form, equal to an index that is written beside it."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipelines.datasets import registry
from pipelines.datasets.base import EMOTIONS
from pipelines.datasets.published.about import EMOTIONS8
from tests.helpers import published
from tests.helpers.published import IMAGES
from tests.helpers.refused import refused


def found(data):
    groups = [""] * len(data) if data.groups is None else data.groups.tolist()
    names = [data.classes[y] for y in data.labels]
    return sorted(zip(data.ids.tolist(), names, data.split.tolist(), groups, strict=True))


def loaded(name, root, tmp_path, **options):
    return registry.load(name, path=root, cache=tmp_path / "cache", **options)


@pytest.mark.parametrize("name", IMAGES)
def test_a_tree_is_equal_to_its_index(name, tmp_path):
    index = IMAGES[name](tmp_path / "set")
    data = loaded(name, tmp_path / "set", tmp_path)
    assert found(data) == sorted(index)
    assert data.name == name
    assert not data.faults
    assert data.classes == tuple(c for c in EMOTIONS8 if any(c == label for _, label, _, _ in index))


@pytest.mark.parametrize("name", IMAGES)
def test_an_empty_folder_or_none_says_what_is_missing(name, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(name, tmp_path / "empty", name)
    refused(name, tmp_path / "nowhere", f"{name}: no folder", f"mueca data add {name} PATH")


@pytest.mark.parametrize("name", IMAGES)
def test_added_from_a_folder_it_is_found_by_name(name, tmp_path, capsys):
    index = IMAGES[name](tmp_path / "set")
    report = registry.add(name, tmp_path / "set", root=tmp_path / "data")
    assert sum(sum(classes.values()) for classes in report.counts.values()) == len(index)
    assert "differs: " in report.text()  # drawn trees are smaller
    assert "published" in report.text()
    assert registry.list_datasets(tmp_path / "data")[name] == f"present in {tmp_path / 'set'}"
    assert len(registry.load(name, root=tmp_path / "data", cache=tmp_path / "cache")) == len(index)
    shutil.rmtree(tmp_path / "set")
    assert registry.list_datasets(tmp_path / "data")[name].startswith("absent; mueca data add")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_added_from_an_archive_with_a_folder_around(kind, tmp_path):
    index = published.jaffe(tmp_path / "around" / "set")
    path = tmp_path / f"jaffe.{kind}"
    files = sorted(p for p in (tmp_path / "around").rglob("*") if p.is_file())
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, file.relative_to(tmp_path).as_posix())
    else:
        with tarfile.open(path, "w:gz") as archive:
            for file in files:
                archive.add(file, file.relative_to(tmp_path).as_posix())
    for _ in range(2):  # the second replaces the first
        registry.add("jaffe", path, root=tmp_path / "data")
        assert len(registry.load("jaffe", root=tmp_path / "data", cache=tmp_path / "cache")) == len(index)
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == ["jaffe"]


def test_what_cannot_be_added(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no archive of anything, only words")
    why = {"empty": "named as in the set", "notes.txt": "neither a folder", "gone": "no such file or folder"}
    for name, words in why.items():
        with pytest.raises((ValueError, OSError), match=words):
            registry.add("jaffe", tmp_path / name, root=tmp_path / "data")
    assert not (tmp_path / "data").exists()
    with pytest.raises(ValueError, match="by its path"):
        registry.add("clips", tmp_path, root=tmp_path / "data")


def test_the_list_says_where_each_is_asked_for(capsys):
    import json

    import cli

    with pytest.raises(SystemExit):
        cli.main(["data", "list", "--json"])
    records = {record["name"]: record for record in json.loads(capsys.readouterr().out)}
    for name in (*IMAGES, "fer2013", "ferplus", "casme2", "smic", "samm", "megc2019"):
        assert records[name]["ask_at"], name
        assert records[name]["licence"], name
        assert records[name]["tried"], name
    # Each address stands in pages and repositories of others; of 4DME none does, so its authors are named.
    assert "whdeng.cn/raf" in records["raf-db"]["ask_at"]
    assert "cs.anu.edu.au/few/AFEW" in records["sfew"]["ask_at"]
    assert "melabipcas" in records["casme3"]["ask_at"]
    assert "http" not in records["4dme"]["ask_at"]
    assert "Oulu" in records["4dme"]["ask_at"]


# Each by itself


def test_raf_db_lists_that_cannot_be(tmp_path):
    index = published.raf_db(tmp_path)
    (tmp_path / index[0][0]).unlink()
    (fault,) = loaded("raf-db", tmp_path, tmp_path).faults
    assert "no image of train_00001.jpg" in fault.reason
    refused("raf-db", tmp_path, "form='cut'", form="cut")
    refused("raf-db", tmp_path, "no folder original/", form="original")
    sheet = tmp_path / "basic" / "EmoLabel" / "list_patition_label.txt"
    sheet.write_text(sheet.read_text() + "train_00009.jpg 8\n")
    refused("raf-db", tmp_path, "line 22", "is no file and number from 1 to 7")


def test_affectnet_older_form(tmp_path):
    index = published.affectnet_sheets(tmp_path / "set")
    data = loaded("affectnet", tmp_path / "set", tmp_path)
    assert found(data) == sorted(index)
    assert data.ignored["images labelled uncertain"] == 3
    assert data.samples[0].shape[:2] == (32, 30)
    whole = loaded("affectnet", tmp_path / "set", tmp_path, cropped=False)
    assert whole.samples[0].shape[:2] == (48, 48)
    seven = loaded("affectnet", tmp_path / "set", tmp_path, classes=7)
    assert seven.classes == EMOTIONS
    assert seven.ignored["images labelled contempt"] == 3


def test_affectnet_arrays_that_cannot_be(tmp_path):
    published.affectnet(tmp_path / "set")
    notes = tmp_path / "set" / "train_set" / "annotations"
    (notes / "0_exp.npy").unlink()
    (notes / "1_exp.npy").write_bytes(b"cut")
    np.save(notes / "2_exp.npy", "17")
    data = loaded("affectnet", tmp_path / "set", tmp_path)
    reasons = sorted(fault.reason for fault in data.faults)
    assert reasons == ["expression 17 is no number from 0 to 10", "no annotations/0_exp.npy",
                       "no array of one number; unpack the archive again"]  # fmt: skip
    refused("affectnet", tmp_path / "set", "classes=9", classes=9)


def test_ckplus_peaks_and_classes(tmp_path):
    published.ckplus(tmp_path / "set")
    data = loaded("ckplus", tmp_path / "set", tmp_path, classes=7, peak=1)
    assert "neutral" not in data.classes
    assert len(data) == 7
    assert all(name.endswith("00000006.png") for name in data.ids)
    six = loaded("ckplus", tmp_path / "set", tmp_path, contempt=False)
    assert "contempt" not in six.classes
    assert six.ignored["sequences labelled contempt"] == 1
    assert six.ignored["sequences without a label"] == 1
    refused("ckplus", tmp_path / "set", "too few for 6", peak=6)
    refused("ckplus", tmp_path / "set", "classes=6", classes=6)
    label = next((tmp_path / "set" / "Emotion").rglob("*.txt"))
    label.write_text("nine")
    (fault,) = loaded("ckplus", tmp_path / "set", tmp_path).faults
    assert "'nine' is no number from 0 to 7" in fault.reason


def test_kdef_angles(tmp_path):
    published.kdef(tmp_path / "set")
    data = loaded("kdef", tmp_path / "set", tmp_path, angles="straight")
    assert len(data) == 28
    assert set(data.groups) == {"F01", "M35"}
    refused("kdef", tmp_path / "set", "angles='left'", angles="left")


def test_expw_lists_that_cannot_be(tmp_path):
    index = published.expw(tmp_path / "set")
    sheet = tmp_path / "set" / "label" / "label.lst"
    bad = ("photo 1.jpg 0 6 3 33 37 80 9", "half a line", "gone.jpg 0 1 1 9 9 80 3")
    sheet.write_text(sheet.read_text() + "\n".join(bad))
    data = loaded("expw", tmp_path / "set", tmp_path)
    assert len(data) == len(index)
    columns = "not 8 columns with an emotion from 0 to 6"
    assert sorted(f.reason for f in data.faults) == ["no such file", columns, columns]
    sure = loaded("expw", tmp_path / "set", tmp_path, least=60)
    assert sure.ignored["boxes below the least confidence"] == 10


def test_sfew_aligned(tmp_path):
    published.sfew(tmp_path / "set")
    refused("sfew", tmp_path / "set", "no Train_Aligned_Faces/", aligned=True)
    (tmp_path / "set" / "Train").rename(tmp_path / "set" / "Train_Aligned_Faces")
    (tmp_path / "set" / "Val").rename(tmp_path / "set" / "Val_Aligned_Faces")
    data = loaded("sfew", tmp_path / "set", tmp_path, aligned=True)
    assert data.ignored["images of the test, which has no labels"] == 1
    assert len(data) == 21


def test_a_set_with_options_after_its_name(tmp_path):
    published.jaffe(tmp_path / "set")
    assert len(registry.load(f'jaffe(path="{tmp_path}/set")')) == 14
    refused("jaffe", tmp_path / "set", "no option 'form'", form="x")


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_smaller_set_takes_no_place_unasked(kind, tmp_path):
    IMAGES["jaffe"](tmp_path / "set")
    data = tmp_path / "data"
    first = tmp_path / "set"
    if kind == "zip":
        first = Path(shutil.make_archive(str(tmp_path / "whole"), "zip", tmp_path / "set"))
    whole = registry.add("jaffe", first, root=data).total
    shutil.copytree(tmp_path / "set", tmp_path / "less")
    image = next(p for p in sorted((tmp_path / "less").rglob("*")) if p.suffix in (".tiff", ".tif"))
    image.unlink()
    less = tmp_path / "less"
    if kind == "zip":
        less = Path(shutil.make_archive(str(tmp_path / "less"), "zip", tmp_path / "less"))
    with pytest.raises(ValueError, match="would take the place of .*--force"):
        registry.add("jaffe", less, root=data)
    assert len(registry.load("jaffe", root=data, cache=tmp_path / "cache")) == whole
    assert registry.add("jaffe", less, root=data, force=True).total == whole - 1
    assert len(registry.load("jaffe", root=data, cache=tmp_path / "cache")) == whole - 1
