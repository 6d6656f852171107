"""Name to head. Adding one is a file with `Params`, `GRID` and `build`, and a line here."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

log = logging.getLogger(__name__)

#: name -> module; a module is imported when its head is asked for, scikit-learn when one is built.
HEADS: dict[str, str] = {
    "softmax": "classifiers.softmax",
    "svm": "classifiers.svm",
    "forest": "classifiers.forest",
    "knn": "classifiers.knn",
    "bagged-svm": "classifiers.bagged_svm",
    "local-svm": "classifiers.local_svm",
    "linear-svm": "classifiers.linear_svm",
    "nystroem-svm": "classifiers.nystroem_svm",
}

#: Heads of scores, not of vectors: a comparison adds them by itself.
SCORE_HEADS: dict[str, str] = {"network-softmax": "classifiers.network_softmax"}

#: Old name of a head -> its name. Results and models of older versions have the old one, and the keys of runs
#: keep it.
OLD_HEADS: dict[str, str] = {"own": "network-softmax"}


#: What every head on vectors takes besides its own parameters: so many principal components of the vectors,
#: learned from what it is fitted on, come before it.
PROJECTION = "pca"


class HeadParams(BaseModel):
    """Base of a head's parameters: scikit-learn's names, checked domains, a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class HeadSpec:
    """A registered head: its parameters' model, its default grid, and how to build it.

    `trusted` are the types that its files may hold besides those of mueca and scikit-learn.
    """

    name: str
    params: type[HeadParams]
    grid: Mapping[str, list[Any]]
    build: Any
    trusted: tuple[str, ...] = ()


class NamedParams(HeadParams):
    """Parameters of a head from outside: any value, but only the names that its estimator knows."""

    model_config = ConfigDict(frozen=True, extra="allow")
    KNOWN: ClassVar[frozenset[str]] = frozenset()


#: Heads that `register_head` was given, and those that `use_head` was: the last of a name, in no list.
_REGISTERED: dict[str, HeadSpec] = {}
_IN_USE: dict[str, HeadSpec] = {}


def register_head(
    name: str,
    build: Callable[..., Any],
    *,
    params: type[HeadParams] | None = None,
    grid: Mapping[str, list[Any]] | None = None,
    trusted: Iterable[str] = (),
) -> None:
    """Make a classifier from outside known by a name, for this process.

    Parameters
    ----------
    name : str
        What ``head=`` and recipes call it. A head of mueca cannot be replaced.
    build : callable or estimator
        A class or a function that returns an unfitted classifier of its parameters, or such a classifier.
    params : subclass of HeadParams, optional
        Domains of its parameters; by default any value of those that the classifier knows.
    grid : mapping of lists, optional
        What ``grid="default"`` means.
    trusted : iterable of str
        Types, as ``package.module.Class``, that a saved model of it holds. Who loads it names them again:
        ``load_model(folder, trusted=[...])``.

    Raises
    ------
    ValueError
        If the name belongs to a head of mueca.
    TypeError
        If `build` is nothing that builds a classifier.
    """
    if name in HEADS | SCORE_HEADS | OLD_HEADS:
        raise ValueError(f"head {name!r} belongs to mueca; register yours under another name")
    _REGISTERED[name] = _outside(name, build, params, dict(grid or {}), tuple(trusted))


def _outside(
    name: str,
    build: Any,
    params: type[HeadParams] | None,
    grid: dict[str, list[Any]],
    trusted: tuple[str, ...],
) -> HeadSpec:
    sample = build if hasattr(build, "get_params") and not isinstance(build, type) else None
    if sample is None and not callable(build):
        raise TypeError(f"head {name!r}: give a classifier, or what builds one, not {build!r:.60}")

    def made(**given: Any) -> Any:
        from sklearn.base import clone

        return build(**given) if sample is None else clone(sample).set_params(**given)

    if params is None:
        known = frozenset((made() if sample is None else sample).get_params())
        params = type("Params", (NamedParams,), {"KNOWN": known, "__doc__": f"Parameters of {name}."})
    return HeadSpec(name, params, grid, made, trusted)


