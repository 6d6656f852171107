"""Recipes of protocols over subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from pipelines.cross_validation.fields import FoldFields
from pipelines.cross_validation.nested import PROTOCOLS
from pipelines.recipe import (
    Data,
    Features,
    Head,
    as_data,
    as_features,
    as_head,
    first_problem,
    read_content,
    with_extractors,
)
from pipelines.training.recipe import TrainRecipe
from pipelines.training.recipe import recipe as training_of
from pipelines.utils.values import plain

#: What a protocol's name ends with where candidates are chosen on the test subject itself.
FLATTERED = "+select-on-test"


@dataclass(frozen=True)
class NetworkPlan:
    """A network to be trained in every fold; `epochs` are what is chosen from (or the one number)."""

    training: TrainRecipe
    epochs: tuple[int, ...]


def _as_network(value: Any) -> Any:
    """Read ``{backbone: ststnet, epochs: [20, 40], mirror: true}``; None of epochs: as its source did it."""
    if not isinstance(value, dict):
        raise ValueError(f"a network is a mapping with backbone and epochs, not {value!r}")
    fields = dict(value)
    asked = fields.pop("epochs", None)
    plan = training_of(**fields)
    wanted: Any = asked if isinstance(asked, list | tuple) else [asked or plan.resolved().epochs]
    if not wanted or not all(type(e) is int and e > 0 for e in wanted):
        raise ValueError(f"epochs={asked!r}: give one whole number or several, each at least 1")
    return NetworkPlan(plan, tuple(sorted(set(wanted))))


class LosoRecipe(FoldFields):
    """What to test, and by which protocols.

    Attributes
    ----------
    name, question : str
    data : Data or str
        A set that names its subjects; "random-leaky" alone does without.
    protocols : list of str
        Of `pipelines.cross_validation.nested.PROTOCOLS`, each as it is or with ``+select-on-test`` behind it.
    folds, shared, seed
        See `pipelines.cross_validation.nested.cross_validate`; a network's folds always share their inner
        fits.
    inner : int or None
        Inner folds; None: 10 for heads, 5 for networks.
    extractors : list of Features or str
    heads : list of Head or str
        Each is fitted on each extractor's vectors.
    networks : list of mapping
        Each answers by its own softmax: the fields of a `TrainRecipe`, `epochs` being a number or several to
        choose from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str
    question: str = ""
    data: Annotated[Data, BeforeValidator(as_data)]
    protocols: list[str] = Field(default=["loso"], min_length=1)
    extractors: list[Annotated[Features, BeforeValidator(as_features)]] = []
    heads: list[Annotated[Head, BeforeValidator(as_head)]] = []
    networks: list[Annotated[NetworkPlan, BeforeValidator(_as_network)]] = []

    @field_validator("protocols")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        if wrong := [n for n in names if n.removesuffix(FLATTERED) not in PROTOCOLS]:
            raise ValueError(
                f"unknown {wrong[0]!r}; known: {', '.join(PROTOCOLS)}, each also with {FLATTERED}"
            )
        return names

    _heads_have_extractors = field_validator("heads")(with_extractors)


def load_loso_recipe(path: Path | str) -> LosoRecipe | None:
    """Read a recipe from a YAML file; None if it is of another kind (it names no protocols).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        One line that names the file, the place in it and what is wrong there.
    """
    content = read_content(path, "name, data, extractors and heads")
    return loso_recipe(content, f"{path}: ") if "protocols" in content else None


def loso_recipe(content: Mapping[str, Any], where: str = "") -> LosoRecipe:
    """Build a recipe from a mapping; errors as in `load_loso_recipe`."""
    try:
        recipe = LosoRecipe(**plain(content))
    except ValidationError as error:
        place, problem = first_problem(error)
        raise ValueError(f"{where}{place}: {problem}") from None
    if not recipe.networks and not (recipe.extractors and recipe.heads):
        raise ValueError(f"{where}nothing to test: give extractors and heads, or networks")
    return recipe
