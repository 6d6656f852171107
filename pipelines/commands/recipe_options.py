"""Options of a command from the fields of a recipe model: one source for schema, ``--help`` and docs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer

from pipelines.commands.options import share_or_name

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

#: Fields that heads have too, as scikit-learn spells them: their options are read in both spellings.
OF_HEADS = frozenset({"class_weight"})
Command = TypeVar("Command", bound=Callable[..., Any])


def with_options(*options: Iterable[inspect.Parameter]) -> Callable[[Command], Command]:
    """Return a decorator that gives a command further options, before those behind its ``*``.

    The command takes their values as ``**fields``.

    Parameters
    ----------
    *options : iterables of inspect.Parameter
        Made by `options_of`.
    """
    more = [one for group in options for one in group]

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True).parameters.values()
        first = [one for one in own if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        last = [one for one in own if one.kind is inspect.Parameter.KEYWORD_ONLY]
        command.__signature__ = inspect.Signature([*first, *more, *last])  # type: ignore[attr-defined]
        return command

    return decorate


def options_of(
    model: type[BaseModel],
    only: Collection[str] | None = None,
    names: Mapping[str, str] | None = None,
    of: str = "",
) -> list[inspect.Parameter]:
    """Return an option for each field of a recipe model, with its default, its limits and its description.

    Parameters
    ----------
    model : type of pydantic.BaseModel
        Each field is a number, a text, a bool or one of several words; it may be None.
    only : collection of str, optional
        Fields to take; every one by default.
    names : mapping, optional
        Field -> name of the option's parameter, where it is another.
    of : str
        What the help says before each description, such as "Of a network: ".

    Raises
    ------
    TypeError
        If a field has no description, or is of a kind that no option can have.
    """
    fields = model.model_fields.items()
    return [
        _parameter((names or {}).get(name, name), field, of)
        for name, field in fields
        if only is None or name in only
    ]


def given(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recipe among a command's values; those that are None were not given."""
    fields = {
        name: value for name, value in values.items() if name in model.model_fields and value is not None
    }
    texts = {name for name in fields if _kinds(model.model_fields[name]) == (float, str)}
    return {name: share_or_name(value) if name in texts else value for name, value in fields.items()}


def _parameter(name: str, field: FieldInfo, of: str) -> inspect.Parameter:
    """Return the option of one field; one that must be given is left to the recipe to ask for."""
    if not field.description:
        raise TypeError(f"the field {name} has no description, which --help would show")
    kind, default = _kind(name, field), None if field.is_required() else field.default
    if kind is str and default is not None:
        default = str(default)  # a share, where it may also be the name of a split
    flag = f"--{name.replace('_', '-')}"
    words = f"{flag}/--no-{flag[2:]}" if kind is bool and default is not False else flag
    spelt = [words, f"--{name}"] if name in OF_HEADS else [words]
    option = typer.Option(*spelt, help=of + _lower(field.description, of), **_limits(field, kind))
    annotation = Annotated[kind if default is not None else kind | None, option]  # type: ignore[valid-type]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _lower(text: str, of: str) -> str:
    return text[0].lower() + text[1:] if of else text


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    """Return what a field may be besides None."""
    if get_origin(field.annotation) not in (Union, UnionType):
        return (field.annotation,)
    return tuple(kind for kind in get_args(field.annotation) if kind is not type(None))


def _kind(name: str, field: FieldInfo) -> Any:
    kinds = _kinds(field)
    if kinds == (float, str):
        return str
    if len(kinds) == 1 and (kinds[0] in (int, float, str, bool) or get_origin(kinds[0]) is Literal):
        return kinds[0]
    raise TypeError(f"no option can be made of the field {name}: {field.annotation}")


def _limits(field: FieldInfo, kind: Any) -> dict[str, Any]:
    """Return the smallest and the largest value; bounds that are not reached are left to the recipe."""
    if kind not in (int, float):
        return {}
    limits = [("min", "ge"), ("max", "le")]
    return {ours: getattr(one, its) for one in field.metadata for ours, its in limits if hasattr(one, its)}
