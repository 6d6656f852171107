"""A network that has learned from what validates: marked, shown, chosen by nothing; and what would do."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from featurize import extractor, parse
from featurize.backbones import weightfile
from featurize.backbones.extractor import NetworkExtractor
from featurize.store import Store
from pipelines import api
from pipelines.commands.compare import print_comparison
from pipelines.commands.fit import print_fit
from pipelines.datasets.splits import split
from pipelines.datasets.synthetic import faces as faces_module
from pipelines.embedding.leakage import check_unseen, seen_validation
from pipelines.embedding.leakage_cures import for_fit, for_folds, for_training, for_validation, parts_unseen
from pipelines.embedding.provenance import learned_from, trained_on
from pipelines.evaluation.compare import compare
from pipelines.evaluation.experiment import Experiment, FeatureMatrix
from pipelines.evaluation.recipe import load_recipe, recipe_from
from pipelines.evaluation.summary import summarize
from pipelines.recipe import Features
from pipelines.reporting.content import comparison_table, standing_notes
from pipelines.reporting.report import Options, write_report
from pipelines.reporting.tables.significance import families, headline
from pipelines.results.load import load_results
from pipelines.results.rows import SEEN_VALIDATION, append_rows, read_rows
from tests.helpers.near_cluster import near_cluster

CONFIG = Path(__file__).resolve().parents[3] / "configs" / "fer2013-handcrafted-vs-learned.yaml"


@pytest.fixture(scope="module")
def faces():
    return faces_module.load(n_per_class=12, n_identities=6)


@pytest.fixture
def loaded(faces, monkeypatch):
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: faces)
    return faces


def parted(faces):
    """Return the set with its test split in two, as FER2013 has it."""
    names, test = faces.split.astype("<U10"), faces.where("test")
    names[test[::2]], names[test[1::2]] = "public", "private"
    parts = {"test": ("public", "private"), "public": ("public",), "private": ("private",)}
    return replace(faces, split=names, test_splits=parts)


def network(path: Path, faces, seen, **card) -> str:
    """Write weights of ucm-a that claim to have learned from `seen`; return their expression."""
    tensors = weightfile.random_tensors(extractor("ucm-a", weights="random").network.build(7))
    said = {"network": "ucm-a", "version": 1, "classes": list(faces.classes), "trained_on": "f" * 64}
    marks = weightfile.TrainingProvenance.of(faces.digests[seen].tolist(), faces.ids[seen].tolist())
    weightfile.save(path, tensors, said | card, marks)
    return f"ucm-a(weights={str(path)!r}, precision='f32')"


def one(expression) -> NetworkExtractor:
    (found,) = parse(expression)
    assert isinstance(found, NetworkExtractor)
    return found


def recipe(*extractors, **change):
    heads = [{"head": "softmax", "params": {"C": 0.01}}]
    return recipe_from(
        {"name": "x", "data": "synthetic", "extractors": list(extractors), "heads": heads} | change
    )


@pytest.fixture
def leaky(loaded, tmp_path):
    """Return a network that has learned from all that trains and validates, and validates best by far."""
    return network(tmp_path / "w.npz", loaded, loaded.where("train"), data={"fit_on": "train+validation"})


def test_rows_are_marked_and_not_chosen(leaky, tmp_path, capsys):
    plan = recipe("pixels", leaky)
    found = compare(plan, tmp_path / "out")
    rows = read_rows(tmp_path / "out" / "rows.csv")
    assert {r.marks for r in rows if r.extractor == "pixels"} == {""}
    assert {r.warnings for r in rows if r.extractor == "pixels"} == {""}
    others = [r for r in rows if r.extractor != "pixels"]
    assert {r.head for r in others} == {"network-softmax", "softmax"}
    assert {r.marks for r in others} == {SEEN_VALIDATION}
    assert all("ucm-a learned from" in json.loads(r.warnings)[0] for r in others)
    assert found.best.extractor == "pixels"
    records = summarize(found)
    assert [(r["chosen"], r["marks"]) for r in records] == [
        ("yes", ""), ("", SEEN_VALIDATION), ("", SEEN_VALIDATION),
    ]  # fmt: skip
    with (tmp_path / "out" / "summary.csv").open(newline="", encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [r["marks"] for r in written] == [r["marks"] for r in records]
    assert "what they choose is optimistic" in written[1]["warnings"]
    print_comparison(plan, found)
    assert "validation-seen: its network has learned from validation samples" in capsys.readouterr().out


def test_nothing_is_chosen_where_every_network_has_seen_validation(leaky, tmp_path):
    found = compare(recipe(leaky), tmp_path / "out")
    assert found.best is None
    assert [r["chosen"] for r in summarize(found)] == ["", ""]
    results = load_results(tmp_path / "out")
    assert not results.validated
    said = headline(results, families(results))
    assert "is chosen by validation" not in said
    assert "Validation does not choose among 2 runs whose networks have learned from its samples" in said
    assert families(results)[0].title == "The first 2, each against each"


def test_a_second_run_warns_again(leaky, tmp_path, caplog):
    plan = recipe("pixels", leaky)
    compare(plan, tmp_path / "out")
    said = [m for m in caplog.messages if "learned from" in m]
    assert len(said) == 1, "once, not for every head"
    caplog.clear()
    found = compare(plan, tmp_path / "out")
    assert (found.computed, found.reused) == (0, 3)
    assert [m for m in caplog.messages if m.startswith(said[0]) and "and 1 more" in m]
    caplog.clear()
    more = [{"head": "softmax", "params": {"C": 0.01}}, {"head": "knn"}]
    assert compare(recipe("pixels", leaky, heads=more), tmp_path / "out").computed == 2
    assert len([m for m in caplog.messages if "learned from" in m]) == 1, "not from the kept rows, too"


def test_every_other_warning_is_kept_and_said_again(loaded, tmp_path, caplog):
    plan = recipe("pixels", heads=[{"head": "softmax", "params": {"max_iter": 1, "C": 1}}])
    compare(plan, tmp_path / "out")
    rows = read_rows(tmp_path / "out" / "rows.csv")
    words = "softmax: not converged after 1 iterations (C=1); raise max_iter"
    assert {r.warnings for r in rows} == {json.dumps([words])}
    caplog.clear()
    assert compare(plan, tmp_path / "out").reused == 1
    assert f"{words} (kept from pixels with softmax)" in caplog.messages


def test_samples_that_were_left_out_and_fallbacks_stand_in_the_row(faces, tmp_path, monkeypatch):
    from pipelines.datasets.base import Fault

    broken = replace(faces, faults=(Fault("a.png", "cannot be read"), Fault("b.png", "cannot be read")))
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: broken)
    monkeypatch.setattr("featurize.base.Extractor.fallbacks", lambda self, X: 3)
    found = compare(recipe("pixels"), tmp_path / "out")
    assert json.loads(found.rows[0].warnings) == [
        f"pixels: 3 of {len(faces)} samples have its stated fallback",
        "2 samples of synthetic could not be read and were left out",
    ]


def test_rows_of_an_older_version_are_marked_when_they_are_used_again(leaky, tmp_path, caplog):
    plan, path = recipe("pixels", leaky), tmp_path / "out" / "rows.csv"
    before = compare(plan, tmp_path / "out")
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    lines = [line[: header.index("marks")] for line in [header, *lines]]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
    assert not any(row.marks for row in read_rows(path))
    caplog.clear()
    again = compare(plan, tmp_path / "out")
    assert (again.computed, again.reused) == (0, 3)
    assert [r.marks for r in again.rows] == [r.marks for r in before.rows]
    assert [(r.run, r.accuracy) for r in again.rows] == [(r.run, r.accuracy) for r in before.rows]
    assert again.best.extractor == "pixels"
    assert any("learned from" in m for m in caplog.messages)
    size = path.stat().st_size
    compare(plan, tmp_path / "out")
    assert path.stat().st_size == size, "marked once"


def test_ensembles_do_not_learn_from_it(leaky, tmp_path):
    ensembles = ["vote", {"combine": "stack", "name": "network", "extractors": [leaky]}]
    found = compare(recipe("pixels", "hog", leaky, ensembles=ensembles), tmp_path / "out")
    tests = {r.head: r for r in found.rows if r.split == "test"}
    assert set(json.loads(tests["vote"].params)) == {"pixels softmax", "hog softmax"}
    assert (
        "left out, since their networks learned from the validation samples: ucm-a(" in tests["vote"].warnings
    )
    assert tests["vote"].marks == ""
    assert tests["stack"].status == "error"
    assert "needs two runs that went well, and has 0; left out, since" in tests["stack"].error


@pytest.mark.usefixtures("svg_charts")
def test_a_report_shows_it(leaky, tmp_path):
    compare(recipe("pixels", leaky), tmp_path / "out")
    path = tmp_path / "out" / "rows.csv"
    flattered = [replace(r, accuracy=0.99) for r in read_rows(path) if r.marks and r.split == "validation"]
    append_rows(path, flattered)
    results = load_results(tmp_path / "out")
    assert results.chosen.test.extractor == "pixels"
    assert [c.test.head for c in results.by_validation] == ["softmax", "network-softmax", "softmax"]
    made = write_report(tmp_path / "out", options=Options(embedding="none"))
    page = made.page.read_text("utf-8")
    assert "pixels + softmax is chosen by validation" in page
    assert "The 1 best on validation and 2 that validation does not rank, each against each" in page
    assert "but not where the row is marked validation-seen" in page
    assert "what they choose is optimistic" in page
    with (made.page.parent / "tables" / "comparison.csv").open(newline="", encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    assert [(r["chosen"], r["marks"]) for r in records] == [
        ("yes", ""), ("", SEEN_VALIDATION), ("", SEEN_VALIDATION),
    ]  # fmt: skip
    assert "learned from" in records[2]["warnings"]
    text = (made.page.parent / "tables" / "comparison.tex").read_text("utf-8")
    assert text.count(r"$^\dagger$ &") == 2
    assert "A dagger marks figures that are too good" in text
    long = (made.page.parent / "tables" / "comparison-long.tex").read_text("utf-8")
    assert long.count("validation-seen &") == 2
    assert "validation-seen: its network learned from validation samples" in long


def test_a_report_of_what_no_network_has_seen_says_nothing_of_it(loaded, tmp_path):
    compare(recipe("pixels"), tmp_path / "out")
    results = load_results(tmp_path / "out")
    assert headline(results, families(results)).startswith("pixels + softmax is chosen by validation")
    assert "Validation does not" not in headline(results, families(results))
    assert not {"marks", "warnings"} & {column.key for column in comparison_table(results).used}
    assert not [n for n in standing_notes(results) if SEEN_VALIDATION in n]


def test_a_fitted_model_says_it_in_card_and_print(leaky, tmp_path, capsys):
    model, outcome = api.fit("synthetic", leaky, "softmax", out=tmp_path / "model", C=0.01)
    card = json.loads((tmp_path / "model" / "card.json").read_text("utf-8"))
    assert card["marks"] == model.card["marks"] == [SEEN_VALIDATION]
    assert "what they choose is optimistic" in card["warnings"][0]
    print_fit(model, outcome, None)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if SEEN_VALIDATION in line] == ["validation"]
    assert any(line.startswith("warning: ucm-a learned from") for line in lines)
    model, outcome = api.fit("synthetic", "pixels", "softmax", C=0.01)
    assert (model.card["marks"], model.card["warnings"]) == ([], [])
    print_fit(model, outcome, None)
    assert "marks" not in capsys.readouterr().out


def test_a_worker_gives_marked_rows(leaky, loaded, tmp_path, monkeypatch):
    here, far = (
        compare(recipe(leaky), tmp_path / name, store=tmp_path / "cache", cluster=cluster)
        for name, cluster in (("here", None), ("far", near_cluster(monkeypatch)))
    )
    assert (far.computed, far.failed) == (here.computed, here.failed) == (2, 0)
    kept = read_rows(tmp_path / "far" / "rows.csv")
    assert [(r.marks, r.warnings, r.status) for r in kept] == [
        (r.marks, r.warnings, r.status) for r in here.rows
    ]
    assert kept[0].seen_validation


# What a network has learned from ----------------------------------------------------------------------


def trained(faces, path, seed=0, **data):
    """Return a network as `mueca train` leaves it: learned from train, its epoch chosen by validation."""
    parts = split(faces, 0.25, seed=seed)
    used = np.concatenate([parts.train, parts.validation])
    said = {"fit_on": "train", "samples": len(parts.train), "validation": len(parts.validation)} | data
    plan = {"validation": 0.25, "test": "test", "split_seed": seed}
    known = trained_on(faces, parts.train)
    return one(network(path, faces, used, data=said, recipe=plan, trained_on=known)), parts


def test_samples_that_only_chose_the_epoch_are_told_from_those_learned_from(faces, tmp_path):
    net, parts = trained(faces, tmp_path / "w.npz")
    assert learned_from(net, faces, parts.validation) == 0
    assert learned_from(net, faces, parts.train) == len(parts.train)
    assert seen_validation([net], faces, parts.validation) == []
    other = split(faces, 0.25, seed=3)
    both = np.intersect1d(other.validation, parts.train)
    assert learned_from(net, faces, other.validation) == len(both) > 0


def test_a_division_that_cannot_be_made_again_counts_as_learned_from(faces, tmp_path):
    net, parts = trained(faces, tmp_path / "w.npz")
    fewer = replace(faces, split=np.where(np.arange(len(faces)) == parts.train[0], "spare", faces.split))
    assert learned_from(net, fewer, parts.validation) == len(parts.validation)


def test_what_a_start_had_learned_from_counts(faces, tmp_path):
    net, parts = trained(faces, tmp_path / "w.npz", validation_learned_before=3)
    assert learned_from(net, faces, parts.validation) == len(parts.validation)


def test_copies_under_other_names_count_for_validation_too(faces, tmp_path):
    parts = split(faces, 0.25)
    net = one(network(tmp_path / "w.npz", faces, faces.where("train"), data={"fit_on": "train+validation"}))
    renamed = replace(faces, ids=np.char.add("copy/", faces.ids))
    assert learned_from(net, renamed, parts.validation) == len(parts.validation)
    few = one(network(tmp_path / "few.npz", faces, parts.validation[:1], data={"fit_on": "train+validation"}))
    assert learned_from(few, renamed, parts.validation) == 0, "one copy proves nothing"


# Cures ------------------------------------------------------------------------------------------------


def test_a_refusal_names_the_options_that_would_do(faces, tmp_path):
    data = parted(faces)
    net = one(network(tmp_path / "w.npz", data, data.where("train")))
    chose = one(network(tmp_path / "p.npz", data, data.where("train", "public")))
    parts = split(data, 0.25)
    with pytest.raises(ValueError, match="learned from") as refused:
        check_unseen([chose], data, parts.validation, parts.test)
    assert str(refused.value).endswith(
        "would be tested on; --test private would do; in a recipe: protocols: "
        "[{protocol: holdout, test: private}]"
    ), "public is learned from, for all that is known"
    assert parts_unseen([net], data) == ("private", "public"), "of equals, the last tests"
    named = replace(data, split=np.where(data.split == "public", "validation", data.split))
    assert parts_unseen([net], named)[1] == "validation"
    assert parts_unseen([net, chose], data) == ("private", None)
    assert check_unseen([chose], data, parts.validation, data.where("private")) is None


def test_a_split_that_chose_the_epoch_may_validate(faces, tmp_path):
    data = parted(faces)
    train, public = data.where("train"), data.where("public")
    known = {"data": {"fit_on": "train", "validation": len(public)}, "trained_on": trained_on(data, train),
             "recipe": {"validation": "public", "test": "private", "split_seed": 0}}  # fmt: skip
    chose = one(network(tmp_path / "w.npz", data, np.concatenate([train, public]), **known))
    words = "--validation public --test private --no-refit would do"
    recipe = "protocols: [{protocol: holdout, validation: public, test: private, refit: false}]"
    assert for_fit([chose], data) == f"{words}; in a recipe: {recipe}"
    assert for_training([chose], data) == "--validation public --test private would do"
    parts = split(data, "public", "private", refit=False)
    check_unseen([chose], data, parts.validation, parts.test)
    assert seen_validation([chose], data, parts.validation) == []


def test_the_options_that_a_refusal_names_do(faces, tmp_path, monkeypatch):
    data = parted(faces)
    monkeypatch.setattr("pipelines.datasets.registry.load", lambda *_, **__: data)
    expression = network(tmp_path / "w.npz", data, data.where("private"))
    with pytest.raises(ValueError, match="learned from") as refused:
        api.fit("synthetic", expression, "softmax", C=0.01)
    (test,) = re.search(r"--test (\w+)", str(refused.value)).groups()
    _, outcome = api.fit("synthetic", expression, "softmax", C=0.01, test=test)
    assert {r.split for r in outcome.rows} >= {"validation", "test"}
    assert test == "public"


def test_a_leaked_validation_names_what_would_do(faces, tmp_path):
    data = parted(faces)
    expression = network(tmp_path / "w.npz", data, data.where("train"), data={"fit_on": "train+validation"})
    experiment = Experiment(data, split(data, 0.25))
    (warning,) = FeatureMatrix(Features(extractor=expression), experiment).leaks
    assert re.search(
        r"optimistic \(--validation (public|private) --test (public|private) --no-refit", warning
    )


def test_where_no_split_would_do_other_networks_are_named(faces, tmp_path):
    net = one(network(tmp_path / "w.npz", faces, np.arange(len(faces))))
    words = for_fit([net], faces)
    assert "train it without them (mueca train)" in words
    assert "or take a network that has not seen them: huamanga, own-small" in words
    assert "begin with weights that were trained without them" in for_training([net], faces)
    contempt = replace(faces, classes=(*faces.classes[:-1], "contempt"))
    assert "take a network" not in for_fit([net], contempt)


def test_folds_by_subject_refuse_what_a_network_has_learned_from(loaded, tmp_path):
    expression = network(tmp_path / "w.npz", loaded, loaded.where("train")[:1])
    plan = {"name": "x", "data": "synthetic", "protocols": ["loso"]}
    found = compare(
        recipe_from(plan | {"extractors": [expression], "heads": ["knn"]}),
        tmp_path / "out",
        store=Store(tmp_path / "cache"),
    )
    (row,) = found.rows
    assert "ucm-a learned from 1 of the" in row.error
    assert row.error.endswith(
        "without --head, --backbone ucm-a is trained anew in every fold "
        "(in a recipe: networks: [{backbone: ucm-a}])"
    )
    assert (found.computed, found.failed) == (0, 1)
    assert for_folds([], loaded).endswith("take weights that were trained without it")


def test_folds_by_subject_keep_their_warnings(loaded, tmp_path, caplog):
    heads = [{"head": "softmax", "params": {"max_iter": 1, "C": 1}}]
    systems = {"extractors": ["pixels"], "heads": heads}
    plan = recipe_from({"name": "x", "data": "synthetic", "protocols": ["loso"]} | systems)
    compare(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=1)
    (row,) = (r for r in read_rows(tmp_path / "out" / "rows.csv") if r.split == "test")
    assert json.loads(row.warnings) == ["softmax: not converged after 1 iterations (C=1); raise max_iter"]
    caplog.clear()
    compare(plan, tmp_path / "out", store=Store(tmp_path / "cache"), n_jobs=1)
    assert len([m for m in caplog.messages if "(kept from pixels with softmax)" in m]) == 1


# What ships -------------------------------------------------------------------------------------------


def test_the_recipe_of_hand_crafted_against_learned_is_right_for_its_networks():
    plan = load_recipe(CONFIG)
    networks = [e for f in plan.extractors for e in parse(f.extractor) if isinstance(e, NetworkExtractor)]
    assert len(networks) >= 3
    assert len(networks) < len(plan.extractors), "hand-crafted ones stand beside them"
    chosen = plan.holdout
    assert (chosen.validation, chosen.test, chosen.refit) == ("public", "private", False)
    for net in networks:
        data, asked = net.card["data"], net.card["recipe"]
        assert data["samples"] == 28709
        assert net.card["trained_on"] == networks[0].card["trained_on"]
        assert len(net.seen.samples) == 28709 + data["validation"]
        asked_for = asked["validation"], asked["test"]
        assert not data["validation"] or asked_for == (chosen.validation, chosen.test)


@pytest.mark.slow
@pytest.mark.shared
def test_what_ships_on_fer2013_itself(fer2013, monkeypatch):
    from pipelines.datasets import registry

    monkeypatch.setenv("MUECA_DATA", str(fer2013[0]))
    data, plan = registry.load("fer2013"), load_recipe(CONFIG)
    parts = split(data, plan.holdout.validation, plan.holdout.test, refit=plan.holdout.refit)
    for features in plan.extractors:
        check_unseen(parse(features.extractor), data, parts.validation, parts.test)
        assert not seen_validation(parse(features.extractor), data, parts.validation), features.extractor
    default = split(data)
    with pytest.raises(ValueError, match="--validation public --test private --no-refit would do"):
        check_unseen(parse("own-small"), data, default.validation, default.test)
    (warning,) = seen_validation(parse("hog+ucm-f"), data, default.validation, for_validation)
    assert warning.startswith("ucm-f learned from 2871 of the 2871 validation samples")
    assert "--validation public --test private --no-refit would do" in warning
    (warning,) = seen_validation(parse("own-small"), data, default.validation)
    assert warning.startswith("own-small learned from 2871 of the 2871"), "trained on what is held out here"
