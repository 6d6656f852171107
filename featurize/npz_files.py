"""Files of arrays as they are taken from a disk: whole, without code, or an error in our own words."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.regular import open_regular


def read_npz(path: Path, names: Iterable[str] | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz file by name; nothing of it is run.

    Parameters
    ----------
    path : Path
    names : iterable of str, optional
        Which; all of them by default.

    Raises
    ------
    OSError
        If there is no such file, or the system does not give it.
    ValueError
        If it is truncated, damaged or no such file, in words that go behind its name.
    """
    try:
        with open_regular(path) as start:  # NumPy's own words for text or a pickle advise to load it unsafely
            if not zipfile.is_zipfile(start):
                raise ValueError("it is no .npz")
        with np.load(path, allow_pickle=False) as file:
            wanted = file.files if names is None else list(names)
            if missing := [name for name in wanted if name not in file.files]:
                raise ValueError(f"it has no {missing[0]}")
            found = {name: file[name] for name in wanted}
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(str(error) if str(error).startswith("it ") else "damaged") from None
    except Exception as error:  # a damaged file may fail in any way, in the archive or in an array's header
        words = "an array of it is larger than memory" if isinstance(error, MemoryError) else "damaged"
        raise ValueError(words) from None
    if odd := [name for name, array in found.items() if not isinstance(array, np.ndarray)]:
        raise ValueError(f"{odd[0]} of it is no array")
    return found
