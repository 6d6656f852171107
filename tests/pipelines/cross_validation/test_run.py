"""Protocols over subjects from a recipe and from the command line: heads and networks, on drawn clips."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from featurize.store import Store
from pipelines.cross_validation.network_candidates import KerasCandidates, STSTNetCandidates
from pipelines.cross_validation.network_plan import NetworkPlan
from pipelines.cross_validation.run import FoldExperiment
from pipelines.cross_validation.systems import Resources, network_candidates
from pipelines.datasets import registry
from pipelines.datasets.base import Dataset
from pipelines.evaluation.compare import compare, systems
from pipelines.evaluation.recipe import load_recipe, recipe_from
from pipelines.results.load import load_results
from pipelines.results.predictions import load_predictions
from pipelines.results.rows import read_rows
from pipelines.training.recipe import recipe as training_of
from pipelines.training.trainer import Trainer
from tests.helpers.maps import motion_maps

SMALL = {"name": "synthetic-clips", "options": {"n_subjects": 4, "clips_per_subject": 6}}


def recipe(**changes):
    heads = {
        "extractors": ["pooled(of='pixels', side=16)"],
        "heads": [{"head": "knn", "grid": {"n_neighbors": [1, 3]}}],
    }
    return recipe_from({"name": "small", "data": SMALL, "protocols": [protocol()]} | heads | changes)


def protocol(name="loso", **fields):
    on_test = name.endswith("+select-on-test")
    selection = {"selection": "on-test" if on_test else "nested"}
    return {"protocol": name.removesuffix("+select-on-test"), "inner_folds": 2} | selection | fields


def run(plan, out, **how):
    """Return the table of folds."""
    return compare(plan, out, **how).pooled


def run_ids(plan, dataset):
    """Return what the runs of a recipe by folds would be called on a data set."""
    resources = Resources(dataset, Path())
    evaluators = [FoldExperiment(p, resources, plan.seed) for p in plan.protocols]
    return [e.run_id(s) for s in systems(plan) for e in evaluators]


@pytest.fixture(scope="module")
def maps():
    """Maps whose class is seen in the vertical flow; six subjects of five clips."""
    return motion_maps(30, 5)


def test_random_weights_are_marked(tmp_path):
    plan = recipe(extractors=["pooled(of=\"ucm-a(weights='random', precision='f32')\")", "lbp-top"])
    rows = run(plan, tmp_path / "out", store=Store(tmp_path / "cache"))
    assert [r.marks for r in rows] == [("random-weights",), ()]
    assert [r.status for r in read_rows(tmp_path / "out" / "rows.csv")] == ["timing", "ok"]
    assert [c.test.extractor for c in load_results(tmp_path / "out").cells] == ["lbp-top"]


def test_a_recipe_writes_marked_rows_and_predictions_and_is_not_run_twice(tmp_path, monkeypatch):
    ways = ["loso", "grouped-kfold", "random-leaky", "loso+select-on-test"]
    plan = recipe(protocols=[protocol(way, folds=3) for way in ways])
    rows = run(plan, tmp_path / "out", store=Store(tmp_path / "cache"))
    assert [r.protocol for r in rows] == ways
    assert [r.marks for r in rows] == [(), (), ("random-leaky",), ("select-on-test",)]
    written = read_rows(tmp_path / "out" / "rows.csv")
    assert [r.protocol.startswith(("random-leaky: ", "select-on-test: ")) for r in written] == [
        False, False, True, True,
    ]  # fmt: skip
    kept = load_predictions(tmp_path / "out" / "predictions" / f"{written[0].run}.npz")
    assert len(kept.ids) == 24
    assert len(set(kept.groups.tolist())) == 4
    assert rows[0].accuracy == pytest.approx((kept.predicted == kept.true).mean())
    assert (tmp_path / "out" / "cross-validation.csv").read_text().startswith("system,protocol,set,n,uf1")
    monkeypatch.setattr(
        "pipelines.cross_validation.run.cross_validate", None
    )  # would fail if anything ran again
    assert run(plan, tmp_path / "out", store=Store(tmp_path / "cache")) == rows


def test_a_head_for_some_extractors_is_tested_on_those_alone(tmp_path):
    small, smaller = (f"pooled(of='pixels', side={side})" for side in (24, 16))
    heads = [{"head": "knn"}, {"head": "softmax", "params": {"C": 1}, "extractors": [smaller]}]
    plan = recipe(extractors=[small, smaller], heads=heads)
    rows = run(plan, tmp_path / "out", store=Store(tmp_path / "cache"))
    assert list(dict.fromkeys(r.system for r in rows)) == [
        f"{small} + knn", f"{smaller} + knn", f"{smaller} + softmax",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="softmax is for 'hog', which is no extractor here"):
        recipe(extractors=[small], heads=[heads[0], heads[1] | {"extractors": ["hog"]}])


def test_mirrored_clips_are_trained_on(tmp_path):
    plain, mirrored = (
        run(recipe(extractors=[{"extractor": "pooled(of='pixels', side=16)", "mirror": m}]),
                 tmp_path / str(m), store=Store(tmp_path / "cache"))
        for m in (False, True)
    )  # fmt: skip
    assert plain[0].system != mirrored[0].system


@pytest.mark.slow
def test_a_network_answers_for_every_number_of_epochs_from_one_training(maps, tmp_path):
    """Asking at 2 and 4 epochs is training for 2, and for 4; a second asking reads what was kept."""
    plan = training_of(backbone="ststnet", batch_size=8, learning_rate=3e-3, precision="f32", augment="flip")
    train, test = np.arange(20), np.arange(20, 30)
    both = KerasCandidates(maps, plan, (2, 4), tmp_path / "kept").scores(train, test)
    assert both.shape == (2, 10, 3)
    for k, epochs in enumerate((2, 4)):
        alone = KerasCandidates(maps, plan, (epochs,)).scores(train, test)
        assert np.allclose(alone[0], both[k], atol=2e-3)
    again = KerasCandidates(maps, plan, (2, 4), tmp_path / "kept")
    again.answers = None  # would fail if it trained again
    assert np.array_equal(again.scores(train, test), both)
    assert np.array_equal(again.scores(train, test, 1), both[1:])
    assert not [p for p in (tmp_path / "kept").iterdir() if p.is_dir()]  # nothing is left of the training


def test_a_training_that_was_stopped_goes_on(maps, tmp_path, monkeypatch):
    plan = training_of(backbone="ststnet", batch_size=8, learning_rate=3e-3, precision="f32", augment="flip")
    train, test = np.arange(20), np.arange(20, 30)
    whole = KerasCandidates(maps, plan, (2, 4)).scores(train, test)
    keep = Trainer.save_epoch

    def stop(self, *given):
        keep(self, *given)
        raise KeyboardInterrupt

    cells = KerasCandidates(maps, plan, (2, 4), tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "save_epoch", stop)
        cells.scores(train, test)
    assert np.allclose(cells.scores(train, test), whole, atol=5e-3)


def test_what_is_kept_of_a_fold_and_damaged_is_done_again(maps, tmp_path):
    y = maps.labels
    cells = STSTNetCandidates(maps.samples, y, (2, 3), tmp_path, learning_rate=1e-3)
    found = cells.scores(np.arange(20), np.arange(20, 30))
    (path,) = tmp_path.glob("*.npz")
    path.write_bytes(path.read_bytes()[:50])
    assert np.array_equal(cells.scores(np.arange(20), np.arange(20, 30)), found)
    other = STSTNetCandidates(maps.samples, y, (2, 3), tmp_path, learning_rate=2e-3)
    assert not np.array_equal(other.scores(np.arange(20), np.arange(20, 30)), found)
    mirrored = STSTNetCandidates(maps.samples, y, (2, 3), tmp_path, learning_rate=1e-3, mirror=True)
    assert mirrored.scores(np.arange(20), np.arange(20, 30)).shape == (2, 10, 3)


def test_ststnet_as_published_goes_by_loops_of_our_own(maps):
    def of(**fields):
        return network_candidates(maps, NetworkPlan(training_of(backbone="ststnet", **fields), (1,)))

    assert isinstance(of(), STSTNetCandidates)
    assert isinstance(of(optimizer="sgd"), KerasCandidates)
    assert isinstance(of(augment="flip"), KerasCandidates)


@pytest.mark.parametrize(
    "asked",
    [
        {"label_smoothing": 0.1}, {"mixup": 0.2}, {"weight_decay": 0.01}, {"swa_epochs": 2},
        {"init_weights": "{other}"}, {"teacher": "ststnet(weights='{other}')"},
    ],
    ids=str,
)  # fmt: skip
def test_what_the_compiled_loops_do_not_know_is_not_dropped(maps, tmp_path, asked):
    other = str(weights_of(tmp_path / "other.npz"))
    fields = {name: v.format(other=other) if isinstance(v, str) else v for name, v in asked.items()}
    plan = training_of(backbone="ststnet", **fields)
    assert isinstance(network_candidates(maps, NetworkPlan(plan, (1,))), KerasCandidates)


def weights_of(path, seed=0):
    """Write seeded random weights of ststnet as a training would leave them."""
    from featurize import extractor
    from featurize.backbones import weightfile

    network = extractor("ststnet", weights="random").network
    card = {"network": "ststnet", "version": network.version, "trained_on": "0" * 64,
            "classes": ["negative", "positive", "surprise"]}  # fmt: skip
    tensors = weightfile.random_tensors(network.build(3), seed)
    weightfile.save(path, tensors, card, weightfile.TrainingProvenance.of((), ()))
    return path


@pytest.mark.parametrize("field", ["init_weights", "teacher"])
def test_weights_from_before_decide_the_row_and_the_files_of_folds(maps, tmp_path, field):
    """Two networks that differ in nothing but the weights they start from, or are taught by."""

    def plan(name, seed):
        path = weights_of(tmp_path / name, seed)
        given = str(path) if field == "init_weights" else f"ststnet(weights={str(path)!r})"
        return training_of(backbone="ststnet", precision="f32", **{field: given})

    first, same, other = plan("a.npz", 0), plan("b.npz", 0), plan("c.npz", 1)
    without = training_of(backbone="ststnet", precision="f32")
    folds = [KerasCandidates(maps, p, (1,)).identity() for p in (first, same, other, without)]
    assert folds[0] == folds[1]
    assert folds[0] != folds[2]
    assert folds[0] != folds[3]
    runs = []
    for p in (first, same, other, without):
        network = {"backbone": "ststnet", "precision": "f32", "epochs": [1]} | (
            {field: getattr(p, field)} if getattr(p, field) else {}
        )
        runs += run_ids(recipe(extractors=[], heads=[], networks=[network]), maps)
    assert runs[0] == runs[1]
    assert len(set(runs)) == 3


def test_the_numbers_of_epochs_decide_the_row_and_the_files_of_folds(maps):
    training = training_of(backbone="ststnet", batch_size=8, learning_rate=3e-3)
    assert NetworkPlan(training, (2, 4)) != NetworkPlan(training, (2,))
    runs = []
    for epochs in ([10, 20], [20], [10, 20, 30]):
        plan = recipe(extractors=[], heads=[], networks=[{"backbone": "ststnet", "epochs": epochs}])
        runs += run_ids(plan, maps)
    assert len(set(runs)) == 3


def test_the_weights_of_an_extractor_decide_the_row(tmp_path):
    dataset = registry.load("synthetic-clips", n_subjects=4, clips_per_subject=3)
    runs = []
    for seed in (0, 0, 1):
        from tests.featurize.backbones.conftest import write_weights

        write_weights(tmp_path / "w.npz", "ucm-a", seed)
        inner = f"ucm-a(weights={str(tmp_path / 'w.npz')!r}, precision='f32')"
        runs += run_ids(recipe(extractors=[f"pooled(of={inner!r})"]), dataset)
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_one_system_that_fails_ends_nothing(tmp_path):
    """hog takes images, not clips; the other system of the recipe has its figures all the same."""
    plan = recipe(extractors=["hog", "pooled(of='pixels', side=16)"])
    rows = run(plan, tmp_path / "out", store=Store(tmp_path / "cache"))
    assert [bool(r.error) for r in rows] == [True, False]
    assert "hog" in rows[0].error
    assert np.isnan(rows[0].uf1)
    assert rows[1].uf1 > 0
    assert sorted(r.status for r in read_rows(tmp_path / "out" / "rows.csv")) == ["error", "ok"]
    again = run(plan, tmp_path / "out", store=Store(tmp_path / "cache"))
    assert again[1] == rows[1]
    assert "clips" in (tmp_path / "out" / "cross-validation.csv").read_text()


@pytest.fixture
def memories(monkeypatch):
    """Return a list that each fold's candidates write down their memory in."""
    import classifiers.candidates

    asked = []
    given = classifiers.candidates.HeadCandidates.__init__

    def noted(self, *args, **kwargs):
        given(self, *args, **kwargs)
        asked.append(self._memory)

    monkeypatch.setattr(classifiers.candidates.HeadCandidates, "__init__", noted)
    return asked


