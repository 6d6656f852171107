"""Fitted heads as files: skops with a fixed allow-list, and a card with the file's SHA-256 beside it.

Loading builds only the types named here; nothing in a file chooses what is imported or run, as a pickle
does. That is safer, not safe: take heads from those you trust.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

FORMAT = 1
#: Set in the environment of a process that is mueca's command line, and of those it starts.
OWN_PROCESS = "_MUECA_OWN_PROCESS"
#: What a file may hold beyond numbers, strings and NumPy arrays.
TRUSTED = (
    "classifiers._forest.Forest",
    "classifiers._knn.KNN",
    "classifiers._linear_svm.LinearSVM",
    "classifiers._nystroem.NystroemSVM",
    "classifiers._projection.Projection",
    "classifiers._own.Own",
    "classifiers._softmax.Softmax",
    "classifiers._svc.BaggedSVC",
    "classifiers._local.LocalSVC",
    "classifiers._svc.SVC",
)


class PersistError(ValueError):
    """A head could not be read; the message says why in one line."""


def card_path(path: str | os.PathLike[str]) -> Path:
    """Return where the card of the head at `path` lies: beside it, with ``.json`` added."""
    return Path(f"{os.fspath(path)}.json")


def save(
    estimator: Any,
    path: str | os.PathLike[str],
    meta: Mapping[str, Any] | None = None,
    trusted: Iterable[str] = (),
) -> None:
    """Write a fitted head and its card.

    Half a file is refused by `load`: its SHA-256 is not the card's. To keep an older head until the new one
    is whole, write to a new folder and rename that.

    Parameters
    ----------
    estimator : fitted head
        One that `classifiers.head` built.
    path : path
        Usually ends in ``.skops``; the card gets ``.json`` added to that name.
    meta : mapping, optional
        JSON types: what was fitted on what, how chosen, with which scores. Kept in the card.
    trusted : iterable of str
        Types from outside, as ``package.module.Class``, that it may hold; who loads it names them again.

    Raises
    ------
    PersistError
        If the estimator, or something in it, is neither of scikit-learn, nor on the allow-list `TRUSTED`, nor
        among `trusted`.
    """
    estimator = _chosen(estimator)
    data = _dumped(estimator, "this head", trusted)
    card = {
        "format": FORMAT,
        "head": _name(estimator),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "meta": dict(meta or {}),
    }
    text = json.dumps(card, indent=2, ensure_ascii=False).encode()
    Path(path).write_bytes(data)
    card_path(path).write_bytes(text)


def check_savable(estimator: Any, what: str = "this head", trusted: Iterable[str] = ()) -> None:
    """Refuse what `save` would refuse: asked before it is fitted, which may take hours.

    Parameters
    ----------
    estimator : head, fitted or not
    what : str
        What to call it in an error.
    trusted : iterable of str
        As for `save`.

    Raises
    ------
    PersistError
        As `save` does.
    """
    _dumped(_chosen(estimator), what, trusted)


def _chosen(estimator: Any) -> Any:
    """Return what a search has chosen, or chooses among: that is what predicts, and what is saved."""
    if not hasattr(estimator, "param_grid") and not hasattr(estimator, "param_distributions"):
        return estimator
    return getattr(estimator, "best_estimator_", estimator.estimator)


def _dumped(estimator: Any, what: str, trusted: Iterable[str] = ()) -> bytes:
    """Return an estimator as a file's bytes, all of its types on the allow-list."""
    skops_io = _light_skops()
    allowed = frozenset(trusted)
    # Of scikit-learn's types skops itself knows which are to be trusted.
    if not _name(estimator).startswith("sklearn."):
        _check_types(what, [_name(estimator)], allowed)
    try:
        data: bytes = skops_io.dumps(estimator, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        own = _name(estimator).startswith(f"{__package__}.")  # what ours hold is known, and may be large
        inside = [] if own else skops_io.get_untrusted_types(data=data)
        if any(name.startswith("sklearn.") for name in inside):
            inside = [name for name in inside if name not in _estimators()]
    except MemoryError:
        raise
    except Exception as error:  # a foreign estimator may hold anything, an open file among it
        raise PersistError(f"{what} cannot be saved ({' '.join(str(error).split())})") from None
    _check_types(what, inside, allowed)
    return data


def _check_types(what: str, names: Iterable[str], allowed: frozenset[str]) -> None:
    if foreign := [name for name in names if name not in TRUSTED and name not in allowed]:
        raise PersistError(
            f"{what} cannot be saved: {', '.join(foreign)} is neither of scikit-learn nor of mueca; "
            f"where you trust it, give trusted={foreign!r}, or fit without out (--out)"
        )


def load(path: str | os.PathLike[str], trusted: Iterable[str] = ()) -> Any:
    """Return the fitted head saved at `path`.

    Parameters
    ----------
    path : path
    trusted : iterable of str
        Types from outside that the file may hold, as ``package.module.Class``. Their code is imported.

    Raises
    ------
    PersistError
        If the file or its card is missing, damaged, changed since it was saved, no head of ours, or holds a
        type that is not on the allow-list. Nothing of it has been built then.
    """
    card = load_card(path)
    data = _read(Path(path))
    if hashlib.sha256(data).hexdigest() != card.get("sha256"):
        raise PersistError(
            f"{path}: not the file its card describes (it was changed, cut short or replaced); "
            "fit again or fetch it anew"
        )
    return _build(path, data, frozenset(trusted))


def load_card(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the card of the head at `path`: format, head, bytes, sha256, meta. Raises as `load` does."""
    where = card_path(path)
    if not where.exists():
        _read(Path(path))  # if that is missing too, say so first
        raise PersistError(f"{path}: no card {where.name} beside it; a head is saved as both files")
    try:
        card = json.loads(_read(where))
    except (ValueError, RecursionError):
        raise PersistError(f"{where}: not a head's card; fit again or fetch it anew") from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise PersistError(
            f"{where}: not a card of format {FORMAT}; another version of mueca may have written it"
        )
    if not isinstance(card.get("meta"), dict) or not isinstance(card.get("sha256"), str):
        raise PersistError(f"{where}: not a head's card, a part of it is gone; fit again or fetch it anew")
    return card


def _build(path: str | os.PathLike[str], data: bytes, allowed: frozenset[str]) -> Any:
    skops_io = _light_skops()
    try:
        known = allowed.union(TRUSTED)
        asked = skops_io.get_untrusted_types(data=data)
        if any(t.startswith("sklearn.") and t not in known for t in asked):
            known |= _estimators()
        foreign = [t for t in asked if t not in known]
        if foreign:
            raise PersistError(
                f"{path}: holds types that are not trusted: {', '.join(foreign)}; where you trust them, "
                f"load with trusted={foreign!r}, or {' '.join(f'--trust {name}' for name in foreign)}"
            )
        estimator = skops_io.loads(data, trusted=sorted(known))
    except PersistError:
        raise
    except Exception as error:  # a foreign file may fail in any way: skops checks no structure
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PersistError(f"{path}: not a saved head ({reason})") from None
    if _name(estimator) not in known and not hasattr(estimator, "predict"):
        raise PersistError(f"{path}: holds a {_name(estimator)}, which does not classify")
    return estimator


def _light_skops() -> Any:
    """Import `skops.io`; in a process of the command line (`OWN_PROCESS`) without all of scikit-learn.

    skops imports every estimator, to trust its name: half a second. Those that a file holds are asked for
    here instead (`_estimators`). A notebook's skops is left as it is.
    """
    if "skops.io" in sys.modules or not os.environ.get(OWN_PROCESS):
        return import_module("skops.io")
    utils: Any = import_module("sklearn.utils")
    real = utils.all_estimators
    utils.all_estimators = list
    try:
        return import_module("skops.io")
    finally:
        utils.all_estimators = real


@cache
def _estimators() -> frozenset[str]:
    """Return the names of scikit-learn's estimators, which skops trusts."""
    from sklearn.utils import all_estimators

    kinds = [kind for _, kind in all_estimators()]
    return frozenset(f"{k.__module__}.{k.__qualname__}" for k in kinds if k.__module__.startswith("sklearn."))


def _name(estimator: Any) -> str:
    return f"{type(estimator).__module__}.{type(estimator).__qualname__}"


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise PersistError(f"{path}: no regular file; fit again or fetch it anew")
    try:
        return path.read_bytes()
    except OSError as error:
        raise PersistError(f"{path}: cannot be read ({error.strerror or error})") from None
