"""``GET /models``: what answers here, and the models that ship beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pipelines.models.folders import DEFAULT, SMALL, read_card, shipped_models
from pipelines.web.uploads import RequestError


class ModelAnswer(BaseModel):
    """A model."""

    model_config = ConfigDict(extra="forbid")

    name: str
    title: str
    classes: list[str]
    data: str = Field(description="The set that it learned from and was tested on.")
    accuracy: float | None = Field(description="Share of its test faces that it gets right.")
    milliseconds: float | None = Field(description="For a face, on two cores.")
    in_use: bool = Field(description="Whether POST /predict is answered by it.")
    selectable: bool = Field(description="Whether POST /predict?model=NAME is answered by it.")

    @property
    def words(self) -> str:
        """What somebody chooses by."""
        said = {DEFAULT: "accurate", SMALL: "small"}.get(self.name, self.name)
        right = f"{100 * self.accuracy:.1f} % of {self.data} right" if self.accuracy is not None else ""
        time = f"{self.milliseconds:.1f} ms a face" if self.milliseconds is not None else ""
        known = ", ".join(filter(None, (right, time)))
        return f"{said} ({known})" if known else said


class ModelsAnswer(BaseModel):
    """The model in use first."""

    models: list[ModelAnswer]

    def other(self, name: str | None) -> str | None:
        """Return the name of the model that is asked for, None if it is the one in use.

        Raises
        ------
        RequestError
            422, if it is not selectable.
        """
        names = [one.name for one in self.models if one.selectable]
        if name is None or name == names[0]:
            return None
        if name not in names:
            raise RequestError(422, f"no model {name[:40]!r} to choose here; there are: {', '.join(names)}")
        return name


def models_of(card: Mapping[str, Any], name: str) -> ModelsAnswer:
    """Return the model in use, called `name` and of this card, and the other models that ship.

    Of these, those are selectable that know the same classes: the page has one colour for each.
    """
    classes = [str(one) for one in card["classes"]]
    first = _answer(name, card, classes, in_use=True)
    cards = {other: read_card(folder) for other, folder in shipped_models().items()}
    others = [_answer(other, its, classes) for other, its in cards.items() if other != name]
    return ModelsAnswer(models=[first, *others])


def _answer(name: str, card: Mapping[str, Any], classes: list[str], in_use: bool = False) -> ModelAnswer:
    own = [str(one) for one in card["classes"]]
    return ModelAnswer(
        name=name,
        title=card.get("title", name),
        classes=own,
        data=card.get("data", {}).get("name", "unknown"),
        accuracy=card.get("scores", {}).get("test", {}).get("accuracy"),
        milliseconds=card.get("cost", {}).get("ms"),
        in_use=in_use,
        selectable=in_use or sorted(own) == sorted(classes),
    )
