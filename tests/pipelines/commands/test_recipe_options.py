"""Options of ``train`` and ``cross-validate`` are the fields of their recipes."""

from typing import Annotated, Any, Literal, get_args

import pytest
import typer
from pydantic import BaseModel, Field
from typer.exceptions import TyperException
from typer.testing import CliRunner

import cli
from featurize.clips.sampling import Sampling
from pipelines.commands.data_options import HELP
from pipelines.commands.recipe_options import given, options_of, with_options
from pipelines.cross_validation.protocol import PROTOCOLS, Protocol
from pipelines.training.fields import TrainFields
from pipelines.training.recipe import TrainRecipe, recipe

#: What is no field of a training: which data, where to, how often, how it is shown.
OWN = {"data", "recipe", "out", "runs", "strict", "json", "allow_leaks", *HELP, "scheduler", "workers"}


def parameters(name):
    return {one.name: one for one in typer.main.get_command(cli.application()).commands[name].params}


def test_every_option_of_train_is_a_field_with_the_same_default_and_description():
    options, fields = parameters("train"), TrainRecipe.model_fields
    assert set(options) - OWN == set(fields)
    for name, field in fields.items():
        default = None if field.is_required() else field.default
        texts = {str(default), default} if name in ("validation", "test") else {default}
        assert options[name].default in texts, name
        assert options[name].help == field.description, name


def refused():
    """Return a word that each field's option must refuse, of those that have choices or limits."""
    found = []
    for name, field in TrainRecipe.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        if any(isinstance(c, str) for part in (field.annotation, *get_args(field.annotation))
               for c in get_args(part)):  # fmt: skip
            found.append((flag, "nonsense"))
        for limit in field.metadata:
            found += [(flag, str(limit.ge - 1))] if hasattr(limit, "ge") else []
            found += [(flag, str(limit.le + 1))] if hasattr(limit, "le") else []
    return found


@pytest.mark.parametrize(("flag", "word"), refused(), ids=lambda v: str(v))
def test_an_options_choices_and_limits_are_those_of_its_field(flag, word):
    command = typer.main.get_command(cli.application()).commands["train"]
    with pytest.raises(TyperException) as refusal:
        command.make_context("train", [f"{flag}={word}"])
    assert f"'{flag}'" in refusal.value.format_message()


def test_there_are_choices_and_limits_to_refuse():
    assert len(refused()) > 20


def test_what_train_is_given_by_default_is_the_recipes_default():
    command = typer.main.get_command(cli.application()).commands["train"]
    context = command.make_context("train", ["--backbone", "ucm-f", "--data", "x"])
    assert recipe(**given(TrainFields, context.params)) == recipe(backbone="ucm-f")


def test_the_fields_say_how_clips_are_sampled_as_the_extractors_do():
    assert set(get_args(TrainFields.model_fields["sampling"].annotation)) == set(get_args(Sampling))


def test_options_of_cross_validation_are_fields_of_its_recipes():
    options = parameters("cross-validate")
    for name in ("folds", "inner_folds", "shared"):
        field = Protocol.model_fields[name]
        assert (options[name].default, options[name].help) == (field.default, field.description)
    command = typer.main.get_command(cli.application()).commands["cross-validate"]
    for name in PROTOCOLS:
        words = ["--data", "x", "--backbone", "hog", "--protocol", name]
        if name != "holdout":
            assert command.make_context("cross-validate", words).params["protocol"] == name
            continue
        with pytest.raises(TyperException, match="'holdout' is not one of"):
            command.make_context("cross-validate", words)
    for name in ("batch_size", "learning_rate", "augment", "sampling"):
        said = TrainFields.model_fields[name].description
        assert options[name].help.lower() == f"of a network: {said.lower()}"
        assert options[name].default == TrainFields.model_fields[name].default


class Small(BaseModel):
    """A recipe of a test."""

    side: int = Field(4, ge=1, le=9, description="Side.")
    share: float | str = Field(0.1, description="Share, or a split.")
    kind: Literal["a", "b"] | None = Field(None, description="Kind.")
    flipped: bool = Field(False, description="Flipped.")
    kept: bool | None = Field(None, description="Kept.")
    name: str = Field(description="Name.")


def small_command():
    app, found = typer.Typer(), {}

    @app.command()
    @with_options(options_of(Small))
    def run(first: str, *, last: Annotated[int, typer.Option()] = 7, **fields: Any) -> None:
        found.update(first=first, last=last, fields=fields)

    return app, found


def test_options_reach_the_command_between_its_own():
    app, found = small_command()
    words = ["x", "--side", "5", "--share", "0.2", "--kind", "b", "--flipped", "--no-kept", "--name", "n"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert (found["first"], found["last"]) == ("x", 7)
    assert given(Small, found["fields"]) == {
        "side": 5, "share": 0.2, "kind": "b", "flipped": True, "kept": False, "name": "n",
    }  # fmt: skip
    order = [one.name for one in typer.main.get_command(app).params]
    assert order[:2] == ["first", "side"]
    assert order.index("last") > order.index("name")


def test_what_is_not_given_is_left_to_the_recipe():
    app, found = small_command()
    assert CliRunner().invoke(app, ["x"]).exit_code == 0
    assert given(Small, found["fields"]) == {"side": 4, "share": 0.1, "flipped": False}
    assert given(Small, {"share": "validation", "other": 1}) == {"share": "validation"}


@pytest.mark.parametrize("words", [["--side", "0"], ["--side", "10"], ["--kind", "c"], ["--no-flipped"]])
def test_what_a_field_refuses_an_option_refuses(words):
    assert CliRunner().invoke(small_command()[0], ["x", *words]).exit_code == 2


def test_a_field_without_description_or_of_another_kind_is_an_error():
    class Silent(BaseModel):
        side: int = 4

    class Odd(BaseModel):
        sides: list[int] = Field([], description="Sides.")

    with pytest.raises(TypeError, match="side has no description"):
        options_of(Silent)
    with pytest.raises(TypeError, match="no option can be made of the field sides"):
        options_of(Odd)
