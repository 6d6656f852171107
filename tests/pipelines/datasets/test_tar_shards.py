"""Sets in .tar shards, and the index beside the images of any set."""

from __future__ import annotations

import io
import json
import pickle
import tarfile

import numpy as np
import pytest
from PIL import Image

from pipelines.datasets import index, scan, tar_shards
from pipelines.datasets.indexing import write_index
from pipelines.datasets.registry import load


def put(archive, name, data):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def png(image):
    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG")
    return data.getvalue()


def write_shard(path, dataset, rows, label=lambda d, i: {"cls": str(d.labels[i]).encode()}):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for i in rows:
            put(archive, f"faces/{i:06d}.png", png(dataset.samples[i]))
            for ending, words in label(dataset, i).items():
                put(archive, f"faces/{i:06d}.{ending}", words)
    return path


@pytest.fixture
def shards(tiny, tmp_path):
    """A folder of three shards with numbered labels."""
    train, test = (tiny.where(s) for s in ("train", "test"))
    root = tmp_path / "shards"
    write_shard(root / "train-000.tar", tiny, train[:30])
    write_shard(root / "train-001.tar", tiny, train[30:])
    write_shard(root / "test" / "000.tar", tiny, test)
    (root / "classes.txt").write_text("\n".join(tiny.classes) + "\n")
    return root


def test_shards_are_the_set_that_they_were_made_of(shards, tiny, tmp_path):
    found = load(shards, cache=tmp_path / "cache")
    assert found.classes == tiny.classes
    assert len(found) == len(tiny)
    assert sorted(found.digests) == sorted(tiny.digests)
    assert (found.split == "test").sum() == len(tiny.where("test"))
    where = {d: i for i, d in enumerate(tiny.digests)}
    for i in (0, 40, len(found) - 1):
        same = where[found.digests[i]]
        np.testing.assert_array_equal(found.samples[i], tiny.samples[same])
        assert found.classes[found.labels[i]] == tiny.classes[tiny.labels[same]]


def test_images_are_decoded_once(shards, tmp_path, monkeypatch):
    first = load(shards, cache=tmp_path / "cache")
    monkeypatch.setattr(tar_shards, "read", lambda *_: pytest.fail("read again"))
    assert load(shards, cache=tmp_path / "cache").fingerprint == first.fingerprint


def test_a_shard_that_changed_is_read_again(shards, tiny, tmp_path):
    first = load(shards, cache=tmp_path / "cache")
    write_shard(shards / "train-001.tar", tiny, tiny.where("train")[30:35])
    assert len(load(shards, cache=tmp_path / "cache")) < len(first)


def test_samples_travel_as_a_path(shards, tmp_path):
    found = load(shards, cache=tmp_path / "cache")
    data = pickle.dumps(found.samples)
    assert len(data) < 1000
    np.testing.assert_array_equal(pickle.loads(data)[3], found.samples[3])


def test_json_records_name_label_split_and_subject(tiny, tmp_path):
    def record(dataset, i):
        said = {"label": dataset.classes[dataset.labels[i]], "split": "val", "subject": int(i) % 5}
        return {"json": json.dumps(said).encode()}

    write_shard(tmp_path / "s" / "a.tar", tiny, range(20), record)
    found = load(tmp_path / "s" / "a.tar", cache=tmp_path / "cache")
    assert set(found.split) == {"validation"}
    assert set(found.groups) == {"0", "1", "2", "3", "4"}


def test_what_cannot_be_used_is_left_out_with_its_reason(tiny, tmp_path):
    root = tmp_path / "s"
    write_shard(root / "a.tar", tiny, range(14))
    with tarfile.open(root / "a.tar", "a") as archive:
        put(archive, "x.png", b"no image")
        put(archive, "x.cls", b"1")
        put(archive, "y.png", png(tiny.samples[15]))  # no label
        put(archive, "z.cls", b"1")  # no image
        put(archive, "w.png", png(tiny.samples[16]))
        put(archive, "w.json", b"{")
    found = load(root, cache=tmp_path / "cache")
    assert len(found) == 14
    reasons = {f.path: f.reason for f in found.faults}
    assert set(reasons) == {"x", "y", "z", "w"}
    assert "no label beside it" in reasons["y"] and reasons["z"] == "no image beside its label"
    with pytest.raises(ValueError, match=r"unreadable in all"):
        load(root, cache=tmp_path / "cache", strict=True)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:3000]), "cut short"),
        (lambda p: p.write_bytes(b"\x1f\x8b" + b"0" * 2000), "no plain .tar"),
        (lambda p: tarfile.open(p, "w").close(), "no labelled image in 1 .tar files"),
    ],
)
def test_a_shard_that_is_none_is_one_line(tiny, tmp_path, spoil, message):
    path = write_shard(tmp_path / "s" / "a.tar", tiny, range(14))
    spoil(path)
    with pytest.raises(ValueError, match=message) as seen:
        load(tmp_path / "s", cache=tmp_path / "cache")
    assert "\n" not in str(seen.value)


