"""The fields of a training recipe: their names, limits, defaults, and what each means.

The schema, the options of ``mueca train`` and the table in docs/networks.md are made from them. Nothing heavy
is imported here, so that ``--help`` stays fast.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pipelines.utils.renamed import with_new_names

#: What soft targets count for where a recipe does not say.
DISTILL_WEIGHT = 0.5

#: Old name of a field -> its name. Recipes may use the old ones for one version; identities and titles of
#: trainings have them, so that trainings begun then go on and rows keep their names.
OLD_NAMES = {
    "start": "init_weights",
    "batch": "batch_size",
    "average": "swa_epochs",
    "teacher_share": "distill_weight",
    "every": "validate_every",
    "tile": "clahe_tile",
    "clip": "clahe_clip",
}

#: Fields that are as the network's source had them where they are not given.
OF_THE_NETWORK = (
    "epochs", "batch_size", "learning_rate", "loss", "optimizer", "momentum", "schedule", "decay_rate",
    "decay_steps", "augment", "nesterov", "weight_decay", "label_smoothing", "mixup", "swa_epochs",
    "frozen_epochs",
)  # fmt: skip


class TrainFields(BaseModel):
    """How to train a network, each field by itself; see `OF_THE_NETWORK` for those that may be None."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    backbone: str = Field(
        description="Network, such as ucm-f or vggface2-mobilenet(size=112); see: mueca list."
    )
    init_weights: str | None = Field(
        None, min_length=1,
        description="Weights to begin with: published, a weight file, a name that ships; default: random.",
    )  # fmt: skip
    epochs: int | None = Field(None, ge=1, description="At most so many epochs.")
    batch_size: int | None = Field(None, ge=1, description="Samples a step.")
    learning_rate: float | None = Field(None, gt=0, description="Learning rate of the first step.")
    loss: Literal["categorical_crossentropy", "squared_hinge"] | None = Field(
        None, description="What is minimised."
    )
    optimizer: Literal["adam", "sgd"] | None = Field(None, description="What minimises it.")
    momentum: float | None = Field(None, ge=0, lt=1, description="Momentum of SGD.")
    schedule: Literal["constant", "cosine", "exponential"] | None = Field(
        None, description="Of the learning rate; the cosine ends at zero in the last epoch."
    )
    decay_rate: float | None = Field(
        None, gt=0, le=1, description="The exponential schedule multiplies the rate by it, at once."
    )
    decay_steps: int | None = Field(None, ge=1, description="It does so after so many steps each time.")
    nesterov: bool | None = Field(None, description="Nesterov's momentum, for SGD.")
    weight_decay: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Decoupled: each step takes this share of the kernels, times the rate, away.",
    )
    label_smoothing: float | None = Field(
        None, ge=0, lt=1, description="Share of each target that is spread over all classes."
    )
    mixup: float | None = Field(None, ge=0, description="Mix pairs of samples by a share from Beta(x, x).")
    swa_epochs: int | None = Field(None, ge=1, description="Average the weights of so many last epochs.")
    frozen_epochs: int | None = Field(
        None, ge=0, description="First epochs in which only the last layer learns."
    )
    teacher: str | None = Field(
        None, min_length=1,
        description="Knowledge distillation: trained networks that give soft targets; NAME+NAME.",
    )  # fmt: skip
    votes_from: str | None = Field(
        None, min_length=1,
        description="Set with votes on the same samples; soft targets: how likely each label is given them.",
    )  # fmt: skip
    targets: Literal["labels", "votes", "drawn"] = Field(
        "labels",
        description="Of a set with votes: its labels, the share of each class, or labels drawn by it.",
    )
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: each class counts alike in the loss, whatever its number of samples."
    )
    balanced_sampling: bool = Field(
        False, description="Draw the samples of an epoch so that each class comes as often."
    )
    distill_weight: float = Field(
        DISTILL_WEIGHT, ge=0, le=1, description="Share of the soft targets; the labels have the rest."
    )
    mirror: bool = Field(
        False, description="Add a mirrored copy of each training sample; an epoch is twice as long."
    )
    augment: str | None = Field(
        None, description="none, strong, ipn, or of flip,shift,rotation,zoom,erasing,crop,blur,angles."
    )
    sampling: Literal["tim", "uniform", "first"] = Field(
        "tim", description="How a clip is brought to the network's frames."
    )
    validate_every: int = Field(
        1, ge=1, description="Epochs between two validations, and between two states on disk."
    )
    equalize: Literal["none", "hist", "clahe"] = Field("none", description="Histogram equalisation first.")
    clahe_tile: int = Field(4, ge=1, le=64, description="CLAHE: tiles a side.")
    clahe_clip: float = Field(4.0, gt=0, description="CLAHE: clip limit.")
    fit_on: Literal["train", "train+validation"] = Field(
        "train", description="With the second every epoch is run, and the last is kept."
    )
    validation: float | str = Field(0.1, description="Share of train to choose the epoch on, or a split.")
    test: float | str = Field(
        "test",
        description="Split that tests, or a share held out of train: 0.2 where there is no test split.",
    )
    patience: Annotated[int | None, AfterValidator(lambda epochs: epochs or None)] = Field(
        10, ge=0, description="Stop after so many epochs without a better validation accuracy; 0: never."
    )
    precision: Literal["auto", "f32", "bf16"] = Field(
        "auto", description="bf16 keeps the weights in f32 and computes in bfloat16."
    )
    device: Literal["auto", "cpu", "gpu"] = Field("auto", description="Where to train.")
    seed: int = Field(0, ge=0, le=2**31, description="Of weights, order and augmentation.")
    split_seed: int = Field(0, ge=0, le=2**32 - 1, description="Of the holdout.")

    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, given: Any) -> Any:
        return with_new_names(given, OLD_NAMES)
