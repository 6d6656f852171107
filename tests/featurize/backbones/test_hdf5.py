"""An HDF5 file of others is read by a process that may do little else."""

from __future__ import annotations

import random

import h5py
import numpy as np
import pytest

from featurize.backbones import hdf5
from featurize.backbones.hdf5 import read_keras


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as out:
        out.attrs["layer_names"] = [b"conv/1", b"bn"]
        for layer in ("conv/1", "bn"):
            group = out.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/kernel:0".encode()]
            group[f"{layer}/kernel:0"] = np.arange(12, dtype=np.float32).reshape(3, 4)
    return path


def test_the_tensors(file):
    found = read_keras(file)
    assert list(found) == [("conv/1", "kernel"), ("bn", "kernel")]
    np.testing.assert_array_equal(found["bn", "kernel"], np.arange(12, dtype=np.float32).reshape(3, 4))


@pytest.mark.parametrize("content", [b"", b"\x89HDF", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" + b"\0" * 200])
def test_what_is_none(tmp_path, content):
    (tmp_path / "w.h5").write_bytes(content)
    with pytest.raises(ValueError, match="^it is"):
        read_keras(tmp_path / "w.h5")
    with pytest.raises(FileNotFoundError):
        read_keras(tmp_path / "none.h5")


def test_damaged_bytes_end_nothing(file, tmp_path):
    data, rng = file.read_bytes(), random.Random(0)
    for _ in range(4):
        damaged = bytearray(data)
        for _ in range(40):
            damaged[rng.randrange(8, len(data))] ^= rng.randrange(1, 256)
        (tmp_path / "d.h5").write_bytes(damaged)
        try:
            read_keras(tmp_path / "d.h5")
        except ValueError as error:
            assert str(error).startswith("it is")


def test_more_than_weights_are(file, monkeypatch):
    monkeypatch.setattr(hdf5, "LARGEST", 60)
    with pytest.raises(ValueError, match="^it is"):
        read_keras(file)
