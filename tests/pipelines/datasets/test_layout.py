"""Where the images of a folder lie, and what is said where files or labels are not."""

import json
import os

import numpy as np
import pytest

import cli
from featurize.images import decode
from pipelines.datasets import folder, registry, scan
from pipelines.datasets.split_names import split_of

rng = np.random.default_rng(3)
IMAGES = [rng.integers(0, 256, (16, 12), dtype=np.uint8) for _ in range(40)]
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64 + b"\nsize 14321\n"


@pytest.fixture
def tree(tmp_path, write_files, encoded):
    """Build a folder from the names of its images, and files by their bytes."""

    def build(*names, root="set", files=None, form="PNG"):
        images = {name: encoded(IMAGES[i % 40], form) for i, name in enumerate(names)}
        write_files(tmp_path / root, images | (files or {}))
        return tmp_path / root

    return build


def refused(path, *words, **options):
    with pytest.raises(ValueError) as caught:
        folder.load(path, **options)
    line = str(caught.value)
    assert "\n" not in line
    assert all(word in line for word in words), line


# Names of splits


@pytest.mark.parametrize(
    ("name", "split"),
    [("train", "train"), ("Training", "train"), ("train_set", "train"), ("TRAIN-images", "train"),
     ("val", "validation"), ("valid", "validation"), ("dev", "validation"), ("val_set", "validation"),
     ("test", "test"), ("Testing", "test"), ("test images", "test"), ("happy", None), ("trainer", None),
     ("set", None), ("contest", None), ("", None)],
)  # fmt: skip
def test_names_of_splits(name, split):
    assert split_of(name) == split


def test_dev_is_validation(tree):
    data = folder.load(tree(*(f"{s}/{c}/1.png" for s in ("train", "dev", "test") for c in "ab")))
    assert set(data.split) == {"train", "validation", "test"}


# Splits without classes


def test_splits_without_classes_are_no_classes(tree):
    names = [f"{s}/{s}_{i}.png" for s in ("train", "test") for i in range(3)]
    refused(tree(*names), "test/, train/ are splits without class folders", "such as test/happy/*.jpg")
    refused(tree(*names, root="b", files={"list_patition_label.txt": b"train_1.png 1"}),
            "in a list (list_patition_label.txt)", "docs/own-faces.md")  # fmt: skip
    refused(tree("train/1.png", root="c"), "train/ is a split without class folders")
    refused(tree("train/1.png", "test/a/1.png", "test/b/1.png", root="d"), "train/ is a split without")


def test_a_test_folder_without_labels_is_left_out_and_said(tree, caplog):
    data = folder.load(tree("train/a/1.png", "train/b/1.png", "test/1.png", "test/2.png"))
    assert data.classes == ("a", "b")
    assert set(data.split) == {"train"}
    assert data.ignored == {"in test/ (no class folders, so no labels)": 2}
    (line,) = caplog.messages
    assert line.endswith("not looked at: 2 in test/ (no class folders, so no labels)")


# One folder more


@pytest.mark.parametrize("inner", ["k", "k/data", "k/a b/ü"])
@pytest.mark.parametrize("names", [("a/1.png", "b/1.png"), ("train/a/1.png", "train/b/1.png")])
def test_a_wrapping_folder_is_looked_through_and_said(inner, names, tree, caplog):
    root = tree(*(f"{inner}/{name}" for name in names), files={"README.txt": b"x", "__MACOSX/._x": b"x"})
    data = folder.load(root)
    direct = folder.load(root / inner)
    assert data.fingerprint == direct.fingerprint
    assert data.ids.tolist() == direct.ids.tolist()
    assert f"{root}: read from its folder {inner}/" in caplog.messages


def test_what_is_no_wrapper(tree):
    refused(tree("happy/1.png", "happy/2.png"), "one class only (happy)")
    refused(tree("train/happy/1.png", root="b"), "one class only (happy)")


# What a file is


