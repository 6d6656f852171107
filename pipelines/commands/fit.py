"""What ``mueca fit`` shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.utils.console import table

if TYPE_CHECKING:
    pass


def print_fit(model: Any, outcome: Any, out: Path | None) -> None:
    """Show what was fitted, how it was chosen, and its scores."""
    card = model.card
    print(f"{card['title']}\nprotocol: {card['protocol']}")
    shown = ("split", "n_test", "accuracy", "ci_low", "ci_high", "balanced_accuracy", "f1_macro", "auc_ovr")
    last = outcome.rows[-1]
    if last.status != "timing":  # the title says why there are no scores
        if len(card["chosen_from"]) > 1:
            table(*_choice_table(card["chosen_from"], card["head"]["params"]))
        table([*shown, *_noted(outcome.rows)], [_score_record(row, shown) for row in outcome.rows])
    for warning in card["warnings"]:
        print(f"warning: {warning}")
    print(f"fitted in {last.fit_s:.2f} s, {last.predict_ms_per_sample:.3f} ms a face to predict")
    if out:
        print(f"written to {out}/ (head, card.json, rows.csv, predictions.npz)")


def _noted(rows: Sequence[Any]) -> list[str]:
    """Return the column that says what makes a figure too good, where a row has one."""
    return ["marks"] if any(row.seen_validation for row in rows) else []


def _score_record(row: Any, shown: Sequence[str]) -> dict[str, Any]:
    """Return the scores of one split; what its network has learned from is marked, the others are not."""
    marked = row.marks if row.split == "validation" else ""
    return {name: getattr(row, name) for name in shown} | {"marks": marked}


def _choice_table(
    tried: list[dict[str, Any]], chosen: dict[str, Any]
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return columns and records of what was tried: of the parameters, those that differ."""
    varied = [name for name in chosen if len({str(c[name]) for c in tried}) > 1]
    marked = [{**c, "": "chosen" if _is_chosen(c, chosen) else ""} for c in tried]
    return [*varied, "validation", "fit_s", ""], marked


def _is_chosen(candidate: dict[str, Any], params: dict[str, Any]) -> bool:
    return all(candidate[name] == value for name, value in params.items())
