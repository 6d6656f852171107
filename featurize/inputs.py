"""Images as people have them: files, bytes, images of Pillow, arrays, and lists of these."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from featurize.checks import check_image, check_samples
from featurize.images import Image, decode
from featurize.paths import expanded

Color = Literal["rgb", "bgr"]


def as_image(given: Any, color: Color = "rgb", what: str = "image") -> Image:
    """Return one image as an array.

    Parameters
    ----------
    given : path, bytes, PIL.Image.Image, or (h, w) or (h, w, 3) uint8 array
    color : {"rgb", "bgr"}
        Order of the channels of an array: OpenCV reads files as BGR. Files say it themselves.
    what : str
        What to call it in an error.

    Returns
    -------
    ndarray of shape (h, w) or (h, w, 3), uint8, RGB

    Raises
    ------
    TypeError, ValueError, OSError
        One line that says what came, and what to give.
    """
    if isinstance(given, str | os.PathLike):
        return _of_file(expanded(Path(given)))
    if isinstance(given, bytes | bytearray | memoryview):
        return decode(bytes(given), what)
    if type(given).__module__.startswith("PIL."):
        return _of_pillow(given, what)
    return _ordered(check_image(given, what), color)


def as_images(given: Any, color: Color = "rgb") -> Iterator[Image]:
    """Yield the images of a list, a stack or a single one; parameters and errors as `as_image`."""
    if color not in get_args(Color):
        raise ValueError(f"color={color!r}: give 'rgb', or 'bgr' for arrays that OpenCV has read")
    if given is None:
        raise TypeError(
            "images are missing (None); give a path, bytes, an image of Pillow, an array or a list"
        )
    if isinstance(given, str | os.PathLike | bytes | bytearray) or type(given).__module__.startswith("PIL."):
        yield as_image(given, color)
    elif isinstance(given, np.ndarray) and given.dtype != object and given.dtype.kind not in "US":
        yield from (_ordered(image, color) for image in check_samples(given))
    else:
        for i, one in enumerate(_listed(given)):
            yield as_image(one, color, f"image {i}")


def _listed(given: Any) -> Any:
    values = given.tolist() if hasattr(given, "tolist") else given  # a Series, in its own order
    try:
        return iter(values)
    except TypeError:
        raise TypeError(
            f"{type(given).__name__} is no image; give a path, bytes, an image of Pillow, an array or a list"
        ) from None


def _ordered(image: Image, color: Color) -> Image:
    return np.ascontiguousarray(image[:, :, ::-1]) if color == "bgr" and image.ndim == 3 else image


def _of_file(path: Path) -> Image:
    if not path.is_file():
        raise FileNotFoundError(f"no image {path}; give the path of a file")
    return decode(path.read_bytes(), path.name)


def _of_pillow(given: Any, what: str) -> Image:
    """Return an image of Pillow as its file would be read: upright, on one ground, of 8 bits."""
    from PIL import ImageOps

    written = io.BytesIO()
    ImageOps.exif_transpose(given).save(written, "PNG", compress_level=0)
    return decode(written.getvalue(), what)
