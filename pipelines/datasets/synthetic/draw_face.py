"""Draw a cartoon face: who it is, which action units it shows, how it is held and lit.

Everything is drawn by this module with OpenCV's polygons, `OVERSAMPLE` times larger than asked for, and
reduced by area mean. The unit of length is the half-width of the face; x to the right, y downwards, the
origin between the eyes and the nose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.datasets.action_units import controls
from pipelines.datasets.synthetic.identity import Identity, Light, Pose

__all__ = ["Identity", "Light", "Pose", "draw_face"]

Points = NDArray[np.float64]
Grey = NDArray[np.uint8]

OVERSAMPLE = 4
#: Fractional bits of the coordinates handed to OpenCV: positions are whole sixteenths of a pixel.
_SHIFT = 4
#: Half-width of an upright face as a share of the image's side.
_FACE = 0.37

_T = np.linspace(-1.0, 1.0, 15)
_ARCH = 1.0 - _T**2
_RIM = _ARCH**0.6
_TURN = np.linspace(0.0, 2 * np.pi, 40, endpoint=False)
_COS, _SIN = np.cos(_TURN), np.sin(_TURN)


@dataclass
class _Drawing:
    """Shapes in the order they are painted; points are projected together, which is most of the speed."""

    points: list[Points] = field(default_factory=list)
    depth: list[float] = field(default_factory=list)
    paint: list[tuple[float, float]] = field(default_factory=list)

    def fill(self, points: Points, tone: float, depth: float = 1.0) -> None:
        """Paint the inside of a closed line."""
        self._add(points, tone, 0.0, depth)

    def line(self, points: Points, tone: float, width: float, depth: float = 1.0) -> None:
        """Paint an open line of a width in face units."""
        self._add(points, tone, width, depth)

    def both(self, points: Points, tone: float, width: float = 0.0, depth: float = 1.0) -> None:
        """Paint a shape of the right half of the face and its mirror image."""
        self._add(points, tone, width, depth)
        self._add(points * (-1.0, 1.0), tone, width, depth)

    def _add(self, points: Points, tone: float, width: float, depth: float) -> None:
        self.points.append(points)
        self.depth.append(depth)
        self.paint.append((tone, width))

    def render(self, pose: Pose, size: int, background: float) -> Grey:
        """Return the (size, size) image."""
        side = size * OVERSAMPLE
        canvas = np.full((side, side), _tone(background), np.uint8)
        unit = _FACE * pose.scale * side
        flat = _project(
            np.concatenate(self.points), np.repeat(self.depth, [len(p) for p in self.points]), pose
        )
        fixed = np.rint((flat * unit + 0.5 * side) * (1 << _SHIFT)).astype(np.int32)
        start = 0
        for points, (tone, width) in zip(self.points, self.paint, strict=True):
            shape, start = fixed[start : start + len(points)], start + len(points)
            if width:
                thick = max(1, round(width * unit))
                cv2.polylines(canvas, [shape], False, _tone(tone), thick, cv2.LINE_AA, _SHIFT)
            else:
                cv2.fillPoly(canvas, [shape], _tone(tone), cv2.LINE_AA, _SHIFT)
        return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _tone(value: float) -> int:
    return int(min(max(value, 0), 255))


def _project(points: Points, depth: Points, pose: Pose) -> Points:
    """Turn the head: what stands out of the face (depth) moves sideways, the far half is foreshortened."""
    x, y = points[:, 0], points[:, 1]
    out = depth * np.sqrt(np.maximum(0.0, 1.0 - (x / 1.15) ** 2))
    x = x * np.cos(pose.yaw) + 0.55 * out * np.sin(pose.yaw)
    c, s = np.cos(pose.roll), np.sin(pose.roll)
    return np.stack([c * x - s * y, s * x + c * y], axis=1) + np.array([pose.dx, pose.dy + 0.02])


def draw_face(
    who: Identity,
    units: Mapping[str, float],
    pose: Pose | None = None,
    light: Light | None = None,
    *,
    size: int = 48,
    rng: np.random.Generator | None = None,
) -> Grey:
    """Draw one face.

    Parameters
    ----------
    who : Identity
    units : mapping of str to float
        Action units shown, such as ``{"AU6": 1.0, "AU12": 0.7}``; see `action_units.EFFECTS`.
    pose : Pose, optional
        Upright by default.
    light : Light, optional
        Even and without noise by default.
    size : int
        Side of the image in pixels.
    rng : numpy Generator, optional
        For the noise; without one there is none.

    Returns
    -------
    ndarray of shape (size, size), uint8

    Raises
    ------
    ValueError
        If a unit is unknown or its intensity lies outside 0..1.
    """
    pose, light = pose or Pose(), light or Light()
    c = controls(units)
    drawing = _Drawing()
    _head(drawing, who, c)
    _wrinkles(drawing, who, c)
    _nose(drawing, who, c)
    _mouth(drawing, who, c)
    _eyes(drawing, who, c)
    _brows(drawing, who, c)
    _hair(drawing, who)
    return _lit(drawing.render(pose, size, light.background), light, rng)


def _xy(*pairs: Sequence[float]) -> Points:
    return np.array(pairs, np.float64)


def _bend(a: Sequence[float], b: Sequence[float], c: Sequence[float]) -> Points:
    """Return a smooth line from `a` through the middle point `b` to `c` (a parabola)."""
    t = _T[::2, None]
    p, q, r = np.array(a), np.array(b), np.array(c)
    return q + t * (r - p) / 2 + t**2 * ((p + r) / 2 - q)


def _head(d: _Drawing, who: Identity, c: dict[str, float]) -> None:
    chin = who.chin + c["jaw"]
    shoulders = _xy(
        (-0.5, 0.6), (0.5, 0.6), (0.55, 1.25), (1.7, 1.6), (1.7, 2.4), (-1.7, 2.4), (-1.7, 1.6), (-0.55, 1.25)
    )
    if who.hair_style == 2:  # long hair hangs behind the neck
        d.fill(np.stack([1.2 * _COS, 0.1 + 1.45 * _SIN], axis=1), who.hair, 0.0)
    d.fill(shoulders, who.skin * 0.72, 0.0)
    if who.hair_style != 2:
        d.both(np.stack([1.0 + 0.13 * _COS, 0.02 + 0.24 * _SIN], axis=1), who.skin * 0.86, 0.0, 0.0)
    d.fill(_outline(who, chin, c["thrust"], 1.0), who.skin * 0.66, 0.0)
    d.fill(_outline(who, chin - 0.03, c["thrust"], 0.96), who.skin, 0.0)
    if who.beard:
        beard = _outline(who, chin - 0.03, c["thrust"], 0.95)
        edge = _bend((-0.93, 0.1), (0.0, 0.66), (0.93, 0.1))
        d.fill(np.concatenate([beard[beard[:, 1] > 0.1], edge]), who.skin * (1 - 0.5 * who.beard), 0.1)


def _outline(who: Identity, chin: float, thrust: float, width: float) -> Points:
    """Return the closed line of the head: round above, narrowing to the jaw below."""
    below = np.maximum(_SIN, 0.0)
    narrow = 1.0 - (1.0 - who.jaw_width - 0.08 * thrust) * below**1.5
    x = width * np.sign(_COS) * np.abs(_COS) ** (1 - 0.25 * below) * narrow
    return np.stack([x, np.where(_SIN > 0, chin, who.head_height) * _SIN], axis=1)


def _wrinkles(d: _Drawing, who: Identity, c: dict[str, float]) -> None:
    """Draw what the units fold: forehead, frown, cheeks, the furrow beside the mouth, the chin."""
    top = who.eye_height - who.brow_height
    for k, y in enumerate((top - 0.24, top - 0.36)):
        rise = 0.03 * k
        _fold(d, who, c["forehead_inner"], _bend((-0.32, y), (0, y - 0.03 - rise), (0.32, y)), single=True)
        _fold(d, who, c["forehead_outer"], _bend((0.3, y), (0.52, y - 0.06), (0.74, y + 0.05)))
    _fold(d, who, c["frown"], _xy((0.055, top + 0.3), (0.07, top + 0.05)), 0.045)
    x, y = who.eye_apart + who.eye_width, who.eye_height
    for end in (-0.08, 0.02, 0.12):
        _fold(d, who, c["crow_feet"], _xy((x + 0.05, y + 0.3 * end), (x + 0.2, y + end)))
    cheek = c["cheek"]
    if cheek > 0:
        for share in (1.0, 0.8, 0.6):  # three rings, so that the edge is soft
            bulge = np.stack([0.54 + 0.26 * share * _COS, 0.2 - 0.05 * cheek + 0.16 * share * _SIN], axis=1)
            d.both(bulge, who.skin + 15 * cheek * (1.2 - share))
    _fold(d, who, cheek, _bend((0.24, y + 0.17), (0.46, y + 0.235), (0.72, y + 0.12)))
    corner = who.mouth_width + c["corner_out"]
    fold = _bend(
        (0.2, 0.3 + c["nostril"]), (corner + 0.02, 0.42), (corner + 0.12, who.mouth_height + c["corner_down"])
    )
    _fold(d, who, max(c["fold"], 0.5 * who.age), fold, 0.04)


def _fold(
    d: _Drawing, who: Identity, depth: float, line: Points, width: float = 0.032, *, single: bool = False
) -> None:
    """Draw a wrinkle whose darkness is its depth; older faces wrinkle more."""
    strength = min(1.0, depth * (0.55 + 0.5 * who.age))
    if strength > 0.04:
        tone = who.skin * (1 - 0.4 * strength)
        (d.line if single else d.both)(line, tone, width)


def _nose(d: _Drawing, who: Identity, c: dict[str, float]) -> None:
    w, top = who.nose_width, who.eye_height
    y = top + who.nose_length + c["nostril"]
    d.line(_bend((0.05, top + 0.05), (0.085, y - 0.25), (0.6 * w, y - 0.06)), who.skin * 0.84, 0.04, 1.25)
    d.fill(np.stack([0.05 * _COS, y - 0.06 + 0.06 * _SIN], axis=1), who.skin + 14, 1.35)
    d.both(
        _bend((w - 0.03, y - 0.09), (w + 0.02, y - 0.02), (w - 0.04, y + 0.035)), who.skin * 0.7, 0.035, 1.15
    )
    nostril = np.stack([0.55 * w + 0.04 * _COS, y + 0.02 + 0.022 * _SIN], axis=1)
    d.both(nostril, who.skin * 0.35, 0.0, 1.2)
    for k in range(3):
        yk = top + 0.02 + 0.085 * k
        _fold(
            d,
            who,
            c["nose_wrinkle"],
            _bend((-0.11 - 0.02 * k, yk + 0.03), (0, yk - 0.02), (0.11 + 0.02 * k, yk + 0.03)),
            0.035,
            single=True,
        )


def _mouth(d: _Drawing, who: Identity, c: dict[str, float]) -> None:
    half = who.mouth_width + c["corner_out"]
    x = half * _T
    corner = who.mouth_height + who.mouth_corner + c["corner_down"]
    arch = 1 - np.abs(_T) ** (2 + 3 * c["lip_square"])
    upper = corner * (1 - arch) + (who.mouth_height + c["lip_upper"]) * arch
    lower = np.maximum(upper, corner * (1 - arch) + (who.mouth_height + c["lip_lower"]) * arch)
    thick = who.lips * (1 - min(c["lip_thin"], 0.8))
    bow = 1 - 0.3 * np.exp(-((_T / 0.2) ** 2))
    roof, floor = upper - thick * _RIM * bow, lower + thick * (1.25 + 0.5 * c["thrust"]) * _RIM
    d.fill(_loop(x, roof, upper), who.skin * 0.62)
    d.fill(_loop(x, upper, lower), 28.0)
    gap = float((lower - upper).max())
    if gap > 0.03:
        _teeth(d, x, upper, lower, gap, c)
    d.fill(_loop(x, lower, floor), who.skin * 0.72)
    d.line(np.stack([x, upper], axis=1), who.skin * 0.32, 0.035)
    _chin(d, who, c, half, float(floor.max()))


def _teeth(d: _Drawing, x: Points, upper: Points, lower: Points, gap: float, c: dict[str, float]) -> None:
    """Draw the upper teeth in an open mouth, and the lower ones where AU16 shows them."""
    inner = slice(2, -2)
    edge = np.minimum(upper + min(0.09, 0.75 * gap) * _RIM, lower)
    d.fill(_loop(x[inner], upper[inner], edge[inner]), 225.0)
    if c["lip_lower"] > 0.06 and c["jaw"] < 0.1:
        edge = np.maximum(lower - 0.3 * gap * _RIM, upper)
        d.fill(_loop(x[inner], edge[inner], lower[inner]), 205.0)


def _chin(d: _Drawing, who: Identity, c: dict[str, float], half: float, floor: float) -> None:
    """Draw the dent under the lower lip, deeper with a raised or thrust chin, and the chin's own dimples."""
    y = floor + 0.07
    _fold(
        d,
        who,
        0.35 + 0.5 * c["chin_boss"] + 0.7 * c["thrust"],
        _bend((-0.5 * half, y + 0.02), (0, y - 0.01), (0.5 * half, y + 0.02)),
        0.05,
        single=True,
    )
    if c["thrust"] > 0:
        for share in (1.0, 0.75, 0.5):
            boss = np.stack([0.26 * share * _COS, y + 0.18 + 0.12 * share * _SIN], axis=1)
            d.fill(boss, who.skin + 24 * c["thrust"] * (1.25 - share), 1.1)
    for dx, dy in ((-0.1, 0.13), (0.02, 0.17), (0.12, 0.12)):
        _fold(
            d, who, c["chin_boss"], _xy((dx - 0.04, y + dy), (dx + 0.04, y + dy + 0.015)), 0.04, single=True
        )