def test_images_by_their_first_bytes(tree, encoded):
    jpeg = encoded(IMAGES[0], "JPEG")
    names = ("1.png", "2", "3.jfif", "4.JPEG", "5.jpg_large", "6.dat")
    files = {f"{c}/{n}": jpeg for n in names for c in "ab"}
    others = {
        "a/notes.txt": b"x",
        "a/Thumbs.db": b"x",
        "a/._1.png": b"\0\5\26\7",
        "a/@eaDir/1.png": jpeg,
        "a/old/1.png": jpeg,
        "b/doc.pdf": b"%PDF-1.7",
        "b/v.mp4": b"\0\0\0\x14ftypisom",
        "list.csv": b"x",
    }
    data = folder.load(tree(files=files | others))
    assert len(data) == 12
    assert not data.faults
    assert data.ignored == {".txt": 1, "hidden": 2, "in @eaDir/": 1, "in a/old/": 1, ".pdf": 1, "videos": 1,
                            ".csv": 1}  # fmt: skip


@pytest.fixture
def unfetched(tree):
    """Four images, and three that were not fetched."""
    root = tree("happy/1.png", "happy/2.png", "sad/1.png", "sad/2.png", files={"sad/lfs.png": LFS})
    (root / "happy" / "3.png").symlink_to("../../.git/annex/objects/3.png")
    (root / "happy" / "4.png").symlink_to("/nowhere/4.png")
    return root


def test_what_was_not_fetched_is_a_fault(unfetched, tmp_path, run_cli):
    for _ in range(2):  # the second from memory
        data = folder.load(unfetched, cache=tmp_path / "cache")
        reasons = {fault.path.rpartition("/")[2]: fault.reason for fault in data.faults}
        assert set(reasons) == {"3.png", "4.png", "lfs.png"}
        assert "git annex get" in reasons["3.png"]
        assert "a dead link" in reasons["4.png"]
        assert "git lfs pull" in reasons["lfs.png"]
    refused(unfetched, "3.png: a dead link", "(3 unreadable in all)", strict=True)
    code, out, said = run_cli("featurize", "--data", unfetched, "--backbone", "pixels", "--json")
    assert code == cli.PARTLY
    assert json.loads(out)["left_out"] == 3
    assert said.count("left out") == 3
    code, out, _ = run_cli("data", "audit", unfetched)
    assert "       3  unreadable samples, left out" in out


def test_what_is_fetched_later_is_read(unfetched, tmp_path, encoded):
    folder.load(unfetched, cache=tmp_path / "cache")
    (unfetched / "sad" / "lfs.png").write_bytes(encoded(IMAGES[30]))
    (unfetched / "happy" / "3.png").unlink()
    (unfetched / "happy" / "3.png").write_bytes(encoded(IMAGES[31]))
    data = folder.load(unfetched, cache=tmp_path / "cache")
    assert len(data) == 6
    assert [fault.path.rpartition("/")[2] for fault in data.faults] == ["4.png"]


def test_a_class_that_was_not_fetched_at_all(unfetched, tree):
    for name in ("1.png", "2.png"):
        (unfetched / "happy" / name).unlink()
    refused(
        unfetched, "set/happy: no image of this class can be read; 3.png: a dead link", "(1 more are unread)"
    )
    refused(tree("a/1.png", root="b", files={"b/1.png": LFS}), "no image of b can be read; 1.png: a Git LFS")


def test_a_link_to_a_class_folder_is_followed_and_a_dead_one_is_a_fault(tree, tmp_path):
    root = tree("a/1.png", "b/1.png")
    tree("1.png", root="elsewhere/c")
    (root / "c").symlink_to(tmp_path / "elsewhere" / "c")
    (root / "d").symlink_to(tmp_path / "elsewhere" / "d")
    data = folder.load(root)
    assert data.classes == ("a", "b", "c")
    assert [fault.path for fault in data.faults] == [str(root / "d")]


def test_a_pipe_in_a_class_is_never_opened(tree):
    root = tree("a/1.png", "b/1.png")
    os.mkfifo(root / "a" / "2.png")
    assert folder.load(root).ignored == {"pipe (FIFO)": 1}


