"""No command writes over what it reads, by whatever name or option."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from featurize.overwriting import check_overwrites


def test_a_file_by_any_of_its_names(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.jpg").symlink_to(photo)
    os.link(photo, tmp_path / "hard.jpg")
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    names = ("a.jpg", "sub/../a.jpg", "link.jpg", "hard.jpg", "folder/a.jpg")
    for name in names:
        with pytest.raises(ValueError, match="--out would write over .*; give another name or folder"):
            check_overwrites("--out", [tmp_path / name], [photo])
    check_overwrites("--out", [tmp_path / "b.jpg", tmp_path / "sub" / "a.jpg"], [photo])


def test_what_is_there_in_a_folder_that_is_read(tmp_path):
    (tmp_path / "data" / "happy").mkdir(parents=True)
    (tmp_path / "data" / "happy" / "labels.csv").write_text("mine")
    with pytest.raises(ValueError, match="labels.csv"):
        check_overwrites("out", [tmp_path / "data" / "happy" / "labels.csv"], [tmp_path / "data"])
    check_overwrites("out", [tmp_path / "data" / "new.csv"], [tmp_path / "data"])


def test_a_folder_that_is_replaced_with_what_is_read_in_it(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "faces.csv").write_text("mine")
    for read in (tmp_path / "model", tmp_path / "model" / "faces.csv"):
        with pytest.raises(ValueError, match="would write over"):
            check_overwrites("--out", [tmp_path / "model"], [read])


def test_beside_what_is_read(tmp_path):
    (tmp_path / "mine.png").write_bytes(b"x")
    (tmp_path / "marked").mkdir()
    (tmp_path / "marked" / "mine.png").write_bytes(b"x")
    with pytest.raises(ValueError, match="beside what is read"):
        check_overwrites("--chart", [tmp_path / "mine.png"], [], beside=[tmp_path])
    check_overwrites("--chart", [tmp_path / "marked" / "mine.png"], [], beside=[tmp_path])


def test_what_is_read_need_not_be_there(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    check_overwrites("--out", [tmp_path / "a"], [tmp_path / "gone", Path("nowhere/at/all")])
