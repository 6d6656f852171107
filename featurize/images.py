"""Images: decoding, grey, size, equalisation, mirroring."""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import warnings
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError
from pydantic import BaseModel, ConfigDict, Field

from featurize.checks import check_bytes, check_image, check_sample, check_side
from featurize.file_kinds import HEAD, avif_reader, heif_reader, identify
from featurize.metadata import with_less_metadata

Image = NDArray[np.uint8]

#: Raised whenever the same file decodes to other pixels, or one that was refused is read, so that what is
#: remembered of files is not reused.
DECODE_VERSION = 2
#: Smallest side of an image, in pixels: less holds no face.
MIN_SIDE = 8
#: Largest side and largest area, read from the header before anything is decoded: 8192 x 8192 is 192 MiB of
#: RGB; an image 30,000 wide is refused even where it is flat, as no camera takes faces so.
MAX_SIDE = 16_384
MAX_PIXELS = 8192 * 8192
#: No file above this is read: no image is as large.
MAX_FILE = 2**28
#: What shows through transparent pixels: white, as on paper and in browsers.
GROUND = (255, 255, 255, 255)
#: Pillow's names of the formats read. A fixed list: its other readers (EPS runs Ghostscript) are never tried.
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM")

#: EXIF's tag of the rotation, and what undoes each of its values.
_ORIENTATION = 0x0112
_TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT, 3: Pillow.Transpose.ROTATE_180, 4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE, 6: Pillow.Transpose.ROTATE_270, 7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}  # fmt: skip

# Filters of the warnings module belong to the whole process, so only one thread at a time may swap them.
_WARNINGS = threading.RLock()
# Pillow logs some of what it raises; without a handler anywhere that would go to the screen.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats read: `FORMATS`, and HEIC and AVIF where their readers are."""
    return (*FORMATS, *["HEIF"] * heif_reader(), *["AVIF"] * avif_reader())


class UnreadableImage(ValueError):  # noqa: N818 - it says what is wrong, as FileNotFoundError does
    """An image that cannot be used; `str()` is one line, ``NAME: why``.

    Attributes
    ----------
    name : str
        The image's name, as given to `decode`.
    reason : str
        Why, without the name.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def decode(data: bytes, name: str = "image") -> Image:
    """Decode the bytes of a JPEG, PNG, BMP, TIFF, WebP, GIF or PGM/PPM file; HEIC and AVIF where readable.

    All formats go through Pillow, which raises where OpenCV's readers print to stderr and return half a
    image; a 48x48 JPEG takes about 0.1 ms.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        What to call it in an error.

    Returns
    -------
    ndarray of shape (h, w) for grey and (h, w, 3) RGB for colour, uint8
        16-bit values are divided by 256; CMYK and palettes become RGB (a palette of greys becomes grey);
        alpha is composited on `GROUND`; the rotation that EXIF or XMP states is applied. Of a multi-image
        JPEG (MPO) or HEIC, as telephones write, it is the first image. Damaged or endless metadata of a PNG
        or JPEG (comments, profiles) are passed over: the pixels are read without them.

    Raises
    ------
    TypeError
        If it is given anything but bytes, such as a path.
    UnreadableImage
        If the file is empty, corrupt, truncated, of another format, animated or of several pages, has pixels
        of 32 bits, a side under `MIN_SIDE` or over `MAX_SIDE`, or more than `MAX_PIXELS` pixels.
    """
    check_bytes(data)
    if not data:
        raise UnreadableImage(name, "empty file (0 bytes); copy it again")
    try:
        return _decoded(data, name)
    except (UnreadableImage, MemoryError):
        raise
    except UnidentifiedImageError:
        raise UnreadableImage(name, identify(data[:HEAD]).reason()) from None
    except Pillow.DecompressionBombError:
        raise UnreadableImage(name, f"more than {MAX_PIXELS:,} pixels; make it smaller") from None
    # On broken input Pillow's readers raise nearly anything: OSError, SyntaxError, struct.error, IndexError.
    except Exception:  # what they say helps nobody
        raise UnreadableImage(name, "corrupt or truncated; copy it again") from None


def _decoded(data: bytes, name: str) -> Image:
    """Decode a file, and one that fails once more without its metadata; raise what the whole file raised."""
    first: Exception | None = None
    for version in chain([data], with_less_metadata(data)):
        try:
            return _read(version, name)
        except (UnreadableImage, MemoryError, Pillow.DecompressionBombError):
            raise
        except Exception as error:
            first = first or error
    raise first or AssertionError


def _read(data: bytes, name: str) -> Image:
    opened = _opened(data)
    _check_header(opened, name)
    return _pixels(opened, name)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence Pillow's warnings (broken EXIF, large images): what matters is raised, the rest is noise."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _opened(data: bytes) -> Pillow.Image:
    """Read the header; of a PNG, also the checksums of its chunks, which decoding ignores."""
    with _quiet():
        opened = Pillow.open(io.BytesIO(data), formats=formats())
        if opened.format == "PNG":
            opened.verify()
            opened = Pillow.open(io.BytesIO(data), formats=formats())
        elif opened.format == "TIFF":
            _silence_libtiff()
        return opened


@cache
def _silence_libtiff() -> None:
    """Stop Pillow's libtiff from printing to stderr; Pillow raises its errors all the same."""
    import ctypes

    from PIL import _imaging

    # A symbol is looked up in the libraries that the module was linked with, too.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def _check_header(opened: Pillow.Image, name: str) -> None:
    width, height = opened.size
    size = f"{width} x {height} pixels"
    if min(width, height) < MIN_SIDE:
        raise UnreadableImage(name, f"{size}; a side must have at least {MIN_SIDE}")
    if max(width, height) > MAX_SIDE:
        raise UnreadableImage(name, f"{size}; a side may have at most {MAX_SIDE:,}: make it smaller")
    if width * height > MAX_PIXELS:
        raise UnreadableImage(name, f"{size}; at most {MAX_PIXELS:,} in all: make it smaller")
    if opened.format not in ("MPO", "HEIF") and getattr(opened, "is_animated", False):
        raise UnreadableImage(name, "animated or of several pages; save one frame as an image of its own")


