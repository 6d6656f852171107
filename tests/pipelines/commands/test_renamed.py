"""Old names of options and commands work for one version, and say what is new."""

import logging
from pathlib import Path

import pytest
import typer

import cli
from pipelines.commands.options import COMMANDS, OPTIONS, with_new_options
from pipelines.utils import renamed
from pipelines.utils.renamed import with_new_names
from tests.helpers.options import head_parameters


def commands():
    return typer.main.get_command(cli.application()).commands


def options_of(command):
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


@pytest.fixture
def context():
    """Return a function that reads a whole command, runs nothing, and returns its parameters."""

    def read(*words):
        group = typer.main.get_command(cli.application())
        above = group.make_context("mueca", list(words), resilient_parsing=True)
        name, command, rest = group.resolve_command(above, list(words))
        return name, command.make_context(name, rest, parent=above).params

    return read


FIT = ["fit", "--data", "x", "--backbone", "hog", "--head", "svm"]
FOLDS = ["cross-validate", "--data", "x", "--backbone", "hog"]
ONE_OF_EACH = [
    (["predict", "a.jpg", "--every", "3"], "detect_every", 3, "--detect-every"),
    (["live", "--every=3"], "detect_every", 3, "--detect-every"),
    (["train", "--every", "3"], "validate_every", 3, "--validate-every"),
    (["predict", "a.jpg", "--crowd"], "small_faces", True, "--small-faces"),
    (["predict", "a.jpg", "--views", "six"], "tta", "six", "--tta"),
    ([*FIT, "--tile", "8"], "clahe_tile", 8, "--clahe-tile"),
    (["featurize", "--data", "x", "--backbone", "hog", "--clip=2.5"], "clahe_clip", 2.5, "--clahe-clip"),
    (["compare", "r.yaml", "--memory", "2GB"], "kernel_memory", "2GB", "--kernel-memory"),
    (["train", "--start", "published"], "init_weights", "published", "--init-weights"),
    (["train", "--teacher-share", "0.7"], "distill_weight", 0.7, "--distill-weight"),
    (["train", "--average", "5"], "swa_epochs", 5, "--swa-epochs"),
    (["train", "--batch", "8"], "batch_size", 8, "--batch-size"),
    ([*FOLDS, "--inner", "4"], "inner_folds", 4, "--inner-folds"),
    (["live", "--pictures", "x"], "save_dir", Path("x"), "--save-dir"),
    (["report", "r", "--cell", "a", "--cell", "b"], "run", ["a", "b"], "--run"),
    (["report", "r", "--embedding", "tsne"], "projection", "tsne", "--projection"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "name", "value", "new"), ONE_OF_EACH, ids=lambda v: str(v))
def test_an_old_option_is_read_and_the_new_one_named(context, capsys, words, name, value, new):
    assert context(*words)[1][name] == value
    lines = capsys.readouterr().err.splitlines()
    assert set(lines) == {f"mueca: {_old(words)} is now {new}; the old name works for one version"}


def _old(words):
    return next(word.partition("=")[0] for word in words if word.partition("=")[0] in OPTIONS)


def test_new_names_say_nothing(context, capsys):
    assert context("predict", "a.jpg", "--detect-every", "3", "--tta", "flip")[1]["detect_every"] == 3
    assert capsys.readouterr().err == ""


def test_a_command_by_its_old_name(context, capsys):
    name, params = context("loso", "--data", "x", "--backbone", "hog")
    assert (name, params["protocol"]) == ("cross-validate", "loso")
    assert capsys.readouterr().err == (
        "mueca: loso is now cross-validate; the old name works for one version\n"
    )


def test_the_whole_way_from_the_command_line(capsys, tmp_path):
    with pytest.raises(SystemExit) as left:
        cli.main(["report", str(tmp_path / "nowhere"), "--cell", "hog"])
    assert left.value.code == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == "mueca: --cell is now --run; the old name works for one version"
    assert second.startswith("mueca: ") and "nowhere" in second


def test_what_stands_behind_two_dashes_is_no_option():
    assert with_new_options(["--tta", "--", "--views"], {"--tta"}) == ["--tta", "--", "--views"]


def test_a_command_that_has_neither_keeps_the_word():
    assert with_new_options(["--views", "six"], {"--model"}) == ["--views", "six"]


def test_an_option_of_its_own_is_no_old_name():
    assert with_new_options(["--views", "six"], {"--tta", "--views"}) == ["--views", "six"]


def test_every_new_name_is_an_option_and_no_old_one_is():
    every = set().union(*(options_of(command) for command in commands().values()))
    assert {new for names in OPTIONS.values() for new in names} <= every
    assert not set(OPTIONS) & every
    assert not {old[2:].replace("-", "_") for old in OPTIONS} & head_parameters()


def test_an_old_name_is_one_new_name_in_each_command():
    for command in commands().values():
        for news in OPTIONS.values():
            assert len(options_of(command) & set(news)) <= 1


def test_every_new_command_is_one():
    assert set(COMMANDS.values()) <= set(commands())
    assert not set(COMMANDS) & set(commands())


def test_old_fields_of_a_recipe(caplog):
    renamed._warn.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert with_new_names({"tile": 8, "seed": 1}, {"tile": "clahe_tile"}) == {
                "clahe_tile": 8,
                "seed": 1,
            }
    assert caplog.messages == ["recipe: tile is now clahe_tile; the old name works for one version"]


def test_a_field_under_both_names_is_refused():
    with pytest.raises(ValueError, match="tile is the old name of clahe_tile; give clahe_tile alone"):
        with_new_names({"tile": 8, "clahe_tile": 8}, {"tile": "clahe_tile"})


def test_what_is_no_mapping_stays_for_the_recipe_to_refuse():
    assert with_new_names([1], {"tile": "clahe_tile"}) == [1]
