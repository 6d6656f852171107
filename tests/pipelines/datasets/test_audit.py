"""The audit: what it counts, and what test-clean leaves out."""

import csv

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pipelines.datasets import near_duplicates
from pipelines.datasets.audit import audit, clean_test
from pipelines.datasets.base import Dataset, Fault, grey_std, is_blank, sample_digest

rng = np.random.default_rng(5)


def face():
    """A smooth image of its own."""
    coarse = rng.integers(0, 256, (6, 6), dtype=np.uint8)
    return np.array(Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC))


def made(*rows, **options):
    """Build a data set from (image, label, split)."""
    pictures = [picture for picture, _, _ in rows]
    return Dataset(
        name="made", classes=("a", "b"),
        ids=np.array([f"s{i}" for i in range(len(rows))]),
        labels=np.array(["ab".index(label) for _, label, _ in rows], np.int64),
        split=np.array([split for _, _, split in rows]),
        samples=pictures, digests=np.array([sample_digest(p) for p in pictures]), **options,
    )  # fmt: skip


A, B, C, D = (face() for _ in range(4))
BLACK = np.zeros((48, 48), np.uint8)
NEARLY = BLACK + (np.arange(48) % 4 == 0).astype(np.uint8)


@pytest.fixture
def copies():
    return made(
        (A, "a", "train"), (A, "a", "train"), (A, "b", "train"),  # two copies, one with another label
        (B, "b", "train"), (C, "a", "validation"), (B, "b", "validation"),
        (A, "b", "test"),  # a copy of three, one of which has its label
        (B, "a", "test"),  # a copy with another label, of a training and of a validation sample
        (D, "a", "test"), (D, "b", "test"),  # copies within test
        (C, "a", "test"),  # a copy of a validation sample
    )  # fmt: skip


def test_copies(copies):
    found = audit(copies)
    counts = {c.key: (c.count, c.other_label) for c in found.counts if c.key.startswith("copies")}
    assert counts == {
        "copies-train": (2, 1),
        "copies-validation": (0, 0),
        "copies-test": (1, 1),
        "copies-validation-of-train": (1, 0),
        "copies-test-of-train": (2, 1),
        "copies-test-of-validation": (2, 1),
    }
    second = next(f for f in found.findings if f.id == "s6" and f.kind == "copy-across")
    assert (second.other_id, second.other_label, second.other_split, second.distance) == (
        "s2",
        "b",
        "train",
        0,
    )


def test_clean(copies):
    assert copies.ids[clean_test(copies)].tolist() == ["s8"]
    assert audit(copies)["test-clean"].count == 1
    assert audit(copies)["test"].count == 5


def test_blank_and_constant():
    data = made(
        (A, "a", "train"),
        (BLACK, "a", "train"),
        (NEARLY, "b", "test"),
        (BLACK + 9, "a", "test"),
        (B, "b", "test"),
    )
    found = audit(data)
    assert (found["blank"].count, found["constant"].count) == (3, 2)
    assert [f.id for f in found.findings if f.kind == "blank"] == ["s2"]
    assert data.ids[clean_test(data)].tolist() == ["s4"]
    assert found["near"].count == 0  # blank images are not near duplicates of each other


def test_blank_is_about_grey():
    assert is_blank(np.full((8, 8, 3), (200, 10, 50), np.uint8))
    checked = (np.indices((8, 8)).sum(0) % 2 * 4).astype(np.uint8)
    assert grey_std(checked) == pytest.approx(2.0)
    assert not is_blank(checked)


def test_several_test_splits_are_one_part():
    data = made((A, "a", "train"), (B, "a", "public"), (B, "a", "private"), (A, "a", "private"),
                test_splits={"test": ("public", "private"), "private": ("private",)})  # fmt: skip
    found = audit(data)
    assert found["copies-test"].count == 1
    assert found["copies-test-of-train"].count == 1
    assert data.ids[clean_test(data)].tolist() == ["s1"]


def test_no_test_split():
    data = made((A, "a", "train"), (A, "b", "train"))
    assert not clean_test(data).any()
    assert audit(data)["test"].count == 0


def test_what_a_scan_saw_is_not_looked_at_again(tmp_path, write_files, encoded):
    from pipelines.datasets import folder

    names = [f"{s}/{c}/{i}.png" for s in ("train", "test") for c in "ab" for i in range(2)]
    pictures = [face() for _ in names]
    pictures[5] = BLACK
    write_files(tmp_path, {n: encoded(p) for n, p in zip(names, pictures, strict=True)})
    data = folder.load(tmp_path)
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    assert clean_test(data).sum() == 3


# Near duplicates


def changed(picture, **how):
    """The image as another site would give it: smaller file, other light."""
    noisy = (
        picture * how.get("gain", 1.0)
        + how.get("offset", 0)
        + rng.normal(0, how.get("noise", 0), picture.shape)
    )
    return np.clip(noisy, 0, 255).astype(np.uint8)


def test_near_duplicates_are_found():
    data = made(
        (A, "a", "train"), (changed(A, noise=4), "b", "test"),
        (changed(A, gain=0.8, offset=10), "a", "train"),
        (B, "a", "train"), (np.ascontiguousarray(B[:, ::-1]), "a", "test"),
        (C, "b", "train"), (D, "b", "train"),
    )  # fmt: skip
    found = audit(data)
    pairs = {(f.kind, f.other_id, f.id) for f in found.findings}
    assert pairs == {
        ("near", "s0", "s1"),
        ("near", "s0", "s2"),
        ("near", "s1", "s2"),
        ("near-mirrored", "s3", "s4"),
    }
    assert (found["near"].count, found["near"].other_label) == (3, 2)
    assert found["near-mirrored"].count == 1
    assert found["near-across"].count == 3