def test_a_key_that_stands_twice(tiny, tmp_path):
    path = write_shard(tmp_path / "s" / "a.tar", tiny, range(3))
    with tarfile.open(path, "a") as archive:
        put(archive, "faces/000001.png", png(tiny.samples[1]))
        put(archive, "faces/000001.cls", b"1")
    with pytest.raises(ValueError, match=r"the key 'faces/000001' stands twice"):
        load(tmp_path / "s", cache=tmp_path / "cache")


def test_an_archive_beside_images_is_no_shard(tiny, tmp_path):
    root = tmp_path / "faces"
    for i in range(0, 140, 10):
        folder = root / tiny.classes[tiny.labels[i]]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i}.png").write_bytes(png(tiny.samples[i]))
    tarfile.open(root / "copy.tar", "w").close()
    assert tar_shards.shards_below(root) == []
    assert len(load(root, cache=tmp_path / "cache")) == 14


# The index ------------------------------------------------------------------------------------------------
@pytest.fixture
def folder(tiny, tmp_path):
    """Class folders of 70 faces."""
    root = tmp_path / "faces"
    for i in range(0, 140, 2):
        place = root / ("train" if i % 20 else "test") / tiny.classes[tiny.labels[i]]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.png").write_bytes(png(tiny.samples[i]))
    return root


def test_an_index_is_the_folder_without_reading_an_image(folder, tmp_path, monkeypatch):
    plain = load(folder, cache=tmp_path / "cache")
    path, found = write_index(folder)
    monkeypatch.setattr(scan, "decode", lambda *_: pytest.fail("decoded"))
    again = load(path)
    for one in (found, again):
        assert one.classes == plain.classes
        np.testing.assert_array_equal(one.ids, plain.ids)
        np.testing.assert_array_equal(one.digests, plain.digests)
        np.testing.assert_array_equal(one.split, plain.split)
        np.testing.assert_array_equal(one.samples.blank, plain.samples.blank)
    assert again.fingerprint == plain.fingerprint
    np.testing.assert_array_equal(again.samples[5], plain.samples[5])


@pytest.mark.parametrize("spoil", [lambda p: p.unlink(), lambda p: p.write_bytes(p.read_bytes() + b"x")])
def test_files_that_changed_since_are_named(folder, spoil):
    path, found = write_index(folder)
    spoil(folder / found.ids[3])
    with pytest.raises(ValueError, match=r"1 files changed or went .* mueca data index"):
        load(path)


def test_a_table_of_somebody_else_is_no_index(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"file": ["a.png"], "label": ["happy"]}), tmp_path / "t.parquet")
    assert index.about(tmp_path / "t.parquet") is None
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    assert index.about(tmp_path / "x.parquet") is None
    with pytest.raises(ValueError, match="no index of this version"):
        index.load(tmp_path / "x.parquet")


def test_an_index_elsewhere_knows_its_images(folder, tmp_path):
    path, found = write_index(folder, tmp_path / "other" / ".." / "i.parquet")
    np.testing.assert_array_equal(load(path).samples[0], found.samples[0])


def test_the_command_says_what_it_wrote(run_cli, folder, shards):
    code, out, err = run_cli("data", "index", folder).by_lines()
    assert (code, err) == (0, [])
    assert out.startswith(f"written to {folder / 'index.parquet'}: 70 samples of 7 classes")
    assert run_cli("data", "index", shards).code == 0
    code, _, err = run_cli("data", "index", "synthetic").by_lines()
    assert code == 1 and "an index is of images that are whole files" in err[0]


def test_small_files_are_read_by_processes_alike(folder, tmp_path, monkeypatch):
    plain = load(folder, cache=tmp_path / "a")
    monkeypatch.setattr(scan, "PROCESSES_PAY", 10)
    assert load(folder, cache=tmp_path / "b").fingerprint == plain.fingerprint
