"""Any folder of images: what is found, remembered, left out and refused."""

import json
import os
import pickle
import sys

import numpy as np
import pytest

from featurize.file_kinds import IMAGE_ENDINGS
from featurize.images import decode
from pipelines.datasets import folder, scan
from pipelines.datasets.base import sample_digest

rng = np.random.default_rng(3)
PICTURES = [rng.integers(0, 256, (16, 12), dtype=np.uint8) for _ in range(40)]


@pytest.fixture
def tree(tmp_path, write_files, encoded):
    """Build a folder of images from the names of its files."""

    def build(*names, root="set", **data):
        files = {name: encoded(PICTURES[i]) for i, name in enumerate(names)}
        write_files(tmp_path / root, files)
        return tmp_path / root

    return build


@pytest.fixture
def small(tree):
    return tree("happy/1.png", "happy/2.png", "sad/1.png", "sad/b.png")


def refused(path, *words, error=ValueError, **options):
    with pytest.raises(error) as caught:
        folder.load(path, **options)
    line = str(caught.value)
    assert "\n" not in line
    assert all(word in line for word in words), line


def test_classes_alone(small):
    data = folder.load(small)
    assert data.name == "set"
    assert data.classes == ("happy", "sad")
    assert data.ids.tolist() == ["happy/1.png", "happy/2.png", "sad/1.png", "sad/b.png"]
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert set(data.split) == {"train"}
    for i in range(4):
        np.testing.assert_array_equal(data.samples[i], PICTURES[i])
        assert data.digests[i] == sample_digest(PICTURES[i])


@pytest.mark.parametrize(
    ("train", "validation", "test"), [("train", "validation", "test"), ("Training", "val", "TESTING")]
)
def test_splits(train, validation, test, tree):
    data = folder.load(tree(*(f"{s}/{c}/1.png" for s in (train, validation, test) for c in ("a", "b"))))
    assert [len(data.where(s)) for s in ("train", "validation", "test")] == [2, 2, 2]


def test_every_ending_is_a_picture(tmp_path, encoded, write_files):
    forms = {".jpg": "JPEG", ".JPEG": "JPEG", ".png": "PNG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF",
             ".webp": "WEBP", ".gif": "GIF", ".pgm": "PPM", ".ppm": "PPM", ".pnm": "PPM", ".jfif": "JPEG",
             ".jpe": "JPEG"}  # fmt: skip
    assert {ending.lower() for ending in forms} == IMAGE_ENDINGS
    files = {f"{c}/x{ending}": encoded(PICTURES[0], form) for ending, form in forms.items() for c in "ab"}
    others = {"a/notes.txt": b"x", "a/.hidden.png": b"x", "a/Thumbs.db": b"x", ".git/a/x.png": b"x"}
    write_files(tmp_path / "set", files | others)
    data = folder.load(tmp_path / "set")
    assert len(data) == 2 * len(forms)
    assert not data.faults
    assert data.ignored == {".txt": 1, "hidden": 2, "in .git/": 1}


def test_spaces_and_other_letters(tree):
    data = folder.load(tree("glücklich 😀/ein Bild.png", "悲しい/写真 1.png", root="mein Ordner/привет"))
    assert data.classes == ("glücklich 😀", "悲しい")
    assert data.samples[0].shape == (16, 12)


def test_accents_in_both_unicode_forms_are_one_class(tree):
    composed, decomposed = "felicit\u00e0", "felicita\u0300"
    data = folder.load(
        tree(f"train/{composed}/1.png", "train/x/1.png", f"test/{decomposed}/1.png", "test/x/1.png")
    )
    assert data.classes == (composed, "x")
    assert data.samples[2].shape == (16, 12)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes names that are not UTF-8")
def test_a_name_that_is_not_utf8(small, tmp_path, encoded):
    (small / "sad" / os.fsdecode(b"\xff.png")).write_bytes(encoded(PICTURES[9]))
    for _ in range(2):
        data = folder.load(small, cache=tmp_path / "cache")
        data.ids[-1].encode()
        np.testing.assert_array_equal(data.samples[4], PICTURES[9])


