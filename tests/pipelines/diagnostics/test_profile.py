"""`mueca profile`: counts, times, the table and what is refused."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict

import pytest

from pipelines.diagnostics import profile as profiles
from pipelines.diagnostics.profile import layers_of, networks, profile, write_csv


def test_every_network_is_counted():
    found = {p.network: p for p in profile(timed=False)}
    assert list(found) == networks()
    assert {"ucm-f", "guevara", "vggface2"} <= set(found)
    assert "hog" not in found
    assert all(p.flops > 2 * p.multiply_adds - 1 and p.parameters > 0 for p in found.values())
    assert found["ucm-f"].input == "48x48x1"
    assert (found["ucm-f"].classes, found["vggface2"].classes) == (7, 0)
    assert found["ucm-f"].cpu_ms_1 is None


def test_times_on_processor_and_gpu(monkeypatch):
    monkeypatch.setattr("featurize.backbones.frame.gpus", lambda: ["gpu:0"])  # Keras then runs beside it
    (found,) = profile(["ucm-a"], seconds=0.01)
    assert found.engine.startswith(("openvino", "keras"))
    times = (found.cpu_ms_1, found.cpu_ms_64, found.gpu_ms_1, found.gpu_ms_64)
    assert all(ms is not None and 0 < ms < 10_000 for ms in times)
    assert found.cpu_ms_64 < found.cpu_ms_1


def test_layers_sum_to_the_network():
    (whole,) = profile(["huamanga"], timed=False, classes=5)
    layers = layers_of("huamanga", 5)
    assert sum(one.cost.flops for one in layers) == whole.flops
    assert sum(one.parameters for one in layers) == whole.parameters
    assert layers[-1].output == (5,)


def test_the_table_and_its_file(run_cli, tmp_path):
    code, out, err = run_cli(
        "profile", "ucm-a", "ucm-f", "--no-time", "--out", tmp_path / "n" / "networks.csv"
    ).by_lines()
    assert (code, err) == (0, [])
    assert "779,783" in out
    assert "299,584,519" in out
    with (tmp_path / "n" / "networks.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["network"] for line in lines] == ["ucm-a", "ucm-f"]
    assert (lines[1]["flops"], lines[1]["gpu_ms_1"]) == ("299584519", "")
    code, out, _ = run_cli("profile", "ucm-f", "--no-time", "--json")
    assert json.loads(out) == [asdict(p) for p in profile(["ucm-f"], timed=False)]
    code, out, _ = run_cli("profile", "ucm-a", "--layers")
    assert code == 0
    assert "392,263" in out.splitlines()[-2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hog"], "hog is no network; there are: "),
        (["ucm-g", "ucm-ff"], "did you mean 'ucm-f'?"),
        (["ucm-a", "--out", "networks.txt"], "give a name that ends in .csv"),
        (["--layers"], "--layers shows one network"),
        (["ucm-a", "--seconds", "0"], "must be above 0"),
    ],
)
def test_what_is_refused_is_one_line(run_cli, monkeypatch, words, said):
    monkeypatch.setattr(profiles, "measure", lambda *_: pytest.fail("refused only after the work"))
    code, out, err = run_cli("profile", *words).by_lines()
    assert (code, out) == (1, "")
    assert len(err) == 1
    assert said in err[0]


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        write_csv([asdict(p) for p in profile(["ucm-a"], timed=False)], tmp_path / "file" / "networks.csv")
