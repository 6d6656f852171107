"""The table of a training's fields, made from the model.

Run: python -m tests.helpers.fields prints the table that stands in docs/networks.md.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pipelines.training.fields import OF_THE_NETWORK, TrainFields


def table() -> str:
    """Return a Markdown table: option, what it may be, default, description."""
    rows = [
        f"| `--{name.replace('_', '-')}` | {_values(field)} | {_default(name, field)} | {field.description} |"
        for name, field in TrainFields.model_fields.items()
    ]
    return "\n".join(["| option | values | default | what |", "| --- | --- | --- | --- |", *rows])


def _values(field: Any) -> str:
    """Return the choices of a field, or its kind with its limits."""
    union = () if get_origin(field.annotation) is Literal else get_args(field.annotation)
    kinds = [kind for kind in union or (field.annotation,) if kind is not type(None)]
    words = [", ".join(get_args(kind)) or kind.__name__ for kind in kinds]
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    bounds = [(m, name, sign) for m in field.metadata for name, sign in signs.items() if hasattr(m, name)]
    return " or ".join(words) + "".join(f", {sign} {getattr(m, name)}" for m, name, sign in bounds)


def _default(name: str, field: Any) -> str:
    if field.is_required():
        return "must be given"
    if field.default is None:
        return "the network's" if name in OF_THE_NETWORK else "none"
    return str(field.default)


if __name__ == "__main__":
    print(table())
