"""
First prediction on a photo
===========================

One photo, one call: where the faces are, which label each has, and the numbers behind it. The photo is of
NASA and free of rights; it comes with scikit-image.
"""

from skimage.data import astronaut

import mueca

photo = astronaut()
predictor = mueca.Predictor.load()  # the model that ships
faces = predictor.faces(photo)

for face in faces:
    print(face.box, face.label)
    print({name: round(float(value), 2) for name, value in face.probabilities.items()})

# %%
# The same photo with the box and the label drawn on it.

import matplotlib.pyplot as plt

plt.figure(figsize=(6, 6))
plt.imshow(mueca.draw(photo, faces))
plt.axis("off")
plt.show()
