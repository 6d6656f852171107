"""Data sets by name or path."""

from pathlib import Path

import pytest

from pipelines.datasets import registry
from pipelines.datasets.fer2013 import dataset


def refused(name, *words, error=ValueError, **options):
    with pytest.raises(error) as caught:
        registry.load(name, **options)
    line = str(caught.value)
    assert "\n" not in line
    assert all(word in line for word in words), line


def test_names(kaggle, tmp_path):
    states = registry.list_datasets(tmp_path)
    assert states["synthetic"] == "built in"
    assert states["fer2013"] == "absent; mueca data add fer2013 PATH"
    registry.add("fer2013", kaggle, root=tmp_path)
    assert registry.list_datasets(tmp_path)["fer2013"].startswith("present in ")


def test_add_then_load(kaggle, tmp_path):
    report = registry.add("fer2013", str(kaggle), root=tmp_path)
    assert isinstance(report, dataset.ImportReport)
    assert len(registry.load("fer2013", root=tmp_path)) == 35


def test_strict_refuses_what_the_import_left_out(kaggle, tmp_path):
    (kaggle / "train" / "happy" / "Training_x.jpg").write_bytes(b"")
    registry.add("fer2013", kaggle, root=tmp_path)
    assert len(registry.load("fer2013", root=tmp_path).faults) == 1
    refused("fer2013", "1 unreadable", "Training_x.jpg", root=tmp_path, strict=True)


def test_the_root(monkeypatch, tmp_path):
    monkeypatch.setenv("MUECA_DATA", str(tmp_path))
    assert registry.data_root() == tmp_path
    monkeypatch.setenv("MUECA_DATA", "~/faces")
    assert registry.data_root() == Path.home() / "faces"
    monkeypatch.delenv("MUECA_DATA")
    assert registry.data_root().name == "mueca"


def test_options_go_to_the_set():
    assert len(registry.load("synthetic", n_per_class=4, seed=2)) == 28
    refused("synthetic", "no option 'n_per_clas'", "did you mean 'n_per_class'", n_per_clas=4)


def test_a_folder(tmp_path, write_files, kaggle_files):
    faces = {n.removeprefix("train/"): d for n, d in kaggle_files.items() if n.startswith("train/")}
    write_files(tmp_path / "my faces", faces)
    data = registry.load(tmp_path / "my faces", cache=tmp_path / "cache")
    assert len(data) == 21
    assert any((tmp_path / "cache" / "scans").iterdir())
    assert len(registry.load(str(tmp_path / "my faces") + "/")) == 21
    refused(tmp_path / "my faces", "no option 'seed'", seed=3)


def test_a_folder_named_like_a_set(tmp_path, monkeypatch, write_files, kaggle_files):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path / "fer2013", kaggle_files)
    assert len(registry.load("./fer2013")) == 35
    refused("fer2013", "mueca data add", root=tmp_path / "none", error=FileNotFoundError)


def test_unknown(tmp_path):
    refused("fer2012", "did you mean 'fer2013'")
    refused("FER2013", "did you mean 'fer2013'")
    refused("imagenet", "known: 4dme", "clips", "fer2013")
    refused(tmp_path / "nowhere", "no such folder", error=FileNotFoundError)
    (tmp_path / "fer2013.zip").write_bytes(b"PK")
    refused(tmp_path / "fer2013.zip", "mueca data add fer2013", error=NotADirectoryError)


def test_unknown_import(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'fer2013'"):
        registry.add("fer-2013", tmp_path)
    with pytest.raises(ValueError, match="by its path"):
        registry.add("synthetic", tmp_path)


@pytest.mark.parametrize("name", ["jaffe", "smic"])
def test_a_folder_called_like_a_set_that_is_not_there(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUECA_DATA", str(tmp_path / "data"))
    with pytest.raises(FileNotFoundError) as without:
        registry.load(name)
    assert "the folder here" not in str(without.value)
    Path(name).mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        registry.load(name)
    assert f"'{name}(path=\"{name}\")' reads it" in str(caught.value)
    with pytest.raises((ValueError, OSError)) as given:
        registry.load(f'{name}(path="{name}")')
    assert "the folder here" not in str(given.value)
    assert "\n" not in str(caught.value)
