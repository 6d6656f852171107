"""How to train a network, in words that are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.frame import gpus
from featurize.backbones.network import Network
from featurize.clips.sampling import Sampling
from featurize.engine import cpu_capabilities
from featurize.registry import parse
from pipelines.recipe import read_content
from pipelines.training.augment import changes
from pipelines.utils.values import plain

#: What a teacher's answers count for where a recipe does not say.
TEACHER_SHARE = 0.5


class TrainRecipe(BaseModel):
    """How to train a network. What is None is what the network's source did.

    Attributes
    ----------
    backbone : str
        A registered network, such as ``ucm-f``, with what changes it: ``vggface2-mobilenet(size=112)``.
    start : str or None
        Weights to start from: "published" (those of ``mueca weights list``), or a weight file of this
        network; random ones by default.
    epochs, batch : int or None
    learning_rate : float or None
    loss : {"categorical_crossentropy", "squared_hinge"} or None
    optimizer : {"adam", "sgd"} or None
    momentum : float or None
        Of SGD.
    schedule : {"constant", "cosine", "exponential"} or None
        Of the learning rate; the cosine ends at zero in the last epoch.
    decay_rate : float or None
    decay_steps : int or None
        The exponential schedule multiplies the rate by the first after so many steps, at once.
    nesterov : bool or None
    weight_decay, label_smoothing, mixup : float or None
        See `featurize.backbones.network.Recipe`.
    teacher : str or None
        Trained networks whose probabilities are mixed into the labels; see `pipelines.training.distillation`.
    teacher_share : float
        Of the targets, from 0 to 1; the labels have the rest.
    average : int or None
        Of the weights of the last epochs; see there, too.
    mirror : bool
        Add a mirrored copy of each training sample; an epoch is then twice as long.
    augment : str or None
        "none", "strong" (flip, shift, rotation, zoom, erasing), "ipn" (R3's), or names joined with commas;
        "angles" (R2's) turns a whole clip by one of six angles.
    sampling : {"tim", "uniform", "first"}
        How a clip is brought to the network's frames; pictures and motion maps do not ask.
    every : int
        Epochs between two looks at the validation samples, and two states on disk. Very short epochs (442
        motion maps) are done in a fraction of the time with more.
    equalize, tile, clip
        See `featurize.images.Preprocess`.
    fit_on : {"train", "train+validation"}
        With the second nothing is left to choose by: every epoch asked for is run, and the last is kept.
    validation : float or str
        See `pipelines.datasets.splits.split`.
    test : float or str
        The split that the card reports, read once at the end, or the share of the training samples held out
        for it. By default the set's test split, and a fifth of the training samples where it brings none; see
        `pipelines.datasets.splits.divided`.
    patience : int or None
        Stop after so many epochs without a better validation accuracy; None: never.
    precision : {"auto", "f32", "bf16"}
        bf16 keeps the weights in f32 and computes in bfloat16.
    device : {"auto", "cpu", "gpu"}
    seed, split_seed : int
        Of weights, order and augmentation; of the holdout.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    backbone: str
    start: str | None = Field(None, min_length=1)
    epochs: int | None = Field(None, ge=1)
    batch: int | None = Field(None, ge=1)
    learning_rate: float | None = Field(None, gt=0)
    loss: Literal["categorical_crossentropy", "squared_hinge"] | None = None
    optimizer: Literal["adam", "sgd"] | None = None
    momentum: float | None = Field(None, ge=0, lt=1)
    schedule: Literal["constant", "cosine", "exponential"] | None = None
    decay_rate: float | None = Field(None, gt=0, le=1)
    decay_steps: int | None = Field(None, ge=1)
    nesterov: bool | None = None
    weight_decay: float | None = Field(None, ge=0, lt=1)
    label_smoothing: float | None = Field(None, ge=0, lt=1)
    mixup: float | None = Field(None, ge=0)
    average: int | None = Field(None, ge=1)
    teacher: str | None = Field(None, min_length=1)
    teacher_share: float = Field(TEACHER_SHARE, ge=0, le=1)
    mirror: bool = False
    augment: str | None = None
    sampling: Sampling = "tim"
    every: int = Field(1, ge=1)
    equalize: Literal["none", "hist", "clahe"] = "none"
    tile: int = Field(4, ge=1, le=64)
    clip: float = Field(4.0, gt=0)
    fit_on: Literal["train", "train+validation"] = "train"
    validation: float | str = 0.1
    test: float | str = "test"
    patience: int | None = Field(10, ge=1)
    precision: Literal["auto", "f32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "gpu"] = "auto"
    seed: int = Field(0, ge=0, le=2**31)
    split_seed: int = Field(0, ge=0, le=2**32 - 1)

    @model_validator(mode="after")
    def _known(self) -> TrainRecipe:
        network = network_of(self.backbone)
        changes(network.recipe.augment if self.augment is None else self.augment, network.kind)
        if network.kind == "flow" and self.equalize != "none":
            raise ValueError(f"equalize={self.equalize} is for pictures; a motion map shows no light")
        if self.teacher is None and self.teacher_share != TEACHER_SHARE:
            raise ValueError(f"teacher_share={self.teacher_share} says how much a teacher counts; give one")
        return self

    @property
    def title(self) -> str:
        """The network, and what of the recipe is not the default, in words for a table."""
        own = self.model_dump(exclude={"backbone"}, exclude_defaults=True)
        return ", ".join([self.backbone, *(f"{k}={v}" for k, v in own.items())])

    def resolved(self) -> TrainRecipe:
        """Return the recipe with the network's own settings where none are given."""
        own = network_of(self.backbone).recipe
        names = (
            "epochs", "batch", "learning_rate", "loss", "optimizer", "momentum", "schedule", "decay_rate",
            "decay_steps", "augment", "nesterov", "weight_decay", "label_smoothing", "mixup", "average",
        )  # fmt: skip
        filled = {n: getattr(own, n) for n in names if getattr(self, n) is None}
        fast = "BF16" in cpu_capabilities() or (self.device != "cpu" and bool(gpus()))
        precision = self.precision if self.precision != "auto" else ("bf16" if fast else "f32")
        return self.model_copy(update={**filled, "precision": precision})

    def deciding(self) -> dict[str, Any]:
        """Return the fields of a resolved recipe that decide the weights.

        What is as it was before it could be set is left out, so that trainings begun then go on.
        """
        fields = self.model_dump(exclude={"batch", "device", "test", "start", "teacher"})
        dull: dict[str, Any] = {"sampling": "tim", "every": 1, "nesterov": False, "weight_decay": 0.0,
                                "label_smoothing": 0.0, "mixup": 0.0, "average": 1,
                                "teacher_share": TEACHER_SHARE}  # fmt: skip
        if self.optimizer != "sgd" or self.momentum == 0.9:
            dull["momentum"] = self.momentum
        if self.schedule != "exponential":
            dull |= {"decay_rate": self.decay_rate, "decay_steps": self.decay_steps}
        return {k: v for k, v in fields.items() if k not in dull or v != dull[k]}


#: What the compiled loops of `pipelines.training.ststnet_numba` do not know, with the value at which they
#: need not.
_PLAIN: dict[str, Any] = {
    "optimizer": "adam", "loss": "categorical_crossentropy", "schedule": "constant", "augment": "none",
    "start": None, "teacher": None, "label_smoothing": 0.0, "mixup": 0.0, "weight_decay": 0.0, "average": 1,
    "equalize": "none",
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

    name: str = Field(pattern=r"^[\w.-]+$")
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
