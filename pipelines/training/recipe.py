"""How to train a network, in words that are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.frame import gpus
from featurize.backbones.network import Network
from featurize.engine import cpu_capabilities
from featurize.registry import parse
from pipelines.recipe import as_name, read_content
from pipelines.training.augment import changes
from pipelines.training.fields import DISTILL_WEIGHT, OF_THE_NETWORK, OLD_NAMES, TrainFields
from pipelines.utils.values import plain


class TrainRecipe(TrainFields):
    """How to train a network. What is None is what the network's source did.

    Each field is described in `pipelines.training.fields.TrainFields`, and in docs/networks.md. Further:
    `weight_decay`, `label_smoothing` and `mixup` in `featurize.backbones.network.Recipe`, `teacher` in
    `pipelines.training.distillation`, the CLAHE in `featurize.images.Preprocess`, `validation` and `test` in
    `pipelines.datasets.splits`. Very short epochs (442 motion maps) are done in a fraction of the time with a
    `validate_every` of more than 1.
    """

    @model_validator(mode="after")
    def _known(self) -> TrainRecipe:
        network = network_of(self.backbone)
        changes(network.recipe.augment if self.augment is None else self.augment, network.kind)
        if network.kind == "flow" and self.equalize != "none":
            raise ValueError(f"equalize={self.equalize} is for images; a motion map shows no light")
        if not (self.teacher or self.votes_from) and self.distill_weight != DISTILL_WEIGHT:
            raise ValueError(f"distill_weight={self.distill_weight} says how much a teacher counts; give one")
        loss = network.recipe.loss if self.loss is None else self.loss
        weighted = self.class_weight or (self.targets != "labels" and self.targets)
        if weighted and loss != "categorical_crossentropy":
            name = "class_weight" if self.class_weight else "targets"
            raise ValueError(f"{name}={weighted} needs loss=categorical_crossentropy, not {loss}")
        return self

    @property
    def title(self) -> str:
        """The network, and what of the recipe is not the default, in words for a table."""
        own = _under_old_names(self.model_dump(exclude={"backbone"}, exclude_defaults=True))
        return ", ".join([self.backbone, *(f"{k}={v}" for k, v in own.items())])

    def resolved(self) -> TrainRecipe:
        """Return the recipe with the network's own settings where none are given."""
        own = network_of(self.backbone).recipe
        old = _under_old_names({n: n for n in OF_THE_NETWORK if getattr(self, n) is None})
        filled = {name: getattr(own, before) for before, name in old.items()}
        fast = "BF16" in cpu_capabilities() or (self.device != "cpu" and bool(gpus()))
        precision = self.precision if self.precision != "auto" else ("bf16" if fast else "f32")
        return self.model_copy(update={**filled, "precision": precision})

    def deciding(self) -> dict[str, Any]:
        """Return the fields of a resolved recipe that decide the weights.

        What is as it was before it could be set is left out, so that trainings begun then go on.
        """
        elsewhere = {"batch_size", "device", "test", "init_weights", "teacher", "votes_from"}
        dumped = self.model_dump(exclude=elsewhere)
        fields = _under_old_names(dumped)
        dull: dict[str, Any] = {"sampling": "tim", "every": 1, "nesterov": False, "weight_decay": 0.0,
                                "label_smoothing": 0.0, "mixup": 0.0, "average": 1, "frozen_epochs": 0,
                                "targets": "labels", "class_weight": None, "balanced_sampling": False,
                                "teacher_share": DISTILL_WEIGHT}  # fmt: skip
        if self.optimizer != "sgd" or self.momentum == 0.9:
            dull["momentum"] = self.momentum
        if self.schedule != "exponential":
            dull |= {"decay_rate": self.decay_rate, "decay_steps": self.decay_steps}
        return {k: v for k, v in fields.items() if k not in dull or v != dull[k]}


def _under_old_names(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields under the names that identities and titles have."""
    old = {new: name for name, new in OLD_NAMES.items()}
    return {old.get(name, name): value for name, value in fields.items()}


#: What the compiled loops of `pipelines.training.ststnet_numba` do not know, with the value at which they
#: need not.
_PLAIN: dict[str, Any] = {
    "optimizer": "adam", "loss": "categorical_crossentropy", "schedule": "constant", "augment": "none",
    "init_weights": None, "teacher": None, "label_smoothing": 0.0, "mixup": 0.0, "weight_decay": 0.0,
    "swa_epochs": 1, "frozen_epochs": 0, "equalize": "none", "targets": "labels", "class_weight": None,
    "balanced_sampling": False,
}  # fmt: skip


def is_plain(plan: TrainRecipe) -> bool:
    """Say whether a training asks for nothing but plain Adam on whole labels and unchanged samples."""
    resolved = plan.resolved()
    return all(getattr(resolved, name) == value for name, value in _PLAIN.items())


def recipe(**fields: Any) -> TrainRecipe:
    """Build a `TrainRecipe`; a wrong field is a `ValueError` of one line."""
    try:
        return TrainRecipe(**plain(fields))
    except ValidationError as error:
        raise ValueError(f"train: {_said(error)}") from None


def _said(error: ValidationError) -> str:
    """Return the first problem in one line."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    said = first["msg"].removeprefix("Value error, ")
    if isinstance(first["input"], str | int | float):
        where += f"={first['input']!r}" if where else ""
    return f"{where}: {said[0].lower()}{said[1:]}".removeprefix(": ")


class Trainings(BaseModel):
    """Several trainings on one data set: a table of a paper.

    Attributes
    ----------
    name, question : str
    data : str
        Name of a data set, or a folder.
    runs : int
        Of each, from seed, seed + 1, ...
    trainings : list of TrainRecipe
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Annotated[str, AfterValidator(as_name)]
    question: str = ""
    data: str
    runs: int = Field(1, ge=1)
    trainings: list[TrainRecipe] = Field(min_length=1)


def load_trainings(path: Path | str) -> Trainings:
    """Read `Trainings` from a YAML file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        One line that names the file, the place in it and what is wrong there.
    """
    content = read_content(path, "name, data and trainings")
    try:
        return Trainings(**plain(content))
    except ValidationError as error:
        raise ValueError(f"{path}: {_said(error)}") from None


def network_of(backbone: str) -> Network:
    """Return the `Network` of `backbone`: a registered name, with what changes the network in parentheses.

    Raises
    ------
    ValueError
        If the name is unknown, or is that of an extractor that is not trained; if a parameter is given that
        is for embedding, or more than one network.
    """
    found, *more = parse(backbone)
    if more:
        raise ValueError(f"{backbone}: one training trains one network")
    if not isinstance(found, NetworkExtractor):
        raise ValueError(f"extractor {backbone} is not a network: it learns nothing")
    if not found.network.trainable:
        raise ValueError(f"{backbone} comes trained and has no classifier of its own; train another network")
    if wrong := sorted(found.params.model_fields_set - found.SHAPING):
        raise ValueError(f"{backbone}: {wrong[0]} is for embedding; a training takes its own options")
    return found.sized
