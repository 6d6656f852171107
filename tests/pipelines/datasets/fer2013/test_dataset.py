"""Importing FER2013 from every form, and what stops it."""

import io
import json
import os
import tarfile
import zipfile

import numpy as np
import pytest

from featurize import atomic
from pipelines.datasets import registry
from pipelines.datasets.archive import ArchiveError
from pipelines.datasets.base import EMOTIONS, sample_digest
from pipelines.datasets.fer2013 import dataset
from pipelines.utils.progress import Progress

FORMS = {"zip": "", "tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}


def pack(path, files, form):
    """Write {name: bytes} as an archive."""
    if form == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for name, data in files.items():
                out.writestr(name, data)
        return path
    with tarfile.open(path, FORMS[form]) as out:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data root"


@pytest.fixture
def expected(kaggle, tmp_path):
    """The set as imported from the folder."""
    dataset.add(kaggle, tmp_path / "reference")
    return dataset.load(tmp_path / "reference")


def same(found, expected):
    assert found.fingerprint == expected.fingerprint
    assert found.digests.tolist() == expected.digests.tolist()
    assert found.split.tolist() == expected.split.tolist()


def line_of(error):
    line = str(error.value)
    assert "\n" not in line
    return line


def test_the_folder(kaggle, root, faces):
    report = dataset.add(kaggle, root)
    data = dataset.load(root)
    assert data.classes == EMOTIONS
    assert len(data) == 35
    assert report.faults == ()
    assert report.counts["train"] == dict.fromkeys(EMOTIONS, 3)
    assert data.test_splits == {"test": ("public", "private"), "public": ("public",), "private": ("private",)}
    assert [len(data.where(s)) for s in ("train", "public", "private", "test")] == [21, 7, 7, 14]
    wanted = {
        sample_digest(f): (s, c) for s, classes in faces.items() for c, fs in classes.items() for f in fs
    }
    for i in range(len(data)):
        assert sample_digest(data.samples[i]) == data.digests[i]
        assert wanted[data.digests[i]] == (data.split[i], data.classes[data.labels[i]])
    assert len(set(data.ids)) == len(data)
    assert (kaggle / str(data.ids[0])).is_file()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("prefix", ["", "./", "archive/fer2013/"])
def test_archives_give_the_same_set(form, prefix, kaggle_files, tmp_path, root, expected):
    files = {f"{prefix}{name}": data for name, data in kaggle_files.items()}
    files |= {"__MACOSX/train/happy/._Training_1.png": b"resource fork", "README.md": b"hello"}
    dataset.add(pack(tmp_path / "set", files, form), root)
    found = dataset.load(root)
    same(found, expected)
    assert found.ids.tolist() == expected.ids.tolist()


@pytest.mark.parametrize("form", ["plain", "icml"])
def test_csvs_give_the_same_set(form, faces, csv_text, tmp_path, root, expected):
    path = tmp_path / "Gesichter für alle.csv"
    path.write_text(csv_text(faces, form), encoding="utf-8-sig")
    dataset.add(path, root)
    found = dataset.load(root)
    same(found, expected)
    assert found.ids[0].startswith("train/")


@pytest.mark.parametrize("form", FORMS)
def test_archives_of_the_csv(form, faces, csv_text, tmp_path, root, expected):
    files = {"fer2013/README": b"read me", "fer2013/fer2013.csv": csv_text(faces).encode()}
    dataset.add(pack(tmp_path / "set", files, form), root)
    same(dataset.load(root), expected)


def test_the_challenges_zip(faces, csv_text, tmp_path, root, expected):
    files = {
        "example_submission.csv": b"emotion\n0\n",
        "fer2013.tar.gz": b"nested",
        "icml_face_data.csv": csv_text(faces, "icml").encode(),
        "test.csv": b"pixels\n1 2 3\n",
        "train.csv": b"emotion,pixels\n0,1 2 3\n",
    }
    report = dataset.add(pack(tmp_path / "set.zip", files, "zip"), root)
    same(dataset.load(root), expected)
    assert len(report.notes) == 2  # test.csv and train.csv


def test_a_folder_around_the_csv(faces, csv_text, tmp_path, root, expected):
    (tmp_path / "outer" / "fer2013").mkdir(parents=True)
    (tmp_path / "outer" / "fer2013" / "fer2013.csv").write_text(csv_text(faces))
    dataset.add(tmp_path / "outer", root)
    same(dataset.load(root), expected)


def test_public_and_private_not_told_apart(kaggle_files, tmp_path, write_files, root):
    plain = {n.replace("PublicTest_", "").replace("PrivateTest_", ""): d for n, d in kaggle_files.items()}
    write_files(tmp_path / "set", plain)
    report = dataset.add(tmp_path / "set", root)
    data = dataset.load(root)
    assert data.test_splits == {"test": ("test",)}
    assert len(data.where("test")) == 14
    assert "cannot be told apart" in report.notes[0]


def test_the_published_counts_add_up():
    assert [sum(n) for n in dataset.PUBLISHED.values()] == [28709, 3589, 3589]
    both = tuple(map(sum, zip(dataset.PUBLISHED["public"], dataset.PUBLISHED["private"], strict=True)))
    assert both == dataset.PUBLISHED_TEST


def test_differences_in_words():
    whole = {s: dict(zip(EMOTIONS, n, strict=True)) for s, n in dataset.PUBLISHED.items()}
    assert dataset.differences(whole) == ()
    together = {"train": whole["train"], "test": dict(zip(EMOTIONS, dataset.PUBLISHED_TEST, strict=True))}
    assert dataset.differences(together) == ()
    whole["train"]["fear"] -= 1
    whole["private"]["happy"] += 1200
    del whole["public"]
    assert dataset.differences(whole) == (
        "train/fear: 4,096 faces, published 4,097 (1 fewer)",
        "split public: no faces, published 3,589",
        "private/happy: 2,079 faces, published 879 (1,200 more)",
    )


def test_the_report_in_words(kaggle, root):
    report = dataset.add(kaggle, root)
    assert not report.complete
    assert "35 faces imported from köggle folder (train 21, public 7, private 7)" in report.text()
    assert "differs: train/angry: 3 faces, published 3,995 (3,992 fewer)" in report.text()
    assert json.loads(json.dumps(report.as_dict()))["counts"]["public"]["sad"] == 1


def test_unreadable_pictures_are_left_out_and_named(kaggle, root, encoded, write_files):
    grey = np.zeros((48, 48), np.uint8)
    bad = {
        "train/happy/Training_0.png": b"",
        "train/happy/Training_half.png": encoded(grey)[:40],
        "train/sad/Training_wide.png": encoded(grey[:32]),
    }
    write_files(kaggle, bad)
    report = dataset.add(kaggle, root)
    reasons = {f.path: f.reason for f in report.faults}
    assert set(reasons) == set(bad)
    assert "0 bytes" in reasons["train/happy/Training_0.png"]
    assert "48 x 32" in reasons["train/sad/Training_wide.png"]
    data = dataset.load(root)
    assert len(data) == 35
    assert data.faults == report.faults
    with pytest.raises(ValueError, match="3 unreadable") as caught:
        dataset.add(kaggle, root, strict=True)
    line_of(caught)


def test_colour_copies_of_the_faces(kaggle_files, tmp_path, write_files, root, expected, encoded):
    from featurize.images import decode

    coloured = {n: encoded(np.repeat(decode(d)[..., None], 3, 2)) for n, d in kaggle_files.items()}
    write_files(tmp_path / "rgb", coloured)
    dataset.add(tmp_path / "rgb", root)
    same(dataset.load(root), expected)


def test_progress_counts_every_face(kaggle, root):
    class Counting(Progress):
        done = 0

        def task(self, label, total=None):
            from contextlib import nullcontext

            def advance(n):
                self.done += n

            return nullcontext(advance)

    counting = Counting()
    dataset.add(kaggle, root, counting)
    assert counting.done == 35


# What stops it, and leaves the earlier import as it was


@pytest.fixture
def imported(kaggle, root):
    dataset.add(kaggle, root)
    before = dataset.load(root).fingerprint
    yield root
    assert dataset.load(root).fingerprint == before
    left = {p.name for p in root.iterdir()}
    assert left <= {"fer2013", ".fer2013.lock"}


def stopped(source, root, *words, error=ValueError):
    with pytest.raises(error) as caught:
        dataset.add(source, root)
    line = line_of(caught)
    assert all(word in line for word in words), line


def test_no_such_path(imported, tmp_path):
    stopped(tmp_path / "nowhere", imported, "no such", error=FileNotFoundError)


def test_a_truncated_archive(imported, kaggle_files, tmp_path):
    path = pack(tmp_path / "set.tar.xz", kaggle_files, "tar.xz")
    path.write_bytes(path.read_bytes()[:-2000])
    stopped(path, imported, "truncated", error=ArchiveError)


def test_an_archive_that_climbs_out(imported, kaggle_files, tmp_path):
    path = pack(tmp_path / "set.tar", kaggle_files | {"../train/happy/x.png": b"x"}, "tar")
    stopped(path, imported, "leads out", error=ArchiveError)


def test_an_archive_that_fills_the_disk(imported, kaggle_files, tmp_path):
    path = pack(tmp_path / "set.zip", {"train/happy/x.png": bytes(10_000_000)}, "zip")
    stopped(path, imported, "100 times", error=ArchiveError)


@pytest.mark.parametrize("form", ["plain", "icml"])
def test_a_short_row(form, imported, faces, csv_text, tmp_path):
    lines = csv_text(faces, form).splitlines()
    lines[5] = lines[5][: len(lines[5]) // 2]
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(lines))
    stopped(path, imported, "fer2013.csv, line 6")


def test_a_csv_without_usage(imported, tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("emotion,pixels\n0,1 2 3\n")
    stopped(path, imported, "no column for usage")


@pytest.mark.parametrize("name", ["fer2013.xlsx", "fer2013.xls", "fer2013.ods", "fer2013.numbers"])
def test_a_workbook(imported, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04")
    stopped(path, imported, name, "a workbook; save it as .csv and add that")


def test_tabs_instead_of_commas(faces, csv_text, tmp_path, root, expected):
    path = tmp_path / "fer2013.tsv"
    path.write_text(csv_text(faces).replace(",", "\t"), encoding="utf-16")
    dataset.add(path, root)
    assert dataset.load(root).fingerprint == expected.fingerprint


def test_a_csv_that_is_only_a_header(imported, tmp_path):
    path = tmp_path / "fer2013.csv"
    path.write_text("emotion,pixels,Usage\n")
    stopped(path, imported, "not FER2013")


def test_a_truncated_archive_of_the_csv(imported, faces, csv_text, tmp_path):
    path = pack(tmp_path / "set.tar.gz", {"fer2013/fer2013.csv": csv_text(faces).encode()}, "tar.gz")
    path.write_bytes(path.read_bytes()[:-5000])
    stopped(path, imported, "truncated", error=ArchiveError)


def test_both_pictures_and_a_csv(imported, faces, csv_text, kaggle_files, tmp_path):
    files = kaggle_files | {"fer2013.csv": csv_text(faces).encode()}
    stopped(pack(tmp_path / "a.zip", files, "zip"), imported, "both images and")


def test_the_same_picture_twice(imported, kaggle_files, tmp_path):
    files = kaggle_files | {f"again/{name}": data for name, data in kaggle_files.items()}
    stopped(pack(tmp_path / "a.zip", files, "zip"), imported, "twice")


def test_another_set(imported, tmp_path, write_files, encoded):
    write_files(tmp_path / "cats", {"train/tabby/1.png": encoded(np.eye(48, dtype=np.uint8))})
    stopped(tmp_path / "cats", imported, "unknown class folder 'tabby'")
    (tmp_path / "empty").mkdir()
    stopped(tmp_path / "empty", imported, "neither train/ nor a CSV")
    other = pack(tmp_path / "x.tar", {"megc/images/1.png": encoded(np.eye(48, dtype=np.uint8))}, "tar")
    stopped(other, imported, "does not lie in train/")
    (tmp_path / "face.jpg").write_bytes(b"no archive")
    stopped(tmp_path / "face.jpg", imported, "not a .zip", error=ArchiveError)


def test_nothing_but_unreadable_pictures(imported, tmp_path, write_files):
    write_files(tmp_path / "broken", {"train/happy/Training_1.jpg": b""})
    stopped(tmp_path / "broken", imported, "no readable face", "0 bytes")


def test_an_archive_of_the_archive(imported, tmp_path):
    stopped(pack(tmp_path / "outer.zip", {"fer2013.tar.gz": b"x" * 99}, "zip"), imported, "take that out")


def test_interrupted_while_writing(imported, kaggle, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset.np, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dataset.add(kaggle, imported)


def test_a_full_disk(imported, kaggle, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset.np, "save", full)
    stopped(kaggle, imported, "No space left", "MUECA_DATA", error=OSError)


def test_a_root_that_cannot_be_written(kaggle, tmp_path):
    (tmp_path / "file").write_text("in the way")
    stopped(kaggle, tmp_path / "file" / "root", "MUECA_DATA", error=OSError)


def test_failing_to_put_the_new_set_in_place(imported, kaggle, monkeypatch):
    rename = dataset.Path.rename

    def once(self, target):
        if self.name.endswith(".tmp"):  # neither away nor back: the new set
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(atomic, "exchange", lambda *_: False)
    monkeypatch.setattr(dataset.Path, "rename", once)
    stopped(kaggle, imported, error=OSError)


def test_what_a_killed_import_left_is_cleared(imported, kaggle):
    for name in (".fer2013-killed", ".fer2013.0a1b.tmp", ".fer2013.0a1b.old"):
        (imported / name).mkdir()
        (imported / name / "images.npy").write_bytes(b"half")
    dataset.add(kaggle, imported)


# Loading


def test_not_imported(root):
    with pytest.raises(FileNotFoundError, match="mueca data add fer2013 PATH") as caught:
        dataset.load(root)
    line_of(caught)


@pytest.mark.parametrize("name", ["images.npy", "index.csv", "manifest.json"])
def test_damage_is_noticed(name, kaggle, root):
    dataset.add(kaggle, root)
    path = root / "fer2013" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    if name != "manifest.json":
        with pytest.raises(ValueError, match=f"{name} is damaged"):
            dataset.load(root)
    path.write_bytes(data[:40])
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        dataset.load(root)
    path.unlink()
    with pytest.raises(ValueError, match="a file is missing"):
        dataset.load(root)


def test_another_version(kaggle, root):
    dataset.add(kaggle, root)
    path = root / "fer2013" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(ValueError, match="another version"):
        dataset.load(root)


# Other names of splits, and what is no face


@pytest.mark.parametrize("name", ["validation", "val", "dev", "Valid"])
def test_a_validation_folder_is_a_split_and_said(name, kaggle_files, tmp_path, write_files, root):
    files = {n: data for n, data in kaggle_files.items() if n.startswith("train/")}
    renamed = {
        n.replace("test/", f"{name}/").replace("PublicTest_", "").replace("PrivateTest_", ""): data
        for n, data in kaggle_files.items()
        if n.startswith("test/")
    }
    write_files(tmp_path / "up" / "images", files | renamed)
    report = dataset.add(tmp_path / "up", root)
    assert {split: sum(classes.values()) for split, classes in report.counts.items()} == {
        "train": 21, "validation": 14
    }  # fmt: skip
    assert any("form the split 'validation'" in note for note in report.notes)
    data = dataset.load(root)
    assert len(data.where("validation")) == 14
    assert len(data.where("test")) == 0


def test_what_is_no_face_is_counted_and_what_was_not_fetched_is_a_fault(kaggle, root, write_files):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64 + b"\nsize 1\n"
    hidden = ("train/happy/._x.png", "train/happy/Thumbs.db", "train/@eaDir/x.png")
    others = {"train/happy/x.png": pointer, "train/happy/notes.txt": b"x", "train/happy/y": b"text"}
    write_files(kaggle, others | dict.fromkeys(hidden, b"x"))
    (kaggle / "train" / "sad" / "gone.png").symlink_to("../../../.git/annex/objects/x.png")
    os.mkfifo(kaggle / "train" / "sad" / "pipe.png")
    report = dataset.add(kaggle, root)
    reasons = {fault.path: fault.reason for fault in report.faults}
    assert set(reasons) == {"train/happy/x.png", "train/sad/gone.png"}
    assert "git lfs pull" in reasons["train/happy/x.png"]
    assert "git annex get" in reasons["train/sad/gone.png"]
    assert report.ignored == {".txt": 1, "hidden": 3, "without ending": 1, "pipe (FIFO)": 1}
    assert "not looked at: 1 .txt, 3 hidden, 1 pipe (FIFO), 1 without ending" in report.text()
    with pytest.raises(ValueError, match="2 unreadable"):
        dataset.add(kaggle, root, strict=True)


def test_faces_without_an_ending_are_read(kaggle, root):
    (kaggle / "train" / "happy" / "other").write_bytes(
        next((kaggle / "train" / "sad").iterdir()).read_bytes()
    )
    assert dataset.add(kaggle, root).counts["train"]["happy"] == 4


def test_less_takes_the_place_of_a_set_only_where_that_is_meant(
    kaggle, root, kaggle_files, tmp_path, monkeypatch
):
    dataset.add(kaggle, root)
    before = {p.name: p.read_bytes() for p in (root / "fer2013").iterdir()}
    few = dict(list(kaggle_files.items())[::3])
    with pytest.raises(ValueError, match="would take the place of 35 that are there.*--force") as error:
        dataset.add(pack(tmp_path / "few.zip", few, "zip"), root)
    line_of(error)
    assert {p.name: p.read_bytes() for p in (root / "fer2013").iterdir()} == before
    assert dataset.add(kaggle, root).total == 35  # the same faces again lose nothing
    assert dataset.add(tmp_path / "few.zip", root, force=True).total == len(few)
    assert len(dataset.load(root)) == len(few)
    assert sorted(p.name for p in root.iterdir()) == [".fer2013.lock", "fer2013"]
    (root / "fer2013" / "images.npy").write_bytes(b"")
    assert dataset.add(kaggle, root).total == 35  # what is damaged is no loss


def test_a_set_that_is_as_published_needs_no_word(kaggle, root, kaggle_files, tmp_path, monkeypatch):
    dataset.add(kaggle, root)
    monkeypatch.setattr(dataset, "differences", lambda counts: ())
    more = kaggle_files | {"train/happy/Training_99.png": kaggle_files[next(iter(kaggle_files))]}
    assert dataset.add(pack(tmp_path / "more.zip", more, "zip"), root).total == 36


def test_an_archive_in_the_place_that_it_would_take(kaggle, root, kaggle_files):
    dataset.add(kaggle, root)
    path = pack(root / "fer2013" / "set.zip", kaggle_files, "zip")
    with pytest.raises(ValueError, match="would write over"):
        registry.add("fer2013", path, root=root)
    assert path.exists()
