"""Recipes of comparisons: what to compare, read from YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
)

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.weightfile import WeightsError
from featurize.base import expression_of
from featurize.registry import parse
from featurize.suggest import hint
from pipelines.recipe import (
    Data,
    Features,
    Head,
    _Strict,
    as_data,
    as_features,
    as_head,
    first_problem,
    read_content,
    with_extractors,
)
from pipelines.utils.values import plain


def own_cell(features: Features) -> tuple[Features, Head] | None:
    """Return the cell in which a network's own classifier answers; None if `features` is no such network.

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
    return features.model_copy(update={"extractor": text, "mirror": False}), Head(head="own")


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
    """Cells of a comparison that answer together, each weighed by what validation says of it.

    `combine` is of `classifiers.combine.COMBINATIONS`; `name` is what tables show as the extractor. Of all
    cells, those count whose head is among `heads` ("own" is a network by itself) and whose extractor is among
    `extractors`, where these are given.
    """

    combine: Literal["vote", "pool", "stack"]
    name: str = Field(default="all", min_length=1)
    heads: list[str] | None = Field(default=None, min_length=1)
    extractors: list[str] | None = Field(default=None, min_length=1)

    def takes(self, extractor: str, head: str) -> bool:
        """Say whether a cell, as its row names extractor and head, is a member."""
        asked = ((self.extractors, extractor), (self.heads, head))
        return all(names is None or name in names for names, name in asked)


class Recipe(_Strict):
    """A comparison: every extractor with every head, under one protocol.

    Attributes
    ----------
    name : str
    question : str
        What the comparison is to answer, as the report prints it.
    data : Data or str
    validation : float or str
        Share of the training samples held out to choose on, or the name of a split.
    test : float or str
        The split that tests, or the share of the training samples held out to test on. By default the set's
        test split, and a fifth of the training samples where it brings none; see
        `pipelines.datasets.splits.divided`.
    refit : bool
        Fit the chosen parameters again on train + validation before the test.
    scoring : str
        A score of `pipelines.metrics.scores.evaluate` that validation is chosen by.
    seed : int
    folds : int, optional
        Choose hyperparameters by the mean over so many folds of the training samples, by class and, where
        subjects are known, by subject; validation then only scores what was chosen.
    halving : int, optional
        Choose by successive halving: all candidates on a share of the training samples, the best 1 in so many
        on so many times as many samples, and so on.
    extractors : list of Features or str
    heads : list of Head or str
    ensembles : list of Ensemble
    """

    name: str
    question: str = ""
    data: Annotated[Data, BeforeValidator(as_data)]
    validation: float | str = 0.1
    test: float | str = "test"
    refit: bool = True
    scoring: Literal["accuracy", "balanced_accuracy", "f1_macro", "f1_weighted"] = "accuracy"
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    folds: int | None = Field(default=None, ge=2)
    halving: int | None = Field(default=None, ge=2)
    extractors: list[Annotated[Features, BeforeValidator(as_features)]] = Field(min_length=1)
    heads: list[Annotated[Head, BeforeValidator(as_head)]] = Field(min_length=1)
    ensembles: list[Annotated[Ensemble, BeforeValidator(as_ensemble)]] = []

    _heads_have_extractors = field_validator("heads")(with_extractors)


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe from a YAML file; `recipe_from` builds one from a mapping.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        One line that names the file, the place in it and what is wrong there.
    """
    return recipe_from(read_content(path, "name, data, extractors and heads"), str(path))


def recipe_from(content: dict[str, Any], where: str = "recipe") -> Recipe:
    """Build a recipe from a mapping; errors as in `load_recipe`."""
    try:
        return Recipe(**plain(content))
    except ValidationError as error:
        place, problem = _suggested(error)
        raise ValueError(f"{where}: {place}: {problem}") from None


def single_cell(content: dict[str, Any]) -> Recipe:
    """Build a recipe of one cell; an error names the parameter, not its place in a recipe."""
    try:
        return Recipe(**plain(content))
    except ValidationError as error:
        place, problem = _suggested(error)
        own_words = error.errors(include_url=False)[0]["type"] == "value_error"
        raise ValueError(problem if own_words else f"{_parameter(place)}: {problem}") from None


def _parameter(place: str) -> str:
    """Return the last name in a place of a recipe that is a parameter's, and no type that was tried."""
    known = {*Recipe.model_fields, *Features.model_fields, *Head.model_fields}
    names = place.split(".")
    return next((name for name in reversed(names) if name in known), names[-1])


def _suggested(error: ValidationError) -> tuple[str, str]:
    """Return as `first_problem` does; of an unknown name, also which was meant."""
    place, problem = first_problem(error)
    first = error.errors(include_url=False)[0]
    return place, problem + (_suggestion(first["loc"]) if first["type"] == "extra_forbidden" else "")


def _suggestion(place: tuple[int | str, ...]) -> str:
    """Return the nearest name that is known at a place of the recipe, in words."""
    parts: dict[Any, type[_Strict]] = {
        "extractors": Features,
        "heads": Head,
        "data": Data,
        "ensembles": Ensemble,
    }
    known = (parts.get(place[0], Recipe) if len(place) > 1 else Recipe).model_fields
    return "; " + hint(str(place[-1]), known, f"known: {', '.join(known)}")
