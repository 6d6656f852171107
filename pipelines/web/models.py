"""``GET /models``: what answers here, and the models that ship beside it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from pipelines.models.catalogue import described
from pipelines.prediction.predictor import Predictor


class ModelAnswer(BaseModel):
    """A model."""

    model_config = ConfigDict(extra="forbid")

    name: str
    title: str
    classes: list[str]
    accuracy: float | None = Field(description="Share of its test faces; of what set, the title says.")
    in_use: bool = Field(description="Whether POST /predict is answered by it.")


class ModelsAnswer(BaseModel):
    """The model in use first."""

    models: list[ModelAnswer]


def models_of(predictor: Predictor, name: str) -> ModelsAnswer:
    """Return the model in use, called `name`, and the other models that ship."""
    card = predictor.card
    scores = card.get("scores", {}).get("test", {})
    first = ModelAnswer(
        name=name, title=card.get("title", name), classes=list(predictor.classes),
        accuracy=scores.get("accuracy"), in_use=True,
    )  # fmt: skip
    others = [
        ModelAnswer(
            name=one["name"], title=f"{one['head']} on {one['extractor']}, {one['trained on']}", classes=[],
            accuracy=_share(one["accuracy"]), in_use=False,
        )
        for one in described()
        if one["name"] != name
    ]  # fmt: skip
    return ModelsAnswer(models=[first, *others])


def _share(percent: str) -> float | None:
    return None if percent == "-" else float(percent.split()[0]) / 100
