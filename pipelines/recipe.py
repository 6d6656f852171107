"""Recipes: what to compare, read from YAML; a typo is an error."""

from __future__ import annotations

import os
import re
import site
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from classifiers.registry import OLD_HEADS, checked_params, current_head, head_spec
from featurize.images import Preprocess
from featurize.registry import check_expression, parse
from featurize.suggest import first_unknown, hint
from pipelines.utils.paths import as_path
from pipelines.utils.values import plain
from pipelines.utils.yaml_files import read_yaml

#: Bytes of a recipe's name.
LONGEST_NAME = 120
#: How pydantic calls the kinds that it has tried.
_KIND = re.compile(r"^[a-z-]+\[.*\]$|^(literal|function|lax|tagged-union|nullable|float|str|int|bool)\b")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Features(_Strict):
    """An extractor expression and what is done to the images before it.

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
        """The expression with what was done to the images, as a table shows it."""
        extras = [self.equalize] * (self.equalize != "none") + ["mirror"] * self.mirror
        return " ".join([self.extractor, *(f"[{e}]" for e in extras)])


class Head(_Strict):
    """A head, its fixed parameters, and the grid to choose the others from ("default": the head's own).

    A list among `params`, where the head takes one value, is part of the grid: ``C=[1, 10]`` is ``--C 1,10``.
    NumPy's numbers and arrays are taken as Python's. Where `extractors` are given, as tables name them, it is
    fitted on those alone. `targets`: the labels, or of a set with votes each sample once for each class that
    has votes, weighted by its share. `balanced_sampling`: training samples are drawn so that each class comes
    as often.
    """

    head: str
    params: dict[str, Any] = {}
    grid: dict[str, list[Any]] | Literal["default"] = {}
    extractors: list[str] | None = Field(default=None, min_length=1)
    targets: Literal["labels", "votes"] = "labels"
    balanced_sampling: bool = False

    @model_validator(mode="before")
    @classmethod
    def _lists_are_grids(cls, given: Any) -> Any:
        return lists_to_grid(given) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _known(self) -> Head:
        for candidate in self.candidates():
            checked_params(self.head, candidate)
        if self.balanced_sampling and self.targets == "votes":
            raise ValueError(
                "balanced_sampling draws by labels; with targets votes give class_weight balanced"
            )
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
        """Return what decides a run's rows."""
        # What is as it always was is left out, and a head goes by its first name: runs keep their names.
        plain = {name for name, usual in self._usual().items() if getattr(self, name) == usual}
        names = {new: old for old, new in OLD_HEADS.items()}
        return self.model_dump(exclude={"extractors", *plain}) | {"head": names.get(self.head, self.head)}

    @staticmethod
    def _usual() -> dict[str, Any]:
        return {"targets": "labels", "balanced_sampling": False}

    @property
    def drawn(self) -> dict[str, Any]:
        """How training samples are drawn, where it is not as they come: shown beside the parameters."""
        return {
            name: value for name in self._usual() if (value := getattr(self, name)) != self._usual()[name]
        }


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
    if "head" in found:
        found["head"] = current_head(found["head"])
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


def as_data(value: Any) -> Any:
    """Return the name of a data set, or the path of a folder, as a `Data` mapping; of several, joined."""
    if isinstance(value, Data | Mapping):
        return value
    if isinstance(value, list | tuple):
        return {"name": "joined", "options": {"sets": [as_text(one) for one in value]}}
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ValueError(f"data={value!r:.60}: give the name of a data set or a folder of class/*.jpg")
    return {"name": os.fspath(value)}


def as_text(value: Any) -> Any:
    """Return a path as text; a name, and a mapping of name and options, stay."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


class Data(_Strict):
    """A data set by name or path, with the options of its loader."""

    name: str
    options: dict[str, Any] = {}

    @property
    def title(self) -> str:
        """The name, as tables show it; of joined sets all names."""
        sets = self.options.get("sets") if self.name == "joined" else None
        if not isinstance(sets, list):
            return self.name
        return " + ".join(str(one.get("name", "")) if isinstance(one, Mapping) else str(one) for one in sets)


def check_recipe(given: Any, kind: type[BaseModel], caller: str, loader: str) -> None:
    """Raise a `TypeError` if a runner is given something else than its kind of recipe, such as a path."""
    if not isinstance(given, kind):
        raise TypeError(
            f"{caller} takes a {kind.__name__}, not {given!r:.60}; {loader}(path) reads one from a file"
        )


def shipped_recipes() -> dict[str, Path]:
    """Return the recipes that ship, by name: those of ``configs/``, or of the installed package."""
    home = Path(__file__).resolve().parents[1]
    shared = Path(
        "share", "mueca", "configs"
    )  # where pip puts them, below the environment or the user's base
    places = [home / "configs", home / shared, sys.prefix / shared, site.getuserbase() / shared]
    found = [place for place in places if (place / "demo.yaml").is_file()]
    return {path.stem: path for place in found[:1] for path in sorted(place.glob("*.yaml"))}


def recipe_file(path: Path) -> Path:
    """Return a recipe's file: at that path, or of that name among the recipes that ship.

    Raises
    ------
    FileNotFoundError
        If there is neither; the message suggests the nearest name.
    """
    if path.is_file():
        return path
    known = shipped_recipes()
    named = path.stem if path.parent in (Path(), Path("configs")) and path.suffix in ("", ".yaml") else ""
    if named in known and not path.is_dir():
        return known[named]
    raise FileNotFoundError(f"no recipe {path}; of those that come with mueca {hint(path.stem, known)}")


def read_content(path: Path | str, expected: str) -> dict[str, Any]:
    """Return the mapping that a recipe file holds, `expected` in words; errors as in `load_recipe`."""
    path = recipe_file(as_path(path, "recipe"))
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no recipe: it should be a mapping with {expected}")
    if odd := [key for key in content if not isinstance(key, str)]:
        raise ValueError(f"{path} is no recipe: {odd[0]!r:.40} is no name of a field")
    return content


def as_name(name: str) -> str:
    """Return the name of a recipe, by which its folder of results is called.

    Raises
    ------
    ValueError
        If it is no name of a folder: a path, nothing, or something that no disk takes.
    """
    bad = set(name) & set("/\\:") or not name.isprintable() or not name.strip(" .") or name[:1] in "-~"
    if bad or name != name.strip() or len(name.encode()) > LONGEST_NAME:
        raise ValueError(
            f"{name!r:.60} is no name of a folder; give a word such as hog-svm, without / and \\"
        )
    return name


def first_problem(error: ValidationError) -> tuple[str, str]:
    """Return where in a recipe the first problem is, and what it is, in words."""
    first = error.errors(include_url=False)[0]
    # Of several kinds that were tried, such as dict[str,list[any]], no reader wants to know.
    place = ".".join(str(part) for part in first["loc"] if not _KIND.match(str(part)))
    if first["type"] == "extra_forbidden":
        return place, "unknown"
    return place, " ".join(first["msg"].removeprefix("Value error, ").split())
