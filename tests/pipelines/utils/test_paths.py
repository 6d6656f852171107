"""Paths as callers give them."""

from pathlib import Path, PurePosixPath

import pytest

from pipelines.utils.paths import as_path, check_parents


def test_text_and_paths(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert as_path("a/b") == as_path(Path("a/b")) == as_path(PurePosixPath("a/b")) == Path("a/b")
    assert as_path("~/a") == as_path(Path("~/a")) == tmp_path / "a"
    assert as_path("a~/b") == Path("a~/b")


@pytest.mark.parametrize("wrong", [None, 3, b"a", ["a"], True])
def test_what_is_none(wrong):
    with pytest.raises(TypeError, match="^out=.*give a path, as text or pathlib.Path$"):
        as_path(wrong, "out")


def test_an_empty_one():
    with pytest.raises(ValueError, match="out is empty"):
        as_path("", "out")


def test_parents(tmp_path, monkeypatch):
    check_parents(tmp_path)
    check_parents(tmp_path / "a" / "b" / "c")
    (tmp_path / "file").write_text("")
    for below in ("file", "file/a", "file/a/b"):
        with pytest.raises(NotADirectoryError, match="file is a file"):
            check_parents(tmp_path / below)
    monkeypatch.chdir(tmp_path)
    check_parents(Path("new"))
    with pytest.raises(NotADirectoryError):
        check_parents(Path("file/new"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
