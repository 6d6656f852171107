"""Recipes: what to compare, read from YAML; a typo is an error."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from classifiers.registry import checked_params, head_spec
from featurize.images import Preprocess
from featurize.registry import check_expression, parse
from featurize.suggest import first_unknown, hint
from pipelines.utils.paths import as_path
from pipelines.utils.values import plain


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Features(_Strict):
    """An extractor expression and what is done to the pictures before it.

    `equalize`, `tile`, `clip` as in `featurize.images.Preprocess`; `mirror` adds mirrored copies of the
    training samples, and of no others.
    """

    extractor: str
    equalize: Literal["none", "hist", "clahe"] = "none"
    tile: int = Field(default=4, ge=1, le=64)
    clip: float = Field(default=4.0, gt=0)
    mirror: bool = False

    @field_validator("extractor", mode="before")
    @classmethod
    def _is_text(cls, given: Any) -> Any:
        check_expression(given)
        return given

    @model_validator(mode="after")
    def _readable(self) -> Features:
        parse(self.extractor)
        return self

    @property
    def preprocess(self) -> Preprocess:
        """The preprocessing of a sample that is not mirrored."""
        return Preprocess(equalize=self.equalize, tile=self.tile, clip=self.clip)

    @property
    def title(self) -> str:
        """The expression with what was done to the pictures, as a table shows it."""
        extras = [self.equalize] * (self.equalize != "none") + ["mirror"] * self.mirror
        return " ".join([self.extractor, *(f"[{e}]" for e in extras)])


class Head(_Strict):
    """A head, its fixed parameters, and the grid to choose the others from ("default": the head's own).

    A list among `params`, where the head takes one value, is part of the grid: ``C=[1, 10]`` is ``--C 1,10``.
    NumPy's numbers and arrays are taken as Python's. Where `extractors` are given, as tables name them, it is
    fitted on those alone.
    """

    head: str
    params: dict[str, Any] = {}
    grid: dict[str, list[Any]] | Literal["default"] = {}
    extractors: list[str] | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_grids(cls, given: Any) -> Any:
        return lists_to_grid(given) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _known(self) -> Head:
        for candidate in self.candidates():
            checked_params(self.head, candidate)
        return self

    def candidates(self) -> list[dict[str, Any]]:
        """Return every combination of the grid with the fixed parameters, in the grid's order."""
        from sklearn.model_selection import ParameterGrid

        grid = dict(head_spec(self.head).grid) if self.grid == "default" else self.grid
        free = {name: values for name, values in grid.items() if name not in self.params}
        if empty := [name for name, values in free.items() if not values]:
            raise ValueError(f"head {self.head}: the grid gives no value for {empty[0]!r}")
        return [{**self.params, **point} for point in ParameterGrid(free)]

    def identity(self) -> dict[str, Any]:
        """Return what decides a cell's rows."""
        return self.model_dump(exclude={"extractors"})


def lists_to_grid(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a `Head` mapping whose parameters with several values stand in its grid.

    Raises
    ------
    ValueError
        If such a parameter is in the grid already, or the grid is the head's own.
    """
    found = plain(dict(given))
    params, grid = found.get("params", {}), found.get("grid", {})
    if not isinstance(found.get("head", ""), str):
        raise ValueError("head: give its name, such as 'svm'; see: mueca list")
    if not isinstance(params, dict) or "head" not in found:
        return found
    if isinstance(grid, dict):
        grid = found["grid"] = {k: v if isinstance(v, list) else [v] for k, v in grid.items()}
    several = {k: v for k, v in params.items() if isinstance(v, list) and not _takes_list(found["head"], k)}
    if not several:
        return found
    if not isinstance(grid, dict):
        raise ValueError(f"give grid={grid!r} or several values for {', '.join(several)}, not both")
    if twice := [name for name in several if name in grid]:
        raise ValueError(f"{twice[0]} has several values and is in the grid too; give it once")
    fixed = {name: value for name, value in params.items() if name not in several}
    return {**found, "params": fixed, "grid": {**grid, **several}}


def _takes_list(head: str, name: str) -> bool:
    """Say whether a list can be one value of a head's parameter."""
    field = head_spec(head).params.model_fields.get(name)
    if field is None:
        return False
    try:
        TypeAdapter[Any](field.annotation or Any).validate_python([])
    except ValidationError:
        return False
    return True


def heads_on(features: Features, heads: Iterable[Head]) -> list[Head]:
    """Return those of a recipe's heads that are to be fitted on these features."""
    return [h for h in heads if h.extractors is None or features.title in h.extractors]


def with_extractors(heads: list[Head], info: ValidationInfo) -> list[Head]:
    """Refuse a head for an extractor that the recipe, whose `extractors` were read before, does not have."""
    titles = [features.title for features in info.data.get("extractors", ())]
    for head in heads if titles else ():
        if found := first_unknown(head.extractors, titles):
            raise ValueError(f"{head.head} is for {found[0]!r}, which is no extractor here; {found[1]}")
    return heads


def as_features(value: Any) -> Any:
    """Return an extractor expression as a `Features` mapping."""
    return {"extractor": value} if isinstance(value, str) else value


def as_head(value: Any) -> Any:
    """Return the name of a head as a `Head` mapping."""
    return {"head": value} if isinstance(value, str) else value


def as_ensemble(value: Any) -> Any:
    """Return the name of a combination as an `Ensemble` mapping."""
    return {"combine": value} if isinstance(value, str) else value


def as_data(value: Any) -> Any:
    """Return the name of a data set, or the path of a folder, as a `Data` mapping."""
    if isinstance(value, Data | Mapping):
        return value
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ValueError(f"data={value!r:.60}: give the name of a data set or a folder of class/*.jpg")
    return {"name": os.fspath(value)}


class Data(_Strict):
    """A data set by name or path, with the options of its loader."""

    name: str
    options: dict[str, Any] = {}


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
        test split, and a fifth of the training samples where it brings none; see `pipelines.splits.divided`.
    refit : bool
        Fit the chosen parameters again on train + validation before the test.
    scoring : str
        A score of `pipelines.metrics.evaluate` that validation is chosen by.
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


def check_recipe(given: Any, kind: type[BaseModel], caller: str, loader: str) -> None:
    """Raise a `TypeError` if a runner is given something else than its kind of recipe, such as a path."""
    if not isinstance(given, kind):
        raise TypeError(
            f"{caller} takes a {kind.__name__}, not {given!r:.60}; {loader}(path) reads one from a file"
        )


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


def read_content(path: Path | str, expected: str) -> dict[str, Any]:
    """Return the mapping that a recipe file holds, `expected` in words; errors as in `load_recipe`."""
    import yaml

    path = as_path(path, "recipe")
    if not path.is_file():
        raise FileNotFoundError(f"no recipe {path}; the ones that come with mueca are in configs/")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # where PyYAML brings it: ten times as fast
    try:
        content = yaml.load(path.read_text("utf-8"), loader)  # noqa: S506  both are safe loaders
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no recipe: it should be a mapping with {expected}")
    return content


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


def first_problem(error: ValidationError) -> tuple[str, str]:
    """Return where in a recipe the first problem is, and what it is, in words."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return place, "unknown"
    return place, " ".join(first["msg"].removeprefix("Value error, ").split())


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