def test_samples_cross_processes(small):
    samples = folder.load(small).samples
    there = pickle.loads(pickle.dumps(samples))
    assert len(there) == 4
    np.testing.assert_array_equal(there[3], samples[3])


# What is left out


@pytest.fixture
def damaged(small, encoded):
    (small / "happy" / "empty.jpg").write_bytes(b"")
    (small / "happy" / "half.png").write_bytes(encoded(PICTURES[0])[:60])
    (small / "sad" / "dot.png").write_bytes(encoded(np.zeros((1, 1), np.uint8)))
    (small / "sad" / "text.jpg").write_text("no image")
    return small


def test_unreadable_pictures_are_left_out_and_named(damaged):
    data = folder.load(damaged)
    assert len(data) == 4
    reasons = {f.path: f.reason for f in data.faults}
    assert {p.removeprefix(f"{damaged}/") for p in reasons} == {
        "happy/empty.jpg",
        "happy/half.png",
        "sad/dot.png",
        "sad/text.jpg",
    }
    assert "0 bytes" in reasons[str(damaged / "happy" / "empty.jpg")]
    assert "1 x 1" in reasons[str(damaged / "sad" / "dot.png")]


def test_strict(damaged):
    refused(damaged, "empty.jpg", "0 bytes", "4 unreadable", strict=True)


def test_a_class_of_unreadable_pictures(small):
    (small / "worried").mkdir()
    (small / "worried" / "1.jpg").write_bytes(b"")
    refused(small, "no image of worried can be read")


def test_a_picture_that_cannot_be_opened(small, monkeypatch, tmp_path):
    (small / "sad" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (fault,) = folder.load(small).faults
    assert "a dead link: " in fault.reason and "nowhere.png is not there" in fault.reason
    (small / "sad" / "gone.png").unlink()
    read = scan.Path.read_bytes

    def guarded(path):
        if path.name == "b.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(scan.Path, "read_bytes", guarded)
    data = folder.load(small, cache=tmp_path / "cache")
    assert "Permission denied" in data.faults[0].reason
    monkeypatch.undo()
    assert not folder.load(small, cache=tmp_path / "cache").faults


# What is refused


def test_no_such_folder(tmp_path):
    refused(tmp_path / "nowhere", "no such folder", error=FileNotFoundError)
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "not a folder", error=NotADirectoryError)


def test_no_classes(tmp_path, tree):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no class folders")
    refused(tree("1.png", "2.png"), "no class folders")


def test_one_class(tree):
    refused(tree("happy/1.png"), "one class only", "happy")
    refused(tree("train/happy/1.png", "test/happy/1.png", root="b"), "one class only")


@pytest.mark.parametrize("split", ["", "train/", "test/"])
def test_an_empty_class_folder(split, tree):
    root = tree("train/a/1.png", "train/b/1.png", "test/a/1.png") if split else tree("a/1.png", "b/1.png")
    name = "b" if split == "test/" else "c"
    (root / f"{split}{name}").mkdir()
    refused(root, "empty")


def test_a_class_folder_without_pictures(tree, write_files):
    root = tree("a/1.png", "b/1.png")
    write_files(root, {"c/notes.txt": b"x"})
    refused(root, "empty", "no file is an image, there is only: 1 .txt")
    refused(tree("a/1.png", "b/subject 1/1.png", root="other"), "subfolders such as subject 1/")


@pytest.mark.parametrize("split", ["test", "validation"])
def test_classes_must_be_those_of_training(split, tree):
    train = ("train/happy/1.png", "train/sad/1.png")
    refused(tree(*train, f"{split}/happy/1.png", root="a"), f"/{split}:", "'sad' is missing")
    refused(tree(*train, f"{split}/happy/1.png", f"{split}/sad/1.png", f"{split}/sadd/1.png", root="b"),
            "unknown class 'sadd'", "did you mean 'sad'")  # fmt: skip