def test_memory_bounds_the_kernels_of_every_fold(tmp_path, memories):
    plan = recipe(heads=[{"head": "svm"}])
    run(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=2, memory="1GB")
    assert memories == [0.5]
    with pytest.raises(ValueError, match="give a number with a unit"):
        run(plan, tmp_path / "other", store=Store(tmp_path / "cache"), memory="much")


def test_rows_have_their_interval_by_subject():
    """Of six subjects three are right and three wrong as a whole: by clip the interval is narrow."""
    from pipelines.cross_validation.nested import CrossValidationResult
    from pipelines.cross_validation.table import fold_rows

    y, subject = np.arange(120) % 3, np.arange(120) // 20
    said = np.where(subject < 3, y, (y + 1) % 3)
    dataset = Dataset(
        name="six", classes=("a", "b", "c"), ids=np.arange(120).astype(str), labels=y,
        split=np.full(120, "train"), samples=np.zeros((120, 2, 2), np.uint8), digests=np.full(120, "0" * 64),
        groups=subject.astype(str), kind="clip",
    )  # fmt: skip
    found = CrossValidationResult(said, np.eye(3)[said], subject, ({},) * 6, np.full(6, np.nan), (), "")
    known = {"run": "x", "extractor": "e", "spec": "e", "head": "h"}
    ((row,), _) = fold_rows(dataset, found, known)
    assert row.accuracy == pytest.approx(0.5)
    assert row.ci_low < 0.2  # by clip it would be .41 to .59
    assert row.ci_high > 0.8
    ((alone,), _) = fold_rows(replace(dataset, groups=None), found, known)
    assert alone.ci_low == pytest.approx(0.41, abs=0.02)