def use_head(name: str, classifier: Any, trusted: Iterable[str] = ()) -> None:
    """Let `head_spec` know a classifier until the next of its name is handed over; no list shows it."""
    _IN_USE[name] = _outside(name, classifier, None, {}, tuple(trusted))


@cache
def _installed() -> dict[str, Any]:
    """Return the entry points of installed packages in the group ``mueca.heads``, by name."""
    return {point.name: point for point in entry_points(group="mueca.heads")}


def _found_outside(name: str) -> HeadSpec | None:
    if name not in _REGISTERED and name in _installed():
        found = _installed()[name].load()
        trusted = tuple(getattr(found, "TRUSTED", ()))
        if hasattr(found, "GRID"):  # a module, as those of mueca's own heads
            _REGISTERED[name] = _outside(name, found.build, found.Params, dict(found.GRID), trusted)
        else:
            _REGISTERED[name] = _outside(name, found, None, {}, trusted)
    return _REGISTERED.get(name) or _IN_USE.get(name)


def list_heads() -> list[str]:
    """Return the registered names, sorted: those of mueca, of installed packages and of `register_head`."""
    return sorted({*HEADS, *_installed(), *_REGISTERED})


def current_head(name: str) -> str:
    """Return a head's name; where the old one is given, which works for one version, say so."""
    if name in OLD_HEADS:
        say_renamed(name)
    return OLD_HEADS.get(name, name)


@cache
def say_renamed(old: str) -> None:
    """Say it once, however often the old name is given."""
    log.warning("head %s is now %s; the old name works for one version", old, OLD_HEADS[old])


def head_spec(name: str) -> HeadSpec:
    """Return the `HeadSpec` registered as `name`.

    Raises
    ------
    ValueError
        If the name is unknown; the message suggests the nearest.
    """
    name, homes = current_head(name), HEADS | SCORE_HEADS
    if name not in homes:
        if (outside := _found_outside(name)) is not None:
            return outside
        near = difflib.get_close_matches(name, list_heads(), n=1)
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
    name = current_head(name)
    spec = head_spec(name)
    if params.get(PROJECTION) is not None and takes_projection(name):
        components = _components(name, params[PROJECTION])
        return {**checked_params(name, {**params, PROJECTION: None}), PROJECTION: components}
    if takes_projection(name):
        params = {key: value for key, value in params.items() if key != PROJECTION}
    known = getattr(spec.params, "KNOWN", None)
    if known is not None and (unknown := [key for key in params if key not in known]):
        lower = {key.lower(): key for key in known}
        near = difflib.get_close_matches(unknown[0].lower(), lower, n=1)
        hint = f"did you mean {lower[near[0]]!r}?" if near else f"known: {', '.join(sorted(known)[:12])}"
        raise ValueError(f"head {name}: no parameter {unknown[0]!r}; {hint}")
    try:
        return spec.params(**params).model_dump()
    except ValidationError as error:
        raise ValueError(f"head {name}: {_first_problem(error, spec)}") from None


def takes_projection(name: str) -> bool:
    """Return whether `PROJECTION` may stand among a head's parameters: not where it has one of that name."""
    name = current_head(name)
    params = head_spec(name).params
    own = {*params.model_fields, *getattr(params, "KNOWN", ())}
    return name not in SCORE_HEADS and PROJECTION not in own


def _components(name: str, given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise ValueError(f"head {name}: pca={given!r}: give how many principal components, such as 512")
    return given


def step_names(name: str, params: Iterable[str]) -> dict[str, str]:
    """Return parameters' names in the Pipeline that a head with principal components before it is."""
    return {p: f"{PROJECTION}__n_components" if p == PROJECTION else f"{name}__{p}" for p in params}


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
        Its parameters by their scikit-learn names, such as ``C=10``. ``pca=512`` puts so many principal
        components before it: a Pipeline is returned.

    Returns
    -------
    estimator
        With `fit`, `predict`, `classes_`, and `decision_function` or `predict_proba`.

    Raises
    ------
    ValueError
        If the name is unknown or a parameter is wrong.
    """
    checked = checked_params(name, params)
    components = checked.pop(PROJECTION, None) if takes_projection(name) else None
    built = head_spec(name).build(**checked)
    if components is None:
        return built
    from classifiers._projection import projected

    return projected(built, components, name)