def _pixels(opened: Pillow.Image, name: str) -> Image:
    form = opened.format
    plain = form == "JPEG" and opened.mode in ("L", "RGB")
    if plain and not opened.info.keys() & {"exif", "xmp"}:
        return np.array(opened)  # nothing to rotate or convert, nothing that warns: threads need not queue
    with _quiet():
        opened.load()
        return _eight_bit(_upright(opened), form, name)


def _upright(opened: Pillow.Image) -> Pillow.Image:
    """Return the image turned as its EXIF or XMP says, if either can be read that far."""
    try:
        return ImageOps.exif_transpose(opened)
    except Exception:  # it could be read, but not written again without the rotation
        with contextlib.suppress(Exception):
            return opened.transpose(_TURNS[opened.getexif()[_ORIENTATION]])
        return opened


def _eight_bit(opened: Pillow.Image, form: str | None, name: str) -> Image:
    """Return the loaded image as grey or RGB, whatever its mode."""
    mode = opened.mode
    if mode.startswith("I;16") or (mode == "I" and form in ("PNG", "PPM")):
        return (np.asarray(opened).clip(0, 65535) >> 8).astype(np.uint8)
    if mode in ("I", "F"):
        raise UnreadableImage(name, "32-bit pixels, whose range is unknown; save it with 8 or 16 bits")
    if mode in ("1", "L") and not opened.has_transparency_data:
        return np.array(opened.convert("L"))
    if opened.has_transparency_data:
        above = opened.convert("RGBA")
        opened = Pillow.alpha_composite(Pillow.new("RGBA", above.size, GROUND), above)
    colour = np.array(opened.convert("RGB"))
    may_be_grey = mode in ("1", "L", "LA", "La", "P", "PA")
    grey = may_be_grey and (colour == colour[..., :1]).all()
    return np.ascontiguousarray(colour[..., 0]) if grey else colour


