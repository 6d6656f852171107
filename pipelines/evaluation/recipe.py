"""Recipes: data, systems and protocols, read from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from classifiers.registry import current_head
from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.weightfile import WeightsError
from featurize.base import expression_of
from featurize.registry import parse
from featurize.suggest import hint
from pipelines.cross_validation.megc2019_systems import SYSTEMS
from pipelines.cross_validation.network_plan import NetworkPlan, as_network
from pipelines.cross_validation.protocol import Protocol, as_protocol
from pipelines.evaluation.old_recipes import modern
from pipelines.recipe import (
    Data,
    Features,
    Head,
    _Strict,
    as_data,
    as_features,
    as_head,
    as_name,
    first_problem,
    read_content,
    with_extractors,
)
from pipelines.utils.values import plain


def pretrained_run(features: Features) -> tuple[Features, Head] | None:
    """Return the run in which a network's own classifier answers; None if `features` is no such network.

    Weights without a classifier, such as those of a network pretrained on faces, have no answer of their own.
    Mirrored copies are left out: nothing is fitted.
    """
    found = parse(features.extractor)
    if len(found) != 1 or not isinstance(found[0], NetworkExtractor) or not found[0].network.trainable:
        return None
    if found[0].random or not _answers(found[0]):
        return None
    given = found[0].params.model_dump(mode="json") | {"layer": "scores"}
    fields = type(found[0].params).model_fields
    text = expression_of(found[0].name, {k: v for k, v in given.items() if v != fields[k].default})
    return features.model_copy(update={"extractor": text, "mirror": False}), Head(head="network-softmax")


def _answers(network: NetworkExtractor) -> bool:
    """Return whether the weights tell any classes apart; of a missing file the row says what is wrong."""
    try:
        return bool(network.classes)
    except WeightsError:
        return True


def as_ensemble(value: Any) -> Any:
    """Return the name of a combination as an `Ensemble` mapping."""
    return {"combine": value} if isinstance(value, str) else value


class Ensemble(_Strict):
    """Runs of a comparison that answer together, each weighed by what validation says of it.

    `combine` is of `classifiers.combine.COMBINATIONS`; `name` is what tables show as the extractor. Of all
    runs, those count whose head is among `heads` ("network-softmax" is a network by itself) and whose
    extractor is among `extractors`, where these are given.
    """

    combine: Literal["vote", "pool", "stack"]
    name: str = Field(default="all", min_length=1)
    heads: list[str] | None = Field(default=None, min_length=1)
    extractors: list[str] | None = Field(default=None, min_length=1)

    @field_validator("heads")
    @classmethod
    def _current(cls, heads: list[str] | None) -> list[str] | None:
        return heads and [current_head(name) for name in heads]

    def takes(self, extractor: str, head: str) -> bool:
        """Say whether a run, as its row names extractor and head, is a member."""
        asked = ((self.extractors, extractor), (self.heads, head))
        return all(names is None or name in names for names, name in asked)


class Recipe(_Strict):
    """What is to be compared: every system under every protocol, on one data set.

    Attributes
    ----------
    name : str
    question : str
        What the comparison is to answer, as the report prints it.
    data : Data or str
    protocols : list of Protocol or str
        Each at most once with each selection; ``holdout`` by default.
    seed : int
        Of divisions and of heads that draw at random.
    extractors : list of Features or str
    heads : list of Head or str
        Each is fitted on each extractor's vectors.
    networks : list of mapping
        Each is trained afresh under every protocol and answers by its own softmax: the fields of a
        `TrainRecipe`, `epochs` being a number or several to choose from.
    systems : list of str
        Keys of `pipelines.cross_validation.megc2019_systems.SYSTEMS`, on motion maps.
    ensembles : list of Ensemble
        Of the runs under a holdout.
    """

    name: Annotated[str, AfterValidator(as_name)]
    question: str = ""
    data: Annotated[Data, BeforeValidator(as_data)]
    protocols: list[Annotated[Protocol, BeforeValidator(as_protocol)]] = Field(
        default=[Protocol.model_validate({"protocol": "holdout"})], min_length=1
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    extractors: list[Annotated[Features, BeforeValidator(as_features)]] = []
    heads: list[Annotated[Head, BeforeValidator(as_head)]] = []
    networks: list[Annotated[NetworkPlan, BeforeValidator(as_network)]] = []
    systems: list[str] = []
    ensembles: list[Annotated[Ensemble, BeforeValidator(as_ensemble)]] = []

    _heads_have_extractors = field_validator("heads")(with_extractors)

    @field_validator("systems")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        if wrong := [name for name in names if name not in SYSTEMS]:
            raise ValueError(f"unknown {wrong[0]!r}; known: {', '.join(SYSTEMS)}")
        return names

    @field_validator("protocols")
    @classmethod
    def _once(cls, protocols: list[Protocol]) -> list[Protocol]:
        titles = [protocol.title for protocol in protocols]
        if twice := [title for title in titles if titles.count(title) > 1]:
            raise ValueError(f"{twice[0]} is there twice; make a recipe of each")
        return protocols

    @model_validator(mode="after")
    def _complete(self) -> Recipe:
        if bool(self.extractors) != bool(self.heads):
            lacking = "heads" if self.extractors else "extractors"
            raise ValueError(
                f"nothing to test: there are no {lacking}; each head is fitted on each extractor"
            )
        if not (self.extractors or self.networks or self.systems):
            raise ValueError("nothing to test: give extractors and heads, networks, or systems")
        if self.ensembles and self.holdout is None:
            raise ValueError("ensembles are learned on validation; name the protocol holdout, too")
        return self

    @property
    def holdout(self) -> Protocol | None:
        """The holdout that selects on validation, where there is one."""
        return next((p for p in self.protocols if p.by_holdout and not p.on_test), None)


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe from a YAML file; `recipe_from` builds one from a mapping.

    Recipes of older forms are read too, with one warning that says what to write instead.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        One line that names the file, the place in it and what is wrong there.
    """
    return recipe_from(read_content(path, "name, data, extractors and heads"), str(path))