def _loop(x: Points, top: Points, bottom: Points) -> Points:
    """Return the closed line that runs along `top` and back along `bottom`."""
    return np.stack([np.concatenate([x, x[::-1]]), np.concatenate([top, bottom[::-1]])], axis=1)


def _eyes(d: _Drawing, who: Identity, c: dict[str, float]) -> None:
    x = who.eye_apart + who.eye_width * _T
    y = who.eye_height
    top = y - (who.eye_open - c["lid_upper"]) * _RIM
    low = np.maximum(top, y + (0.72 * who.eye_open + c["lid_lower"]) * _RIM)
    d.both(_loop(x, top - 0.09, top + 0.02), who.skin * 0.9)  # the fold of the upper lid
    d.both(_loop(x, top, low), 235.0)
    radius = 0.095
    eye_x = who.eye_apart + radius * _COS
    # The iris is cut off by the lids.
    iris = np.clip(y + radius * _SIN, np.interp(eye_x, x, top), np.interp(eye_x, x, low))
    d.both(np.stack([eye_x, iris], axis=1), who.iris)
    d.both(np.stack([x, top], axis=1), min(who.hair, 0.35 * who.skin), 0.05)
    d.both(np.stack([x, low], axis=1), who.skin * 0.6, 0.025)
    if who.glasses:
        frame = np.stack([who.eye_apart + 0.29 * _COS, y + 0.03 + 0.23 * _SIN], axis=1)
        d.both(np.concatenate([frame, frame[:1]]), 35.0, 0.035)
        d.line(_bend((-0.14, y), (0, y - 0.03), (0.14, y)), 35.0, 0.035)


