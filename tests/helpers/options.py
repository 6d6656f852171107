"""What the command line takes, to hold the pages against."""

from __future__ import annotations

from functools import cache
from typing import Any

import typer

import cli
from classifiers import registry as heads
from tests.helpers.pages import Step


@cache
def application() -> Any:
    """Return the whole command line, assembled once in a process."""
    return typer.main.get_command(cli.application())


def command_of(words: list[str]) -> tuple[Any, Any, list[str]]:
    """Return the context, the command and the remaining words of ``mueca ...``.

    Raises
    ------
    ValueError
        If there is no such command.
    """
    command = application()
    context, rest = command.make_context("mueca", list(words[1:]), resilient_parsing=True), list(words[1:])
    while hasattr(command, "commands"):
        if not rest:
            return context, command, []
        name, command, rest = command.resolve_command(context, rest)
        if command is None:
            raise ValueError(f"no such command: {' '.join(words)}")
        context = command.context_class(command, info_name=name, parent=context)
    return context, command, rest


def unknown_options(step: Step) -> set[str]:
    """Return the options of a shown command that its ``--help`` does not have."""
    words = step.code.replace("[", "").replace("]", "").replace("'", "").split()
    context, command, _ = command_of(words)
    shown = help_of(command, context)
    given = {word.split("=")[0] for word in words if word.startswith("--")}
    extra = head_parameters() if command.context_settings.get("ignore_unknown_options") else set()
    return {word for word in given if f"{word} " not in shown + " " and word[2:] not in extra}


#: Command -> its help.
_HELP: dict[str, str] = {}


def help_of(command: Any, context: Any) -> str:
    """Return what ``--help`` shows; made once a command."""
    path = context.command_path
    if path not in _HELP:
        _HELP[path] = command.get_help(context)
    return _HELP[path]


def head_parameters() -> set[str]:
    """Return the names that options may have besides where a head is given: parameters of the heads."""
    own = {name for head in heads.list_heads() for name in heads.head_spec(head).params.model_fields}
    return own | {heads.PROJECTION}


def parsed(words: list[str]) -> Any:
    """Return the context of a whole command; values are read, nothing is run.

    Raises
    ------
    typer.exceptions.TyperException
        If a word cannot be read or one is missing.
    """
    context, command, rest = command_of(words)
    return command.make_context(context.info_name, rest, parent=context.parent)


def check_plan(words: list[str]) -> None:
    """Read a whole command and what it plans to do, without doing it: recipes, trainings, grids.

    Raises
    ------
    Exception
        What the command would end with before its work begins.
    """
    from pipelines import api
    from pipelines.commands import cross_validate, train
    from pipelines.training.recipe import load_trainings

    context = parsed(words)
    recipe = context.params.get("recipe")
    if words[1] == "cross-validate":
        cross_validate.plan(context.params, context.args)
    elif words[1] == "train":
        train.training(context, recipe)
        if recipe is not None:
            load_trainings(recipe)
    elif words[1] == "compare":
        api.load_recipe(recipe)


@cache
def every_option() -> frozenset[str]:
    """Return the options of all commands, and the parameters of all heads as options."""
    found = {f"--{name}" for name in head_parameters()} | {"--debug", "--help", "--version"}
    waiting = [application()]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        found |= {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
    return frozenset(found)
