"""Facial action units and what each one moves in a drawn face.

The units are those of the Facial Action Coding System (Ekman and Friesen, 1978). A drawn face is governed by
*controls* (how high a lid stands, how far a mouth corner has moved); a unit at intensity 1 adds the amounts
of `EFFECTS` to them, at intensity 0.5 half of them, and the effects of several units add up.
Lengths are in half-widths of the face, x outwards from the middle, y downwards; wrinkles go from 0 (none) to
1 (deep).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

#: Which units make each emotion (the table of prototypes that R1 reports against).
EMOTION_UNITS: dict[str, tuple[str, ...]] = {
    "angry": ("AU4", "AU5", "AU7", "AU29"),
    "disgust": ("AU9", "AU10", "AU15", "AU16"),
    "fear": ("AU1", "AU2", "AU4", "AU5", "AU7", "AU20", "AU26"),
    "happy": ("AU6", "AU12"),
    "neutral": (),
    "sad": ("AU1", "AU4", "AU15", "AU17"),
    "surprise": ("AU1", "AU2", "AU5", "AU26"),
}

#: What a control is: the documentation of the columns of the drawing.
CONTROLS: dict[str, str] = {
    "brow_inner": "inner end of the brow, downwards",
    "brow_middle": "middle of the brow, downwards",
    "brow_outer": "outer end of the brow, downwards",
    "brow_apart": "inner ends of the brows, outwards",
    "forehead_inner": "level wrinkles over the nose",
    "forehead_outer": "level wrinkles over the outer brow",
    "frown": "upright wrinkles between the brows",
    "lid_upper": "upper lid, downwards",
    "lid_lower": "lower lid, downwards",
    "crow_feet": "wrinkles at the outer corner of the eye",
    "cheek": "bulge of the cheek with its crease under the eye",
    "nose_wrinkle": "wrinkles across the bridge of the nose",
    "nostril": "wings of the nose, downwards",
    "fold": "furrow from the nose to the corner of the mouth",
    "corner_out": "corners of the mouth, outwards",
    "corner_down": "corners of the mouth, downwards",
    "lip_upper": "middle of the upper lip, downwards",
    "lip_lower": "middle of the lower lip, downwards",
    "lip_square": "opening of the mouth, from an almond (0) towards a box (1)",
    "lip_thin": "share of the lips' thickness lost",
    "jaw": "chin and lower jaw, downwards",
    "chin_boss": "chin pushed up and wrinkled",
    "thrust": "lower jaw pushed forward: lower lip fuller, chin broader and lit",
}

#: Unit -> control -> amount at intensity 1.
EFFECTS: dict[str, dict[str, float]] = {
    # AU1, inner brow raiser
    "AU1": {"brow_inner": -0.19, "brow_middle": -0.05, "forehead_inner": 0.9},
    # AU2, outer brow raiser
    "AU2": {"brow_outer": -0.19, "brow_middle": -0.13, "brow_inner": -0.03, "forehead_outer": 0.9},
    # AU4, brow lowerer: down and together
    "AU4": {"brow_inner": 0.12, "brow_middle": 0.10, "brow_outer": 0.02, "brow_apart": -0.07, "frown": 1.0},
    # AU5, upper lid raiser
    "AU5": {"lid_upper": -0.085},
    # AU6, cheek raiser
    "AU6": {"lid_lower": -0.055, "crow_feet": 0.9, "cheek": 1.0, "brow_outer": 0.02},
    # AU7, lid tightener
    "AU7": {"lid_lower": -0.05, "lid_upper": 0.03},
    # AU9, nose wrinkler
    "AU9": {"nose_wrinkle": 1.0, "nostril": -0.07, "brow_inner": 0.07, "lid_lower": -0.03, "lip_upper": -0.03,
            "fold": 0.2},
    # AU10, upper lip raiser
    "AU10": {"lip_upper": -0.12, "nostril": -0.03, "fold": 0.5, "lip_square": 0.5},
    # AU12, lip corner puller
    "AU12": {"corner_out": 0.12, "corner_down": -0.17, "lip_upper": -0.02, "lip_lower": 0.05, "fold": 0.7,
             "lip_thin": 0.2},
    # AU15, lip corner depressor
    "AU15": {"corner_down": 0.14, "corner_out": 0.02, "fold": 0.2},
    # AU16, lower lip depressor: the lower teeth show
    "AU16": {"lip_lower": 0.12, "corner_out": 0.02, "lip_square": 0.4},
    # AU17, chin raiser
    "AU17": {"lip_lower": -0.06, "lip_upper": -0.05, "corner_down": 0.02, "chin_boss": 1.0},
    # AU20, lip stretcher
    "AU20": {"corner_out": 0.17, "corner_down": 0.04, "lip_lower": 0.03, "lip_thin": 0.4, "lip_square": 0.8},
    # AU26, jaw drop
    "AU26": {"jaw": 0.20, "lip_lower": 0.33, "lip_upper": -0.02, "corner_out": -0.05, "corner_down": 0.13},
    # AU29, jaw thrust
    "AU29": {"thrust": 1.0, "jaw": 0.04, "lip_upper": 0.02, "corner_down": 0.03},
}  # fmt: skip

UNITS = tuple(EFFECTS)

_MATRIX = np.array([[effect.get(c, 0.0) for c in CONTROLS] for effect in EFFECTS.values()])


def controls(units: Mapping[str, float]) -> dict[str, float]:
    """Return every control's value for a face that shows `units`.

    Parameters
    ----------
    units : mapping of str to float
        Unit -> intensity in 0..1; a unit that is not named is at rest.

    Raises
    ------
    ValueError
        If a unit is unknown or an intensity lies outside 0..1.
    """
    for name, value in units.items():
        if name not in EFFECTS:
            raise ValueError(f"unknown action unit {name!r}; known: {', '.join(UNITS)}")
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"action unit {name}: intensity {value} lies outside 0..1")
    return dict(zip(CONTROLS, (_intensities(units) @ _MATRIX).tolist(), strict=True))


def _intensities(units: Mapping[str, float]) -> NDArray[np.float64]:
    return np.array([units.get(name, 0.0) for name in UNITS])
