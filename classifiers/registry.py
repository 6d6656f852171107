"""Name to head. Adding one is a file with `Params`, `GRID` and `build`, and a line here."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

#: name -> module; a module is imported when its head is asked for, scikit-learn when one is built.
HEADS: dict[str, str] = {
    "softmax": "classifiers.softmax",
    "svm": "classifiers.svm",
    "forest": "classifiers.forest",
    "knn": "classifiers.knn",
    "bagged-svm": "classifiers.bagged_svm",
    "local-svm": "classifiers.local_svm",
}

#: Heads of scores, not of vectors: a comparison adds them by itself.
SCORE_HEADS: dict[str, str] = {"own": "classifiers.own"}


class HeadParams(BaseModel):
    """Base of a head's parameters: scikit-learn's names, checked domains, a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class HeadSpec:
    """A registered head: its parameters' model, its default grid, and how to build it."""

    name: str
    params: type[HeadParams]
    grid: Mapping[str, list[Any]]
    build: Any


def list_heads() -> list[str]:
    """Return the registered names, sorted."""
    return sorted(HEADS)


def head_spec(name: str) -> HeadSpec:
    """Return the `HeadSpec` registered as `name`.

    Raises
    ------
    ValueError
        If the name is unknown; the message suggests the nearest.
    """
    homes = HEADS | SCORE_HEADS
    if name not in homes:
        near = difflib.get_close_matches(name, HEADS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(list_heads())}"
        raise ValueError(f"unknown head {name!r}; {hint}")
    module = import_module(homes[name])
    return HeadSpec(name, module.Params, module.GRID, module.build)


def checked_params(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return `params` with defaults filled in and types converted.

    Raises
    ------
    ValueError
        One line naming the head, the parameter and what is wrong with it.
    """
    spec = head_spec(name)
    try:
        return spec.params(**params).model_dump()
    except ValidationError as error:
        raise ValueError(f"head {name}: {_first_problem(error, spec)}") from None


def _first_problem(error: ValidationError, spec: HeadSpec) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(p) for p in first["loc"][:1])
    if first["type"] != "extra_forbidden":
        return f"{where}={first['input']!r}: {first['msg'].lower()}"
    names = {name.lower(): name for name in spec.params.model_fields}  # C is easily written c
    near = difflib.get_close_matches(where.lower(), names, n=1)
    known = ", ".join(spec.params.model_fields)
    return f"no parameter {where!r}; " + (f"did you mean {names[near[0]]!r}?" if near else f"known: {known}")


def head(name: str, **params: Any) -> Any:
    """Build the head registered as `name`: a scikit-learn classifier, its scaler inside.

    Parameters
    ----------
    name : str
        One of `list_heads()`.
    **params
        Its parameters by their scikit-learn names, such as ``C=10``.

    Returns
    -------
    estimator
        With `fit`, `predict`, `classes_`, and `decision_function` or `predict_proba`.

    Raises
    ------
    ValueError
        If the name is unknown or a parameter is wrong.
    """
    return head_spec(name).build(**checked_params(name, params))
