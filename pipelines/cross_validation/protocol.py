"""Protocols: who is fitted on, who selects, who tests. ``mueca cross-validate`` has their fields as options.

Nothing heavy is imported here, so that ``--help`` stays fast.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

#: What each protocol may be told besides; the last leaks, and is there to be measured.
_BY_FOLDS = ("folds", "inner_folds", "shared")
PROTOCOLS: dict[str, tuple[str, ...]] = {
    "holdout": ("validation", "test", "refit", "scoring", "inner_folds", "halving", "hold_out"),
    **dict.fromkeys(("kfold", "grouped-kfold", "loso", "lodo", "random-leaky"), _BY_FOLDS),
}
#: What the title of a protocol ends with that selects on the samples that test.
ON_TEST = "+select-on-test"


class Protocol(BaseModel):
    """Who is fitted on, who selects, who tests.

    Attributes
    ----------
    protocol : str
        ``holdout``: selected on validation, tested once. ``kfold``: folds by class, of samples without
        subjects. ``grouped-kfold``: folds of whole subjects. ``loso``: each subject left out in turn.
        ``lodo``: each of the sets that the data is made of left out in turn. ``random-leaky``: folds by class
        with subjects on both sides, which is wrong, and marked.
    selection : {"nested", "on-test"}
        Candidates are selected without the samples that test, or on these, which is wrong, and marked.
    validation, test, refit, scoring, halving, hold_out
        Of a holdout. `validation`: share of the training samples held out to select on, or the name of a
        split. `test`: the split that tests, or a share of the training samples; by default the set's test
        split, and a fifth of the training samples where it brings none
        (`pipelines.datasets.splits.divided`). `refit`: fit the selected parameters again on train +
        validation. `scoring`: a score of `pipelines.metrics.scores.evaluate`. `halving`: all candidates on a
        share of the training samples, the best 1 in so many on so many times as many samples, and so on.
        `hold_out`: what shares hold out whole: the subjects, where they are known, or samples. The second is
        wrong where subjects are known, and marked.
    folds : int
        Outer folds, where they are neither subjects nor sets.
    inner_folds : int, optional
        Folds that select. By default 10, for networks 5; of a holdout none: validation selects.
    shared : bool
        Outer folds share the fits that select (`pipelines.cross_validation.nested.choose_together`), as those
        of networks always do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    protocol: str = Field(description="How samples are divided.")
    selection: Literal["nested", "on-test"] = Field(
        "nested", description="On what candidates are selected; on-test is wrong on purpose."
    )
    validation: float | str = Field(0.1, description="Share of train held out to select on, or a split.")
    test: float | str = Field("test", description="The split that tests, or a share of train.")
    refit: bool = Field(True, description="Fit again on train + validation before the test.")
    scoring: Literal["accuracy", "balanced_accuracy", "f1_macro", "f1_weighted"] = Field(
        "accuracy", description="Score that validation selects by."
    )
    halving: int | None = Field(None, ge=2, description="Select by successive halving, 1 in so many.")
    hold_out: Literal["subject", "sample"] = Field(
        "subject", description="What shares hold out whole; sample is wrong where subjects are known."
    )
    folds: int = Field(10, ge=2, description="Folds, where they are neither subjects nor sets.")
    inner_folds: int | None = Field(
        None, ge=2, description="Inner folds that select; default: 10 for heads, 5 for networks."
    )
    shared: bool = Field(
        False, description="Let folds share the fits that select: for heads that are expensive to fit."
    )

    @field_validator("protocol")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in PROTOCOLS:
            from featurize.suggest import hint

            raise ValueError(f"unknown {name!r}; {hint(name, PROTOCOLS)}")
        return name

    @model_validator(mode="after")
    def _fits(self) -> Protocol:
        takes, fields = PROTOCOLS[self.protocol], type(self).model_fields
        others = self.model_fields_set - {"protocol", "selection", *takes}
        if wrong := sorted(name for name in others if getattr(self, name) != fields[name].default):
            raise ValueError(f"{self.protocol} takes no {wrong[0]}; it takes: {', '.join(takes)}")
        if self.by_holdout and self.on_test and (self.inner_folds or self.halving):
            raise ValueError("what is selected on the test takes no inner_folds and no halving")
        return self

    @property
    def by_holdout(self) -> bool:
        """Whether it divides the samples once."""
        return self.protocol == "holdout"

    @property
    def on_test(self) -> bool:
        """Whether candidates are selected on the samples that test."""
        return self.selection == "on-test"

    @property
    def title(self) -> str:
        """The name, as tables show it."""
        return self.protocol + ON_TEST * self.on_test


def as_protocol(value: Any) -> Any:
    """Return the name of a protocol as a `Protocol` mapping."""
    return {"protocol": value} if isinstance(value, str) else value
