"""Run as a program: what is left of mueca where none of its extras is installed.

``python -m tests.helpers.core_only COMMANDS`` (JSON: a list of lists of words) runs them one by one. It
prints, as JSON, the exit code and the last line of each.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import sys
import warnings

#: Top-level packages that the extras bring, and other backends of Keras.
EXTRAS = frozenset({
    "_dlib_pybind11", "daal4py", "dask", "distributed", "dlib", "face_recognition_models", "fastapi", "h5py",
    "jax", "keras", "matplotlib", "numba", "onnx", "onnxruntime", "pandas", "pyarrow", "python_multipart",
    "safetensors", "skimage", "sklearnex", "tensorboard", "tensorflow", "tf2onnx", "torch", "uvicorn",
})  # fmt: skip


class Absent:
    """Finds none of the extras."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse them, and leave the rest to others."""
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def hide() -> None:
    """Let nothing in this process find them."""
    sys.meta_path.insert(0, Absent())  # type: ignore[arg-type]
    real = importlib.util.find_spec
    importlib.util.find_spec = lambda name, package=None: (
        None if name.partition(".")[0] in EXTRAS else real(name, package)
    )


def run(words: list[str]) -> tuple[int, str]:
    """Return a command's exit code and its last line, of either stream."""
    from cli import main

    heard = io.StringIO()
    code = 0
    with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
        try:
            main(words)
        except SystemExit as left:
            code = int(left.code or 0)
    return code, (heard.getvalue().strip().splitlines() or [""])[-1]


if __name__ == "__main__":
    hide()
    warnings.simplefilter("ignore")
    commands = json.loads(sys.argv[1])
    said = [run(words) for words in commands]
    loaded = sorted({name.partition(".")[0] for name in sys.modules} & EXTRAS)
    print(json.dumps({"said": said, "loaded": loaded}))
