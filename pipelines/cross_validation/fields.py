"""The fields of a recipe that say how subjects become folds; ``mueca cross-validate`` has them as options.

Nothing heavy is imported here, so that ``--help`` stays fast.
"""

from __future__ import annotations

from pydantic import BaseModel, Field


class FoldFields(BaseModel):
    """How samples become folds, each field by itself."""

    folds: int = Field(10, ge=2, description="Folds, where they are not the subjects.")
    inner: int | None = Field(
        None, ge=2, description="Inner folds to choose on; default: 10 for heads, 5 for networks."
    )
    shared: bool = Field(
        False, description="Let folds share the fits that choose: for heads that are expensive to fit."
    )
    seed: int = Field(0, ge=0, le=2**31, description="Of the folds, and of a network's training.")