def test_a_network_in_a_recipe(maps, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: maps)
    network = {
        "backbone": "ststnet",
        "epochs": [10, 20],
        "batch_size": 8,
        "learning_rate": 3e-3,
        "mirror": True,
    }
    protocols = [protocol(way, inner_folds=3) for way in ("loso", "loso+select-on-test")]
    plan = recipe(extractors=[], heads=[], networks=[network], protocols=protocols)
    honest, chosen = run(plan, tmp_path)
    assert honest.system == "ststnet, batch=8, learning_rate=0.003, mirror=True, epochs 10, 20"
    assert "one of 2 candidates" in honest.words
    assert honest.uf1 > 0.5
    assert chosen.uf1 >= honest.uf1
    row = read_rows(tmp_path / "rows.csv")[0]
    assert row.head == "network-softmax"
    assert row.log_loss > 0


@pytest.mark.slow
def test_a_clip_network_in_folds_of_subjects(tmp_path):
    """R2's smallest network on drawn clips: trained afresh in each fold, asked at one and two epochs."""
    network = {"backbone": "rotation3d-casme2", "epochs": [1, 2], "batch_size": 8, "precision": "f32"}
    protocols = [protocol("loso+select-on-test", inner_folds=3)]
    plan = recipe(extractors=[], heads=[], networks=[network], protocols=protocols)
    (row,) = run(plan, tmp_path)
    assert row.n == 24
    assert row.marks == ("select-on-test",)
    assert len(list((tmp_path / "folds").glob("*.npz"))) == 4


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"protocols": ["loo"]}, "unknown 'loo'; did you mean 'loso'"),
        ({"heads": []}, "nothing to test"),
        ({"heads": ["svn"]}, "did you mean 'svm'"),
        ({"protocols": [{"protocol": "loso", "inner_folds": 1}]}, "inner_folds"),
        ({"networks": ["ststnet"]}, "a network is a mapping"),
        ({"networks": [{"backbone": "ststnet", "epochs": [0]}]}, "at least 1"),
        ({"networks": [{"backbone": "ststnet", "epochs": ["many"]}]}, "one whole number or several"),
        ({"networks": [{"backbone": "lbp-top"}]}, "is not a network"),
        ({"speed": 3}, "speed: unknown"),
    ],
)
def test_a_typo_in_a_recipe_is_an_error_of_one_line(changes, why):
    with pytest.raises(ValueError, match=why) as error:
        recipe(**changes)
    assert "\n" not in str(error.value)