def recipe_from(content: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """Build a recipe from a mapping; errors as in `load_recipe`."""
    try:
        return Recipe.model_validate(modern(plain(dict(content)), where))
    except ValidationError as error:
        place, problem = _suggested(error)
        raise ValueError(": ".join(part for part in (where, place, problem) if part)) from None


def single_run(content: Mapping[str, Any]) -> Recipe:
    """Build a recipe of one run; an error names the parameter, not its place in a recipe."""
    try:
        return Recipe.model_validate(plain(dict(content)))
    except ValidationError as error:
        place, problem = _suggested(error)
        own_words = error.errors(include_url=False)[0]["type"] == "value_error"
        raise ValueError(problem if own_words else f"{_parameter(place)}: {problem}") from None


_PARTS: dict[Any, type[BaseModel]] = {
    "extractors": Features, "heads": Head, "data": Data, "ensembles": Ensemble, "protocols": Protocol,
}  # fmt: skip


def _parameter(place: str) -> str:
    """Return the last name in a place of a recipe that is a parameter's, and no type that was tried."""
    parts: list[type[BaseModel]] = [Recipe, *_PARTS.values()]
    known = {field for part in parts for field in part.model_fields}
    names = place.split(".")
    return next((name for name in reversed(names) if name in known), names[-1])


def _suggested(error: ValidationError) -> tuple[str, str]:
    """Return as `first_problem` does; of an unknown name, also which was meant."""
    place, problem = first_problem(error)
    first = error.errors(include_url=False)[0]
    return place, problem + (_suggestion(first["loc"]) if first["type"] == "extra_forbidden" else "")


def _suggestion(place: tuple[int | str, ...]) -> str:
    """Return the nearest name that is known at a place of the recipe, in words."""
    if len(place) == 1 and place[0] in Protocol.model_fields:
        return f"; it goes into a protocol: protocols: [{{protocol: holdout, {place[0]}: ...}}]"
    known = (_PARTS.get(place[0], Recipe) if len(place) > 1 else Recipe).model_fields
    return "; " + hint(str(place[-1]), known, f"known: {', '.join(known)}")
