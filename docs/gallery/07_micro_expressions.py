"""
Micro-expression clips
======================

Clips of drawn faces, a person in eight to a fold: every person is the test once, all else chooses and fits.
"""

import tempfile

import matplotlib.pyplot as plt
import numpy as np

import mueca

data = "synthetic-clips(n_subjects=8, clips_per_subject=6)"
clips = mueca.load_dataset(data)
clip = np.asarray(clips.samples[0])
print(len(clips), "clips of", len(set(clips.groups.tolist())), "persons:", clips.classes)

recipe = mueca.recipe_from(
    {"name": "clips", "data": data, "protocols": ["loso"], "extractors": ["lbp-top"], "heads": ["svm"]}
)
(row,) = mueca.compare(recipe, tempfile.mkdtemp()).pooled
print(row.system, "UF1", round(row.uf1, 3))

# %%
# The first frame of a clip, its middle frame, and what moved between them.

first, middle = clip[0].astype(float), clip[len(clip) // 2].astype(float)
figure, axes = plt.subplots(1, 3, figsize=(8, 3))
for ax, image, title in zip(
    axes, (first, middle, np.abs(middle - first)), ("onset", "apex", "difference"), strict=True
):
    ax.imshow(image, cmap="gray")
    ax.set_title(title)
    ax.axis("off")
plt.tight_layout()
plt.show()
