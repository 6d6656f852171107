"""Mueca: the model that ships, and networks with their own softmax behind the same detector."""

import numpy as np

NETWORKS = {
    "own-small": "own-small",
    "vggface2-mobilenet": "vggface2-mobilenet-fer2013-28",
}


class Rival:
    """Ask `mueca.Predictor`, and for the networks `mueca.extractor` on the crops that it cuts."""

    def __init__(self, variant):
        import mueca
        from mueca import Predictor, extractor

        self.version = mueca.__version__
        self.given = Predictor.load(detector="none")
        self.whole = Predictor.load()
        self.labels = self.given.classes
        self.network = None
        if variant in NETWORKS:
            self.network = extractor(variant, layer="scores", weights=NETWORKS[variant], views="six")
        networks = self.given.model.networks if self.network is None else [self.network]
        self.weights = [network.weights_path for network in networks]

    def classify(self, faces):
        """Return (n, 7) numbers of (h, w) grey faces."""
        parts = [faces[k : k + 64] for k in range(0, len(faces), 64)]
        if self.network is None:
            return np.concatenate([self.given.classify(part) for part in parts])
        return np.concatenate([self.network.transform(part) for part in parts])

    def search(self, image):
        """Return (box, numbers) of each face of an (h, w, 3) RGB image."""
        faces = self.whole.faces(image)
        rows = [[face.probabilities[name] for name in self.labels] for face in faces]
        if self.network is not None and faces:
            rows = self.classify([self.crop(image, face) for face in faces]).tolist()
        return [(tuple(face.box[:4]), row) for face, row in zip(faces, rows, strict=True)]

    def crop(self, image, face):
        """Return the crop that the predictor classifies."""
        from featurize.detect import tilt

        return self.whole.crop(image, face.box, tilt(face.points))
