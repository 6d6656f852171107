"""The named systems under every protocol of folds, on drawn motion maps."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from featurize.clips.maps import altered
from pipelines.cross_validation.megc2019_systems import (
    SYSTEMS,
    invariant_ridge,
    linear_svm,
    maps_of,
    mirrored_rbf_svm,
)
from pipelines.datasets.base import Dataset, sample_digest
from pipelines.evaluation.compare import compare
from pipelines.evaluation.recipe import load_recipe, recipe_from
from pipelines.results.rows import read_rows

#: What the table calls each protocol, and what marks its figures.
WAYS = {"loso": (), "random-leaky": ("random-leaky",), "loso+select-on-test": ("select-on-test",)}
PROTOCOLS = [
    {"protocol": "loso", "inner_folds": 2},
    {"protocol": "random-leaky", "inner_folds": 2},
    {"protocol": "loso", "selection": "on-test"},
]


def recipe(**changes):
    content = {"name": "small", "data": "megc2019", "systems": ["linear SVM", "RBF SVM, 25 cells"]}
    return recipe_from(content | {"protocols": PROTOCOLS} | changes)


@pytest.fixture(scope="module")
def drawn() -> Dataset:
    """Maps whose class is the direction in which a patch moves; two sets, nine subjects."""
    rng = np.random.default_rng(0)
    y = np.arange(54) % 3
    subject = np.arange(54) // 6
    maps = rng.normal(128, 12, (54, 28, 28, 3))
    for i, label in enumerate(y):
        row, column = 6 + rng.integers(0, 4), 14 + rng.integers(-3, 4)
        maps[i, row : row + 8, column - 4 : column + 4, 1] += (-70, 0, 70)[label]
        maps[i, row : row + 8, column - 4 : column, 0] += (0, 60, 0)[label]
        maps[i, row : row + 8, column : column + 4, 0] -= (0, 60, 0)[label]
    maps = np.clip(maps, 0, 255).astype(np.uint8)
    origin = np.where(subject < 5, "one", "two")
    return Dataset(
        name="drawn", classes=("negative", "positive", "surprise"), ids=np.arange(54).astype(str), labels=y,
        split=origin, samples=maps, digests=np.array([sample_digest(m) for m in maps]),
        groups=np.array([f"{o}/s{s}" for o, s in zip(origin, subject, strict=True)]), kind="flow",
        test_splits={"test": ("one", "two")},
    )  # fmt: skip


@pytest.fixture
def short(monkeypatch):
    """STSTNet for few epochs, heads with two candidates."""
    monkeypatch.setattr("pipelines.cross_validation.megc2019_systems.EPOCHS", (5, 10))
    monkeypatch.setattr("pipelines.cross_validation.megc2019_systems.HEAD_GRIDS", {
        "softmax": {"C": [0.01, 0.1]}, "knn": {"n_neighbors": [1, 3]},
        "forest": {"n_estimators": [5], "min_samples_leaf": [1, 3]},
        "bagged-svm": {"n_estimators": [3], "max_samples": [0.5], "C": [1, 10]},
    })  # fmt: skip
    monkeypatch.setattr(
        "pipelines.cross_validation.systems.SYSTEMS",
        {k: replace(s, groups=min(s.groups, 2)) for k, s in SYSTEMS.items()},
    )


NETWORKS = [name for name in SYSTEMS if name.startswith("STSTNet")]


@pytest.mark.parametrize(
    "systems", [sorted(set(SYSTEMS) - set(NETWORKS)), pytest.param(NETWORKS, marks=pytest.mark.slow)]
)
def test_every_system_learns_under_every_protocol(systems, drawn, short, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: drawn)
    rows = compare(recipe(systems=systems), tmp_path).pooled
    assert {(r.system, r.protocol, r.part) for r in rows} == {
        (s, w, p) for s in systems for w in WAYS for p in ("all", "one", "two")
    }
    for row in rows:
        assert row.uf1 > (0.4 if "STSTNet" in row.system else 0.6), row
        assert row.uf1_interval[0] <= row.uf1 <= row.uf1_interval[1]
        assert row.n == {"all": 54, "one": 30, "two": 24}[row.part]
        assert row.marks == WAYS[row.protocol]
        assert not math.isnan(row.uar)


def test_mirrored_maps_are_read_like_their_originals(drawn):
    """A mirrored test clip gets the same scores: the copies (or the kernels) see to it."""
    train, test = np.arange(30), np.arange(30, 54)
    maps = np.asarray(drawn.samples)
    mirrored = np.concatenate([maps[:30], altered(maps[30:], mirror=True)])
    for build, tolerance in ((mirrored_rbf_svm, 1e-3), (invariant_ridge, 0.05)):
        plain = build(maps, drawn.labels).scores(train, test)
        other = build(mirrored, drawn.labels).scores(train, test)
        assert np.abs(plain - other).max() < tolerance
    plain, other = (linear_svm(m, drawn.labels).scores(train, test) for m in (maps, mirrored))
    assert np.abs(plain - other).max() > 0.01


@pytest.fixture
def on_disk(drawn, tmp_path):
    import cv2

    root = tmp_path / "data" / "megc2019"
    root.mkdir(parents=True)
    lines = ["file,dataset,subject,label"]
    for i in range(len(drawn)):
        cv2.imwrite(str(root / f"{i}.png"), drawn.samples[i][..., ::-1])
        lines.append(f"{i}.png,{drawn.split[i]},{drawn.groups[i]},{drawn.classes[drawn.labels[i]]}")
    (root / "index.csv").write_text("\n".join(lines))
    return root


def test_a_recipe_writes_rows_predictions_and_the_table_and_is_not_run_twice(on_disk, tmp_path, monkeypatch):
    plan = recipe(data={"name": "megc2019", "options": {"path": str(on_disk)}})
    first = compare(plan, tmp_path / "out").pooled
    assert len(first) == 2 * 3 * 3
    written = read_rows(tmp_path / "out" / "rows.csv")
    assert len(written) == len(first)
    assert len(list((tmp_path / "out" / "predictions").glob("*.npz"))) == 6
    for row in written:
        assert ("random-leaky: " in row.protocol) == ("random folds" in row.protocol)
        assert ("select-on-test: " in row.protocol) == ("on each test fold itself" in row.protocol)
    table = (tmp_path / "out" / "cross-validation.csv").read_text()
    # Would fail if anything were computed again.
    monkeypatch.setattr("pipelines.cross_validation.run.cross_validate", None)
    again = compare(plan, tmp_path / "out")
    assert again.pooled == first
    assert (again.computed, again.reused, again.failed) == (0, 6, 0)
    assert (tmp_path / "out" / "cross-validation.csv").read_text() == table
    assert table.splitlines()[0].startswith("system,protocol,set,n,uf1,uf1_low")


def test_the_command_line(on_disk, tmp_path, monkeypatch, capsys):
    import cli

    text = "name: small\ndata: megc2019\nsystems: [linear SVM]\n"
    (tmp_path / "gap.yaml").write_text(
        text + "protocols: [loso, {protocol: loso, selection: on-test}, random-leaky]\n"
    )
    monkeypatch.setenv("MUECA_DATA", str(on_disk.parent))
    monkeypatch.setattr(
        "sys.argv", ["mueca", "compare", str(tmp_path / "gap.yaml"), "--out", str(tmp_path / "out")]
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    shown = capsys.readouterr().out
    assert "select-on-test" in shown
    assert "bootstrap by subject" in shown


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"systems": ["linear SVN"]}, "systems: unknown 'linear SVN'; known: linear SVM"),
        ({"systems": []}, "nothing to test"),
        ({"heads": ["svm"]}, "there are no extractors"),
    ],
)
def test_a_typo_in_a_recipe_is_an_error(changes, why):
    with pytest.raises(ValueError, match=why):
        recipe(data="megc2019", **changes)


def test_the_recipe_that_comes_with_mueca():
    folder = Path(__file__).parents[3] / "configs"
    assert load_recipe(folder / "megc2019-gap.yaml").systems == list(SYSTEMS)


def test_only_motion_maps_of_named_subjects(drawn):
    for other in (replace(drawn, kind="image"), replace(drawn, groups=None)):
        with pytest.raises(ValueError, match="need motion maps of named subjects"):
            maps_of(other)


def test_each_of_the_sets_is_left_out(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: drawn)
    (row, *_) = compare(recipe(systems=["linear SVM"], protocols=["lodo"]), tmp_path).pooled
    assert row.words.startswith("each of 2 sets left out in turn; one of")
    assert row.uf1 > 0.6
    alone = replace(drawn, split=np.full(54, "train"))
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: alone)
    (row,) = compare(recipe(systems=["linear SVM"], protocols=["lodo"]), tmp_path / "alone").pooled
    assert "lodo leaves out one of several sets" in row.error
