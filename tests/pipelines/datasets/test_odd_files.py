"""Pipes, devices and links that lead nowhere: none is waited for, each is named or counted."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from featurize.hashes import file_sha256
from featurize.json_files import read_mapping
from featurize.npz_files import read_npz
from featurize.regular import open_regular
from pipelines.datasets import registry
from pipelines.results.rows import read_rows


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_pipe_is_not_waited_for(pipe):
    for read in (open_regular, file_sha256, read_mapping, read_npz, read_rows):
        with pytest.raises(OSError, match="no regular file"):
            read(pipe)
    with pytest.raises(IsADirectoryError):
        open_regular(pipe.parent)


@pytest.mark.parametrize("name", ["fer2013", "jaffe", "raf-db"])
def test_no_set_is_added_from_a_pipe_or_a_dead_link(pipe, name, tmp_path):
    with pytest.raises(ValueError, match=r"pipe \(FIFO\)"):
        registry.add(name, pipe, root=tmp_path / "data")
    for target in ("nowhere", "round"):
        (tmp_path / "round").unlink(missing_ok=True)
        (tmp_path / "round").symlink_to(target)
        with pytest.raises(ValueError, match="dead link"):
            registry.add(name, tmp_path / "round", root=tmp_path / "data")
    with pytest.raises(ValueError, match="device"):
        registry.add(name, "/dev/null", root=tmp_path / "data")


def test_a_data_set_that_is_a_pipe(pipe, run_cli):
    code, _, err = run_cli("featurize", "--data", pipe, "--backbone", "pixels")
    assert code == 1 and "pipe (FIFO)" in err and err.count("\n") == 1


def test_odd_files_among_images_end_nothing_and_are_named(tmp_path, run_cli):
    for split in ("train", "test"):
        for label in ("happy", "sad"):
            (tmp_path / "d" / split / label).mkdir(parents=True)
            for i in range(3):
                image = np.full((20, 20), 40 * i + len(label) + len(split), np.uint8)
                Image.fromarray(image).save(tmp_path / "d" / split / label / f"{i}.png")
    odd = tmp_path / "d" / "train" / "happy"
    os.mkfifo(odd / "pipe.png")
    (odd / "round.png").symlink_to("round.png")
    (odd / "dead.png").symlink_to("nowhere.png")
    (odd / "null.png").symlink_to("/dev/null")
    (tmp_path / "d" / "loop").symlink_to("loop")
    data = registry.load(tmp_path / "d", cache=tmp_path / "cache")
    assert len(data) == 12
    named = " ".join(fault.path for fault in data.faults)
    assert "round.png" in named and "dead.png" in named
    assert sum(data.ignored.values()) >= 2
    code, _, err = run_cli("featurize", "--data", tmp_path / "d", "--backbone", "pixels")
    assert code == 3 and "round.png" in err


@pytest.mark.parametrize("data", ["", " ", "''"])
def test_no_data_at_all(data, run_cli):
    code, _, err = run_cli("featurize", f"--data={data}", "--backbone", "pixels")
    assert code in (1, 2) and err.count("\n") == 1 and "defect" not in err