def test_a_network_for_another_kind_of_data_and_a_cosine_are_refused(maps, tmp_path):
    rows = run(recipe(networks=[{"backbone": "ststnet"}]), tmp_path)
    assert [r.error for r in rows] == ["", "ststnet takes flows; synthetic-clips holds clips"]
    with pytest.raises(ValueError, match="a cosine ends at the last epoch"):
        KerasCandidates(maps, training_of(backbone="ststnet", schedule="cosine"), (1, 2))


def test_a_set_without_subjects_is_refused(tmp_path, monkeypatch):
    nameless = replace(registry.load("synthetic-clips", n_subjects=4, clips_per_subject=3), groups=None)
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: nameless)
    (row,) = run(recipe(), tmp_path, store=Store(tmp_path / "cache"))
    assert "does not name them" in row.error
    plan = recipe(protocols=[protocol("random-leaky", folds=3)])
    rows = run(plan, tmp_path, store=Store(tmp_path / "cache"))
    assert np.isnan(rows[0].uf1_interval[0])


def test_options_may_follow_the_name_of_a_data_set(tmp_path):
    assert len(registry.load("synthetic-clips(n_subjects=2, clips_per_subject=3)")) == 6
    with pytest.raises(ValueError, match="cannot read the parameters"):
        registry.load("synthetic-clips(n_subjects)")
    with pytest.raises(ValueError, match="no option 'subjects'"):
        registry.load("synthetic-clips(subjects=2)")
    (tmp_path / "faces (old)").mkdir()
    with pytest.raises(ValueError, match=r"faces \(old\)"):
        registry.load(tmp_path / "faces (old)")