def test_test_without_train(tree):
    refused(tree("test/a/1.png", "test/b/1.png"), "has test/ but no train/")


def test_a_misspelt_split(tree):
    names = [f"{s}/{c}/1.png" for s in ("train", "tset") for c in "ab"]
    refused(tree(*names), "tset/", "did you mean test/")
    assert len(folder.load(tree("train/a/1.png", "train/b/1.png", "docs/figures/1.png", root="other"))) == 2


def test_two_validation_folders(tree):
    refused(
        tree(*(f"{s}/{c}/1.png" for s in ("train", "val", "valid") for c in "ab")), "both val/ and valid/"
    )


def test_a_class_may_be_called_test(tree):
    assert folder.load(tree("test/1.png", "joy/1.png")).classes == ("joy", "test")


# What is remembered


@pytest.fixture
def decoded(monkeypatch):
    """Names of the images decoded since the last look."""
    names = []

    def noted(data, name):
        names.append(name)
        return decode(data, name)

    monkeypatch.setattr(scan, "decode", noted)
    return names


def test_a_second_load_decodes_nothing(damaged, tmp_path, decoded):
    first = folder.load(damaged, cache=tmp_path / "cache")
    assert len(decoded) == 8
    decoded.clear()
    second = folder.load(damaged, cache=tmp_path / "cache")
    assert decoded == []
    assert second.fingerprint == first.fingerprint
    assert second.faults == first.faults
    assert second.samples.blank.tolist() == first.samples.blank.tolist()


def test_a_changed_picture_is_read_again(small, tmp_path, decoded, encoded):
    before = folder.load(small, cache=tmp_path / "cache")
    decoded.clear()
    (small / "sad" / "b.png").write_bytes(encoded(PICTURES[30]))
    (small / "sad" / "c.png").write_bytes(encoded(PICTURES[31]))
    os.utime(small / "happy" / "1.png", ns=(1, 1))
    (small / "happy" / "2.png").unlink()
    after = folder.load(small, cache=tmp_path / "cache")
    assert decoded == ["1.png", "b.png", "c.png"]
    assert after.digests[-1] == sample_digest(PICTURES[31])
    assert after.fingerprint != before.fingerprint


def test_an_interrupted_scan_goes_on(small, tmp_path, decoded, monkeypatch):
    noted = scan.decode

    def interrupted(data, name):
        if name == "b.png":
            raise KeyboardInterrupt
        return noted(data, name)

    monkeypatch.setattr(scan, "decode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        folder.load(small, cache=tmp_path / "cache")
    monkeypatch.setattr(scan, "decode", noted)
    decoded.clear()
    folder.load(small, cache=tmp_path / "cache")
    assert decoded == ["b.png"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": [1, 1]}', '{"format": [0, 0], "files": {}}',
                                  '{"format": [1, 1], "files": {"happy/1.png": 3}}'])  # fmt: skip
def test_a_damaged_memory_is_read_over(text, small, tmp_path, decoded):
    folder.load(small, cache=tmp_path)
    (memory,) = (tmp_path / "scans").iterdir()
    memory.write_text(text)
    decoded.clear()
    assert len(folder.load(small, cache=tmp_path)) == 4
    assert len(decoded) == 4
    assert len(json.loads(memory.read_text())["files"]) == 4


def test_a_cache_that_cannot_be_written(small, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert len(folder.load(small, cache=tmp_path / "file")) == 4


def test_large_files_are_read_by_threads(small, monkeypatch):
    alone = folder.load(small).digests.tolist()
    monkeypatch.setattr(scan, "THREADS_PAY", 0)
    monkeypatch.setattr(scan.os, "cpu_count", lambda: 3)
    monkeypatch.setattr(scan, "CHUNK", 3)
    assert folder.load(small).digests.tolist() == alone


def test_a_file_too_large_for_a_picture_is_not_read(small, monkeypatch):
    monkeypatch.setattr(scan, "MAX_FILE", 10)
    refused(small, "no image of happy can be read")
