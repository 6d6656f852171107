"""Who a drawn face is, how it is held and how it is lit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Identity:
    """A person: what does not change with expression; lengths in half-widths of the face, tones 0..255."""

    skin: float
    hair: float
    iris: float
    hair_style: int
    head_height: float
    jaw_width: float
    chin: float
    eye_apart: float
    eye_height: float
    eye_width: float
    eye_open: float
    brow_height: float
    brow_thick: float
    brow_slope: float
    nose_length: float
    nose_width: float
    mouth_height: float
    mouth_width: float
    mouth_corner: float
    lips: float
    age: float
    glasses: bool
    beard: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Identity:
        """Return a person drawn from `rng`."""

        def u(low: float, high: float) -> float:
            return float(rng.uniform(low, high))

        skin = u(105, 215)
        return cls(
            skin=skin, hair=min(u(15, 105), skin - 45), iris=u(20, 90), hair_style=int(rng.integers(5)),
            head_height=u(1.22, 1.42), jaw_width=u(0.62, 0.86), chin=u(1.14, 1.32), eye_apart=u(0.38, 0.46),
            eye_height=u(-0.27, -0.19), eye_width=u(0.17, 0.215), eye_open=u(0.07, 0.105),
            brow_height=u(0.25, 0.34), brow_thick=u(0.05, 0.115), brow_slope=u(-0.05, 0.05),
            nose_length=u(0.48, 0.6), nose_width=u(0.13, 0.21), mouth_height=u(0.62, 0.72),
            mouth_width=u(0.29, 0.39), mouth_corner=u(-0.035, 0.035), lips=u(0.05, 0.1), age=u(0.0, 0.5),
            glasses=bool(rng.random() < 0.15), beard=float(max(0.0, rng.uniform(-0.5, 0.5))),
        )  # fmt: skip


@dataclass(frozen=True)
class Pose:
    """How the head is held: `roll` in the image's plane and `yaw` to the side, radians; `scale`; shift."""

    roll: float = 0.0
    yaw: float = 0.0
    scale: float = 1.0
    dx: float = 0.0
    dy: float = 0.0

    @classmethod
    def random(cls, rng: np.random.Generator, amount: float = 1.0) -> Pose:
        """Return a pose drawn from `rng`, `amount` 0 for upright, 1 for the spread of a cropped photo."""
        roll, yaw, scale, dx, dy = rng.uniform(-1.0, 1.0, 5) * amount
        return cls(0.10 * roll, 0.28 * yaw, 1.0 + 0.06 * scale, 0.04 * dx, 0.04 * dy)


@dataclass(frozen=True)
class Light:
    """Light and camera: gain about mid-grey, and offset, gradient, vignette and noise in grey levels."""

    gain: float = 1.0
    offset: float = 0.0
    slope_x: float = 0.0
    slope_y: float = 0.0
    vignette: float = 14.0
    noise: float = 0.0
    blur: float = 0.0
    background: float = 90.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> Light:
        """Return a light drawn from `rng`."""
        gain, offset, slope_x, slope_y = rng.uniform(-1.0, 1.0, 4)
        vignette, noise, blur, background = rng.uniform(0.0, 1.0, 4)
        return cls(
            gain=0.9 + 0.3 * gain, offset=28 * offset, slope_x=34 * slope_x, slope_y=20 * slope_y,
            vignette=28 * vignette, noise=1 + 5 * noise, blur=max(0.0, 0.9 * blur - 0.3),
            background=25 + 200 * background,
        )  # fmt: skip