def test_exact_copies_are_not_near_duplicates_too():
    assert audit(made((A, "a", "train"), (A, "a", "test"), (B, "b", "test")))["near"].count == 0


def test_a_narrower_threshold_finds_less():
    data = made((A, "a", "train"), (changed(A, noise=25), "a", "test"))
    distance = near_duplicates.hashes(np.stack([near_duplicates.coefficients(s) for s in data.samples]))
    bits = int(np.bitwise_count(distance[0] ^ distance[1]))
    assert bits > 0
    assert audit(data, near_threshold=bits)["near"].count == 1
    assert audit(data, near_threshold=bits - 1)["near"].count == 0
    for wrong in (-1, 65):
        with pytest.raises(ValueError, match="near_threshold"):
            audit(data, near_threshold=wrong)


def test_a_set_of_pictures_that_all_resemble_each_other(monkeypatch):
    monkeypatch.setattr(near_duplicates, "MAX_PAIRS", 50)
    monkeypatch.setattr(near_duplicates.close_pairs, "__defaults__", (50, near_duplicates.SILENT))
    found = audit(made(*((changed(A, noise=2), "a", "train") for _ in range(30))))
    assert found["near"].count == 50
    assert "stopped at 50" in found["near"].words


@settings(deadline=None)
@given(arrays(np.uint64, st.integers(0, 60)), arrays(np.uint64, 60), st.integers(0, 40))
def test_pairs_are_those_of_the_plain_loop(a, b, distance):
    # Few bits set, so that close pairs occur.
    a, b = a & np.uint64(0xFF0F), b[: len(a)] & np.uint64(0xFF0F)
    plain = [(i, j, int(a[i] ^ b[j]).bit_count()) for i in range(len(a)) for j in range(i + 1, len(a))]
    assert near_duplicates.close_pairs(a, b, distance).tolist() == [
        list(p) for p in plain if p[2] <= distance
    ]


def test_pairs_across_blocks(monkeypatch):
    monkeypatch.setattr(near_duplicates, "ROWS", 3)
    monkeypatch.setattr(near_duplicates, "COLUMNS", 5)
    hashes = np.zeros(20, np.uint64)
    assert len(near_duplicates.close_pairs(hashes, hashes, 0)) == 190
    assert len(near_duplicates.close_pairs(hashes, hashes, 0, limit=7)) == 7


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_the_hash_is_that_of_the_definition(seed):
    picture = np.random.default_rng(seed).integers(0, 256, (32, 32), dtype=np.uint8)
    low = scipy.fft.dctn(picture.astype(float), norm="ortho")[:8, :8].ravel()
    middle = sorted(low[1:])[31]
    plain = sum(1 << (63 - k) for k in range(1, 64) if low[k] > middle)
    found = near_duplicates.hashes(near_duplicates.coefficients(picture)[None])
    assert int(found.view(">u8")[0]) == plain


@settings(deadline=None)
@given(arrays(np.uint8, (32, 32)))
def test_the_mirrored_coefficients_are_those_of_the_mirrored_picture(picture):
    low = near_duplicates.coefficients(picture)[None]
    turned = near_duplicates.coefficients(np.ascontiguousarray(picture[:, ::-1]))[None]
    np.testing.assert_allclose(near_duplicates.mirrored(low), turned, atol=1e-2)


# What is written


def test_csvs(copies, tmp_path):
    data = made(
        (A, "a", "train"), (A, "b", "test"), faults=(Fault("träin/x, y.jpg", "empty file (0 bytes)"),)
    )
    found = audit(data)
    summary, findings = found.write_csv(tmp_path / "new" / "folder")
    rows = list(csv.DictReader(summary.open(encoding="utf-8", newline="")))
    assert {r["key"]: r["count"] for r in rows}["copies-test-of-train"] == "1"
    assert {r["dataset"] for r in rows} == {"made"}
    lines = list(csv.DictReader(findings.open(encoding="utf-8", newline="")))
    assert lines[0]["kind"] == "unreadable"
    assert (lines[0]["id"], lines[0]["note"]) == ("träin/x, y.jpg", "empty file (0 bytes)")
    assert list(lines[1].values()) == ["made", "copy-across", "s1", "test", "b", "s0", "train", "a", "0", ""]
    found.write_csv(tmp_path / "new" / "folder")  # again, over itself


def test_words():
    found = audit(made((A, "a", "train"), (A, "b", "test"), synthetic=True))
    assert found.text().startswith("made (synthetic): 2 samples")
    assert "1  test samples that are exact copies of a train sample (1 with another label)" in found.text()
    assert found.as_dict()["counts"][0] == {
        "key": "unreadable", "words": "unreadable samples, left out", "count": 0, "other_label": None,
    }  # fmt: skip


def test_clips_are_audited_without_near_duplicates():
    clips = [rng.integers(0, 256, (n, 12, 32), dtype=np.uint8) for n in (5, 7)]
    still = np.full((4, 12, 32), 9, np.uint8)
    data = made(*((clip, "a", "train") for clip in (*clips, clips[0], still)), kind="clip")
    found = audit(data)
    assert [found[key].count for key in ("blank", "constant", "copies-train")] == [1, 1, 1]
    assert "near" not in {count.key for count in found.counts}