def _brows(d: _Drawing, who: Identity, c: dict[str, float]) -> None:
    y = who.eye_height - who.brow_height
    a, w = who.eye_apart, who.eye_width
    inner = (a - 1.15 * w + c["brow_apart"], y + 0.05 + who.brow_slope + c["brow_inner"])
    middle = (a + 0.1 * w, y - 0.03 + c["brow_middle"])
    outer = (a + 1.35 * w, y + 0.08 - who.brow_slope + c["brow_outer"])
    spine = _bend(inner, middle, outer)
    half = who.brow_thick * np.linspace(0.62, 0.22, len(spine))
    d.both(_loop(spine[:, 0], spine[:, 1] - half, spine[:, 1] + half), min(who.hair + 8, 0.5 * who.skin))


def _hair(d: _Drawing, who: Identity) -> None:
    """Draw the hair: 0 bald, 1 short, 2 long, 3 with a fringe, 4 parted."""
    if who.hair_style == 0:
        return
    h = who.head_height
    cap = np.stack([1.06 * _COS, 0.05 - (h + 0.1) * np.abs(_SIN)], axis=1)[:21]
    line = {1: (-0.72, -0.98), 2: (-0.7, -1.05), 3: (-0.82, -0.8), 4: (-0.6, -1.12)}[who.hair_style]
    part = -0.45 if who.hair_style == 4 else 0.0
    brow = _bend((-0.97, line[0] + 0.3), (part, line[1]), (0.97, line[0] + 0.3))
    brow[1:-1, 1] -= 0.12
    d.fill(np.concatenate([cap, brow]), who.hair, 0.25)
    if who.hair_style == 2:
        lock = _bend((0.72, -1.0), (1.02, -0.1), (0.86, 1.15))
        d.both(np.concatenate([lock, _bend((1.0, 1.4), (1.22, 0.1), (0.9, -0.95))]), who.hair, 0.0)


def _lit(image: Grey, light: Light, rng: np.random.Generator | None) -> Grey:
    """Apply light and camera to a drawn image."""
    size = len(image)
    axis = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    level = light.gain * (image.astype(np.float32) - 128) + 128 + light.offset
    level += light.slope_x * axis + (light.slope_y * axis)[:, None]
    level -= light.vignette * (axis**2 + (axis**2)[:, None])
    if light.blur:
        level[:] = cv2.GaussianBlur(level, (0, 0), light.blur * size / 48)
    if rng is not None and light.noise:
        level += light.noise * rng.standard_normal(level.shape, dtype=np.float32)
    return np.clip(np.rint(level), 0, 255).astype(np.uint8)
