"""Recipes of the three forms before this version, as the one form that they are now; kept for one version."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.cross_validation.protocol import ON_TEST

log = logging.getLogger(__name__)

#: What stood at the top of a comparison, and its name in a holdout.
_HOLDOUT = {name: name for name in ("validation", "test", "refit", "scoring", "halving")} | {
    "folds": "inner_folds"
}
#: What stood at the top of a recipe by subject, and its name in each of its protocols.
_BY_FOLDS = {"folds": "folds", "inner": "inner_folds", "shared": "shared"}
#: The ways of the gap, as the protocols that they are.
WAYS = {"honest": "loso", "random split": "random-leaky", "chosen on test": "loso" + ON_TEST}


def modern(content: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the content of a recipe in the form of this version; log one line if it has another.

    Parameters
    ----------
    content : dict
        As the file has it. What is no recipe of an old form is returned as it is.
    where : str
        What the line begins with.
    """
    names, found = _protocols(content)
    if not names:
        return content
    kept = {k: v for k, v in content.items() if k == "systems" or k not in names}
    log.warning(
        "%s: %s: an old form, read for one version more; write instead: protocols: [%s]",
        where, ", ".join(names), ", ".join(map(_flow, found)),
    )  # fmt: skip
    return kept | {"protocols": found}


def _protocols(content: Mapping[str, Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return what marks an old form, and its protocols in the new one; nothing of a recipe of this form."""
    options = {new: content[old] for old, new in _BY_FOLDS.items() if old in content}
    if "protocols" not in content and "systems" in content:
        ways = content.get("ways", list(WAYS))
        names = [name for name in ("systems", "ways", "inner") if name in content]
        return (names, _each([WAYS.get(w, w) for w in ways], options)) if _are_texts(ways) else ([], [])
    if "protocols" in content:
        names = [name for name in _BY_FOLDS if name in content]
        given = content["protocols"]
        if not _are_texts(given) or not (names or any(text.endswith(ON_TEST) for text in given)):
            return [], []
        return ["protocols", *names], _each(given, options)
    names = [name for name in _HOLDOUT if name in content]
    return names, [{"protocol": "holdout"} | {_HOLDOUT[name]: content[name] for name in names}]


def _are_texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) for one in given)


def _each(names: Iterable[str], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    def one(name: str) -> dict[str, Any]:
        selection = {"selection": "on-test"} if name.endswith(ON_TEST) else {}
        return {"protocol": name.removesuffix(ON_TEST), **selection, **options}

    return [one(name) for name in names]


def _flow(protocol: Mapping[str, Any]) -> str:
    """Return a protocol as one would write it in YAML."""
    if protocol.keys() == {"protocol"}:
        return str(protocol["protocol"])
    fields = (f"{k}: {v if isinstance(v, str) else json.dumps(v, default=str)}" for k, v in protocol.items())
    return "{" + ", ".join(fields) + "}"
