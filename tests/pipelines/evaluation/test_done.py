"""A run is done when its rows, its predictions and their checksum are there; two never work in one folder."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from featurize.backbones.extractor import SHIPPED
from pipelines.api import fit
from pipelines.evaluation.compare import compare as run
from pipelines.evaluation.recipe import recipe_from
from pipelines.reporting.report import write_report
from pipelines.results.folder import SUMS
from pipelines.results.rows import read_rows
from pipelines.utils.at_work import at_work, lock_of

SMALL = {
    "name": "small",
    "data": {"name": "synthetic", "options": {"n_per_class": 12, "n_identities": 8}},
    "protocols": [{"protocol": "holdout", "validation": 0.25}],
    "extractors": ["pixels"],
    "heads": [{"head": "knn"}, {"head": "knn", "params": {"n_neighbors": 3}}],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("done") / "whole"
    run(recipe_from(SMALL), folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "results")


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def replaced(path):
    """Write other predictions, which can be read."""
    with np.load(path) as found:
        arrays = dict(found)
    arrays["predicted"] = np.zeros_like(arrays["predicted"])
    np.savez_compressed(path, **arrays)


DAMAGE = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[:400]),
    "one byte": flipped,
    "another": replaced,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


def predictions_of(folder):
    """Return what a report reads of them: file -> array -> values."""
    kept = {}
    for path in sorted((folder / "predictions").glob("*.npz")):
        with np.load(path) as found:
            kept[path.name] = {name: found[name].tolist() for name in found.files}
    return kept


@pytest.mark.parametrize("what", [name for name in DAMAGE if name != "a folder"])
def test_what_is_damaged_is_computed_again(folder, whole, what):
    found = run(recipe_from(SMALL), folder)
    assert (found.computed, found.reused) == (0, 2)
    DAMAGE[what](sorted((folder / "predictions").glob("*.npz"))[0])
    found = run(recipe_from(SMALL), folder)
    assert (found.computed, found.reused, found.failed) == (1, 1, 0)
    assert predictions_of(folder) == predictions_of(whole)
    assert run(recipe_from(SMALL), folder).reused == 2


@pytest.mark.usefixtures("svg_charts")
def test_the_report_goes_on_after_damage(folder):
    """Of what cannot be read and of what can; what a report reads is the same after each (above)."""
    for what in ("half", "another"):
        DAMAGE[what](sorted((folder / "predictions").glob("*.npz"))[0])
        assert run(recipe_from(SMALL), folder).computed == 1
    write_report(folder, folder.parent / "report")
    assert run(recipe_from(SMALL), folder).reused == 2


def test_results_of_older_versions_have_no_checksums(folder):
    (folder / SUMS).unlink()
    assert run(recipe_from(SMALL), folder).reused == 2


def test_a_run_that_lacks_a_row_is_computed_again(folder):
    rows = folder / "rows.csv"
    lines = rows.read_text().splitlines(keepends=True)
    last = [line for line in lines if ",test," not in line]
    rows.write_text("".join(last))
    assert read_rows(rows)
    assert run(recipe_from(SMALL), folder).computed == 2


def test_an_empty_or_torn_file_of_rows_blocks_no_folder(folder):
    data = (folder / "rows.csv").read_bytes()
    for content, reused in ((b"", 0), (data[:40], 0), (data[:-30], 1)):
        (folder / "rows.csv").write_bytes(content)
        assert run(recipe_from(SMALL), folder).reused == reused


def test_a_second_run_in_one_folder_is_told_of_the_first(folder):
    before = (folder / "rows.csv").read_bytes()
    words = "results: mueca compare .* works there; wait for it, or give"
    held = at_work(folder / "compare.lock", "mueca compare", folder)
    with held, pytest.raises(ValueError, match=words):
        run(recipe_from(SMALL), folder)
    assert (folder / "rows.csv").read_bytes() == before
    assert run(recipe_from(SMALL), folder).reused == 2
    assert not (folder / "compare.lock").exists()


def test_of_two_runs_at_once_one_computes(tmp_path):
    def one(_):
        try:
            return run(recipe_from(SMALL), tmp_path / "both").computed
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(one, range(2)))
    assert sorted(map(type, found), key=str) in ([int, str], [int, int]), found
    assert sum(n for n in found if isinstance(n, int)) == 2
    assert len(read_rows(tmp_path / "both" / "rows.csv")) == 6


def test_a_second_fit_is_told_of_the_first(tmp_path):
    held = at_work(lock_of(tmp_path / "m"), "mueca fit", tmp_path / "m")
    with held, pytest.raises(ValueError, match="m: mueca fit .* works there"):
        fit("synthetic(n_per_class=12)", "pixels", "knn", out=tmp_path / "m")
    fit("synthetic(n_per_class=12)", "pixels", "knn", out=tmp_path / "m")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("where", ["start", "middle", "end"])
def test_a_damaged_byte_of_weights_is_an_error_row(tmp_path, where, run_cli):
    weights = tmp_path / "w.npz"
    data = bytearray((SHIPPED / "huamanga.npz").read_bytes())
    at = {"start": 3, "middle": len(data) // 2, "end": len(data) - 8}[where]
    data[at] ^= 0xFF
    weights.write_bytes(data)
    recipe = {**SMALL, "extractors": ["pixels", f"huamanga(weights={str(weights)!r})"], "heads": ["knn"]}
    found = run(recipe_from(recipe), tmp_path / "out")
    assert (found.computed, found.failed) == (1, 2)  # its own softmax too
    failed = [row for row in read_rows(tmp_path / "out" / "rows.csv") if row.status == "error"]
    assert all("w.npz is truncated or no weight file" in row.error for row in failed)
    code, _, err = run_cli(
        "featurize", "--data", "synthetic(n_per_class=2)", "--backbone", "huamanga", "--weights", weights
    )
    assert code == 1 and err.count("\n") == 1 and "w.npz is truncated" in err


@pytest.mark.parametrize("head", ["forest", "knn", "svm", "softmax"])
def test_a_heads_parameters_have_a_place_of_their_own(run_cli, head):
    words = ["fit", "--data", "synthetic(n_per_class=3)", "--backbone", "pixels", "--head", head]
    for name in ("n_jobs", "progress", "store", "head_params", "params"):
        code, _, err = run_cli(*words, f"--{name}", "2")
        if code:
            line = err.splitlines()[-1]
            assert head in line and name in line and "defect" not in line
        else:
            assert name == "n_jobs"  # the head has one
    for name in ("data", "out"):
        with pytest.raises(ValueError, match=f"{head}.*{name}"):
            fit("synthetic(n_per_class=3)", "pixels", head, head_params={name: 2})
