"""Any classifier of scikit-learn as a head: registered for this process under its own name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from classifiers.registry import list_heads, use_head


def as_head(head: Any, taken: Iterable[str] = (), trusted: Iterable[str] = ()) -> tuple[str, dict[str, Any]]:
    """Return the name of a head, and the parameters by which rows tell it apart.

    Parameters
    ----------
    head : str or classifier
    taken : iterable of str
        Parameters that the caller gives or chooses among.
    trusted : iterable of str
        Types from outside that a saved model of it may hold.

    Raises
    ------
    TypeError
        If it is neither a name nor a classifier that can be cloned.
    """
    if isinstance(head, str):
        return head, {}
    _check(head)
    name = title_of(head)
    if name in list_heads():
        name = f"{name} (given)"
    use_head(name, head, trusted)
    return name, {k: v for k, v in _changed(head).items() if k not in set(taken)}


def _check(head: Any) -> None:
    from sklearn.base import clone, is_classifier

    if isinstance(head, type):
        raise TypeError(f"head={head.__name__} is a class; give an estimator: {head.__name__}()")
    if not all(hasattr(head, name) for name in ("fit", "get_params", "set_params")):
        raise TypeError(
            f"head={head!r:.60}: give a head's name, or a classifier of scikit-learn; see: mueca list"
        )
    if not hasattr(head, "predict") or not is_classifier(head):
        raise TypeError(
            f"head={title_of(head)}: it predicts no classes; the last step has to classify, as SVC() does"
        )
    if not any(hasattr(head, name) for name in ("predict_proba", "decision_function")):
        raise TypeError(
            f"head={title_of(head)}: it gives neither probabilities nor scores; take another classifier"
        )
    clone(head)


def title_of(head: Any) -> str:
    """Return what tables show: the class, and in parentheses what it is made of."""
    inner = [step for _, step in getattr(head, "steps", ()) if hasattr(step, "get_params")]
    if not inner and hasattr(getattr(head, "estimator", None), "get_params"):
        inner = [head.estimator]
    name = type(head).__name__
    return f"{name}({', '.join(title_of(step) for step in inner)})" if inner else name


def _changed(head: Any) -> Mapping[str, Any]:
    """Return plain parameters that are not the defaults of their class."""
    found: dict[str, Any] = {}
    parts = {"": head} | {f"{k}__": v for k, v in head.get_params().items() if hasattr(v, "get_params")}
    for prefix, part in parts.items():
        try:
            usual = type(part)().get_params(deep=False)
        except TypeError:  # a Pipeline and others have no defaults
            usual = {}
        for key, value in part.get_params(deep=False).items():
            plain = isinstance(value, bool | int | float | str) and value == value
            if plain and value != usual.get(key) and key not in ("n_jobs", "verbose"):
                found[prefix + key] = value
    return found
