"""The cache is optional: where it cannot be written that is said once, and the work goes on."""

import logging
import os
import tempfile

import numpy as np
import pytest

from featurize import cache_folder
from featurize.cache_folder import default_root, usable_root, why_not_writable
from featurize.store import CacheError, Store

FIELDS = {"dataset": "d", "extractor": {"name": "x"}}


def rows(spans):
    yield from (np.full((b - a, 3), a, np.float32) for a, b in spans)


@pytest.fixture
def blocked(tmp_path, monkeypatch):
    """Name a cache folder that nobody can make, root neither: a file lies in its way."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv(cache_folder.TEMPORARY_CACHE, raising=False)
    cache_folder.usable.cache_clear()
    yield tmp_path
    os.environ.pop(cache_folder.TEMPORARY_CACHE, None)
    cache_folder.usable.cache_clear()


def test_it_is_said_once_with_what_to_set(blocked, caplog):
    with caplog.at_level(logging.WARNING):
        found = [usable_root() for _ in range(3)]
    assert len({*found}) == 1 and found[0].is_relative_to(blocked)
    assert len(caplog.messages) == 1
    assert "MUECA_CACHE" in caplog.text and str(default_root()) in caplog.text


def test_what_is_computed_is_found_again_in_the_same_run(blocked):
    first = Store().get(FIELDS, 5, 3, rows)
    again = Store().get(FIELDS, 5, 3, rows)
    assert not first.reused and again.reused
    assert np.array_equal(first.X, again.X)


def test_a_child_process_takes_the_same_folder_and_says_nothing(blocked, caplog):
    made = usable_root()
    cache_folder.usable.cache_clear()  # as in a process that was started since
    caplog.clear()
    assert usable_root() == made
    assert not caplog.messages


def test_without_any_folder_vectors_stay_in_memory(blocked, monkeypatch, caplog):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkdtemp", refused)
    entry = Store().get(FIELDS, 600, 3, rows)
    assert entry.X.shape == (600, 3) and entry.X[599, 0] == 512 and not entry.reused
    assert "is not kept" in caplog.text


def test_a_folder_that_was_given_is_no_option(blocked):
    with pytest.raises(CacheError, match="MUECA_CACHE"):
        Store(blocked / "file" / "cache").get(FIELDS, 5, 3, rows)


def test_a_cache_that_can_only_be_read_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path))
    Store().get(FIELDS, 5, 3, rows)

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "utime", refused)
    assert Store().open(Store().get(FIELDS, 5, 3, rows).key).reused


def test_a_sample_that_may_not_be_read_is_no_fault_of_the_cache(tmp_path):
    def denied(spans):
        raise PermissionError(13, "Permission denied", "/data/face.jpg")
        yield

    with pytest.raises(PermissionError, match=r"face\.jpg") as caught:
        Store(tmp_path).get(FIELDS, 5, 3, denied)
    assert "MUECA_CACHE" not in str(caught.value)


def test_a_home_folder_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MUECA_CACHE", "~/kept")
    assert default_root() == tmp_path / "kept"
    assert why_not_writable(default_root()) is None and (tmp_path / "kept").is_dir()
