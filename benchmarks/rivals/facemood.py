"""PyPI's `facemood`: a Keras network that takes the whole frame of a camera.

The package has one function, a loop over a camera with a window. What is done here to a face is what that
loop does to a frame.
"""

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

LABELS = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
SIDE = 170


class Rival:
    """Ask the network as the package's loop does, faces in batches."""

    labels = LABELS
    search = None

    def __init__(self, variant):
        import tensorflow as tf

        self.weights = [Path(find_spec("facemood").origin).parent / "model__version1.0.0__.h5"]
        self.network = tf.keras.models.load_model(self.weights[0], compile=False)
        self.version = version("facemood")

    def classify(self, faces):
        """Return (n, 7) numbers of (h, w) grey faces."""
        parts = (self.frames(faces[k : k + 64]) for k in range(0, len(faces), 64))
        return np.concatenate([self.network.predict(part, verbose=0) for part in parts])

    def frames(self, faces):
        """Return grey faces as the loop gives frames to the network."""
        from PIL import Image

        large = [Image.fromarray(face).convert("RGB").resize((SIDE, SIDE)) for face in faces]
        return np.stack([np.asarray(frame) for frame in large]) / 255.0