def to_grey(image: Image) -> Image:
    """Return (h, w) grey from grey or RGB, weights of ITU-R BT.601; errors as `resize`."""
    return _grey(check_image(image))


def _grey(image: Image) -> Image:
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)  # type: ignore[return-value]


def resize(image: Image, size: int) -> Image:
    """Return the image as size x size: area mean when shrinking, bicubic when enlarging.

    Raises
    ------
    TypeError, ValueError
        If it is no image (see `featurize.checks.check_image`), or `size` no whole number above 0.
    """
    return _resized(check_image(image), check_side(size))


def _resized(image: Image, size: int) -> Image:
    if image.shape[:2] == (size, size):
        return image
    shrinking = max(image.shape[:2]) > size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC)  # type: ignore[return-value]


def fit_to(image: Image, size: int, channels: Literal[1, 3]) -> Image:
    """Return the image with the channels asked for, and size x size (as it is if `size` is 0).

    Raises
    ------
    TypeError, ValueError
        As `resize`.
    """
    image = check_image(image)
    if channels == 1:
        image = _grey(image)
    elif image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    return _resized(image, check_side(size)) if size else image


def mirrored(given: Image, kind: Literal["image", "clip", "flow"] = "image") -> Image:
    """Return a sample as in a mirror.

    Parameters
    ----------
    given : ndarray, uint8
        An image (h, w[, 3]), a clip (t, h, w), or a motion map (h, w, 3).
    kind : {"image", "clip", "flow"}
        Of a clip every frame is flipped. Of a motion map the horizontal flow, channel 0, is negated too (255
        minus it): what moved to the right moves to the left in the mirror.

    Raises
    ------
    TypeError, ValueError
        As `featurize.checks.check_sample`.
    """
    given = check_sample(given, kind)
    flipped = (given[..., ::-1] if kind == "clip" else given[:, ::-1]).copy()
    if kind == "flow":
        flipped[..., 0] = 255 - flipped[..., 0]
    return flipped


class Preprocess(BaseModel):
    """What is done to an image before an extractor sees it; part of the cache key.

    Attributes
    ----------
    equalize : {"none", "hist", "clahe"}
        Histogram equalisation of the grey image: none, global, or contrast limited on tiles.
    tile : int
        Tiles a side for CLAHE.
    clip : float
        Clip limit for CLAHE.
    mirror : bool
        Left-right mirrored copy (used for training samples only).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    equalize: Literal["none", "hist", "clahe"] = "none"
    tile: int = Field(default=4, ge=1, le=64)
    clip: float = Field(default=4.0, gt=0)
    mirror: bool = False

    #: Raised whenever the same settings give other images.
    VERSION: ClassVar[int] = 1

    def apply(self, image: Image, kind: Literal["image", "clip", "flow"] = "image") -> Image:
        """Return the preprocessed sample, uint8; equalised images are grey, a clip is so frame by frame.

        Raises
        ------
        TypeError, ValueError
            If it is no sample of that kind (see `featurize.checks.check_sample`), or a motion map is to be
            equalised: its values are motions, not light.
        """
        image = check_sample(image, kind)
        if self.equalize != "none":
            if kind == "flow":
                raise ValueError(f"equalize={self.equalize} is for images; a motion map shows no light")
            frames = list(image) if kind == "clip" else [to_grey(image)]
            done = [self._equalized(frame) for frame in frames]
            image = np.stack(done) if kind == "clip" else done[0]
        return mirrored(image, kind) if self.mirror else image

    def _equalized(self, grey: Image) -> Image:
        if self.equalize == "hist":
            return cv2.equalizeHist(grey)  # type: ignore[return-value]
        clahe = cv2.createCLAHE(clipLimit=self.clip, tileGridSize=(self.tile, self.tile))
        return clahe.apply(grey)  # type: ignore[return-value]

    def identity(self) -> dict[str, Any]:
        """Return what a cache key is made of: only settings that have an effect."""
        fields: dict[str, Any] = {"version": self.VERSION, "equalize": self.equalize, "mirror": self.mirror}
        if self.equalize == "clahe":
            fields |= {"tile": self.tile, "clip": self.clip}
        return fields