def test_a_reader_of_heic_that_comes_later_makes_the_memory_old(unfetched, tmp_path, monkeypatch):
    folder.load(unfetched, cache=tmp_path)
    monkeypatch.setattr(scan, "formats", lambda: ("JPEG", "HEIF"))
    read = []
    monkeypatch.setattr(scan, "decode", lambda data, name: read.append(name) or decode(data, name))
    folder.load(unfetched, cache=tmp_path)
    assert len(read) == 5


def test_all_that_was_not_looked_at_is_in_json_and_in_the_audit(tree, run_cli):
    root = tree("a/1.png", "b/1.png", files={"a/x.txt": b"x", "b/y.txt": b"x", "b/z": b"x"})
    code, out, said = run_cli("featurize", "--data", root, "--backbone", "pixels", "--json")
    assert code == 0
    assert json.loads(out)["not_looked_at"] == {".txt": 2, "without ending": 1}
    assert said == f"mueca: {root}: not looked at: 2 .txt, 1 without ending\n"
    _, out, _ = run_cli("data", "audit", root)
    assert "       3  files not looked at: 2 .txt, 1 without ending" in out


def test_videos_in_class_folders_say_how_they_are_read(tree):
    root = tree(files={f"{c}/1.mp4": b"\0\0\0\x14ftypisom" for c in "ab"})
    refused(root, "has videos and no images", f"--data 'videos(path=\"{root}\")'")


# Labels that lie elsewhere


@pytest.mark.parametrize(
    ("names", "files", "words"),
    [
        (["aligned/train_1_aligned.png"], {"list_patition_label.txt": b"x"}, "(list_patition_label.txt)"),
        (["basic/Image/aligned/train_1.png"], {"basic/EmoLabel/list_patition_label.txt": b"x"}, "EmoLabel/"),
        (
            ["images/0.png"],
            {"annotations/0_exp.npy": b"\x93NUMPY"},
            "in arrays (annotations/0_exp.npy)",
        ),
        (
            ["train_set/images/0.png"],
            {"train_set/annotations/0_exp.npy": b"\x93NUMPY"},
            "train_set/annotations",
        ),
        (["KA.AN1.39.tiff", "KM.HA2.40.tiff"], {"README": b"x"}, "in JAFFE's KA.AN1.39.tiff"),
        (["AF01/AF01ANS.JPG", "AF02/AF02HAS.JPG"], {}, "the folders are subjects"),
        (["AF01ANS.JPG", "AF02HAS.JPG"], {}, "in KDEF's AF01ANS.JPG"),
        (["S005/001/S005_001_00000001.png", "S010/001/S010_001_00000001.png"], {}, "in CK+'s S005_001_"),
    ],
)
def test_labels_elsewhere_say_what_can_be_done_today(names, files, words, tree):
    refused(tree(*names, files=files), words, "a table of files and labels is read by its path",
            "docs/own-faces.md")  # fmt: skip


def test_notes_are_no_lists_of_labels(tree):
    refused(
        tree("1.png", files={"README.txt": b"x", "LICENSE.txt": b"x"}),
        "a data set is a folder of class/*.jpg",
    )


def test_names_of_subjects_in_class_folders_are_no_fault(tree):
    data = folder.load(tree("anger/S010_004_00000017.png", "happy/S010_006_00000015.png"))
    assert data.classes == ("anger", "happy")


def test_subjects_in_names_say_what_can_be_done_today(tree, run_cli):
    root = tree("anger/S010_004_00000017.png", "happy/S010_006_00000015.png")
    code, _, said = run_cli("cross-validate", "--data", root, "--backbone", "hog", "--head", "svm")
    assert code == cli.PARTLY
    assert "give --subject 'S\\d+'" in said
    assert registry.load(f'{root}(subject="S\\d+")').groups.tolist() == ["S010", "S010"]
    with pytest.raises(ValueError, match="no option 'seed'"):
        registry.load(f"{root}(seed=3)")
