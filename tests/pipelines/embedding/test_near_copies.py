"""Near copies across splits: found by Fisher vectors, counted by the audit, left out of test-distinct."""

from __future__ import annotations

import os
from dataclasses import replace

import cv2
import numpy as np
import pytest

import mueca
from featurize.store import Store
from pipelines.datasets.audit import audit
from pipelines.datasets.registry import load
from pipelines.datasets.synthetic.faces import load as draw
from pipelines.embedding.near_copies import audited, known_near_copies, largest_cosines, near_copies


@pytest.fixture(scope="module")
def copied():
    """Return 21 training faces and 7 test faces; the first three of these are training faces, moved."""
    drawn = draw(n_per_class=4, seed=11)
    images = [drawn.samples[i] for i in range(28)]
    order = np.argsort(np.arange(28) % 4 == 3, kind="stable")
    images, labels = [images[i] for i in order], [drawn.classes[drawn.labels[i]] for i in order]
    moved = np.float32([[1, 0, 1], [0, 1, 0]])
    for k in range(3):
        bright = cv2.convertScaleAbs(images[k], alpha=1.05, beta=4)
        images[21 + k] = cv2.warpAffine(bright, moved, (48, 48), borderMode=cv2.BORDER_REPLICATE)
    return mueca.Dataset.from_arrays(images, labels, split=["train"] * 21 + ["test"] * 7, name="copied")


@pytest.fixture(scope="module")
def found(copied, tmp_path_factory):
    """Return the near copies and the cache they are kept in."""
    store = Store(tmp_path_factory.mktemp("cache"))
    assert known_near_copies(copied, store) is None
    return near_copies(copied, store=store), store


def test_the_same_photo_is_the_nearest(copied, found):
    copies, _ = found
    assert copies.test.tolist() == list(range(21, 28))
    assert copies.nearest[:3].tolist() == [0, 1, 2]
    assert copies.likeness[:3].min() > max(0.5, copies.likeness[3:].max())


def test_they_are_kept_and_read_again(copied, found):
    copies, store = found
    again = known_near_copies(copied, store)
    assert np.array_equal(again.likeness, copies.likeness)
    next((store.root / "near-copies").iterdir()).write_bytes(b"cut")
    assert known_near_copies(copied, store) is None
    near_copies(copied, store=store)


def test_the_audit_counts_them(copied, found):
    copies, _ = found
    limit = float(copies.likeness[3:].max()) + 1e-3
    counted = audited(audit(copied), copied, copies, limit)
    assert counted["near-copies"].count == 3
    assert counted["test-distinct"].count == 4
    near = [finding for finding in counted.findings if finding.kind == "near-copy"]
    assert [(f.id, f.other_id) for f in near] == [(f"{21 + k:06d}", f"{k:06d}") for k in range(3)]
    assert copies.distinct(28, limit).sum() == 4


def test_a_comparison_reports_test_distinct(copied, found):
    copies, store = found
    _, outcome = mueca.fit(copied, "hog", "knn", n_neighbors=1, validation="train", store=store)
    rows = {row.split: row for row in outcome.rows}
    kept = int((copies.likeness < 0.5).sum())
    assert ("test-distinct" in rows) == (kept > 0)
    if kept:
        assert rows["test-distinct"].n_test == kept


def test_the_summary_has_a_column_of_it(copied, found, tmp_path, monkeypatch):
    from pipelines.evaluation.compare import compare
    from pipelines.evaluation.recipe import recipe_from
    from pipelines.evaluation.summary import summarize

    copies, store = found
    limit = float(copies.likeness[3:].max()) + 1e-3
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: copied)
    distinct = type(copies).distinct
    monkeypatch.setattr(type(copies), "distinct", lambda c, n: distinct(c, n, limit))
    plan = recipe_from({"name": "x", "data": "copied", "extractors": ["hog"], "heads": ["knn"]})
    done = compare(plan, tmp_path, store=store, n_jobs=1)
    (record,) = summarize(done)
    rows = {row.split: row for row in done.rows}
    assert rows["test-distinct"].n_test == 4
    assert record["test_distinct"] == rows["test-distinct"].accuracy
    header, line = (tmp_path / "summary.csv").read_text("utf-8").splitlines()
    assert "test_distinct" in header.split(",")
    assert len(line) > 0


@pytest.mark.parametrize("refit", [True, False])
def test_it_is_not_known_where_heads_are_fitted_on_a_split_that_tests(copied, tmp_path, refit):
    """Near copies are looked for outside the splits that test: those of another one are not known."""
    split = np.where(np.arange(28) < 21, "train", np.where(np.arange(28) % 2, "public", "private"))
    parts = {"public": ("public",), "private": ("private",), "test": ("private",)}
    faces, store = replace(copied, split=split, test_splits=parts), Store(tmp_path)
    near_copies(faces, store=store)
    _, outcome = mueca.fit(
        faces, "hog", "knn", n_neighbors=1, validation="public", test="private", refit=refit, store=store
    )
    assert ("test-distinct" in {row.split for row in outcome.rows}) != refit


def test_sets_without_two_sides_are_refused(copied, tmp_path):
    faces = draw(n_per_class=2, seed=1)
    images = [faces.samples[i] for i in range(14)]
    alone = mueca.Dataset.from_arrays(images, faces.labels, classes=faces.classes)
    with pytest.raises(ValueError, match="between images of test and of other splits"):
        near_copies(alone, store=Store(tmp_path))


def test_cosines_by_blocks(monkeypatch):
    monkeypatch.setattr("pipelines.embedding.near_copies._BLOCK", 3)
    rng = np.random.default_rng(0)
    asked, known = (rng.normal(size=(n, 5)).astype(np.float32) for n in (4, 10))
    known[7] = 3 * asked[2]
    largest, nearest = largest_cosines(asked, known)
    units = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (asked, known)]
    whole = units[0] @ units[1].T
    assert np.allclose(largest, whole.max(axis=1), atol=1e-6)
    assert np.array_equal(nearest, whole.argmax(axis=1))
    assert nearest[2] == 7
    assert largest_cosines(np.zeros((1, 5), np.float32), known)[0] == 0


#: Limit -> PrivateTest faces whose nearest training face is less alike, of docs/results/near-copies.txt.
KEPT = {1.01: 3589, 0.99: 3301, 0.9: 3088, 0.8: 2810, 0.7: 2621, 0.6: 2501, 0.5: 2423}


@pytest.mark.slow
@pytest.mark.shared
def test_fer2013_has_the_near_copies_that_were_counted(fer2013, tmp_path):
    """Half an hour on two cores; vectors that are there already are taken from ``MUECA_VECTORS``, a cache."""
    faces = load("fer2013", root=fer2013[0])
    found = near_copies(faces, store=Store(os.environ.get("MUECA_VECTORS") or tmp_path))
    private = faces.split[found.test] == "private"
    assert {limit: int((found.likeness[private] < limit).sum()) for limit in KEPT} == KEPT
    counted = audited(audit(faces), faces, found)
    assert counted["test-distinct"].count == int((found.likeness < 0.5).sum())
    assert found.distinct(len(faces))[faces.split == "private"].sum() == KEPT[0.5]
