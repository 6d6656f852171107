"""A row of a sheet finds its folder, or says which it tried."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.datasets.micro_expressions.clip_folders import ClipFolders, NoFolderError, alike


def tree(root: Path, *folders: str) -> Path:
    for folder in folders:
        (root / folder).mkdir(parents=True)
    return root


@pytest.mark.parametrize(
    ("subject", "clip", "folder"),
    [
        ("ana", "c1", "ana/c1"),
        ("6", "1", "006/01"),
        ("6.0", "01", "006/1"),
        ("006", "1.0", "6/01"),
        ("1", "EP02_01f", "sub01/EP02_01f"),
        ("1", "EP02_01f", "sub1/EP2_1f"),
        ("sub01", "EP02_01f", "1/EP02_01f"),
        ("S01", "x", "sub1/x"),
        ("Sub 01", "x", "sub01/x"),
        ("subject_3", "x", "s03/x"),
        ("ANA", "C1", "ana/c1"),
        ("ana\u00a0b", "c  1", "ana b/c 1"),
        ("ana", "ana/c1", "ana/c1"),
        ("ana", r"ana\c1", "ana/c1"),
        ("ana", r"D:\data\ana\c1", "ana/c1"),
        ("ana", "./c1/", "ana/c1"),
        ("ana", "morning/c1", "ana/morning/c1"),
        ("ana", "anger1_1.avi", "ana/anger1_1"),
        ("1", "a-b", "01/a_b"),
        ("jose\u0301", "c1", "jos\u00e9/c1"),
        ("2024-01-02", "1", "2024-01-02/1"),
    ],
)
def test_an_id_finds_its_folder(tmp_path, subject, clip, folder):
    tree(tmp_path, folder, "other/c9", "sub10/x1", "100/100")
    found = ClipFolders(tmp_path, [(subject, clip)]).of(subject, clip)
    assert found == (folder.split("/")[0], tmp_path / folder)


@pytest.mark.parametrize(
    ("subject", "clip"),
    [
        ("1", "10"),
        ("10", "1"),
        ("a1", "01"),
        ("sub1b", "01"),
        ("1", "../01"),
        ("1", ".."),
        ("..", "sub01"),
        ("1", ""),
    ],
)
def test_other_ids_do_not(tmp_path, subject, clip):
    root = tree(tmp_path, "sub01/01")
    with pytest.raises(NoFolderError, match="no folder of frames for"):
        ClipFolders(root, [(subject, clip)]).of(subject, clip)


@pytest.mark.parametrize(
    ("folders", "subject", "clip", "both"),
    [
        (("01/x", "001/x"), "1", "x", ("/01/x", "/001/x")),
        (("sub1/x", "s01/x"), "1", "x", ("/sub1/x", "/s01/x")),
        (("1/c01", "1/c001"), "1", "c1", ("/1/c01", "/1/c001")),
        (("ana/x", "Ana/x"), "ANA", "x", ("/ana/x", "/Ana/x")),
    ],
)
def test_two_that_fit_are_both_named(tmp_path, folders, subject, clip, both):
    root = tree(tmp_path, *folders)
    with pytest.raises(NoFolderError, match="fits both") as caught:
        ClipFolders(root, [(subject, clip)]).of(subject, clip)
    assert all(f"{root}{name}" in str(caught.value) for name in both)


def test_as_written_wins_and_a_folder_without_the_clip_does_not_count(tmp_path):
    root = tree(tmp_path, "1/x", "01/x", "sub2/x", "02/y")
    folders = ClipFolders(root, [("1", "x"), ("2", "x")])
    assert folders.of("1", "x") == ("1", root / "1" / "x")
    assert folders.of("2", "x") == ("sub2", root / "sub2" / "x")


def test_a_second_folder_that_fits_is_said_once_unless_the_sheet_names_it(tmp_path, caplog):
    root = tree(tmp_path, "6/x", "6/y", "006/x", "006/y")
    folders = ClipFolders(root, [("6", "x"), ("6", "y")])
    assert [folders.of("6", clip)[0] for clip in "xy"] == ["6", "6"]
    assert caplog.text.count(f"subject 6 is {root}/6; 006 fits as well and is not read") == 1
    caplog.clear()
    folders = ClipFolders(root, [("6", "x"), ("006", "x")])
    assert [folders.of(subject, "x")[0] for subject in ("6", "006")] == ["6", "006"]
    assert not caplog.text


@pytest.mark.parametrize("inside", ["", "Cropped", "Cropped-updated/Cropped"])
def test_the_subjects_may_lie_deeper(tmp_path, inside):
    root = tree(tmp_path, f"{inside or '.'}/sub01/x", "papers", "._sub01/x", "@eaDir/sub01/x")
    folders = ClipFolders(root, [("1", "x")])
    assert folders.base == root / inside
    assert folders.of("1", "x")[1] == root / inside / "sub01" / "x"


def test_of_two_places_the_preferred_or_the_fuller_one(tmp_path):
    root = tree(tmp_path, "raw/1/x", "raw/1/y", "Cropped-v2/Cropped/1/x", "part/1/y")
    ids = [("1", "x"), ("1", "y")]
    assert ClipFolders(root, ids).base == root / "raw"
    assert ClipFolders(root, ids, "cropped").base == root / "Cropped-v2" / "Cropped"


def test_two_places_that_hold_the_same_are_both_named(tmp_path):
    root = tree(tmp_path, "a/1/x", "b/1/x")
    with pytest.raises(ValueError, match=r"the clips lie in both .*/a and .*/b; give path="):
        ClipFolders(root, [("1", "x")])


def test_what_was_tried_is_named(tmp_path):
    root = tree(tmp_path, "sub01/a", "sub01/b", "sub01/c", "sub01/d", "sub02/a")
    folders = ClipFolders(root, [("1", "a")])
    with pytest.raises(NoFolderError) as caught:
        folders.of("1", "z")
    assert f"there is no {root}/sub01/z; {root}/sub01 holds a, b, c and 1 more" in str(caught.value)
    with pytest.raises(NoFolderError) as caught:
        folders.of("7", "z")
    assert f"there is no {root}/7/z; {root} holds sub01, sub02" in str(caught.value)


def test_a_sheet_of_another_set_is_refused_quickly(tmp_path):
    root = tree(tmp_path, *(f"s{i:03d}/c{k}" for i in range(60) for k in range(6)))
    began = time.perf_counter()
    folders = ClipFolders(root, [(f"q{i}", f"x{k}") for i in range(60) for k in range(10)])
    assert folders.base == root
    assert time.perf_counter() - began < 20


@given(st.text("ab_- 0127.", min_size=1, max_size=8))
def test_names_that_are_alike_are_alike_once_more(name):
    assert alike(alike(name)) == alike(name)


@given(st.integers(0, 10**6), st.integers(1, 8))
def test_zeros_before_a_number_do_not_matter_and_others_do(number, width):
    assert alike(f"EP{number:0{width}d}_x") == alike(f"ep{number}_x")
    assert alike(f"EP{number}0") != alike(f"EP{number}") or number == 0
