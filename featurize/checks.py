"""What a caller hands over, checked once at the border: images, clips, lists of them.

A wrong type or dtype is a `TypeError`, a wrong shape or value a `ValueError`. Each is one line that says what
came, what is taken, and how to get from one to the other. A right array costs about a microsecond: its pixels
are not read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "check_box",
    "check_bytes",
    "check_clip",
    "check_detections",
    "check_image",
    "check_sample",
    "check_samples",
    "check_side",
]

Array = NDArray[np.uint8]
Kind = Literal["image", "clip", "flow"]

#: A last axis up to this length is one of channels (grey, grey and alpha, RGB, RGBA): no image is so narrow.
CHANNELS = 4
TAKEN = "an image is an (h, w) grey or (h, w, 3) RGB uint8 array"
TAKEN_AS: dict[Literal[1, 3], str] = {1: "an (h, w) grey uint8 array", 3: "an (h, w, 3) RGB uint8 array"}
TAKEN_CLIP = "a clip is a (t, h, w) uint8 array of grey frames"


def check_image(given: Any, what: str = "image", channels: Literal[1, 3] | None = None) -> Array:
    """Return an image as a plain array, or refuse it.

    Read-only arrays, views and arrays in any memory order are taken as they are; nothing is copied.

    Parameters
    ----------
    given : object
        What the caller gave.
    what : str
        What to call it in an error.
    channels : {1, 3}, optional
        Take grey or RGB only; both by default.

    Returns
    -------
    ndarray of shape (h, w) or (h, w, 3), uint8

    Raises
    ------
    TypeError
        If it is no NumPy array (None, a path, bytes, an image of Pillow, a tensor, a list), or its dtype is
        not uint8.
    ValueError
        If it has no pixels, or other axes: alpha, channels first, one axis of length 1, a stack of images.
    """
    taken = TAKEN if channels is None else TAKEN_AS[channels]
    image = _uint8(given, what, taken)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"{what} has shape {image.shape}, but {taken}; {_reshaped(image.shape)}")
    if not image.size:
        raise ValueError(f"{what} has no pixels (shape {image.shape}); look at how it was cut out")
    if channels is not None and (image.ndim == 3) != (channels == 3):
        cure = "featurize.images.to_grey(image)" if channels == 1 else "np.stack([image] * 3, axis=-1)"
        raise ValueError(f"{what} has shape {image.shape}, but {taken} is taken here; give {cure}")
    return image


def check_clip(given: Any, what: str = "clip") -> Array:
    """Return a clip as a plain (t, h, w) uint8 array of at least two grey frames, or refuse it.

    Parameters
    ----------
    given : object
    what : str
        What to call it in an error.

    Raises
    ------
    TypeError, ValueError
        As `check_image`; also if it is one image, has colour frames, or fewer than two.
    """
    clip = _uint8(given, what, TAKEN_CLIP)
    if clip.ndim != 3 or clip.shape[2] in (1, 3, CHANNELS):
        raise ValueError(f"{what} has shape {clip.shape}, but {TAKEN_CLIP}; {_restacked(clip.shape)}")
    if not clip.size:
        raise ValueError(f"{what} has no pixels (shape {clip.shape}); look at how it was cut out")
    if len(clip) < 2:
        raise ValueError(f"a clip needs at least two frames, this one has {len(clip)}")
    return clip


def check_sample(given: Any, kind: Kind = "image", what: str | None = None) -> Array:
    """Return one sample of a kind of extractor, or refuse it as `check_image` and `check_clip` do."""
    if kind == "clip":
        return check_clip(given, what or "clip")
    return check_image(given, what or ("image" if kind == "image" else "motion map"))


def check_samples(given: Any, kind: Kind = "image") -> Iterator[Array]:
    """Yield the samples of a list, or refuse what is none.

    One array that is a single sample counts as a list of one. An array with one axis more is a stack. Of
    three axes, the last decides: up to `CHANNELS` long it is one of channels. So (48, 48, 3) is one RGB
    image, (10, 48, 48) are ten grey ones, and (3, 48, 48) are three grey ones, not one with channels first.

    Parameters
    ----------
    given : iterable or ndarray
        Samples; a generator is read one by one.
    kind : {"image", "clip", "flow"}
        What one sample is.

    Raises
    ------
    TypeError
        If it is no list (None, a path, an image of Pillow, a tensor).
    TypeError, ValueError
        If a sample is refused; the message says which.
    """
    noun = {"image": "image", "clip": "clip", "flow": "motion map"}[kind]
    if isinstance(given, np.ndarray) and _is_one(given, kind):
        return iter((check_sample(given, kind),))
    if (
        not isinstance(given, Iterable)
        or isinstance(given, str | bytes | bytearray | dict)
        or _foreign(given)
    ):
        raise TypeError(f"a list of {noun}s is taken here, not {_named(given)}; {_cure(given)}")
    return (check_sample(one, kind, f"{noun} {i}") for i, one in enumerate(given))


def _is_one(given: NDArray[Any], kind: Kind) -> bool:
    """Say whether an array is one sample, and no stack or list of them."""
    if given.ndim and (given.dtype == object or given.shape == (0,)):
        return False
    if kind == "clip":
        return given.ndim <= 3
    return given.ndim <= 2 or (given.ndim == 3 and given.shape[2] <= CHANNELS)


def check_side(given: Any, what: str = "size", least: int = 1) -> int:
    """Return a whole number of pixels of at least `least`; NumPy's numbers are taken too.

    Raises
    ------
    TypeError
        If it is no whole number.
    ValueError
        If it is smaller.
    """
    try:
        side = given.__index__()
    except AttributeError:
        raise TypeError(f"{what}={given!r}: give one whole number of pixels, such as 48") from None
    if side < least:
        raise ValueError(f"{what}={side}: give at least {least}")
    return int(side)


def check_box(box: Any, what: str = "box") -> None:
    """Refuse what is no `featurize.faces.Box` of finite sides, each of at least a pixel.

    Raises
    ------
    TypeError
        If it has no left, top, right and bottom.
    ValueError
        If they are no finite numbers, or it is empty.
    """
    try:
        left, top, right, bottom = box.left, box.top, box.right, box.bottom
    except AttributeError:
        wanted = "a featurize.faces.Box(left, top, right, bottom, found)"
        cure = "detection.box" if hasattr(box, "box") else "faces(image)[0].box has one"
        raise TypeError(f"{what} is {_named(box)}; give {wanted}: {cure}") from None
    try:
        sides_are_finite = all(math.isfinite(side) for side in (left, top, right, bottom))
    except TypeError:
        sides_are_finite = False
    if not sides_are_finite:
        raise ValueError(f"{what} has sides {(left, top, right, bottom)}; give four finite numbers of pixels")
    if min(right - left, bottom - top) < 1:
        raise ValueError(
            f"{what} {(left, top, right, bottom)} is empty: left < right and top < bottom are needed"
        )


def check_detections(given: Any) -> None:
    """Raise a `TypeError` if something in a list has no box and confidence, as a `Detection` has."""
    for one in given:
        if not (hasattr(one, "box") and hasattr(one, "confidence")):
            raise TypeError(
                f"a list of detections is taken here, with {_named(one)} in it; give search(image)"
            )


def check_bytes(given: Any) -> None:
    """Refuse what are no bytes of a file.

    Raises
    ------
    TypeError
    """
    if isinstance(given, bytes | bytearray | memoryview):
        return
    if isinstance(given, str | os.PathLike):
        cure = "give pathlib.Path(path).read_bytes()"
    elif isinstance(given, np.ndarray):
        cure = "give array.tobytes() if it holds a file; an array of pixels is decoded already"
    else:
        cure = "give open(path, 'rb').read()"
    raise TypeError(f"the bytes of an image file are taken here, not {_named(given)}; {cure}")


def _uint8(given: Any, what: str, taken: str) -> Array:
    """Return `given` as a plain uint8 array; a subclass (memory-mapped, matrix, masked) is seen as one."""
    if not isinstance(given, np.ndarray):
        raise TypeError(f"{what} is {_named(given)}, but {taken}; {_cure(given)}")
    if given.dtype != np.uint8:
        problem = ValueError if _has_nan(given) else TypeError
        raise problem(f"{what} is {_of_dtype(given)}, but {taken}; {_recast(given)}")
    return given if type(given) is np.ndarray else np.asarray(given)


def _named(given: Any) -> str:
    """Return what an object is, in words."""
    if given is None:
        return "None"
    if isinstance(given, str | os.PathLike):
        text = str(os.fspath(given))
        return f"a path ({text if len(text) <= 40 else '...' + text[-37:]})".replace("\n", " ")
    if isinstance(given, np.ndarray):
        return f"{_article(str(given.dtype))} array of shape {given.shape}"
    if isinstance(given, type):
        return f"the class {given.__name__}"
    module, name = type(given).__module__.partition(".")[0], type(given).__name__
    full = name if module == "builtins" else f"{module}.{name}"
    return _article(full)


def _article(noun: str) -> str:
    return f"{'an' if noun[0].lower() in 'aeio' else 'a'} {noun}"


def _foreign(given: Any) -> bool:
    """Say whether it is an image or tensor of another library, which may pass for a list of its rows."""
    return not isinstance(given, np.ndarray) and (
        hasattr(given, "__array__") or hasattr(given, "__array_interface__")
    )


def _cure(given: Any) -> str:
    """Return how to get an array from what is none."""
    if given is None:
        return "cv2.imread returns None for a file that is not there or cannot be read"
    if isinstance(given, str | os.PathLike):
        return "read it with featurize.images.decode(pathlib.Path(path).read_bytes())"
    if isinstance(given, bytes | bytearray | memoryview):
        return "decode the file with featurize.images.decode(data)"
    if type(given).__module__.startswith("PIL."):
        return "np.asarray(image.convert('RGB')) makes an array of it"
    if _foreign(given):
        return "np.asarray(...) makes an array of it; channels come last, values are 0 to 255"
    if isinstance(given, list | tuple):
        return "give one image at a time, or np.array(rows, np.uint8) of rows of pixels"
    return "featurize.images.decode(data) makes one of a file's bytes"


def _of_dtype(given: NDArray[Any]) -> str:
    if given.dtype == object:
        return f"an array of objects of shape {given.shape} (rows of different lengths?)"
    values = " with NaN" if _has_nan(given) else ""
    return f"{_article(str(given.dtype))} array{values}"


def _has_nan(given: NDArray[Any]) -> bool:
    return given.dtype.kind in "fc" and bool(np.isnan(given).any())


def _recast(given: NDArray[Any]) -> str:
    """Return how to get uint8 from another dtype; only here, where it is wrong, are all values read."""
    if given.dtype.kind == "b":
        return "give image.astype(np.uint8) * 255"
    if given.dtype.kind not in "iuf" or not given.size:
        return "give an array with dtype np.uint8"
    if _has_nan(given):
        return "replace NaN, then round to 0 to 255 and give image.astype(np.uint8)"
    low, high = given.min(), given.max()
    if low < 0:
        return f"its values go from {low:g} to {high:g}: undo the normalisation, to 0 to 255"
    if given.dtype.kind == "f" and high <= 1:
        return "of values from 0 to 1, give (image * 255).round().astype(np.uint8)"
    if high <= 255:
        return "of values from 0 to 255, give image.round().astype(np.uint8)"
    if high <= 65535:
        return "of values up to 65535 (16 bits), give (image // 256).astype(np.uint8)"
    return f"its values go up to {high:g}: bring them to 0 to 255"


def _reshaped(shape: tuple[int, ...]) -> str:
    """Return how to get an image from an array with other axes."""
    if len(shape) == 3 and shape[2] == 1:
        return "give image[..., 0]"
    if len(shape) == 3 and shape[2] in (2, 4):
        return f"leave out the alpha channel: image[..., {'0' if shape[2] == 2 else ':3'}]"
    if len(shape) == 3 and shape[0] in (1, 3, 4):
        return "channels come last: give " + ("image[0]" if shape[0] == 1 else "image[:3].transpose(1, 2, 0)")
    if len(shape) in (3, 4):
        return "give one image of the stack at a time"
    return "an image has rows and columns"


def _restacked(shape: tuple[int, ...]) -> str:
    """Return how to get a clip from an array with other axes."""
    if len(shape) == 4 and shape[-1] in (1, 3):
        grey = "make its frames grey: np.stack([featurize.images.to_grey(f) for f in clip])"
        return grey if shape[-1] == 3 else "give clip[..., 0]"
    if len(shape) in (2, 3):
        return "one image is no clip: stack the frames of a face with np.stack(frames)"
    return "give one clip at a time"
