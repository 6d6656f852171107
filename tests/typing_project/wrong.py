"""Mistakes that mypy must find; each line says what it is told."""

import mueca

mueca.Predictor.load(min_face="40")  # arg-type
mueca.load_model().predict(["a.jpg"], color="rbg")  # arg-type
print(mueca.Predictor.load().faces("a.jpg")[0].emotion)  # attr-defined
mueca.featurise("synthetic", "hog")  # attr-defined