def command(monkeypatch, capsys, *words):
    import cli

    with pytest.raises(SystemExit) as ended:
        cli.main(["cross-validate", *words])
    return ended.value.code, capsys.readouterr()


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "cache"))
    data = ("--data", "synthetic-clips(n_subjects=4, clips_per_subject=6)", "--out", str(tmp_path / "out"))
    features = ("--backbone", "pooled(of='pixels', side=16)")
    code, said = command(monkeypatch, capsys, *data, *features, "--head", "knn", "--n_neighbors", "1,3",
                         "--select-on-test", "--json")  # fmt: skip
    assert not code
    (row,) = json.loads(said.out)["rows"]
    assert row["marks"] == "select-on-test"
    assert "the best on each test fold itself" in row["words"]
    code, said = command(monkeypatch, capsys, *data, *features, "--head", "knn", "--protocol", "random-leaky")
    assert not code
    assert "random-leaky" in said.out
    assert "bootstrap by subject" in said.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--backbone", "rotation3d-casme2", "--C", "3"), "--C goes with a head"),
        (("--backbone", "lbp-top", "--head", "svm", "--epochs", "3"), "--epochs is for a network"),
        (("--backbone", "rotation3d-casme2", "--epochs", "1,two"), "one whole number or several"),
        (("--backbone", "lbp-top"), "is not a network"),
        (("--backbone", "lbp-top", "--head", "svm", "--C", "1,2", "--grid", "default"), "not both"),
    ],
)
def test_words_that_contradict_each_other(words, why, monkeypatch, capsys):
    code, said = command(monkeypatch, capsys, "--data", "synthetic-clips", *words)
    assert code == 1
    assert why in said.err
    assert said.err.count("\n") == 1


def test_the_recipes_by_folds_that_come_with_mueca():
    folder = Path(__file__).parents[3] / "configs"
    titles = ["loso", "random-leaky", "loso+select-on-test"]
    for name in ("clips-demo", "megc2019-gap"):
        assert [p.title for p in load_recipe(folder / f"{name}.yaml").protocols] == titles


def test_options_reach_the_folds_from_the_command_line(tmp_path, monkeypatch, capsys, memories):
    import cli

    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "cache"))
    text = "name: small\ndata: synthetic-clips(n_subjects=4, clips_per_subject=3)\n"
    text += "protocols: [{protocol: loso, inner_folds: 2}]\n"
    (tmp_path / "r.yaml").write_text(text + "extractors: [\"pooled(of='pixels', side=16)\"]\nheads: [knn]\n")
    words = ["compare", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "out"), "--jobs", "2"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--kernel-memory", "1GB"])
    assert not ended.value.code
    assert memories == [0.5]


@pytest.mark.parametrize("what", ["a clip", "a system"])
def test_what_is_left_out_or_fails_gives_the_exit_code_of_partly_done(what, tmp_path, monkeypatch, capsys):
    import cli
    from pipelines.datasets.base import Fault

    whole = registry.load("synthetic-clips", n_subjects=4, clips_per_subject=3)
    faults = (Fault("s1/c1", "no frames"),) if what == "a clip" else ()
    given = replace(whole, faults=faults)
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: given)
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "cache"))
    extractors = ["pooled(of='pixels', side=16)"] + ["hog"] * (what == "a system")
    text = "name: small\ndata: synthetic-clips\nheads: [knn]\n"
    text += "protocols: [{protocol: loso, inner_folds: 2}]\n"
    (tmp_path / "r.yaml").write_text(f"{text}extractors: {extractors}\n")
    with pytest.raises(SystemExit) as ended:
        cli.main(["compare", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "out")])
    assert ended.value.code == 3
